"""Where Faust's subclasses here write their log: among Faust's own loggers."""

import logging

FAUSTS_LOG = logging.getLogger("faust.transport.batch")
"""What Faust tells of itself is not this program's to show: its subclasses here would tell it as ours."""
