"""The sandbox's tokens as a table: what each says that the gateway will do, and every one that is refused."""

from pathlib import Path

import pytest

from payments.model.outcomes import JsonValue
from payments.model.statuses import OperationKind
from payments.ports.provider import DataFault
from providers.sandbox import SandboxProvider, create_provider
from providers.sandbox.gateway.tokens import Behaviour, Effect, Token, parse_token
from providers.settings import ProviderSettings, SandboxSettings
from tests.support.gateways.gateway import SECRET

pytestmark = pytest.mark.once

CAPTURE, REFUND, CANCEL = OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.CANCEL
UNAVAILABLE, PENDING = Behaviour(Effect.UNAVAILABLE), Behaviour(Effect.PENDING)
CARD_DECLINED = Behaviour(Effect.DECLINE, "card_declined")


def slow(seconds: float) -> Behaviour:
    """Return what a gateway does that takes so long."""
    return Behaviour(Effect.SLOW, seconds=seconds)


TAKEN: dict[str | None, Token] = {
    None: Token(Behaviour(Effect.APPROVE)),
    "approve": Token(Behaviour(Effect.APPROVE)),
    "auto_capture": Token(Behaviour(Effect.AUTO_CAPTURE)),
    "decline": Token(CARD_DECLINED),
    "decline:insufficient_funds": Token(Behaviour(Effect.DECLINE, "insufficient_funds")),
    "challenge": Token(Behaviour(Effect.CHALLENGE)),
    "pending": Token(PENDING),
    "unavailable": Token(UNAVAILABLE),
    "lost_reply": Token(Behaviour(Effect.LOST_REPLY)),
    "slow:0": Token(slow(0)),
    "slow:0.05": Token(slow(0.05)),
    "slow:60": Token(slow(60)),
    "approve,capture=decline": Token(movements={CAPTURE: CARD_DECLINED}),
    "approve,capture=decline:card_declined,refund=pending,cancel=unavailable": Token(
        movements={CAPTURE: CARD_DECLINED, REFUND: PENDING, CANCEL: UNAVAILABLE}
    ),
    "approve,capture=lost_reply,refund=slow:1.5": Token(
        movements={CAPTURE: Behaviour(Effect.LOST_REPLY), REFUND: slow(1.5)}
    ),
    "challenge,expires=3600": Token(Behaviour(Effect.CHALLENGE), expires_seconds=3_600),
    "approve,expires=0.5,cancel=pending": Token(movements={CANCEL: PENDING}, expires_seconds=0.5),
}

REFUSED = {
    "nothing": "",
    "another word": "aprove",
    "another case": "Approve",
    "a space": "approve, capture=decline",
    "an option first": "capture=decline",
    "an unknown option": "approve,void=decline",
    "an option without a value": "approve,capture",
    "an option with an empty value": "approve,capture=",
    "an option twice": "approve,capture=decline,capture=pending",
    "an end twice": "approve,expires=1,expires=2",
    "a movement that is challenged": "approve,capture=challenge",
    "a movement that captures": "approve,refund=auto_capture",
    "a movement that is approved": "approve,capture=approve",
    "slow without seconds": "slow",
    "slow without a number": "slow:soon",
    "slow below zero": "slow:-1",
    "slow without end": "slow:inf",
    "slow with an exponent": "slow:1e1",
    "slower than a minute": "slow:61",
    "an end beyond a year": "approve,expires=31536001",
    "a decline code that is empty": "decline:",
    "a decline code in capitals": "decline:STOLEN",
    "a decline code of other scripts": "decline:d\u0435cline",
    "a code where none belongs": "approve:fast",
    "too many characters": "approve," + "x" * 200,
    "a line break": "approve\n",
    "a card's number": "4242424242424242",
}


@pytest.fixture(scope="module")
def provider() -> SandboxProvider:
    """Return the sandbox's provider; nothing is asked of its gateway."""
    sandbox = SandboxSettings(
        database=Path("nowhere"), webhook_secret=SECRET, url="http://127.0.0.1:1"
    )
    settings = ProviderSettings(public_url="http://till.test", local_url="http://127.0.0.1:1")
    return create_provider(sandbox, settings)


@pytest.mark.parametrize("text", TAKEN)
def test_a_token_that_is_taken(provider: SandboxProvider, text: str | None) -> None:
    """Every token of the documented form says what happens to the authorization and to what follows."""
    assert parse_token(text) == TAKEN[text]
    provider.check({} if text is None else {"token": text})


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_is_refused(provider: SandboxProvider, case: str) -> None:
    """Any other is a fault of `token`."""
    with pytest.raises(DataFault) as raised:
        provider.check({"token": REFUSED[case]})
    assert raised.value.key == "token"


@pytest.mark.parametrize("token", [5, None, ["approve"], {"base": "approve"}, True])
def test_a_token_that_is_no_text(provider: SandboxProvider, token: JsonValue) -> None:
    """A token of another type is refused too."""
    with pytest.raises(DataFault) as raised:
        provider.check({"token": token})
    assert raised.value.key == "token"


def test_another_key_of_data(provider: SandboxProvider) -> None:
    """The sandbox takes no other key, and the fault names it."""
    with pytest.raises(DataFault) as raised:
        provider.check({"card": "4242"})
    assert raised.value.key == "card"
