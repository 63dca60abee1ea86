"""A shop's back end that receives webhooks: a real HTTP server, which keeps requests and answers as told."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from standardwebhooks import Webhook

from tests.support.program.running import Json
from tests.support.waiting import PATIENCE_SECONDS

TAKEN = 204
POLL_SECONDS = 0.02
"""Until a closed one has noticed it: half a second by default."""


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    """On the monotonic clock."""

    @property
    def told(self) -> Json:
        """Return the parsed body."""
        return orjson.loads(self.body)

    @property
    def event_id(self) -> str:
        """Return the id of the event that it is about."""
        return str(self.told["data"]["id"])

    @property
    def place(self) -> tuple[str, int]:
        """Return the event's collection and its sequence number there."""
        return self.told["data"]["paymentCollectionId"], self.told["data"]["sequence"]

    def verified(self, secret: str) -> Json:
        """Verify it with the Standard Webhooks library, as a receiver does; raises that library's exceptions."""
        return Webhook(secret).verify(self.body, dict(self.headers))


Answer = Callable[[Received], int]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Two servers may send sixteen at once; a sender without room tries again a second later."""


@dataclass
class Receiver:
    """A receiver of webhooks on a free port of this machine."""

    answer: Answer = lambda _: TAKEN
    """Returns the status to answer with; the sender waits as long as it takes."""
    received: list[Received] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """Listen."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                one = Received(self.path, dict(self.headers), body, time.monotonic())
                receiver.take(one)
                try:
                    self.send_response(receiver.answer(one))
                    self.send_header("location", "/elsewhere")
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass  # The sender was killed meanwhile.

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Listener(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True
        ).start()

    @property
    def url(self) -> str:
        """Return the address to register."""
        return f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def take(self, one: Received) -> None:
        """Keep a request."""
        with self._changed:
            self.received.append(one)
            self._changed.notify_all()

    def wait(self, enough: Callable[[list[Received]], bool]) -> None:
        """Wait until a condition on the received requests holds; fail the test otherwise."""
        with self._changed:
            came = self._changed.wait_for(lambda: enough(self.received), PATIENCE_SECONDS)
        assert came, [(one.told["type"], one.place) for one in self.received]

    def wait_for(self, count: int) -> list[Received]:
        """Wait for a number of requests, and return all that came."""
        self.wait(lambda received: len(received) >= count)
        return list(self.received)

    def hold(self, status: int = TAKEN) -> threading.Event:
        """Answer nobody until the returned event is set, and then with a status."""
        go_on = threading.Event()

        def held(_: Received) -> int:
            go_on.wait(PATIENCE_SECONDS)
            return status

        self.answer = held
        return go_on

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
