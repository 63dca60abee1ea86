"""The adapter: speaks HTTP to the sandbox gateway and turns its answers into the domain's outcomes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import quote

import httpx2
import orjson
import structlog
from starlette.routing import BaseRoute

from payments.model import instants
from payments.model.ids import OperationId, ProviderId
from payments.model.instants import SECOND, Instant
from payments.model.outcomes import (
    Ask,
    Effect,
    JsonObject,
    JsonValue,
    NotReached,
    Opened,
    Outcome,
    Report,
    Unknown,
)
from payments.model.statuses import OperationKind
from payments.ports.provider import DataFault, RecordsUnreadable, ReportRefused
from providers.routes import Guard, Trusts
from providers.sandbox.gateway.gateway import Gateway
from providers.sandbox.gateway.signing import check_secret, verify
from providers.sandbox.gateway.tokens import parse_token
from providers.sandbox.gateway.wire import BEGUN_HERE, KEY, Instruction
from providers.sandbox.outcomes import (
    ChallengeUrl,
    Facts,
    effect_of_facts,
    key_of,
    kind_of,
    outcome_of_facts,
    outcome_of_response,
    session_of,
)
from providers.sandbox.routes import sandbox_routes
from providers.sandbox.transport import GatewayUnreachable
from providers.settings import READ_SECONDS

log = structlog.get_logger("sandbox")

CONNECT_SECONDS = 1.0

KEYS_SECONDS = 23 * 3_600.0
"""The ledger keeps keys for ever, but code built on the sandbox must expect a gateway that keeps them for a day."""

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Failures before the first byte: the gateway knows nothing of the request."""


