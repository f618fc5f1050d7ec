"""Alerts: from rules and events to what is said of them in table `flips`.

rules_file.py -> rules.py                  what somebody wants to be told of (default_rules.yaml)
evaluation/                                when each rule's condition holds, by the events (detection: charts)
clocked.py                                 the same for silence and for checks, by the clock
life.py                                    conditions become an alert's changes of state: flips
record.py, said.py, telling.py             what is new, moved or untrue is said, with evidence.py and words.py
watcher.py                                 keeps all that current beside the worker; trial.py tries one rule
"""
