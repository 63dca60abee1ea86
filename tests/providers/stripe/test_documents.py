"""The page on setting Stripe up names what the code takes."""

import re

import orjson
import pytest

from payments.ports.provider import ReportRefused
from providers.stripe import webhooks
from providers.stripe.disputes import STATUSES
from tests.support.program.running import ROOT

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "stripe.md").read_text()


def test_every_event_to_subscribe_to() -> None:
    """The list to choose from at Stripe is that of the events that are taken, each once."""
    block = re.search(r"```\n((?:[a-z_.]+\n)+)```", PAGE)
    assert block is not None
    listed = block[1].split()
    assert set(listed) == webhooks.TAKEN
    assert len(listed) == len(set(listed))


def test_every_status_of_a_dispute() -> None:
    """The table says of each what it takes; appeals are named together."""
    table = PAGE[PAGE.index("## Disputes and refunds") : PAGE.index("## Declines")]
    named = set(re.findall(r"`([a-z_]+)`", table))
    assert {status for status in STATUSES if not status.startswith("appeal_")} <= named


def test_a_thin_event() -> None:
    """It is refused with what would be right."""
    event = {
        "id": "evt_test_1",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "livemode": False,
        "created": "2026-11-29T12:00:00.000Z",
        "related_object": {
            "id": "pi_1",
            "type": "payment_intent",
            "url": "/v1/payment_intents/pi_1",
        },
    }
    with pytest.raises(ReportRefused) as refused:
        webhooks.read(orjson.dumps(event), is_live=False)
    assert type(refused.value) is ReportRefused
    assert str(refused.value).startswith("This is a thin event: let Stripe send snapshots")
