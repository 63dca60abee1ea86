// Sends operations of the generated client; what comes back has the operation's own type.
import { createClient } from "graphql-ws";

import type { TypedDocumentString } from "./tillgraph/graphql.js";

const [url = "http://127.0.0.1:8000", key = ""] = process.argv.slice(2);
const authorization = `Bearer ${key}`;

export async function send<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Result; errors?: { message: string }[] };
  if (errors) throw new Error(errors.map(({ message }) => message).join(" "));
  return data;
}

export async function* follow<Result, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result, void> {
  const socket = createClient({ url: `${url.replace("http", "ws")}/graphql`, connectionParams: { authorization } });
  for await (const { data } of socket.iterate<Result>({ query: document.toString(), variables })) {
    if (data) yield data;
  }
}
