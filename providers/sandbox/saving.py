"""Customers and saved payment methods at the sandbox, for building a shop's wallet without a provider's account."""

from collections.abc import Mapping

import httpx2
import orjson
import structlog

from payments.model.account_holders import (
    Changed,
    ChangeOutcome,
    HolderAsk,
    HolderMade,
    HolderOutcome,
    MethodSaved,
    SavingAsk,
    SavingOutcome,
)
from payments.model.failures import FailureCode
from payments.model.outcomes import (
    ActionRequired,
    Declined,
    JsonValue,
    NotReached,
    RedirectToUrl,
    Unknown,
)
from providers.sandbox.gateway.tokens import parse_saving_token
from providers.sandbox.gateway.wire import EntryStatus
from providers.sandbox.outcomes import CARD, FAILURES
from providers.sandbox.provider import NOT_SENT, SandboxProvider

log = structlog.get_logger("sandbox")

Facts = dict[str, object]


class SavingSandboxProvider(SandboxProvider):
    """The sandbox provider with saved payment methods."""

    method_key: str | None = None

    def check_saving(self, data: Mapping[str, JsonValue]) -> None:
        """Refuse every key but `token`; raises DataFault."""
        self.check(data)
        token = data.get("token")
        parse_saving_token(token if isinstance(token, str) else None)

    async def make_holder(self, ask: HolderAsk) -> HolderOutcome:
        """Create a customer: their id here is also their id there, so that there is only one."""
        body = _customer(ask.key, ask.customer_reference, ask.email, ask.name)
        answer = await self._asked("POST", "/customers", body)
        return HolderMade(ask.key) if isinstance(answer, dict) else answer

    async def change_holder(
        self, reference: str, *, email: str | None, name: str | None
    ) -> ChangeOutcome:
        """Replace a customer's e-mail address and name."""
        body = _customer(reference, "", email, name)
        answer = await self._asked("POST", f"/customers/{reference}", body)
        return Changed() if isinstance(answer, dict) else answer

    async def delete_holder(self, reference: str) -> ChangeOutcome:
        """Delete a customer."""
        answer = await self._asked("DELETE", f"/customers/{reference}")
        return Changed() if isinstance(answer, dict) else answer

    async def save_method(self, ask: SavingAsk) -> SavingOutcome:
        """Save a card, as the token says."""
        body: Facts = {
            "key": ask.key,
            "customer": ask.holder_reference,
            "token": ask.data.get("token"),
        }
        answer = await self._asked("POST", "/savings", body)
        return self._saving(ask, answer) if isinstance(answer, dict) else answer

    async def look_up_saving(self, ask: SavingAsk) -> SavingOutcome:
        """Return the state of a saving."""
        answer = await self._asked("GET", f"/savings/{ask.key}")
        return self._saving(ask, answer) if isinstance(answer, dict) else answer

    async def delete_method(self, reference: str) -> ChangeOutcome:
        """Delete a payment method."""
        answer = await self._asked("DELETE", f"/savings/{reference}")
        return Changed() if isinstance(answer, dict) else answer

    def _saving(self, ask: SavingAsk, facts: Facts) -> SavingOutcome:
        status, challenge_key = facts.get("status"), facts.get("challenge_key")
        if status == EntryStatus.APPROVED.value:
            return MethodSaved(ask.key, CARD)
        if status == EntryStatus.CHALLENGED.value and isinstance(challenge_key, str):
            url = self.challenge_url(ask.key, challenge_key)
            return ActionRequired(RedirectToUrl(url), reference=ask.key)
        if status == EntryStatus.DECLINED.value:
            code = facts.get("decline_code")
            failure = FAILURES.get(str(facts.get("failure")), FailureCode.DECLINED)
            return Declined(code if isinstance(code, str) else None, failure)
        return Unknown()

    async def _asked(
        self, method: str, path: str, body: Facts | None = None
    ) -> Facts | Declined | NotReached | Unknown:
        content = b"" if body is None else orjson.dumps(body)
        request = self.build_request(
            method, path, params={}, content=content, content_type="application/json"
        )
        try:
            response = await self.send(request)
            facts = orjson.loads(response.content)
        except NOT_SENT:
            return NotReached()
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            log.warning("answer lost", path=path, error=type(error).__name__)
            return Unknown()
        if not isinstance(facts, dict):
            return Unknown()
        if response.status_code == 200:
            return facts
        if response.status_code == 404:
            return Declined("not_found")
        return NotReached() if facts.get("nothing_happened") is True else Unknown()


def _customer(id: str, reference: str, email: str | None, name: str | None) -> Facts:
    return {"id": id, "reference": reference, "email": email, "name": name}