class SandboxProvider:
    """The sandbox provider; it works the same whether the gateway runs in this process or in its own."""

    id = ProviderId("sandbox")
    name = "Sandbox"
    supported_currencies: frozenset[str] | None = None
    client_configuration: JsonObject
    browser_keys: frozenset[str] = frozenset({"token"})
    captures_once = False
    keeps_keys_seconds: float | None = KEYS_SECONDS

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        *,
        secret: str,
        public_url: str,
        gateway_url: str = "http://sandbox.invalid",
        gateway: Gateway | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.client_configuration = {}
        self._secret = check_secret(secret)
        self._public_url = public_url
        self._gateway = gateway
        # For one request, to its last byte: a slow gateway resets its read limit with each byte.
        self._whole_seconds = CONNECT_SECONDS + read_seconds
        self._client = httpx2.AsyncClient(
            transport=transport,
            base_url=gateway_url,
            headers={"authorization": f"Bearer {secret}"},
            timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            trust_env=False,
        )

    async def open(self) -> None:
        """Start the gateway if it runs in this process, so that reports of an earlier process are delivered."""
        if self._gateway is not None:
            await self._gateway.open()

    async def close(self) -> None:
        """Close connections, and stop the gateway if it runs in this process."""
        await self._client.aclose()
        if self._gateway is not None:
            await self._gateway.close()

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Refuse every key but `token`; raises DataFault."""
        for key, value in data.items():
            if key != "token":
                raise DataFault(key, "The sandbox takes the key token alone.")
            if not isinstance(value, str):
                raise DataFault(key, "A token is a text, such as approve.")
            parse_token(value)

    def decide(self, ask: Ask) -> Outcome | None:
        """Open and change a session here: the gateway has nothing to open."""
        is_opening = ask.kind in (OperationKind.OPEN, OperationKind.UPDATE)
        return Opened() if is_opening else None

    async def ask(self, ask: Ask) -> Outcome:
        """Send a request to the gateway, once."""
        decided = self.decide(ask)
        if decided is not None:
            return decided
        body = orjson.dumps(instruction_of(ask).to_wire())
        headers = {"content-type": "application/json"}
        return await self._outcome(
            self._client.build_request("POST", "/operations", content=body, headers=headers), ask
        )

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Return an operation's outcome as the gateway has it."""
        decided = self.decide(ask)
        if decided is not None:
            return decided
        try:
            response = await self.send(self._client.build_request("GET", f"/operations/{ask.key}"))
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("not looked up", operation_id=ask.key, error=type(error).__name__)
            return Unknown()
        outcome = self._understood(response, ask)
        if isinstance(outcome, NotReached):
            # Only an explicit answer means that there is no such operation; a busy gateway promises nothing.
            return None if response.status_code == 404 else Unknown()
        return outcome

    async def effects(self, since: Instant) -> AsyncIterator[Effect]:
        """Read the ledger page by page; raises RecordsUnreadable."""
        behind: int | None = 0
        while behind is not None:
            params = {"since": str(since), "behind": str(behind)}
            try:
                response = await self.send(self.build_request("GET", "/operations", params=params))
                page = orjson.loads(response.content)
                operations, behind = page["operations"], page["last"]
                found = [effect_of_facts(facts, self.challenge_url) for facts in operations]
            except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as error:
                raise RecordsUnreadable(f"The sandbox's ledger: {type(error).__name__}.") from None
            for effect in found:
                yield effect

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Verify a report's raw bytes and return the report."""
        verify(self._secret, headers, body, unix_seconds=instants.now() // SECOND)
        return self.parse_report(body)

    def parse_report(self, body: bytes) -> Report:
        """Return a report that was verified before."""
        try:
            report = orjson.loads(body)
        except ValueError:
            raise ReportRefused("A report is JSON in UTF-8.") from None
        if not isinstance(report, dict) or not isinstance(report.get("operation"), dict):
            raise ReportRefused("A report is one object with its operation.")
        id, type_, facts = report.get("id"), report.get("type"), report["operation"]
        if not isinstance(id, str) or KEY.fullmatch(id) is None:
            raise ReportRefused("A report has an id.")
        key = key_of(facts)
        if key is None or report.get("key") != key:
            raise ReportRefused("A report has the key of its operation.")
        session_id = session_of(facts)
        if session_id is None or report.get("session") != session_id:
            raise ReportRefused("A report has the session of its operation.")
        outcome = outcome_of_facts(facts, self.challenge_url)
        if type_ != f"operation.{facts.get('status')}" or isinstance(outcome, Unknown):
            raise ReportRefused("A report's type and its operation's facts fit together.")
        effect = None
        if key.startswith(BEGUN_HERE):
            effect = _effect(facts, self.challenge_url)
        return Report(
            id, OperationId(key), outcome, effect, session_id=session_id, kind=kind_of(facts)
        )

    def routes(self, guard: Guard, trusts: Trusts) -> Sequence[BaseRoute]:
        """Return the sandbox's public addresses at this server."""
        return sandbox_routes(self, guard, trusts)

    async def forward(self, request: httpx2.Request) -> httpx2.Response:
        """Forward a request to the sandbox's public addresses; raises GatewayUnreachable."""
        try:
            response = await self.send(request)
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("gateway not reached", error=type(error).__name__)
            raise GatewayUnreachable from None
        if response.status_code == 401:
            # The gateway refuses this server, not the caller: their secrets differ.
            log.error("gateway refuses this server's secret")
            raise GatewayUnreachable
        return response

    def build_request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str],
        content: bytes = b"",
        **headers: str,
    ) -> httpx2.Request:
        """Return a request to the gateway."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.build_request(
            method, path, params=params, content=content, headers=named
        )

    def challenge_url(self, session: str, key: str) -> str:
        """Return the address of the page that asks the customer."""
        return f"{self._public_url}/sandbox/challenges/{session}?key={quote(key, safe='')}"

    async def _outcome(self, request: httpx2.Request, ask: Ask) -> Outcome:
        try:
            response = await self.send(request)
        except NOT_SENT:
            return NotReached()
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("answer lost", operation_id=ask.key, error=type(error).__name__)
            return Unknown()
        return self._understood(response, ask)

    def _understood(self, response: httpx2.Response, ask: Ask) -> Outcome:
        outcome = outcome_of_response(
            response.status_code, response.content, ask, self.challenge_url
        )
        if isinstance(outcome, Unknown):
            log.warning("answer not understood", operation_id=ask.key, status=response.status_code)
        return outcome

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the gateway within its time limit; raises httpx2.HTTPError and TimeoutError."""
        async with asyncio.timeout(self._whole_seconds):
            return await self._client.send(request)


def _effect(facts: Facts, challenge_url: ChallengeUrl) -> Effect:
    try:
        return effect_of_facts(facts, challenge_url)
    except ValueError as error:
        raise ReportRefused(str(error)) from None


def instruction_of(ask: Ask) -> Instruction:
    """Return the instruction for the gateway; the same operation always gives the same instruction."""
    is_authorization = ask.kind is OperationKind.AUTHORIZE
    token = ask.data.get("token") if is_authorization else None
    return Instruction(
        key=ask.key,
        kind=ask.kind,
        session=ask.session_id,
        amount_minor=ask.amount.minor,
        currency=ask.amount.currency,
        token=token if isinstance(token, str) else None,
        method=ask.method_reference if is_authorization else None,
        return_url=ask.return_url if is_authorization else None,
        closes_session=ask.kind is OperationKind.CANCEL and ask.payment_id is None,
        releases_rest=ask.releases_rest,
    )
