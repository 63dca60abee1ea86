"""The README's first query, which is the first that a newcomer does."""

import re

import orjson
import pytest

from tests.support.running import ROOT, RunningServer

pytestmark = pytest.mark.once


def test_the_first_query_answers_as_shown(open_server: RunningServer) -> None:
    """What curl sends, without its line breaks, has the answer that stands below it."""
    section = (ROOT / "README.md").read_text().partition("## A first query")[2]
    (body, answer) = re.findall(r"<<'END'\n(.+?)END\n```\n\n```json\n(.+?)```", section, re.DOTALL)[
        0
    ]
    headers = {"content-type": "application/json"}
    sent = body.replace("\n", "").encode()
    response = open_server.client.post("/graphql", content=sent, headers=headers)
    assert response.json() == orjson.loads(answer)
