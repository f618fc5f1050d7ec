"""The generated histories are what they promise, and the judge's readings of them hang together."""

from __future__ import annotations

from histories import arrivals, histories, moments_about
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import DIMENSIONS, SPANS, apply, contacts, duration, readings
from oracle_verdicts import verdict

calm = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@calm
@given(st.data())
def test_every_event_of_a_history_is_accepted_and_duplicates_agree(data: st.DataObject) -> None:
    history = data.draw(histories())
    batches = data.draw(arrivals(history))
    verdicts = [verdict(value, None) for batch in batches for value in batch]
    assert [v.reason for v in verdicts] == [None] * len(history)
    accepted, duplicates = apply(v.event for v in verdicts if v.event)
    assert len(accepted) + duplicates == len(history)
    assert {v.event for v in verdicts} == set(accepted)  # copies differ in nothing


@calm
@given(st.data())
def test_readings_hang_together_whatever_the_history(data: st.DataObject) -> None:
    """Laws that hold between metrics, whichever way each of them was computed."""
    history = data.draw(histories())
    batches = data.draw(arrivals(history))
    accepted, _ = apply(v.event for b in batches for value in b if (v := verdict(value, None)).event)
    as_of = data.draw(moments_about(history))
    span = duration(data.draw(st.sampled_from(SPANS)))
    whole = readings(accepted, as_of, span, "all")
    for dimension in DIMENSIONS:
        by_member = readings(accepted, as_of, span, dimension)
        for (metric, _), row in whole.items():
            parts = [part for (found, _), part in by_member.items() if found == metric]
            if metric not in {"contacts", "response_rate"}:
                assert sum(part.denominator for part in parts) == row.denominator
            if metric != "response_rate":
                assert sum(part.numerator for part in parts) == row.numerator
    fcr, one_contact = whole.get(("fcr", "all")), whole.get(("one_contact", "all"))
    assert (fcr is None) == (one_contact is None)
    assert fcr is None or one_contact is None or fcr.numerator >= one_contact.numerator
    resolved = [
        row["resolved_at_first_contact"]
        for row in contacts(accepted, as_of)
        if row["is_first_contact"] and row["occurred_at"] > as_of - span
    ]
    assert (fcr.numerator, fcr.denominator) == (sum(resolved), len(resolved)) if fcr else not resolved
