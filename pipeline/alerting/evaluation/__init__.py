"""What the rules find in the events: conditions, as a function of the events, the rules and a moment.

In reading order: stream.py (the answers of a stretch of time), score.py (scores of all members at once),
change.py (charts, renewed from history), windows.py (readings on a grid), conditions.py (what they find),
evaluator.py (keeps all rules up to date, and goes back where events come late). Silence and quality depend on
the clock: clocked.py.
"""
