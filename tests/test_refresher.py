"""How often the readings are made anew."""

import pytest

from pipeline.refresher import Refresher

REFRESHER = Refresher(None, None, every_s=0.5, at_most_s=0.8, idle_s=10.0, ease=0.25, duty=0.6)


@pytest.mark.parametrize(
    ("took", "from_one_to_the_next"),
    [(0.0, 0.5), (0.1, 0.5), (0.15, 0.6), (0.2, 0.8), (0.4, 0.8), (0.6, 1.0), (3.0, 5.0)],
)
def test_a_refresh_that_takes_longer_comes_less_often(took, from_one_to_the_next):
    assert took + REFRESHER.pause_after(took) == pytest.approx(from_one_to_the_next)
