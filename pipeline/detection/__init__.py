"""Sequential detection: how many answers until a fall is known, and how often that is wrong.

An answer is told by its *demerits*: a whole number from 0, more being worse. A share has 0 and 1
(satisfied, dissatisfied), a score of five has 0 to 4 (5 less the score), net promoters have 0, 1 and 2,
a wait has the number of baseline quantiles that it exceeds (durations.py). *Shares* is the distribution of
demerits: the share of answers with 0, with 1, and so on; they sum to 1. So one chart serves every metric.

In reading order: tilt.py (what a fall is), chart.py (the score that waits for one), run_length.py (how long
it waits), design.py (its limit, from the false alarms that were declared), baseline.py and caution.py (what
is healthy, from history, and how sure that is), family.py (many members under one budget).

Nothing here knows of rules, events or databases: that is pipeline/alerting.
"""
