"""The sandbox's addresses, and where its tokens are given: what is taken, and what each wrong one gets."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.flow.looking import session_status, unmoved
from tests.support.flow.shop import authorize, open_collection, open_session, pay
from tests.support.program.running import Json, RunningServer

pytestmark = pytest.mark.once

RETURN_URL = "http://localhost:5173/thanks"

PLACES: dict[str, Json] = {
    "createPaymentSession": {"providerId": "sandbox"},
    "updatePaymentSession": {},
    "authorizePaymentSession": {},
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"token": "aprove"}, ["data", "token"]),
        ({"token": 5}, ["data", "token"]),
        ({"card": "4242"}, ["data", "card"]),
    ],
)
def test_wrong_data(server: RunningServer, name: str, data: Json, path: list[str]) -> None:
    """INVALID_INPUT with its path, wherever a provider is given data, and nothing moves; see test_tokens.py."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection)["id"]
    key = {"paymentCollectionId": collection} if "providerId" in PLACES[name] else {"id": session}
    with unmoved(server, collection):
        answer = server.change(name, {**PLACES[name], **key, "data": data})
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", path)


def test_a_refused_token_is_not_repeated(server: RunningServer) -> None:
    """A value given as a token, such as a card number, is repeated neither in the message nor in the log."""
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


def challenged(server: RunningServer, **more: Json) -> tuple[str, str]:
    """Open a session in REQUIRES_MORE; return its id and its challenge's address."""
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
    "no key, from elsewhere": (
        {"headers": {"host": "pay.example"}, "json": {"result": "approve"}},
        404,
    ),
    "no key, by a proxy": ({"headers": {"x-real-ip": "::1"}, "json": {"result": "approve"}}, 404),
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


@pytest.fixture(scope="module")
def unanswered(server: RunningServer) -> str:
    """Return a session with a challenge that nobody answers rightly."""
    return challenged(server)[0]


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_a_wrong_answer_to_a_challenge(server: RunningServer, unanswered: str, case: str) -> None:
    """A wrong answer is refused with a sentence, and the challenge stays open."""
    before = server.ledger(unanswered)
    arguments, status = WRONG_ANSWERS[case]
    answer = server.client.post(f"/sandbox/challenges/{unanswered}", **arguments)
    assert answer.status_code == status, answer.text
    assert server.ledger(unanswered) == before
    assert session_status(server, unanswered) == "REQUIRES_MORE"


def test_the_right_answer_after_a_wrong_one(server: RunningServer) -> None:
    """It is taken as if nothing had been there before."""
    session, _ = challenged(server)
    address = f"/sandbox/challenges/{session}"
    assert server.client.post(address, json={"result": "maybe"}).status_code == 422
    assert server.client.post(address, json={"result": "approve"}).status_code == 200
    assert authorize(server, session)["__typename"] == "Payment"


def test_an_answer_behind_a_byte_order_mark(server: RunningServer) -> None:
    """The mark is skipped."""
    session, _ = challenged(server)
    response = server.client.post(
        f"/sandbox/challenges/{session}",
        content=b'\xef\xbb\xbf{"result": "approve"}',
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 200, response.text


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


@pytest.fixture(scope="module")
def settled(server: RunningServer) -> Json:
    """Return a payment of which nothing is pending."""
    return pay(server)


@pytest.mark.parametrize("case", WRONG_REPORTS)
def test_a_wrong_report(server: RunningServer, settled: Json, case: str) -> None:
    """A report that settles nothing is refused and moves nothing."""
    id, body, status = WRONG_REPORTS[case]
    session = id or settled["paymentSession"]["id"]
    with unmoved(server, settled["paymentCollection"]["id"]):
        answer = server.client.post(f"/sandbox/reports/{session}", json=body)
    assert answer.status_code == status, answer.text
