"""The documents on webhooks, run as they are where an endpoint is told."""

import pytest

from tests.api.test_documents import EXAMPLES, SUCCESS, examples_of, root_field
from tests.support.flow.registering import ended, register
from tests.support.flow.shop import open_collection
from tests.support.gateways.receiver import Receiver
from tests.support.program.running import Json, RunningServer, document

pytestmark = pytest.mark.once
"""Other files test what each document does to the database."""

NAMES = [name for name in EXAMPLES if "webhook" in name]


@pytest.fixture
def endpoint(telling: RunningServer, receiver: Receiver) -> Json:
    """Return an endpoint that has been told of something."""
    made = register(telling, receiver.url)
    open_collection(telling)
    ended(telling, made, 1)
    return made


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_as_it_is(telling: RunningServer, name: str) -> None:
    """With the variables that the server fills in it answers with its success member, and so does the complete one."""
    kind, field_name = root_field(name)
    variables = examples_of(telling)[document(name)]
    if kind == "query":
        assert telling.execute(document(name), variables)[field_name]
        return
    complete = telling.change(field_name, variables["input"])
    assert complete["__typename"] == SUCCESS[field_name], complete
    if field_name != "deleteWebhookEndpoint":
        again = telling.execute(document(name), variables)[field_name]
        assert again["__typename"] == SUCCESS[field_name]


def test_without_an_endpoint_an_example_names_none(telling: RunningServer) -> None:
    """Making one for it would have everything told to it from then on."""
    variables = examples_of(telling)
    assert variables[document("back_end/36_show_webhook_deliveries")]["id"] == "none"
    assert variables[document("back_end/37_redeliver_webhook")] == {"input": {"id": "none"}}
