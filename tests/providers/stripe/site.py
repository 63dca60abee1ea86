"""A server with Stripe's providers, and the Stripe that they ask, as a process of its own."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import CHECKED
from tests.support.callers.clients import POOL_LIMITS
from tests.support.flow.shop import authorize, open_collection, open_session
from tests.support.program import failures
from tests.support.program.ports import free_port
from tests.support.program.running import Json, RunningServer, clean_environment
from tests.support.program.starting import Started, start
from tests.support.waiting import until

ACCOUNT = "acct_of_these_tests"
SECRET_KEY = "sk_test_of_these_tests"
PUBLISHABLE_KEY = "pk_test_of_these_tests"
WEBHOOK_SECRET = "whsec_of_these_tests"
RECOVERY_SECONDS = "0.2"
"""Most tests of faults wait for recovery once."""

THREE_D_SECURE = "pm_card_threeDSecure2Required"
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
VISA = "pm_card_visa"
VISA_DETAILS = {
    "type": "card",
    "label": "Visa ending in 4242",
    "brand": "visa",
    "lastFour": "4242",
    "expiryMonth": 8,
    "expiryYear": 2030,
}

SESSION = """
query ($id: ID!) { node(id: $id) { ... on PaymentSession {
  id status amount data
  failure { code declineCode }
  payment { id }
  requiredAction {
    __typename
    ... on ConfirmWithSdk { clientSecret publishableKey }
    ... on RedirectToUrl { url }
    ... on DisplayInstructions { instructions }
  }
  paymentCollection { id status }
} } }
"""

PAYMENT = """
query ($id: ID!) { payment(id: $id) {
  id status amount capturedAmount refundedAmount releasedAmount capturableAmount refundableAmount
  captureBefore cancellationReason data
  paidWith { type label brand lastFour expiryMonth expiryYear }
  captures { id status source amount }
  refunds { id status source amount failure { code declineCode } }
  paymentSession { id data }
  paymentCollection { id status }
} }
"""


@dataclass
class RunningStripe:
    """`python -m tools.fake_stripe`."""

    folder: Path
    port: int
    webhook_url: str | None
    process: Started | None = None
    holds: bool = False
    """It reports nothing by itself."""
    account: str = ACCOUNT
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        """Make the client."""
        # Nothing here speaks TLS.
        self.client = httpx2.Client(
            base_url=self.url, timeout=60, limits=POOL_LIMITS, trust_env=False, verify=False
        )

    @property
    def url(self) -> str:
        """Return its address: the setting TILLGRAPH_STRIPE_API_BASE."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "RunningStripe":
        """Start it and wait until it answers."""
        arguments = ["--port", str(self.port)]
        arguments += ["--account", self.account]
        arguments += ["--file", str(self.folder / "stripe.db"), "--webhook-secret", WEBHOOK_SECRET]
        if self.webhook_url is not None:
            arguments += ["--webhook-url", self.webhook_url]
        failures.watch(self.folder / "stripe.log")
        with (self.folder / "stripe.log").open("ab") as log:
            self.process = start(
                "stripe",
                arguments,
                folder=self.folder,
                environment=clean_environment(),
                error=log,
            )
        until(self._is_there)
        self.hold(holds=self.holds)
        return self

    def _is_there(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            said = (self.folder / "stripe.log").read_text()[-4_000:]
            raise RuntimeError(f"The Stripe server ended at once: {said}")
        try:
            return self.client.get("/_control/keys").status_code == 200
        except httpx2.TransportError:
            return False

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """End it and the client."""
        self.stop()
        self.client.close()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Let it report nothing by itself within a block."""
        self.hold(holds=True)
        try:
            yield
        finally:
            self.hold(holds=False)

    @contextmanager
    def without(self, *types: str) -> Iterator[None]:
        """Let the account have some ways of paying not activated within a block."""
        for type in types:
            self.control("activate", type=type, is_active=False)
        try:
            yield
        finally:
            for type in types:
                self.control("activate", type=type, is_active=True)

    def hold(self, *, holds: bool) -> None:
        """Let it report nothing by itself, or again; all that was to be reported before is there afterwards."""
        self.holds = holds
        self.control("hold", holds=holds)

    def control(self, what: str, **given: Json) -> Json:
        """Tell it what to do next."""
        response = self.client.post(f"/_control/{what}", json=given)
        assert response.status_code == 200, response.text
        return response.json()

    def fault(self, fault: str, name: str | None = None, times: int = 1) -> None:
        """Let something go wrong with the next requests of a name; see tools/fake_stripe/faults.py."""
        self.control("fault", fault=fault, name=name, times=times)

    def held(self, name: str) -> int:
        """Count the requests of a name that wait for `go_on` just now."""
        return int(self.client.get("/_control/held").json().get(name, 0))

    def ledger(self, reference: str) -> list[tuple[str, int]]:
        """Return what was moved of an intent, oldest first: what and how much."""
        found = self.client.get("/_control/ledger", params={"intent": reference}).json()
        return [(entry["kind"], entry["amount"]) for entry in found]

    def keys(self) -> dict[str, int]:
        """Count the requests with each key."""
        return dict(self.client.get("/_control/keys").json())

    def customers(self, holder_id: str) -> int:
        """Count the customers that bear an account holder's id."""
        found = self.call("GET", "customers", limit="100")["data"]
        return sum(one["metadata"].get("tillgraph_account_holder") == holder_id for one in found)

    def intents_of(self, session_id: str) -> list[str]:
        """Return the intents that bear a session's id."""
        found = self.call("GET", "payment_intents", limit="100")["data"]
        return [
            one["id"] for one in found if one["metadata"].get("tillgraph_session") == session_id
        ]

    def queries(self, name: str) -> list[Json]:
        """Return the parameters of what was read, oldest first."""
        return list(self.client.get("/_control/queries", params={"name": name}).json())

    def attached(self, customer: str) -> int:
        """Count the payment methods that are attached to a customer."""
        return len(self._methods(customer))

    def detach_all(self, customer: str) -> None:
        """Take every payment method from a customer, as in the dashboard."""
        for method in self._methods(customer):
            self.call("POST", f"payment_methods/{method['id']}/detach")

    def _methods(self, customer: str) -> list[Json]:
        return list(self.call("GET", f"customers/{customer}/payment_methods")["data"])

    def entries(self) -> list[Json]:
        """Return all that was moved, oldest first."""
        return list(self.client.get("/_control/ledger").json())

    def call(self, method: str, path: str, key: str = SECRET_KEY, **values: str) -> Json:
        """Call its API past the server, as Stripe's dashboard does, or as a browser with a publishable key."""
        headers = {"authorization": f"Bearer {key}"}
        data = values if method == "POST" else None
        params = values if method == "GET" else None
        response = self.client.request(
            method, f"/v1/{path}", headers=headers, data=data, params=params
        )
        return response.json()

    def intent(self, reference: str) -> Json:
        """Read an intent."""
        return self.call("GET", f"payment_intents/{reference}")

    def events(self, reference: str) -> list[Json]:
        """Return the events about an intent, oldest first."""
        found = self.call("GET", "events", limit="100")["data"]
        about = [
            event
            for event in found
            if reference
            in (event["data"]["object"]["id"], event["data"]["object"].get("payment_intent"))
        ]
        return about[::-1]

    def deliver(self, events: Sequence[Json]) -> list[int]:
        """Send events in this order; return the statuses."""
        return list(self.control("deliver", events=[event["id"] for event in events])["statuses"])

    def in_browser(self, session: Json, payment_method: str, **more: str) -> Json:
        """Confirm as Stripe's library does in the customer's browser, with a test card or with a way's type."""
        action = session["requiredAction"]
        assert action["publishableKey"] == PUBLISHABLE_KEY
        reference = session["data"]["paymentIntent"]
        name = "payment_method" if "_" in payment_method else "payment_method_data[type]"
        values = {name: payment_method, "client_secret": action["clientSecret"], **more}
        path = f"payment_intents/{reference}/confirm"
        return self.call(
            "POST", path, PUBLISHABLE_KEY, **values, return_url="https://shop.example/back"
        )


@dataclass
class Site:
    """The server and its Stripe."""

    server: RunningServer
    stripe: RunningStripe

    def opened(self, amount: str = "100.00", currency: str = "USD", **more: Json) -> Json:
        """Open a collection and a session at Stripe; return the session."""
        collection = open_collection(self.server, amount, currency)
        more.setdefault("provider", "stripe")
        return open_session(self.server, collection["id"], **more)

    def paid(self, amount: str = "100.00", currency: str = "USD", card: str = VISA) -> Json:
        """Authorize a session on the server; return the payment."""
        session = self.opened(amount, currency)
        payment = authorize(self.server, session["id"], data={"paymentMethod": card})
        assert payment["__typename"] == "Payment", payment
        return payment

    def session(self, id: str) -> Json:
        """Read a session."""
        return self.server.execute(SESSION, {"id": id})["node"]

    def payment(self, id: str) -> Json:
        """Read a payment."""
        return self.server.execute(PAYMENT, {"id": id})["payment"]


def on_both(values: Iterable[Any], *both: Any) -> list[Any]:
    """Return parameters of which both databases run some, where the others differ in what the adapter makes of them."""
    return [
        value if value in both else pytest.param(value, marks=pytest.mark.once) for value in values
    ]


def waiting_reports(server: RunningServer) -> int:
    """Count the reports that are not applied yet."""
    ((count,),) = server.rows("SELECT count(*) FROM provider_reports WHERE applied_at IS NULL")
    return int(count)


@contextmanager
def site(
    folder: Path, *, hears_reports: bool = True, is_test_build: bool = False, **settings: str
) -> Iterator[Site]:
    """Run a site; at its end every invariant has to hold, and Stripe was asked for nothing that is not known here."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/webhooks/stripe" if hears_reports else None
    stripe = RunningStripe(folder, free_port(), address).start()
    environment = {
        "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": RECOVERY_SECONDS,
        "TILLGRAPH_STRIPE_SECRET_KEY": SECRET_KEY,
        "TILLGRAPH_STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "TILLGRAPH_STRIPE_WEBHOOK_SECRETS": f"whsec_of_another_time,{WEBHOOK_SECRET}",
        "TILLGRAPH_STRIPE_API_BASE": stripe.url,
        **settings,
    }
    server = RunningServer(folder, environment, port, is_test_build=is_test_build)
    try:
        server.start()
        if server.environment["TILLGRAPH_STRIPE_SECRET_KEY"] == SECRET_KEY:
            # It is noted beside the first requests, which a test would take for an effect of its own.
            until(lambda: server.rows("SELECT account FROM gateway_accounts"))
        yield Site(server, stripe)
        until(lambda: not waiting_reports(server))
        assert server.check() == CHECKED
        known = {row[0] for row in server.rows("SELECT id FROM operations")}
        # A further key of an operation has its number after the id.
        keys = (entry["key"] for entry in stripe.entries() if entry["key"] is not None)
        asked = {key.partition(":")[0] for key in keys}
        assert asked <= known
        assert not_in_log(server, SECRET_KEY, WEBHOOK_SECRET, "_secret_test")
    finally:
        server.close()
        stripe.close()


def not_in_log(server: RunningServer, *secrets: str) -> bool:
    """Return whether no secret stands in the server's log."""
    log = server.log_path.read_text()
    return not any(secret in log for secret in secrets)
