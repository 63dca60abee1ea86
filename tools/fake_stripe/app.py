"""The HTTP server: Stripe's own addresses under /v1, and a test's under /_control."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from tools.fake_stripe import addresses, form
from tools.fake_stripe.addresses import Act, Read
from tools.fake_stripe.delivery import Delivery
from tools.fake_stripe.faults import Fault, Faults
from tools.fake_stripe.gateway import Gateway
from tools.fake_stripe.parameters import WrongParameter, hold
from tools.fake_stripe.refusals import Refusal, invalid
from tools.fake_stripe.store import Body, Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JSON = "application/json"
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
        app.add_routes(
            [
                *(self._post(*one) for one in addresses.acting(self.gateway)),
                *(self._get(*one) for one in addresses.reading(self.gateway)),
                web.delete(f"{addresses.CUSTOMERS}/{{id}}", self._delete_customer),
                web.post("/_control/{what}", self._control),
                web.get("/_control/ledger", self._ledger),
                web.get("/_control/keys", self._asked),
                web.get("/_control/held", self._held),
                web.get("/_control/queries", self._queried),
            ]
        )
        app.cleanup_ctx.append(self.delivery.running)
        return app

    async def _delete_customer(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["id"]
        return await self._answered(
            request, "delete_customer", "", lambda _: self.gateway.customers.delete(id)
        )

    def _post(self, name: str, path: str, shape: type, act: Act) -> web.RouteDef:
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
        act: Act,
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

    def _get(self, name: str, path: str, shape: type, read: Read) -> web.RouteDef:
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
