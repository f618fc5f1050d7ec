"""Where the worker listens: on the loopback, or where its settings say."""

from ipaddress import IPv4Address

LOOPBACK = "127.0.0.1"


def is_for_others(host: str) -> bool:
    """Do other machines reach what listens there?

    >>> is_for_others("0.0.0.0"), is_for_others("127.0.0.1")
    (True, False)
    """
    return not IPv4Address(host).is_loopback


def from_here(host: str) -> str:
    """How this machine itself reaches what listens there.

    >>> from_here("0.0.0.0"), from_here("192.0.2.7")
    ('127.0.0.1', '192.0.2.7')
    """
    return LOOPBACK if IPv4Address(host).is_unspecified else host
