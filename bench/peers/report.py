"""The tables of docs/peers.md."""

from collections.abc import Iterable, Mapping

from bench.peers.contest import NAMES, WORKER
from bench.peers.contestants import PEERS, Peer
from bench.peers.outcome import Standing

DUTIES = (
    "totals by minute",
    "raw rows",
    "rejected kept",
    "duplicates set aside",
    "first contact",
    "exactly once",
)
_PEERS = {peer.program: peer for peer in PEERS}


def standings(found: Mapping[str, Standing], firsthand_version: str) -> str:
    """One row per contestant, the dearest first."""
    head = ("", "version", "CPU s/M", "ratio", "events/s", "peak MiB", "lines", "totals")
    return _table(head, (_row(name, found[name], firsthand_version) for name in dearest_first(found)))


def duties(found: Mapping[str, Standing]) -> str:
    """What each does and does not, by contestant."""
    return _table(("", *DUTIES), ((shown(name), *_does(name)) for name in dearest_first(found)))


def dearest_first(found: Mapping[str, Standing]) -> list[str]:
    """By CPU; those without a figure first."""
    return sorted(found, key=lambda name: found[name].cpu or (float("inf"),), reverse=True)


def shown(name: str) -> str:
    """How a contestant is called in tables and in the chart."""
    peer = _PEERS.get(name)
    return NAMES[name] + (" *" if peer and peer.slow else "")


def _row(name: str, standing: Standing, firsthand_version: str) -> tuple[str, ...]:
    peer = _PEERS.get(name)
    bold = "" if peer else "**"
    return (
        f"{bold}{shown(name)}{bold}",
        f"{peer.package} {peer.version}" if peer else firsthand_version,
        _spread(standing.cpu, 1),
        _spread(standing.ratio, 2),
        _whole(standing.events_per_s),
        _whole(standing.peak_mib),
        str(peer.lines) if peer else "none",
        _verdict(peer, standing.verdict),
    )


def _verdict(peer: Peer | None, verdict: str) -> str:
    return "count exact" if peer and peer.only_counts and verdict == "exact" else verdict.replace("|", "/")


def _does(name: str) -> Iterable[str]:
    peer = _PEERS.get(name)
    if peer is None:
        return (
            "at any time",
            *["yes"] * (len(DUTIES) - 2),
            "yes" if name == WORKER else "a new file each time",
        )
    return "no" if peer.only_counts else "at the end", *["no"] * (len(DUTIES) - 1)


def _spread(values: tuple[float, float, float] | None, digits: int) -> str:
    """
    >>> _spread((4.44, 4.0, 5.0), 1), _spread((2.0, 2.0, 2.0), 2), _spread(None, 1)
    ('4.4 (4.0 to 5.0)', '2.00', '-')
    """
    if values is None:
        return "-"
    middle, lowest, highest = (f"{each:,.{digits}f}" for each in values)
    return middle if lowest == highest else f"{middle} ({lowest} to {highest})"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
