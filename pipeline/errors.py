"""What can go wrong, by type: each message says what happened, where, and what to do."""


class FirsthandError(Exception):
    """A failure the user can act on: the command line prints its message as one line and exits 1."""


class BrokerError(FirsthandError):
    """The broker cannot be reached, or refuses what was asked."""


class DatabaseError(FirsthandError):
    """The database cannot be opened, or is not one that this version can use."""


class InputError(FirsthandError):
    """A file, a mapping or an argument cannot be used as it is."""


class DatabaseHeldError(DatabaseError):
    """Another process holds the database."""
