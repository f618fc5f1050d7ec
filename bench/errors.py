"""What stops a benchmark: a figure that would not mean what its name says."""

from pipeline.errors import FirsthandError


class BenchError(FirsthandError):
    """A measured program failed, or its result was wrong: there is no figure to report."""
