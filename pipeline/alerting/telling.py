"""One alert in rows of `flips`: what its flips say, and by which evidence."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evidence import Contributor, Figures, contributors, figures, query_of
from pipeline.alerting.life import Alert, Flip
from pipeline.alerting.rules import AnyRule, OfMetric, Quality, Silence
from pipeline.alerting.said import Key, Row, Said, digest, identity
from pipeline.alerting.words import moment, told
from pipeline.connection import one

if TYPE_CHECKING:
    from pipeline.alerting.record import Recorder

CHECK = "check"
"""What stands for a dimension where checks are named."""


class Telling:
    """Says things of one member of one rule."""

    def __init__(
        self, recorder: "Recorder", con: DuckDBPyConnection, rule: AnyRule, key: Key, recorded_at: datetime
    ) -> None:
        self._recorder = recorder
        self._con = con
        self._rule = rule
        self._key = key
        self._recorded_at = recorded_at
        self._read: dict[tuple[int, int, int], tuple[Figures | None, list[Contributor]]] = {}

    def new(self, alert: Alert) -> None:
        """An alert of which nothing was said."""
        name = identity(digest(self._rule), *self._key, alert[0].state, alert[0].at_us)
        while self._recorder.knows(self._key, name):  # it was said, and retracted
            name = identity(name)
        for flip in alert:
            self._say(name, flip, None)

    def again(self, said: Said, alert: Alert) -> None:
        """What has changed of one, if anything."""
        before, last = dict(said.flips), alert[-1]
        # one that was said to have ended, and goes on: its last flip takes the place of the end
        undone = before.get("resolved") if last.state != "resolved" else None
        for flip in alert:
            old = undone if undone and flip is last else before.get(flip.state)
            if old is None or old is undone or not old.tells(flip):
                self._say(said.alert, flip, old.flip if old else None)

    def retract(self, said: Said, until_us: int) -> None:
        """An alert that no longer follows from the events."""
        because = "retracted: events that came late, or were corrected, took the evidence away"
        flip = identity(said.alert, "retracted")
        row = Row(
            flip,
            said.alert,
            "retracted",
            moment(until_us),
            self._recorded_at,
            because,
            inhibited_by=said.inhibited_by,
        )
        self._recorder.write(self._con, self._key, row)

    def release(self, said: Said) -> None:
        """The same flip once more, inhibited no longer."""
        old = said.flips["firing"]
        rows = self._con.execute(
            f"select {', '.join(Row._fields)} from flips where flip = $1 order by number desc limit 1",
            [old.flip],
        ).fetchall()
        row = Row(*rows[0])._replace(
            flip=identity(old.flip, "released"),
            recorded_at=self._recorded_at,
            inhibited_by=None,
            revises=old.flip,
        )
        self._recorder.write(self._con, self._key, row)

    def _say(self, alert: str, flip: Flip, revises: str | None) -> None:
        found = flip.condition
        flip_id = identity(alert, flip.state, flip.at_us, found.since_us, found.answers, revises)
        while self._recorder.has_row(self._key, alert, flip_id):  # it was said, and replaced by another
            flip_id = identity(flip_id)
        inhibited = self._recorder.inhibitor(self._rule, self._key, flip.at_us)
        if flip.state == "resolved":
            inhibited = self._recorder.inhibited(self._key, alert)
        row = Row(
            flip_id, alert, flip.state, moment(flip.at_us), self._recorded_at, "", moment(found.since_us)
        )
        row = row._replace(
            denominator=found.answers, baseline=found.baseline, inhibited_by=inhibited, revises=revises
        )
        self._recorder.write(self._con, self._key, self._with_evidence(row, flip))

    def _with_evidence(self, row: Row, flip: Flip) -> Row:
        found, rule = flip.condition, self._rule
        if isinstance(rule, Silence):
            who = "" if rule.by == "all" else f" of {rule.by} {self._key.member}"
            because = f"No events{who} since {moment(found.since_us):%Y-%m-%d %H:%M UTC}"
            return row._replace(because=_ended(because, flip))
        if isinstance(rule, Quality):
            # after a restart only what was said knows which they are
            said = [name for _, name in self._recorder.blamed(self._key, row.alert)]
            named = sorted(found.named or said)
            because = f"Checks of {self._key.member} fail: {', '.join(named)}; see firsthand check"
            failing = [{"dimension": CHECK, "member": name} for name in named]
            return row._replace(because=_ended(because, flip), contributors=json.dumps(failing))
        seen, blamed = self._evidence(rule, found)
        because = told(rule, self._key.member, found, seen, blamed)
        follow_up = one(self._con, "select internal.follow_up_us()")
        return row._replace(
            because=_ended(because, flip),
            numerator=seen.numerator if seen else None,
            value=seen.value if seen else None,
            low=seen.low if seen else None,
            high=seen.high if seen else None,
            query=query_of(rule, self._key.member, found.since_us, found.raised_us, follow_up),
            contributors=json.dumps([each._asdict() for each in blamed]),
        )

    def _evidence(self, rule: OfMetric, found: Condition) -> tuple[Figures | None, list[Contributor]]:
        """Read once for all flips of a condition, of which two and more are often said together."""
        asked = found.member, found.since_us, found.raised_us
        if asked not in self._read:
            self._read[asked] = figures(self._con, rule, *asked), contributors(self._con, rule, *asked)
        return self._read[asked]


def _ended(because: str, flip: Flip) -> str:
    return f"over: {because}" if flip.state == "resolved" else because
