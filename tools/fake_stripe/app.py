"""The server's addresses: Stripe's own under /v1, and a test's under /_control."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import stripe.params
from aiohttp import web

from tools.fake_stripe import form, objects
from tools.fake_stripe.delivery import Delivery
from tools.fake_stripe.faults import Fault, Faults
from tools.fake_stripe.gateway import Gateway
from tools.fake_stripe.parameters import WrongParameter, hold
from tools.fake_stripe.refusals import Refusal, invalid
from tools.fake_stripe.store import Body, Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JSON = "application/json"
MOST_TYPES = 20
"""Of events in one list. Source: https://docs.stripe.com/api/events/list."""

LATEST = 2**40
"""A second later than everything created here."""

NO_KEY = {"type": "invalid_request_error", "message": "You did not provide an API key."}

NO_PERMISSION = {
    "type": "invalid_request_error",
    "message": "Having the 'rak_accounts_kyc_basic_read' permission would allow this request to continue.",
}
"""A restricted key needs a permission of its own to read the account."""


class Server:
    """The HTTP server of one account."""

    def __init__(
        self, file: Path, account: str, webhook_url: str | None, webhook_secret: str
    ) -> None:
        self.store = Store(file)
        self.delivery = Delivery(webhook_url, webhook_secret)
        self.gateway = Gateway(self.store, self.delivery.tell, account)
        self.faults = Faults()
        self._queries: list[tuple[str, Body]] = []
        """The requests that read something, with their parameters, oldest first."""
        gateway = self.gateway
        self._acts: dict[str, Callable[[dict[str, Any]], Body | None]] = {
            "authenticate": lambda given: gateway.authenticate(
                given["id"], succeeds=given["succeeds"]
            ),
            "settle": lambda given: gateway.settle(given["id"], succeeds=given["succeeds"]),
            "dispute": lambda given: gateway.dispute(given["id"], given),
            "decide": lambda given: gateway.decide(given["id"], status=given["status"]),
            "cancel": lambda given: gateway.cancel(
                given["id"], {"cancellation_reason": given["reason"]}, None
            ),
            "lapse": lambda given: gateway.lapse(given["id"]),
            "fault": lambda given: self.faults.script(
                Fault[given["fault"]], given.get("name"), given.get("times", 1)
            ),
            "go_on": lambda _: self.faults.go_on(),
            "activate": lambda given: gateway.activated.set(
                given["type"], is_active=given["is_active"]
            ),
            "forget_keys": lambda _: self.store.forget_keys(),
        }
        """The commands of a test, by the name in the address."""

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        gateway = self.gateway
        params = stripe.params
        intents = "/v1/payment_intents"
        app.add_routes(
            [
                self._post(
                    "create",
                    intents,
                    params.PaymentIntentCreateParams,
                    lambda id, p, k: gateway.create(p, k),
                ),
                self._post(
                    "update", intents + "/{id}", params.PaymentIntentUpdateParams, gateway.update
                ),
                self._post(
                    "confirm",
                    intents + "/{id}/confirm",
                    params.PaymentIntentConfirmParams,
                    gateway.confirm,
                ),
                self._post(
                    "capture",
                    intents + "/{id}/capture",
                    params.PaymentIntentCaptureParams,
                    gateway.capture,
                ),
                self._post(
                    "cancel",
                    intents + "/{id}/cancel",
                    params.PaymentIntentCancelParams,
                    gateway.cancel,
                ),
                self._post(
                    "refund",
                    "/v1/refunds",
                    params.RefundCreateParams,
                    lambda id, p, k: gateway.refund(p, k),
                ),
                self._get(
                    "search", intents + "/search", params.PaymentIntentSearchParams, self._search
                ),
                self._get(
                    "list",
                    intents,
                    params.PaymentIntentListParams,
                    lambda _, given: self._shown_page(
                        self.gateway.intents(given.get("customer")), given, intents
                    ),
                ),
                self._get(
                    "retrieve", intents + "/{id}", params.PaymentIntentRetrieveParams, self._intent
                ),
                self._get("refunds", "/v1/refunds", params.RefundListParams, self._refunds),
                self._get("disputes", "/v1/disputes", params.DisputeListParams, self._disputes),
                self._get(
                    "account",
                    "/v1/account",
                    params.AccountRetrieveCurrentParams,
                    lambda _, given: gateway.account(),
                ),
                self._get("events", "/v1/events", params.EventListParams, self._events),
                *self._customer_routes(),
                web.post("/_control/{what}", self._control),
                web.get("/_control/ledger", self._ledger),
                web.get("/_control/keys", self._asked),
                web.get("/_control/held", self._held),
                web.get("/_control/queries", self._queried),
            ]
        )
        app.cleanup_ctx.append(self.delivery.running)
        return app

    def _customer_routes(self) -> list[web.RouteDef]:
        customers, params = self.gateway.customers, stripe.params
        one, setups = "/v1/customers/{id}", "/v1/setup_intents"
        return [
            self._post(
                "create_customer",
                "/v1/customers",
                params.CustomerCreateParams,
                lambda id, p, k: customers.create(p),
            ),
            self._get(
                "search_customers",
                "/v1/customers/search",
                params.CustomerSearchParams,
                lambda _, given: _found(customers.search(given["query"]), "/v1/customers/search"),
            ),
            self._get(
                "list_customers",
                "/v1/customers",
                params.CustomerListParams,
                lambda _, given: self._page(
                    customers.all(given.get("email")), given, "/v1/customers"
                ),
            ),
            self._get(
                "customer",
                one,
                params.CustomerRetrieveParams,
                lambda id, _: customers.customer(id),
            ),
            self._post(
                "update_customer",
                one,
                params.CustomerUpdateParams,
                lambda id, p, k: customers.update(id, p),
            ),
            web.delete(one, self._delete_customer),
            self._get(
                "methods",
                one + "/payment_methods",
                params.CustomerPaymentMethodListParams,
                lambda id, given: self._page(customers.methods(id), given, one),
            ),
            self._get(
                "method",
                "/v1/payment_methods/{id}",
                params.PaymentMethodRetrieveParams,
                lambda id, _: customers.method(id),
            ),
            self._post(
                "detach",
                "/v1/payment_methods/{id}/detach",
                params.PaymentMethodDetachParams,
                lambda id, p, k: customers.detach(id),
            ),
            self._post(
                "create_setup",
                setups,
                params.SetupIntentCreateParams,
                lambda id, p, k: customers.create_setup(p),
            ),
            self._post(
                "confirm_setup",
                setups + "/{id}/confirm",
                params.SetupIntentConfirmParams,
                lambda id, p, k: customers.confirm_setup(id, p),
            ),
            self._get(
                "setups",
                setups,
                params.SetupIntentListParams,
                lambda _, given: self._page(
                    [
                        self.gateway.shown(one, given.get("expand", []))
                        for one in customers.setups(given["customer"])
                    ],
                    given,
                    setups,
                ),
            ),
            self._get(
                "setup",
                setups + "/{id}",
                params.SetupIntentRetrieveParams,
                lambda id, given: self.gateway.shown(customers.setup(id), given.get("expand", [])),
            ),
        ]

    async def _delete_customer(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["id"]
        return await self._answered(
            request, "delete_customer", "", lambda _: self.gateway.customers.delete(id)
        )

    def _post(
        self, name: str, path: str, shape: type, act: Callable[[str, Body, str | None], Body]
    ) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            text = await request.text()
            return await self._answered(
                request, name, text, lambda key: self._acted(request, shape, text, act, key)
            )

        return web.post(path, handle)

    def _acted(
        self,
        request: web.Request,
        shape: type,
        text: str,
        act: Callable[[str, Body, str | None], Body],
        key: str | None,
    ) -> Body:
        values = form.parse(text)
        client_secret = values.pop("client_secret", None)
        given = hold(shape, values)
        self._demand_browser_secret(request, client_secret)
        expand = given.pop("expand", [])
        return self.gateway.shown(act(request.match_info.get("id", ""), given, key), expand)

    def _demand_browser_secret(self, request: web.Request, client_secret: object) -> None:
        """Require an intent's own secret with a publishable key, as in a browser."""
        if _key_of(request).startswith("pk_"):
            id = request.match_info["id"]
            is_setup = id.startswith("seti_")
            intent = self.gateway.customers.setup(id) if is_setup else self.gateway.intent(id)
            if client_secret != intent["client_secret"]:
                raise invalid("payment_intent_invalid_parameter", param="client_secret")

    def _get(
        self, name: str, path: str, shape: type, read: Callable[[str, Body], Body]
    ) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            def read_it(_: str | None) -> Body:
                given = hold(shape, form.parse(request.query_string))
                self._queries.append((name, given))
                return read(request.match_info.get("id", ""), given)

            return await self._answered(request, name, "", read_it)

        return web.get(path, handle)

    async def _answered(
        self, request: web.Request, name: str, text: str, work: Callable[[str | None], Body]
    ) -> web.StreamResponse:
        if not _key_of(request).startswith(("sk_test_", "rk_test_", "pk_test_")):
            return _json(401, {"error": NO_KEY})
        if name == "account" and _key_of(request).startswith("rk_"):
            return _json(403, {"error": NO_PERMISSION})
        fault = self.faults.take(name)
        if (
            fault is not None
            and (answer := await self.faults.before(fault, name, request)) is not None
        ):
            return answer
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        status, body = self._keyed(request, key, text, work, fault)
        if (
            fault is not None
            and (answer := await self.faults.after(fault, name, request, body)) is not None
        ):
            return answer
        return web.Response(
            status=status, body=body, content_type=JSON, headers={"request-id": "req_test"}
        )

    def _keyed(
        self,
        request: web.Request,
        key: str | None,
        text: str,
        work: Callable[[str | None], Body],
        fault: Fault | None,
    ) -> tuple[int, bytes]:
        """Carry a request out once for each key; repeat its answer, even a 500, whenever the key comes again."""
        fingerprint = hashlib.sha256(f"{request.path}\n{text}".encode()).hexdigest()
        if key is not None and (stored := self.store.begin(key, fingerprint)) is not None:
            asked, status, answer = stored
            if asked != fingerprint:
                return _error(
                    400, {"type": "idempotency_error", "message": "Another request had this key."}
                )
            if status is None or answer is None:
                return _error(
                    409,
                    {
                        "type": "idempotency_error",
                        "code": "idempotency_key_in_use",
                        "message": "In use.",
                    },
                )
            return status, answer
        try:
            done = {} if fault is Fault.FAIL_KEPT else work(key)
            status, answer = 200, orjson.dumps(done)
        except (WrongParameter, form.Malformed) as fault_:
            if key is not None:
                self.store.let_go(key)
            param = getattr(fault_, "param", "")
            code = getattr(fault_, "code", "parameter_invalid")
            return _error(400, invalid(code, param=param).error)
        except Refusal as refusal:
            status, answer = _error(refusal.status, refusal.error)
        if fault in (Fault.FAIL_AFTER, Fault.FAIL_KEPT):
            # Source: https://docs.stripe.com/api/idempotent_requests: the same result, including 500 errors.
            status, answer = _error(500, {"type": "api_error", "message": "Something went wrong."})
        if key is not None:
            self.store.end(key, status, answer)
        return status, answer

    def _intent(self, id: str, given: Body) -> Body:
        return self.gateway.shown(self.gateway.intent(id), given.get("expand", []))

    def _search(self, _: str, given: Body) -> Body:
        expand = given.get("expand", [])
        found = [self.gateway.shown(one, expand) for one in self.gateway.search(given["query"])]
        return _found(found, "/v1/payment_intents/search")

    def _refunds(self, _: str, given: Body) -> Body:
        return self._page(self.gateway.refunds(given["payment_intent"]), given, "/v1/refunds")

    def _disputes(self, _: str, given: Body) -> Body:
        return self._page(self.gateway.disputes(given["payment_intent"]), given, "/v1/disputes")

    def _events(self, _: str, given: Body) -> Body:
        types = given.get("types")
        if types is not None and len(types) > MOST_TYPES:
            raise invalid("parameter_invalid", param="types")
        found = [one for one in self.store.each("event") if types is None or one["type"] in types]
        return self._page(found, given, "/v1/events")

    def _shown_page(self, found: list[Body], given: Body, url: str) -> Body:
        page = self._page(found, given, url)
        expand = given.get("expand", [])
        return {**page, "data": [self.gateway.shown(one, expand) for one in page["data"]]}

    def _page(self, found: list[Body], given: Body, url: str) -> Body:
        created = given.get("created", {})
        since, until = created.get("gte", 0), created.get("lte", LATEST)
        found = [one for one in found if since <= one["created"] <= until]
        after = given.get("starting_after")
        ids = [one["id"] for one in found]
        start = ids.index(after) + 1 if after in ids else 0
        end = start + given.get("limit", 10)
        return objects.listed(found[start:end], url, has_more=end < len(found))

    async def _ledger(self, request: web.Request) -> web.Response:
        return _json(200, self.store.ledger(request.query.get("intent")))

    async def _held(self, _: web.Request) -> web.Response:
        return _json(200, self.faults.held)

    async def _queried(self, request: web.Request) -> web.Response:
        name = request.query["name"]
        return _json(200, [given for one, given in self._queries if one == name])

    async def _asked(self, _: web.Request) -> web.Response:
        return _json(200, self.store.keys())

    async def _control(self, request: web.Request) -> web.Response:
        given: dict[str, Any] = orjson.loads(await request.read())
        try:
            return _json(200, await self._controlled(request.match_info["what"], given))
        except Refusal as refusal:
            return _json(refusal.status, {"error": refusal.error})

    async def _controlled(self, what: str, given: dict[str, Any]) -> Body:
        if what in self._acts:
            return self._acts[what](given) or {}
        if what == "hold":
            await self.delivery.hold(holds=given["holds"])
            return {}
        if what != "deliver":
            raise invalid("resource_missing", status=404)
        events = [self.store.get(id, "event") for id in given["events"]]
        return {
            "statuses": [await self.delivery.send(event) for event in events if event is not None]
        }


def _found(found: list[Body], url: str) -> Body:
    return {
        "object": "search_result",
        "data": found,
        "has_more": False,
        "next_page": None,
        "url": url,
    }


def _key_of(request: web.Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _error(status: int, error: Body) -> tuple[int, bytes]:
    return status, orjson.dumps({"error": error})


def _json(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type=JSON)


async def serve(server: Server, host: str, port: int) -> None:
    """Serve until canceled."""
    runner = web.AppRunner(server.app())
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        print(f"A fake Stripe serves on http://{host}:{port}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
