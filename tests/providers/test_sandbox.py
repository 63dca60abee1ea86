"""The sandbox's tokens and addresses: what is taken, and what each wrong one gets."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.looking import session_status, unmoved
from tests.support.running import Json, RunningServer
from tests.support.shop import authorize, collection_of, open_collection, open_session

RETURN_URL = "http://localhost:5173/thanks"

TAKEN = [
    "approve",
    "auto_capture",
    "decline",
    "decline:insufficient_funds",
    "challenge",
    "pending",
    "unavailable",
    "lost_reply",
    "slow:0",
    "slow:0.05",
    "slow:60",
    "approve,capture=decline",
    "approve,capture=decline:card_declined,refund=pending,cancel=unavailable",
    "approve,capture=lost_reply,refund=slow:1.5",
    "challenge,expires=3600",
    "approve,expires=0.5,cancel=pending",
]

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
}


@pytest.mark.parametrize("token", TAKEN)
def test_a_token_that_is_taken(server: RunningServer, token: str) -> None:
    """Every token of the documented form opens a session."""
    collection = open_collection(server)
    assert open_session(server, collection["id"], token)["status"] == "PENDING"


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_is_refused(server: RunningServer, case: str) -> None:
    """Any other is INVALID_INPUT at data.token, and opens nothing."""
    collection = open_collection(server)
    token = REFUSED[case]
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"token": token},
    }
    with unmoved(server, collection["id"]):
        answer = server.change("createPaymentSession", values)
    found = (answer["__typename"], answer["code"], answer["path"])
    assert found == ("RequestRejected", "INVALID_INPUT", ["data", "token"])


def test_a_refused_token_is_not_repeated(server: RunningServer) -> None:
    """What somebody took for a token, such as a card number, is neither answered nor logged."""
    collection = open_collection(server)
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"token": "4242424242424242"},
    }
    answer = server.change("createPaymentSession", values)
    assert answer["path"] == ["data", "token"]
    assert "4242" not in answer["message"]
    assert b"4242424242424242" not in server.log_path.read_bytes()


@pytest.mark.parametrize("token", [5, None, ["approve"], {"base": "approve"}, True])
def test_a_token_that_is_no_text(server: RunningServer, token: Json) -> None:
    """A token of another type is refused too."""
    collection = open_collection(server)
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"token": token},
    }
    answer = server.change("createPaymentSession", values)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["data", "token"])


def test_another_key_of_data(server: RunningServer) -> None:
    """The sandbox takes no other key, and the failure names it."""
    collection = open_collection(server)
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"card": "4242"},
    }
    answer = server.change("createPaymentSession", values)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["data", "card"])


def test_the_authorization_s_token_wins(server: RunningServer) -> None:
    """A token given to the authorization stands above the session's."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "decline")
    answer = authorize(server, session["id"], data={"token": "auto_capture"})
    assert (answer["__typename"], answer["status"]) == ("Payment", "CAPTURED")


