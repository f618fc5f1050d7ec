"""`make bench-alerts`: the charts of pipeline/detection against theory, publications, other detectors."""
