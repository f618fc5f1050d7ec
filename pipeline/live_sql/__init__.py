"""Live SQL: readers query the database while the worker writes it, and can do nothing else to it.

reader -> Quack -> gateway -> guard (what may be asked) -> desk (how much of it) -> a whole answer
"""
