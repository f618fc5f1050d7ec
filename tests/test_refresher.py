"""How often the readings are refreshed, by how long that takes."""

import pytest

from pipeline.refresher import Refresher


@pytest.mark.parametrize(
    ("took", "every"),
    [(0.01, 0.4), (0.12, 0.4), (0.18, 0.6), (0.24, 0.8), (0.48, 0.8), (0.6, 1.0), (6.0, 10.0)],
)
def test_a_refresh_that_is_quick_comes_sooner_and_one_that_is_slow_takes_no_more_than_its_share(took, every):
    refresher = Refresher(None, None, soonest_s=0.4, every_s=0.8, idle_s=10.0, easy=0.3, duty=0.6)
    assert took + refresher.pause_after(took) == pytest.approx(every)
