"""The README's first payment, which is the first thing that a newcomer does."""

import re
import subprocess
from dataclasses import dataclass

import orjson
import pytest

from tests.support.program.running import ROOT, RunningServer, document

pytestmark = pytest.mark.once

ADDRESS = "http://127.0.0.1:8000"
GAP = "…"
"""Stands in a shown answer for what is left out of it."""

COMMAND = re.compile(r"^gql (\S+) '(.+)'$", re.MULTILINE)
ID_OF = re.compile(r"'\$\(id_of (\w+)\)'")


@dataclass(frozen=True)
class FirstPayment:
    """The section of the README: what is pasted into a shell, and the answers below it."""

    script: str
    answers: list[str]


@pytest.fixture
def first_payment() -> FirstPayment:
    """Return the section's commands and answers."""
    section = (ROOT / "README.md").read_text().partition("## A first payment")[2]
    found = re.search(r"```sh\n(.+?)```.+?```json\n(.+?)```", section, re.DOTALL)
    assert found is not None
    return FirstPayment(found[1], found[2].splitlines())


def assert_shown(answers: list[str], shown: list[str]) -> None:
    """Compare answers with those that the README shows, whatever is in their gaps."""
    for answer, pattern in zip(answers, shown, strict=True):
        assert re.fullmatch(re.escape(pattern).replace(GAP, ".+"), answer), answer


def test_each_document_answers_as_shown(
    open_server: RunningServer, first_payment: FirstPayment
) -> None:
    """The commands' documents, sent in their order with the ids of the answers before them, answer as shown."""
    answers = [""]
    for name, variables in COMMAND.findall(first_payment.script):

        def id_of(kind: re.Match[str], answer: str = answers[-1]) -> str:
            found = re.search(rf"{kind[1]}_[0-9A-Z]{{26}}", answer)
            assert found is not None
            return found[0]

        sent = {"query": document(name), "variables": orjson.loads(ID_OF.sub(id_of, variables))}
        answered = open_server.client.post("/graphql", json=sent)
        answers.append(answered.text)
    assert_shown(answers[1:], first_payment.answers)


@pytest.mark.long
def test_the_commands_print_the_answers_in_a_shell(
    open_server: RunningServer, first_payment: FirstPayment
) -> None:
    """Pasted into a shell, which needs curl, the commands print what stands below them."""
    script = first_payment.script.replace(ADDRESS, open_server.url)
    printed = subprocess.run(
        ["/bin/sh", "-eu"], input=script, text=True, cwd=ROOT, capture_output=True, check=True
    )
    assert_shown(printed.stdout.splitlines(), first_payment.answers)
