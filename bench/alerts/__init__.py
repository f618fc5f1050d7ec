"""`make bench-alerts`: the charts of pipeline/alerting against theory, publications, other detectors."""
