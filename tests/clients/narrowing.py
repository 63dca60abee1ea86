"""Writes a program that narrows every union of every document, in TypeScript and in Python.

Each narrows to one member after the other, reads there all that is selected of it, and ends where a type checker sees
that none is left. It also reads something of another member, which the checker has to refuse: else nothing is narrowed.
"""

import re
from collections.abc import Iterable, Iterator

from tests.clients.unions import Step, Union

TYPESCRIPT_HEAD = """import { tillgraph } from "./send.js";
import type * as types from "./tillgraph/graphql.js";
import * as documents from "./tillgraph/graphql.js";

const [url = "", key = "", given = "[]"] = process.argv.slice(2);
const { send } = tillgraph({ url, authorization: `Bearer ${key}` });

function none(left: never): never {
  throw new Error(`Nothing is left: ${JSON.stringify(left)}`);
}

interface Failure {
  code: types.FailureCode;
  message: string;
  path: string[] | null;
  retryable: boolean;
  requestId: string;
}
"""

TYPESCRIPT_FOOT = """
for (const [operation, input] of JSON.parse(given) as [string, any][]) {
  const failure = await refused[operation]?.(input);
  const { code, retryable, message, requestId } = failure ?? none(operation as never);
  console.log(JSON.stringify([operation, code, retryable, message, requestId]));
}
"""


def typescript(unions: Iterable[Union]) -> str:
    """Write the program in TypeScript; run with inputs that are refused, it prints how each failure reads."""
    unions = list(unions)
    results = [union for union in unions if union.is_result]
    lines = [TYPESCRIPT_HEAD]
    lines += [line for union in unions for line in _narrowed_in_typescript(union)]
    lines += [line for union in results for line in _refused_in_typescript(union)]
    table = ", ".join(f"{one.operation}: {one.operation}_refused" for one in results)
    lines += [f"const refused: Record<string, (input: any) => Promise<Failure>> = {{ {table} }};"]
    return "\n".join([*lines, TYPESCRIPT_FOOT])


def _narrowed_in_typescript(union: Union) -> Iterator[str]:
    yield f"export function {union.name}(result: {_type_of(union)}): unknown[] {{"
    yield "  switch (result.__typename) {"
    for member, keys in union.members.items():
        yield f'    case "{member}":'
        other = union.another(member)
        if other is not None:
            yield "      // @ts-expect-error: it is not this member's."
            yield f"      void result.{other};"
        yield f"      return [{', '.join(f'result.{key}' for key in keys)}];"
    yield "    default:"
    yield "      return none(result);"
    yield "  }"
    yield "}"


def _refused_in_typescript(union: Union) -> Iterator[str]:
    """Leave the failures to the end: that is how a program reads those that are added later."""
    yield f"async function {union.operation}_refused(input: any): Promise<Failure> {{"
    yield f"  const answer = await send(documents.{union.operation}Document, {{ input }});"
    yield f"  const result = answer.{union.steps[0].key};"
    yield "  switch (result.__typename) {"
    yield from (f'    case "{one}":' for one in union.members if one not in union.failures)
    yield "      throw new Error(result.__typename);"
    yield "    default:"
    yield "      return result;"
    yield "  }"
    yield "}"


def _type_of(union: Union) -> str:
    found = f"types.{union.operation}{union.kind}"
    for step in union.steps:
        found = f'NonNullable<{found}["{step.key}"]>'
        if step.is_list:
            found = f"{found}[number]"
        if step.member is not None:
            found = f'Extract<{found}, {{ __typename: "{step.member}" }}>'
    return found


PYTHON_HEAD = '''"""Narrows every union of every document."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, assert_never

from tillgraph import Client, enums, input_types
'''

PYTHON_FAILURE = '''

class Failure(Protocol):
    """What every failing member has."""

    code: enums.FailureCode
    message: str
    path: list[str] | None
    retryable: bool
    request_id: str
'''

PYTHON_FOOT = '''

async def main(url: str, key: str, given: str) -> None:
    """Send what is refused, and print how each failure reads."""
    async with Client(url=f"{url}/graphql", headers={"authorization": f"Bearer {key}"}) as till:
        for operation, input in json.loads(given):
            failure = await REFUSED[operation](till, input)
            read = [failure.code.value, failure.retryable, failure.message, failure.request_id]
            print(json.dumps([operation, *read]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
'''


def python(unions: Iterable[Union]) -> str:
    """Write the program in Python; run with inputs that are refused, it prints how each failure reads."""
    unions = list(unions)
    modules = sorted({_snake(union.operation) for union in unions})
    results = [union for union in unions if union.is_result]
    lines = [PYTHON_HEAD, f"from tillgraph import {', '.join(modules)}", PYTHON_FAILURE]
    lines += [line for union in unions for line in _narrowed_in_python(union)]
    lines += [line for union in results for line in _refused_in_python(union)]
    lines += ["REFUSED: dict[str, Callable[[Client, Any], Awaitable[Failure]]] = {"]
    lines += [f'    "{one.operation}": {one.operation}_refused,' for one in results]
    return "\n".join([*lines, "}", PYTHON_FOOT])


def _narrowed_in_python(union: Union) -> Iterator[str]:
    *outer, own = union.steps
    parent = f"{_snake(union.operation)}.{union.operation}{_class_of(outer)}"
    prefix = f"{_snake(union.operation)}.{union.operation}{_class_of(union.steps)}"
    yield f"def {union.name}(parent: {parent}) -> list[object]:"
    yield f"    result = parent.{_attribute(own.key)}"
    if union.is_nullable:
        yield "    if result is None:"
        yield "        return []"
    for member, keys in union.members.items():
        yield f"    if isinstance(result, {prefix}{member}):"
        other = union.another(member)
        if other is not None:
            yield f"        result.{_attribute(other)}  # type: ignore[attr-defined]"
        yield f"        return [{', '.join(f'result.{_attribute(key)}' for key in keys)}]"
    yield f"    if isinstance(result, {prefix}Further{union.interface}):"
    yield "        return [result.typename__]"
    yield "    assert_never(result)"
    yield ""


def _refused_in_python(union: Union) -> Iterator[str]:
    """Leave the failures to the end: that is how a program reads those that are added later."""
    prefix = f"{_snake(union.operation)}.{union.operation}{_class_of(union.steps)}"
    (input,) = union.variables
    succeeding = [f"{prefix}{one}" for one in union.members if one not in union.failures]
    yield f"async def {union.operation}_refused(till: Client, given: Any) -> Failure:"
    yield f"    answer = await till.{_snake(union.operation)}(input_types.{input.rstrip('!')}(**given))"
    yield f"    match answer.{_attribute(union.steps[0].key)}:"
    yield f"        case {' | '.join(f'{one}()' for one in succeeding)} as done:"
    yield "            raise RuntimeError(done.typename__)"
    yield "        case failure:"
    yield "            return failure"
    yield ""


def _class_of(steps: Iterable[Step]) -> str:
    return "".join(f"{step.key[0].upper()}{step.key[1:]}{step.member or ''}" for step in steps)


def _attribute(key: str) -> str:
    return {"type": "type_"}.get(key, _snake(key))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
