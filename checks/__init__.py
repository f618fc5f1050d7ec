"""Great Expectations over the database: see run.py."""

from pipeline.unneeded import show_pandas

show_pandas()  # Great Expectations is built on it
