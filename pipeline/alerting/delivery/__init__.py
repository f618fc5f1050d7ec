"""Delivery: what is written in `flips` reaches people, at least once, whatever breaks on the way.

    flips -> intake -> deliveries -> outbox -> notifier (log, webhook, Alertmanager, Apprise)
               |-> held: inhibited or silenced, until it is not, or has ended

Each notifier has a thread (courier.py) and rows of its own, so that none waits for another. Everything that
waits, waits in DuckDB: a notifier that is away costs no memory, and a restart goes on where it stopped.

In reading order: flip.py, standing.py, intake.py (which flips a notifier is to be told), withheld.py (which
not yet), outbox.py (messages and what becomes of them), quiet.py, courier.py, delivering.py; alert.py is an
alert as other programs know them. Each kind of notifier is a file of pipeline/alerting/notifiers. Beside all
this, flip_sender.py puts every flip on a topic of Kafka.
"""
