"""An HTTP proxy on a port of its own, which takes what comes through it for what it was to be brought to.

with LittleProxy() as proxy:
    proxy.url, proxy.asked      # ["POST http://alerts.example/hook"]
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from pipeline.embedded_broker import LOOPBACK


class LittleProxy:
    """`answer` is what it answers, to CONNECT too: 200 is not followed by anything there."""

    def __init__(self, answer: int = 200) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        asked, bodies = self.asked, self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(f"{self.command} {self.path}")
                bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
                self._answer()

            def do_CONNECT(self) -> None:
                asked.append(f"{self.command} {self.path}")
                self._answer()

            def _answer(self) -> None:
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
