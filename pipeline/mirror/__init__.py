"""The optional mirror: the readings and their history in a PostgreSQL, for tools that speak nothing else.

    DuckDB's `metrics` -> source.py: what changed -> mirror.py: a thread -> tables.py -> `metrics`
    DuckDB at a moment of the past ------------------------------------> record.sql -> `metrics_history`

It copies readings and computes none. Nothing but the command line imports it, and only if it is asked for.

The history has the readings of every moment on a grid (plan.py): a pure function of the events, so that
what was missed while either side was away is read later, and is what it would have been. An event that
comes late changes the past: the moments that it may touch are read again, and what differs is a further
row with the next revision and its own `recorded_at`. No row of the history is ever changed; rows of
moments that are kept no longer are removed. (tables.sql says what is where.)
"""
