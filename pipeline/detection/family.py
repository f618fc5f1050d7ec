"""Many members under one declared budget of false alarms.

A family is one rule and one dimension: its members share the answers, each answer belonging to one of them.
Member i gets r_i answers a day and has a false alarm every L_i of its own answers on average (after an alarm
its score starts at 0 again, so that alarms are renewals). Then the family has

    sum_i r_i / L_i               false alarms a day,
    sum_i r_i / L_i / sum_i r_i   false alarms an answer, over the answers of all.

**Budget in answers** (one false alarm in A): L_i = A for every member gives 1 / A an answer, however many
members there are and however answers are split. Nothing else has to be known; members may come and go.

**Budget in time** (one in T days), m members: L_i = T m r_i gives m / (T m) = 1 / T a day; every member then
has a false alarm every m T days. Of all ways to split the budget, this one lets the fewest answers of fallen
members pass before they are known, falls being equally likely everywhere: a delay grows as ln L_i answers,
and sum ln L_i under sum r_i / L_i = 1 / T is least where all r_i / L_i are equal.

Source: the renewal reward theorem (Ross, Stochastic Processes, 1996, 3.6). It needs no independence between
members. A rule over two dimensions is two families: each answer counts in both, and so does the budget.
"""

import math
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lengths_by_time(days_between_false_alarms: float, answers_a_day: Mapping[T, float]) -> dict[T, float]:
    """The run length that each member needs, in its own answers; at least 1.

    >>> lengths_by_time(90, {"phone": 200, "chat": 10})
    {'phone': 36000, 'chat': 1800}
    """
    between = days_between_false_alarms * len(answers_a_day)
    return {member: max(1, between * rate) for member, rate in answers_a_day.items()}


def false_alarms_a_day(run_lengths: Mapping[str, float], answers_a_day: Mapping[str, float]) -> float:
    """The family's rate, from what its members' charts truly have.

    >>> false_alarms_a_day({"phone": 36_000, "chat": 1_800}, {"phone": 200, "chat": 10}) * 90
    1.0
    """
    return math.fsum(rate / run_lengths[member] for member, rate in answers_a_day.items())
