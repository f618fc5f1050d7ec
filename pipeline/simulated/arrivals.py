"""How events come down the line: most at once, some late, a contact after its survey, some twice."""

import numpy as np

from pipeline.simulated.calendar import DAY, HOUR, MINUTE, SECOND
from pipeline.simulated.draws import Draws, Ints
from pipeline.simulated.rows import CONTACT, SURVEY, Rows


def send(rows: Rows, draws: Draws, duplicates: float) -> Rows:
    """Give each row its time of arrival, and repeat about the share `duplicates` of the sound ones."""
    rows["arrives"] = rows["at"] + _delay(len(rows), draws)
    _hand_in_after_survey(rows, draws)
    return _repeat(rows, draws, duplicates)


def _delay(count: int, draws: Draws) -> Ints:
    """Draw a second or so; for one in twenty up to ten minutes; for very few some hours."""
    late, very_late = draws.happens(0.05, count), draws.happens(0.002, count)
    delay = np.where(late, draws.between(2 * SECOND, 10 * MINUTE, count), draws.below(1_500, count))
    return np.where(very_late, draws.between(HOUR, 6 * HOUR, count), delay)


def _hand_in_after_survey(rows: Rows, draws: Draws) -> None:
    """Now and then let a contact arrive shortly after the survey about it."""
    surveys = _by_contact(rows, np.flatnonzero((rows["kind"] == SURVEY) & (rows["contact"] > 0)))
    surveys = surveys[draws.happens(0.02, len(surveys))]
    about = np.isin(rows["contact"], rows["contact"][surveys])
    contacts = _by_contact(rows, np.flatnonzero((rows["kind"] == CONTACT) & about))
    after = rows["arrives"][surveys] + draws.between(SECOND, 20 * MINUTE, len(surveys))
    soon = after - rows["at"][contacts] < 6 * HOUR
    rows["arrives"][contacts[soon]] = after[soon]


def _by_contact(rows: Rows, places: Ints) -> Ints:
    """Sort places by their contact's number, so that surveys and contacts stand side by side."""
    return places[np.argsort(rows["contact"][places], kind="stable")]


def _repeat(rows: Rows, draws: Draws, share: float) -> Rows:
    """Insert copies that arrive minutes later, one in ten of them up to a day."""
    twice = draws.happens(share, len(rows)) & (rows["fault"] == 0)
    copies = rows[twice]
    old = draws.happens(0.1, len(copies))
    copies["arrives"] += draws.between(1, 2 * MINUTE, len(copies))
    copies["arrives"] += np.where(old, draws.below(DAY, len(copies)), 0)
    return np.insert(rows, np.flatnonzero(twice) + 1, copies)
