"""Gateways that answer after their caller gave up: the outcome is unknown, and recovery finds the one effect."""

from collections.abc import Callable

import pytest

from tests.support.flow.looking import asked_keys, effect_facts
from tests.support.flow.meanwhile import beside, until_event
from tests.support.flow.shop import authorize, capture, open_collection, open_session
from tests.support.forms import in_short
from tests.support.program.running import RunningServer

SHORT = {"TILLGRAPH_TEST_WAIT_SCALE": "5", "TILLGRAPH_TEST_TIME_SCALE": "600"}
"""A gateway may be silent for a second instead of five; where recovery comes too early, it comes again soon."""

SLOW = {"short": (SHORT, "slow:1.7"), "shipped": ({}, "slow:8.5")}
"""Settings, and a gateway that takes longer."""


@pytest.mark.once
@pytest.mark.parametrize("form", in_short(list(SLOW), "short"))
def test_a_gateway_that_answers_too_late(
    make_server: Callable[..., RunningServer], form: str
) -> None:
    """An authorization answers AwaitProvider and a capture CapturePending; recovery finds the one effect of each."""
    settings, slow = SLOW[form]
    server = make_server(is_test_build=True, **settings).start()
    first = open_collection(server)["id"]
    session = open_session(server, first, f"approve,capture={slow}")["id"]
    authorize(server, session)
    (payment,) = until_event(server, first, "SESSION_AUTHORIZED")["payments"]
    second = open_collection(server)["id"]
    other = open_session(server, second, slow)["id"]

    with beside(lambda: capture(server, payment["id"])) as captured:
        answer = authorize(server, other)
    assert (answer["__typename"], answer["action"]["kind"]) == ("RequiresMoreAction", "WAIT")
    assert captured.result()["__typename"] == "CapturePending"

    until_event(server, second, "SESSION_AUTHORIZED")
    until_event(server, first, "PAYMENT_CAPTURED")
    assert effect_facts(server, other) == [("authorize", "100.00", "approved", "100.00")]
    assert effect_facts(server, session)[1:] == [("capture", "100.00", "approved", "100.00")]
    for collection, kind in ((first, "capture"), (second, "authorize")):
        assert len(set(asked_keys(server, collection, kind))) == 1
