"""Folders of trusted documents: which are refused.

tests/api/access/test_trusted_documents.py shows that start-up ends so.
"""

import hashlib
from pathlib import Path

import orjson
import pytest

from app.graphql import list_documents
from app.settings import Settings
from edge.documents.trusted_documents import DocumentUnusable
from tests.support.callers.manifests import apollos_manifest, codegens_manifest, sha256

pytestmark = pytest.mark.usefixtures("alone")

VALID = "query A { __typename }"
WRONG: dict[str, tuple[str, bytes, str]] = {
    "a syntax error": (
        "a.graphql",
        b"query A {",
        "Syntax Error: Expected Name, found <EOF> (line 1)",
    ),
    "an empty file": ("a.graphql", b"", "Syntax Error: Unexpected <EOF>"),
    "an unknown field": (
        "a.graphql",
        b"query A {\n  zzz\n}",
        "Cannot query field 'zzz' on type 'Query' (line 2)",
    ),
    "fragments alone": (
        "a.graphql",
        b"fragment F on Query { __typename }",
        "Fragment 'F' is never used",
    ),
    "a fragment of another file": ("a.graphql", b"{ ...F }", "Unknown fragment 'F'"),
    "too many aliases": (
        "a.graphql",
        ("{ " + " ".join(f"a{n}: __typename" for n in range(16)) + " }").encode(),
        "The operation has more than 15 aliases",
    ),
    "another encoding": ("a.graphql", VALID.encode("utf-16"), "it is not UTF-8"),
    "a manifest with other hashes": (
        "a.json",
        orjson.dumps({hashlib.md5(VALID.encode(), usedforsecurity=False).hexdigest(): VALID}),
        "is not the SHA-256 of its document",
    ),
    "a manifest with a changed text": (
        "a.json",
        orjson.dumps({sha256(VALID): VALID + " "}),
        "is not the SHA-256 of its document",
    ),
    "Apollo's manifest with another id": (
        "a.json",
        apollos_manifest(VALID).replace(sha256(VALID)[:8].encode(), b"00000000"),
        "is not the SHA-256 of its document",
    ),
    "Apollo's manifest of another version": (
        "a.json",
        apollos_manifest(VALID).replace(b'"version":1', b'"version":2'),
        "it is no manifest of documents",
    ),
    "a manifest with an invalid document": (
        "a.json",
        codegens_manifest("query A { zzz }"),
        "Cannot query field 'zzz' on type 'Query' (line 1)",
    ),
    "JSON that is no manifest": (
        "a.json",
        b'{"name": "front-end", "version": 1}',
        "it is no manifest",
    ),
    "a byte order mark": (
        "a.graphql",
        b"\xef\xbb\xbfquery A { __typename }",
        "it begins with a byte order mark",
    ),
    "no JSON": ("a.json", b"{", "it is no manifest of documents"),
    "a list": ("a.json", b"[]", "it is no manifest of documents"),
    "nothing but other files": ("README.md", b"", "it holds no document"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_document_that_can_not_be_run_is_told(tmp_path: Path, kind: str) -> None:
    """One sentence that names the file and what is wrong with it."""
    name, content, reason = WRONG[kind]
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / name).write_bytes(content)
    with pytest.raises(DocumentUnusable) as refusal:
        list(list_documents(Settings(documents=tmp_path)))
    (line,) = str(refusal.value).splitlines()
    assert line.startswith("TILLGRAPH_DOCUMENTS: ")
    assert reason in line
    assert line.endswith(".")
    assert f"inner/{name}: " in line or name == "README.md"


def test_every_entry_of_every_file_is_listed(tmp_path: Path) -> None:
    """Several operations of a document stand together, one without a name is a dash, a manifest has a line for each."""
    several = "query A { __typename } mutation B { __typename }"
    nameless, generated = "{ __typename }", "query C { __typename }"
    windows = f"{nameless}\r\n"
    (tmp_path / "a.graphql").write_text(several)
    (tmp_path / "b.graphql").write_bytes(windows.encode())
    (tmp_path / "c.json").write_bytes(codegens_manifest(nameless, generated))
    (tmp_path / "d.json").write_bytes(orjson.dumps({sha256(generated): generated}))
    assert list(list_documents(Settings(documents=tmp_path))) == [
        f"{sha256(several)}  A,B  a.graphql",
        f"{sha256(windows)}  -    b.graphql",
        f"{sha256(nameless)}  -    c.json",
        f"{sha256(generated)}  C    c.json",
        f"{sha256(generated)}  C    d.json",
    ]
