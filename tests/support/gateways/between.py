"""A proxy between a server and the sandbox gateway that gives requests the faults of a network and of a gateway."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR

import httpx2
import orjson

from tests.support.program.ports import free_port
from tests.support.waiting import PATIENCE_SECONDS

FORWARD_SECONDS = 30.0
LONGEST_HOLD_SECONDS = 2 * PATIENCE_SECONDS
"""A forgotten hold ends by itself, but not before the test has seen its effect."""

LOOK_SECONDS = 0.05
"""How often the listening thread checks whether it is to end."""

PROMISE = {"message": "Nothing was done.", "nothing_happened": True}
"""The gateway's promise that a request had no effect."""

NO_PROMISE = b"<html><body>Something is wrong.</body></html>"

Answer = tuple[int, bytes]
"""A status and a body."""


class Fault(Enum):
    """The fault of one request."""

    DROP_BEFORE = auto()
    """It is read but never forwarded, and its connection is closed."""
    DROP_AFTER = auto()
    """It has its effect, and its connection is closed without an answer."""
    FAIL_BEFORE = auto()
    """500 without a promise, and no effect."""
    FAIL_AFTER = auto()
    """500 without a promise, after the effect."""
    CONFLICT = auto()
    """409, and no effect."""
    TOO_MANY = auto()
    """429 with the promise that nothing happened."""
    UNAVAILABLE = auto()
    """503 without a promise, and no effect."""
    MALFORMED = auto()
    """The answer after the effect is not JSON."""
    TRUNCATED = auto()
    """The answer after the effect is cut off."""
    OTHER_OBJECT = auto()
    """The answer after the effect is about another operation."""
    OTHER_AMOUNT = auto()
    """The answer after the effect has one minor unit less."""
    OTHER_CURRENCY = auto()
    """The answer after the effect has the same amount in yen."""
    HOLD_BEFORE = auto()
    """It waits for `let_go`, and is then forwarded and answered."""
    HOLD_AFTER = auto()
    """Its answer waits for `let_go` after the effect."""


def name_of(fault: Fault) -> str:
    """Return a fault's name for the name of a test."""
    return fault.name.lower()


NO_EFFECT: dict[Fault, Answer] = {
    Fault.FAIL_BEFORE: (500, NO_PROMISE),
    Fault.CONFLICT: (409, orjson.dumps(PROMISE)),
    Fault.TOO_MANY: (429, orjson.dumps(PROMISE)),
    Fault.UNAVAILABLE: (503, NO_PROMISE),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived."""

    key: str
    kind: str
    fault: "Fault | Answer | None"


@dataclass
class Scripted:
    """A fault for the next requests of a kind, of a session, or of any."""

    fault: "Fault | Answer"
    kind: str | None
    session_id: str | None
    times: int


@dataclass
class Between:
    """A proxy on a port of its own, which notes every request by its key."""

    gateway_url: str
    port: int = field(default_factory=free_port)
    asks: list[Asked] = field(default_factory=list)
    """Oldest first."""
    most_at_once: int = 0
    """The largest number of requests under way at the same time."""
    same_key_at_once: int = 0
    """How often a request arrived while another one with its key was under way."""
    waiting: int = 0
    """How many requests have arrived where they wait."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set when a request has arrived where it waits."""

    def __post_init__(self) -> None:
        """Prepare; nothing listens yet."""
        self._lock = threading.Lock()
        self._script: list[Scripted] = []
        self._may_go = threading.Event()
        self._under_way: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the proxy's address: the setting TILLGRAPH_SANDBOX_URL."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> "Between":
        """Listen."""
        self._server = _Listener(("127.0.0.1", self.port), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_SECONDS,))
        self._thread.start()
        return self

    def close(self) -> None:
        """Close the port: new connections are refused."""
        self.let_go()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = None

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep the port closed during the block."""
        self.close()
        try:
            yield
        finally:
            self.open()

    def next(
        self,
        fault: "Fault | Answer",
        *,
        kind: str | None = None,
        session_id: str | None = None,
        times: int = 1,
    ) -> None:
        """Set the fault of the next requests; an answer given here has no effect at the gateway."""
        with self._lock:
            if fault in (Fault.HOLD_BEFORE, Fault.HOLD_AFTER):
                self._may_go.clear()
                self.held.clear()
            self._script.append(Scripted(fault, kind, session_id, times))

    def forget(self) -> None:
        """Drop the faults that have not happened yet."""
        with self._lock:
            self._script.clear()

    def let_go(self) -> None:
        """Let all waiting requests go on."""
        self._may_go.set()

    def asks_of(self, key: str) -> int:
        """Return the number of requests with a key."""
        with self._lock:
            return sum(asked.key == key for asked in self.asks)

    # ── What the listening threads call ────────────────────────────────────────

    def arrive(self, key: str, kind: str, session_id: str) -> "Fault | Answer | None":
        """Note a request, and return its fault."""
        with self._lock:
            fault = self._take(kind, session_id)
            self.same_key_at_once += key in self._under_way
            self._under_way.append(key)
            self.most_at_once = max(self.most_at_once, len(self._under_way))
            self.asks.append(Asked(key, kind, fault))
            return fault

    def leave(self, key: str) -> None:
        """Note that a request is over."""
        with self._lock:
            self._under_way.remove(key)

    def wait(self) -> None:
        """Wait until the test lets go."""
        with self._lock:
            self.waiting += 1
        self.held.set()
        self._may_go.wait(LONGEST_HOLD_SECONDS)
        with self._lock:
            self.waiting -= 1

    def _take(self, kind: str, session_id: str) -> "Fault | Answer | None":
        for scripted in self._script:
            is_meant = scripted.kind in (None, kind) and scripted.session_id in (None, session_id)
            if is_meant:
                scripted.times -= 1
                if scripted.times == 0:
                    self._script.remove(scripted)
                return scripted.fault
        return None


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a killed server reads no answer."""