def challenged(server: RunningServer, **more: Json) -> tuple[str, str]:
    """Open a session in REQUIRES_MORE; gives its id and its challenge's address."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "challenge", **more)
    action = authorize(server, session["id"])["action"]
    assert action["__typename"] == "RedirectToUrl"
    return session["id"], action["url"]


def test_a_challenge_s_address_holds_what_nobody_guesses(server: RunningServer) -> None:
    """The address leads to this server and has a key of 32 random bytes."""
    session, url = challenged(server)
    address = urlsplit(url)
    assert f"{address.scheme}://{address.netloc}" == server.url
    assert address.path == f"/sandbox/challenges/{session}"
    assert len(parse_qs(address.query)["key"][0]) == 43


def test_the_challenge_page(server: RunningServer) -> None:
    """The page shows the amount and may load nothing from anywhere."""
    _, url = challenged(server)
    page = server.client.get(url, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "100.00" in page.text
    assert "USD" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_the_page_s_form_leads_back_to_the_shop(server: RunningServer) -> None:
    """Answered by its form, the challenge sends the customer to the session's return address."""
    session, url = challenged(server, returnUrl=RETURN_URL)
    answer = server.client.post(url, data={"result": "approve"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, RETURN_URL)
    assert authorize(server, session)["__typename"] == "Payment"


def test_the_page_s_form_without_a_return_address(server: RunningServer) -> None:
    """Without a return address the customer sees that it is done."""
    _, url = challenged(server)
    answer = server.client.post(url, data={"result": "fail"})
    assert answer.status_code == 200
    assert "Payment failed" in answer.text


WRONG_ANSWERS: dict[str, tuple[dict[str, Json], int]] = {
    "a wrong key": ({"params": {"key": "x" * 43}, "json": {"result": "approve"}}, 404),
    "an empty key": ({"params": {"key": ""}, "json": {"result": "approve"}}, 404),
    "text": ({"content": b"approve", "headers": {"content-type": "text/plain"}}, 415),
    "no content type": ({"content": b'{"result": "approve"}'}, 415),
    "no JSON": ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    "another result": ({"json": {"result": "maybe"}}, 422),
    "no result": ({"json": {}}, 422),
    "a list": ({"json": ["approve"]}, 422),
    "one key more": ({"json": {"result": "approve", "amount": "1.00"}}, 422),
    "a form with two results": (
        {
            "content": b"result=approve&result=fail",
            "headers": {"content-type": "application/x-www-form-urlencoded"},
        },
        400,
    ),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_a_wrong_answer_to_a_challenge(server: RunningServer, case: str) -> None:
    """A wrong answer is refused with a sentence, and the challenge stays open."""
    session, _ = challenged(server)
    arguments, status = WRONG_ANSWERS[case]
    answer = server.client.post(f"/sandbox/challenges/{session}", **arguments)
    assert answer.status_code == status, answer.text
    assert session_status(server, session) == "REQUIRES_MORE"
    right = server.client.post(f"/sandbox/challenges/{session}", json={"result": "approve"})
    assert right.status_code == 200


@pytest.mark.parametrize("id", ["payses_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "' OR 1=1"])
def test_a_challenge_of_nobody(server: RunningServer, id: str) -> None:
    """A session that has no challenge, or does not exist, is 404."""
    assert server.client.get(f"/sandbox/challenges/{id}").status_code == 404


def test_a_challenge_behind_a_proxy_needs_its_key(server: RunningServer) -> None:
    """The key may be left out only by a caller on this machine: what a proxy brings is not one."""
    session, _ = challenged(server)
    answer = server.client.post(
        f"/sandbox/challenges/{session}",
        json={"result": "approve"},
        headers={"x-forwarded-for": "203.0.113.5"},
    )
    assert answer.status_code == 404
    assert session_status(server, session) == "REQUIRES_MORE"


WRONG_REPORTS = {
    "a session of nobody": ("payses_01ARZ3NDEKTSV4RRFFQ69G5FAV", {"result": "approve"}, 404),
    "nothing pending": (None, {"result": "approve"}, 409),
    "a movement of nobody": (
        None,
        {"result": "approve", "movement": "capt_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        409,
    ),
    "no cancellation": (None, {"result": "approve", "movement": "cancel"}, 409),
    "another result": (None, {"result": "settle"}, 422),
    "a movement that is no id": (None, {"result": "approve", "movement": 5}, 422),
    "one key more": (None, {"result": "approve", "amount": "1.00"}, 422),
}


@pytest.mark.parametrize("case", WRONG_REPORTS)
def test_a_wrong_report(server: RunningServer, case: str) -> None:
    """What can't be settled is refused, and moves nothing."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    authorize(server, session["id"])
    id, body, status = WRONG_REPORTS[case]
    with unmoved(server, collection["id"]):
        answer = server.client.post(f"/sandbox/reports/{id or session['id']}", json=body)
    assert answer.status_code == status, answer.text
    assert collection_of(server, collection["id"])["status"] == "AUTHORIZED"
