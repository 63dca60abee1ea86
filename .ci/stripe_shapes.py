"""Compares the objects of the fake Stripe with Stripe's own published examples: no key missing, no other type."""

import json
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FIXTURES: Final = ROOT.parent / "shared" / "stripe" / "fixtures.json"

sys.path.insert(0, str(ROOT))

from tools.fake_stripe import objects  # noqa: E402 - found only with the path above
from tools.fake_stripe.cards import CARDS  # noqa: E402


def made() -> dict[str, dict[str, Any]]:
    """Make one object of each kind."""
    intent = objects.payment_intent("pi_1", {"amount": 1_000, "currency": "usd"})
    charge = objects.charge("ch_1", intent, CARDS["pm_card_visa"], "pm_card_visa")
    refund = objects.refund("re_1", intent, {}, 500, "succeeded")
    event = objects.event("evt_1", "payment_intent.created", intent, "2026-10-28.endive", None)
    dispute = objects.dispute("dp_1", charge, "fraudulent", "needs_response")
    visa = CARDS["pm_card_visa"]
    return {
        "customer": objects.customer("cus_1", {}),
        "payment_method": objects.payment_method("pm_1", visa, "pm_card_visa", "cus_1"),
        "setup_intent": objects.setup_intent("seti_1", {"customer": "cus_1"}),
        "payment_intent": intent,
        "charge": charge,
        "refund": refund,
        "event": event,
        "dispute": dispute,
    }


def differences(kind: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Say what an object has otherwise; where either is null, nothing is known of the type."""
    found = [f"{kind}.{key} is missing" for key in theirs if key not in ours]
    found += [f"{kind}.{key} is not Stripe's" for key in ours if key not in theirs]
    for key in ours.keys() & theirs.keys():
        mine, its = ours[key], theirs[key]
        if mine is not None and its is not None and type(mine) is not type(its):
            found.append(f"{kind}.{key} is {type(mine).__name__}, not {type(its).__name__}")
    return found


def main() -> int:
    """Compare, and print each difference; return the exit code."""
    fixtures = json.loads(FIXTURES.read_text())
    found = [
        line for kind, ours in made().items() for line in differences(kind, ours, fixtures[kind])
    ]
    for line in found:
        print(line)
    if not found:
        print(f"{len(made())} kinds of objects have the shape of Stripe's.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
