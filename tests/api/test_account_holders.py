"""Customers at the sandbox, what it keeps for them, and what pays with that, off session too."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.support.flow.looking import answer_page
from tests.support.flow.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_holder,
    open_session,
    save_method,
)
from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import until


def methods_of(server: RunningServer, holder: Json) -> list[Json]:
    """Read what is kept for a holder."""
    found = server.run("back_end/20_show_account_holder", id=holder["id"])
    return list(found["paymentMethods"])


def saved(server: RunningServer, holder: Json) -> Json:
    """Save a card; return the payment method."""
    method = save_method(server, holder["id"])
    assert method["__typename"] == "PaymentMethod", method
    return method


def test_one_holder_for_each_customer_and_provider(open_server: RunningServer) -> None:
    """Twenty calls at the same time make one, which later ones answer with."""
    customer = f"customer-{new_key()}"
    with ThreadPoolExecutor(20) as pool:
        made = list(
            pool.map(lambda _: open_holder(open_server, customerReference=customer), range(20))
        )
    assert len({one["id"] for one in made}) == 1
    found = open_server.run("back_end/21_list_account_holders", customerReference=customer)
    assert [one["id"] for one in found] == [made[0]["id"]]


def test_a_holder_changes_and_goes(open_server: RunningServer) -> None:
    """An omitted field stays, null empties one, and deleting a holder deletes its saved methods too."""
    holder = open_holder(open_server, email="ada@example.com", name="Ada")
    method = saved(open_server, holder)
    changed = open_server.change("updateAccountHolder", {"id": holder["id"], "email": None})
    assert (changed["email"], changed["name"]) == (None, "Ada")
    collection = open_collection(open_server, accountHolderIds=[holder["id"]])
    deleted = open_server.change("deleteAccountHolder", {"id": holder["id"]})
    assert deleted["__typename"] == "Deleted"
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert open_server.execute(node, {"id": holder["id"]}) == {"node": None}
    assert open_server.execute(node, {"id": method["id"]}) == {"node": None}
    left = "query ($id: ID!) { paymentCollection(id: $id) { accountHolders { id } } }"
    found = open_server.execute(left, {"id": collection["id"]})
    assert found == {"paymentCollection": {"accountHolders": []}}


def test_a_card_is_kept_and_pays(open_server: RunningServer) -> None:
    """It belongs to its holder; it pays without a token, and is captured."""
    holder = open_holder(open_server)
    method = saved(open_server, holder)
    assert [one["details"]["label"] for one in methods_of(open_server, holder)] == [
        "Sandbox card ending in 4242"
    ]
    collection = open_collection(open_server, accountHolderIds=[holder["id"]])
    session = open_session(open_server, collection["id"], accountHolderId=holder["id"])
    payment = authorize(open_server, session["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment", payment
    assert capture(open_server, payment["id"])["status"] == "CAPTURED"


def test_a_browser_pays_with_its_collections_methods(keyed_server: RunningServer) -> None:
    """With the collection's client secret; the method of another customer does not exist for it."""
    holder, stranger = open_holder(keyed_server), open_holder(keyed_server)
    method, other = saved(keyed_server, holder), saved(keyed_server, stranger)
    collection = open_collection(keyed_server, accountHolderIds=[holder["id"]])
    session = open_session(keyed_server, collection["id"])
    secret = collection["clientSecret"]
    values = {"id": session["id"], "paymentMethodId": other["id"]}
    refused = keyed_server.change("authorizePaymentSession", values, bearer=secret)
    values["paymentMethodId"] = "paymtd_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    missing = keyed_server.change("authorizePaymentSession", values, bearer=secret)
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["paymentMethodId"])
    assert refused["message"] == missing["message"]
    values["paymentMethodId"] = method["id"]
    payment = keyed_server.change("authorizePaymentSession", values, bearer=secret)
    assert payment["__typename"] == "Payment"


def test_paying_may_ask_for_the_customer(open_server: RunningServer) -> None:
    """The session's token decides for a saved method too: RequiresMoreAction, answered on its page."""
    holder = open_holder(open_server)
    method = saved(open_server, holder)
    collection = open_collection(open_server, accountHolderIds=[holder["id"]])
    session = open_session(open_server, collection["id"], "challenge")
    answer = authorize(open_server, session["id"], paymentMethodId=method["id"])
    assert answer["__typename"] == "RequiresMoreAction"
    answer_page(open_server, answer["action"]["url"], "approve")
    assert authorize(open_server, session["id"])["__typename"] == "Payment"


@pytest.mark.parametrize(("result", "count"), [("approve", 1), ("fail", 0)])
def test_saving_may_ask_for_the_customer(
    open_server: RunningServer, result: str, count: int
) -> None:
    """The token challenge answers SaveRequiresAction with a page; setupId goes on after its answer."""
    holder = open_holder(open_server)
    answer = save_method(open_server, holder["id"], {"token": "challenge"})
    assert answer["__typename"] == "SaveRequiresAction"
    setup_id, url = answer["setupId"], answer["action"]["url"]
    waiting = save_method(open_server, holder["id"], setupId=setup_id)
    assert waiting["__typename"] == "SaveRequiresAction"
    page = open_server.client.get(url)
    assert (page.status_code, "keep your card" in page.text) == (200, True)
    answer_page(open_server, url, result)
    assert open_server.client.get(url).status_code == 409
    ended = save_method(open_server, holder["id"], setupId=setup_id)
    if count:
        assert ended["__typename"] == "PaymentMethod"
    else:
        assert ended["code"] == "ACTION_FAILED"
    assert len(methods_of(open_server, holder)) == count


