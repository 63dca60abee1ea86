"""A proxy between a server and the sandbox gateway: it does to the next asks what a network and a gateway may do."""

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
"""What a test forgot to let go ends by itself, and not before any test has seen what it holds for."""

LOOK_SECONDS = 0.05
"""How often the listening thread looks whether it is to end."""

PROMISE = {"message": "Nothing was done.", "nothing_happened": True}
"""The gateway's word that an ask had no effect."""

NO_PROMISE = b"<html><body>Something is wrong.</body></html>"

Answer = tuple[int, bytes]
"""A status and a body."""


class Fault(Enum):
    """What happens to one ask."""

    DROP_BEFORE = auto()
    """It is read, never forwarded, and its connection closed."""
    DROP_AFTER = auto()
    """It has its effect, and its connection is closed without an answer."""
    FAIL_BEFORE = auto()
    """500 without a promise, and no effect."""
    FAIL_AFTER = auto()
    """500 without a promise behind the effect."""
    CONFLICT = auto()
    """409, and no effect."""
    TOO_MANY = auto()
    """429 with the promise that nothing happened."""
    UNAVAILABLE = auto()
    """503 without a promise, and no effect."""
    MALFORMED = auto()
    """The answer behind the effect is no JSON."""
    TRUNCATED = auto()
    """The answer behind the effect ends in its midst."""
    OTHER_OBJECT = auto()
    """The answer behind the effect is about another operation."""
    OTHER_AMOUNT = auto()
    """The answer behind the effect says one minor unit less."""
    OTHER_CURRENCY = auto()
    """The answer behind the effect says the same amount in yen."""
    HOLD_BEFORE = auto()
    """It waits for `let_go`, and is then forwarded and answered."""
    HOLD_AFTER = auto()
    """Its answer waits for `let_go` behind the effect."""


def name_of(fault: Fault) -> str:
    """Name a fault in a test's name."""
    return fault.name.lower()


NO_EFFECT: dict[Fault, Answer] = {
    Fault.FAIL_BEFORE: (500, NO_PROMISE),
    Fault.CONFLICT: (409, orjson.dumps(PROMISE)),
    Fault.TOO_MANY: (429, orjson.dumps(PROMISE)),
    Fault.UNAVAILABLE: (503, NO_PROMISE),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask that arrived."""

    key: str
    kind: str
    fault: "Fault | Answer | None"


@dataclass
class Scripted:
    """A fault that waits for the next asks of a kind, of a session, or of any."""

    fault: "Fault | Answer"
    kind: str | None
    session_id: str | None
    times: int


@dataclass
class Between:
    """Listens on a port of its own, and notes every ask by its key."""

    gateway_url: str
    port: int = field(default_factory=free_port)
    asks: list[Asked] = field(default_factory=list)
    """Oldest first."""
    most_at_once: int = 0
    """How many asks were under way at the same time at most."""
    same_key_at_once: int = 0
    """How often an ask arrived while another one with its key was under way."""
    waiting: int = 0
    """How many asks have arrived where they wait."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set when an ask has arrived where it waits."""

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
        """Close the port: whoever connects is refused."""
        self.let_go()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = None

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close the port in the block."""
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
        """Script what happens to the next asks; an answer of its own is given without any effect."""
        with self._lock:
            if fault in (Fault.HOLD_BEFORE, Fault.HOLD_AFTER):
                self._may_go.clear()
                self.held.clear()
            self._script.append(Scripted(fault, kind, session_id, times))

    def forget(self) -> None:
        """Drop what is scripted and did not happen yet."""
        with self._lock:
            self._script.clear()

    def let_go(self) -> None:
        """Let everything that waits go on."""
        self._may_go.set()

    def asks_of(self, key: str) -> int:
        """Count the asks with a key."""
        with self._lock:
            return sum(asked.key == key for asked in self.asks)

    # ── What the listening threads call ────────────────────────────────────────

    def arrive(self, key: str, kind: str, session_id: str) -> "Fault | Answer | None":
        """Note an ask, and take what is scripted for it."""
        with self._lock:
            fault = self._take(kind, session_id)
            self.same_key_at_once += key in self._under_way
            self._under_way.append(key)
            self.most_at_once = max(self.most_at_once, len(self._under_way))
            self.asks.append(Asked(key, kind, fault))
            return fault

    def leave(self, key: str) -> None:
        """Note that an ask is over."""
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
        """Say nothing: a server that was killed reads no answer."""


def _handler_of(between: Between) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.between = between
    return Handler


class _Handler(BaseHTTPRequestHandler):
    between: Between
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Pass a look or a page on."""
        self._answer(self._forward(b""))

    def do_POST(self) -> None:
        """Pass on what is no ask; to an ask, do what is scripted."""
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
            # The gateway broke off by itself: so does the proxy.
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
    """Return what is answered instead, behind the effect."""
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
