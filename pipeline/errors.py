"""What can go wrong, by type: each message says what happened, where, and what to do."""

import errno
import os

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FirsthandError(Exception):
    """A failure the user can act on: the command line prints its message as one line and exits 1."""


class BrokerError(FirsthandError):
    """The broker cannot be reached, or refuses what was asked."""


class DatabaseError(FirsthandError):
    """The database cannot be opened, or is not one that this version can use."""


class MirrorError(FirsthandError):
    """The mirror in PostgreSQL cannot be kept as asked."""


class RejectionLimitError(FirsthandError):
    """So many records in a row are rejected that whatever sends them must be at fault."""


class InputError(FirsthandError):
    """A file, a mapping or an argument cannot be used as it is."""


class DatabaseHeldError(DatabaseError):
    """Another process holds the database."""


class RefusedError(FirsthandError):
    """A reader may not ask this, or not this much."""


def is_disk_full(error: BaseException) -> bool:
    """Is it that nothing more fits on the disk? Engines hand on what the system said in words of their own.

    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device")), is_disk_full(OSError())
    (True, False)
    """
    own = str(error)
    return getattr(error, "errno", None) in _DISK_FULL or any(os.strerror(each) in own for each in _DISK_FULL)
