"""What the page is told: a file for each thing it asks about, and none computes a metric."""
