"""Why a message was not taken: for now, or for good."""

from datetime import timedelta

from pipeline.errors import FirsthandError


class UnreachedError(FirsthandError):
    """For now: the network, or a server with trouble of its own. `rest`: as long as it asks to be left."""

    def __init__(self, why: str, rest: timedelta = timedelta()) -> None:
        super().__init__(why)
        self.rest = rest


class RefusedError(FirsthandError):
    """For good: what is wrong is the message, the address or the secret, and no second try changes that."""