def test_a_challenge_of_a_saving_needs_its_key(open_server: RunningServer) -> None:
    """A wrong key and an unknown saving look the same."""
    holder = open_holder(open_server)
    answer = save_method(open_server, holder["id"], {"token": "challenge"})
    url, _, key = answer["action"]["url"].partition("?key=")
    assert key
    wrong = open_server.client.get(f"{url}?key=wrong")
    address = url.rpartition("/")[0]
    missing = open_server.client.get(f"{address}/setup_01ARZ3NDEKTSV4RRFFQ69G5FAV?key={key}")
    assert (wrong.status_code, missing.status_code) == (404, 404)
    assert wrong.text == missing.text


def test_a_declined_saving_says_so_for_ever(open_server: RunningServer) -> None:
    """With its code; the same key answers the same, and a new one is a new saving."""
    holder, key = open_holder(open_server), new_key()
    token = {"token": "decline:stolen_card"}
    first = save_method(open_server, holder["id"], token, idempotencyKey=key)
    again = save_method(open_server, holder["id"], token, idempotencyKey=key)
    assert (first["code"], again["code"]) == ("DECLINED", "DECLINED")
    assert "stolen_card" in first["message"]
    assert first["message"] == again["message"]
    assert methods_of(open_server, holder) == []


def test_a_lost_reply_saves_once(open_server: RunningServer) -> None:
    """IN_PROGRESS, retryable; the same call again has what was kept, once."""
    holder, key = open_holder(open_server), new_key()
    token = {"token": "lost_reply"}
    first = save_method(open_server, holder["id"], token, idempotencyKey=key)
    assert (first["code"], first["retryable"]) == ("IN_PROGRESS", True)
    again = save_method(open_server, holder["id"], token, idempotencyKey=key)
    assert again["__typename"] == "PaymentMethod"
    assert len(methods_of(open_server, holder)) == 1


def test_an_unavailable_gateway_keeps_nothing(open_server: RunningServer) -> None:
    """PROVIDER_UNAVAILABLE, retryable."""
    holder = open_holder(open_server)
    refused = save_method(open_server, holder["id"], {"token": "unavailable"})
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert methods_of(open_server, holder) == []


SAVE = document("complete/savePaymentMethod")


def taken(response: httpx2.Response) -> Json:
    """Return an answer's data, unless it is 503."""
    return None if response.status_code == 503 else response.json()["data"]


def test_calls_with_one_key_save_once(open_server: RunningServer) -> None:
    """Eight at the same time, slow at the gateway: one payment method."""
    holder, key = open_holder(open_server), new_key()

    def call(_: int) -> Json:
        input = {
            "accountHolderId": holder["id"],
            "data": {"token": "slow:0.2"},
            "idempotencyKey": key,
        }
        # What was not taken, since others were writing, is sent again with its key, as a client does.
        answer = until(lambda: taken(open_server.post(SAVE, {"input": input})))
        return answer["savePaymentMethod"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert {answer["__typename"] for answer in answers} == {"PaymentMethod"}
    assert len({answer["id"] for answer in answers}) == 1


@pytest.mark.once
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("mutation", "given", "code", "path"),
    [
        ("createAccountHolder", {"providerId": "system"}, "PROVIDER_DISABLED", ["providerId"]),
        ("createAccountHolder", {"customerReference": ""}, "INVALID_INPUT", ["customerReference"]),
        ("createAccountHolder", {"email": "ada"}, "INVALID_INPUT", ["email"]),
        ("createAccountHolder", {"idempotencyKey": "é"}, "INVALID_INPUT", ["idempotencyKey"]),
        ("updateAccountHolder", {"id": "acchld_"}, "NOT_FOUND", ["id"]),
        ("deleteAccountHolder", {"id": "acchld_"}, "NOT_FOUND", ["id"]),
        ("deletePaymentMethod", {"id": "paymtd_"}, "NOT_FOUND", ["id"]),
        ("savePaymentMethod", {"accountHolderId": "x"}, "NOT_FOUND", ["accountHolderId"]),
        ("createPaymentCollection", {"accountHolderIds": ["x"]}, "NOT_FOUND", ["accountHolderIds"]),
        (
            "createPaymentCollection",
            {"accountHolderIds": [str(number) for number in range(21)]},
            "INVALID_INPUT",
            ["accountHolderIds"],
        ),
    ],
)
def test_bad_input_changes_nothing(
    open_server: RunningServer, mutation: str, given: Json, code: str, path: list[str]
) -> None:
    """The field is named."""
    whole = {
        "createAccountHolder": {"providerId": "sandbox", "customerReference": "bad"},
        "createPaymentCollection": {"amount": "1.00", "currencyCode": "USD"},
    }.get(mutation, {})
    refused = open_server.change(mutation, {**whole, **given})
    assert (refused["code"], refused["path"]) == (code, path)


@pytest.mark.once
@pytest.mark.parametrize(
    "token", ["auto_capture", "pending", "approve,capture=decline", "challenge,expires=5", "no"]
)
def test_tokens_that_a_saving_does_not_take(open_server: RunningServer, token: str) -> None:
    """INVALID_INPUT at data.token."""
    holder = open_holder(open_server)
    refused = save_method(open_server, holder["id"], {"token": token})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["data", "token"])


def test_a_disabled_provider_keeps_nothing_new(open_server: RunningServer) -> None:
    """No new holder and no new method; what is there can be deleted."""
    holder = open_holder(open_server)
    method = saved(open_server, holder)
    open_server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": False})
    try:
        values = {"providerId": "sandbox", "customerReference": new_key()}
        refused = open_server.change("createAccountHolder", values)
        assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])
        assert save_method(open_server, holder["id"])["code"] == "PROVIDER_DISABLED"
        deleted = open_server.change("deletePaymentMethod", {"id": method["id"]})
        assert deleted["__typename"] == "Deleted"
    finally:
        open_server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": True})
