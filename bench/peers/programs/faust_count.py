"""Stock Faust, raw count only: an agent that receives bytes one by one and counts them, no more.

https://faust-streaming.github.io/faust/userguide/agents.html
"""

import os
import signal
import sys

import duckdb
import faust

bootstrap, topic, records, database = sys.argv[1:]
app = faust.App(
    f"faust-{os.getpid()}",
    broker=f"kafka://{bootstrap}",
    datadir=f"{database}.faust",
    web_enabled=False,
    broker_session_timeout=6,
    broker_heartbeat_interval=2,
    consumer_auto_offset_reset="earliest",
)


@app.agent(app.topic(topic, value_type=bytes, value_serializer="raw"))
async def count(stream: faust.StreamT[bytes]) -> None:
    counted = 0
    async for _ in stream:
        counted += 1
        if counted == int(records):
            with duckdb.connect(database) as connection:
                connection.execute("create table counted as select ? as records", [counted])
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()