def _handler_of(between: Between) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.between = between
    return Handler


class _Handler(BaseHTTPRequestHandler):
    between: Between
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Forward a look-up or a page."""
        self._answer(self._forward(b""))

    def do_POST(self) -> None:
        """Forward anything but a request; to a request, apply its fault."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path.startswith("/webhooks/"):
            # A report that is lost for ever: the gateway believes that it arrived.
            self._answer((204, b""))
            return
        if self.path != "/operations":
            self._answer(self._forward(body))
            return
        instruction = orjson.loads(body)
        key, kind = instruction["key"], instruction["kind"]
        fault = self.between.arrive(key, kind, instruction["session"])
        try:
            self._ask(body, fault)
        finally:
            self.between.leave(key)

    def _ask(self, body: bytes, fault: "Fault | Answer | None") -> None:
        if isinstance(fault, tuple):
            self._answer(fault)
            return
        if fault in NO_EFFECT:
            self._answer(NO_EFFECT[fault])
            return
        if fault is Fault.DROP_BEFORE:
            self._drop()
            return
        if fault is Fault.HOLD_BEFORE:
            self.between.wait()
        answer = self._forward(body)
        match fault:
            case Fault.DROP_AFTER:
                self._drop()
            case Fault.HOLD_AFTER:
                self.between.wait()
                self._answer(answer)
            case Fault.TRUNCATED:
                self._truncate(answer)
            case None | Fault.HOLD_BEFORE:
                self._answer(answer)
            case _:
                self._answer(_changed(fault, answer))

    def _forward(self, body: bytes) -> Answer:
        kept = ("authorization", "content-type", "accept")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        try:
            response = httpx2.request(
                self.command,
                f"{self.between.gateway_url}{self.path}",
                content=body,
                headers=headers,
                timeout=FORWARD_SECONDS,
                trust_env=False,
                verify=False,
            )
        except httpx2.TransportError:
            # The gateway broke off by itself, and so does the proxy.
            self._drop()
            raise
        return response.status_code, response.content

    def _answer(self, answer: Answer) -> None:
        status, body = answer
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _truncate(self, answer: Answer) -> None:
        status, body = answer
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(SHUT_RDWR)


def _changed(fault: Fault, answer: Answer) -> Answer:
    """Return the changed answer after the effect."""
    status, body = answer
    if fault is Fault.FAIL_AFTER:
        return 500, NO_PROMISE
    if fault is Fault.MALFORMED:
        return status, b"{" + body
    facts = orjson.loads(body)
    match fault:
        case Fault.OTHER_OBJECT:
            facts["key"] = f"{facts['key'][:-4]}0000"
        case Fault.OTHER_AMOUNT:
            facts["moved_minor"] -= 1
        case Fault.OTHER_CURRENCY:
            facts["currency"] = "JPY"
        case _:
            raise AssertionError(fault)
    return status, orjson.dumps(facts)
