"""How fast firsthand is, measured by one command: `make bench` (bench/README.md)."""
