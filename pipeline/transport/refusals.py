"""What a broker answers that no second try would change."""

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    TopicAuthorizationFailedError,
)

FORBIDDEN = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
"""What the broker answers where an ACL is missing. Trying again would not help."""

UNFIT = (InconsistentGroupProtocolError, InvalidGroupIdError, InvalidSessionTimeoutError)
"""What a group answers that has members of another kind, or a cluster that asks for other settings."""
