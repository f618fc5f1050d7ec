"""Mapping files: those that ship, and the steps that read one and turn cells into values."""
