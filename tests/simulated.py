"""Simulated events for the fault tests, made once for all, with the fingerprint of an undisturbed run."""

from dataclasses import dataclass
from pathlib import Path

from tests.command import done
from tests.stream import Stream

RECORDS = 5000


@dataclass(frozen=True)
class Simulated:
    """`file` has RECORDS lines; a replay that nothing happens to has the `fingerprint`."""

    file: Path
    fingerprint: str

    def onto(self, bootstrap: str, topic: str, place: Path) -> Stream:
        """These events as a stream to be disturbed, its topic not yet made."""
        stream = Stream(bootstrap, topic, place, self.file)
        stream.undisturbed = self.fingerprint
        return stream


def simulate(folder: Path, records: int = RECORDS) -> Simulated:
    """Make them; a command each, so that they are the same bytes in every run."""
    done("simulate", "--events", records, "--seed", 17, "--to", "events.jsonl", cwd=folder)
    done("replay", "events.jsonl", "--db", "undisturbed.duckdb", cwd=folder)
    undisturbed = done("fingerprint", "--db", "undisturbed.duckdb", cwd=folder)
    return Simulated(folder / "events.jsonl", undisturbed.strip())
