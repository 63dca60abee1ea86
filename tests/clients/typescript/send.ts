// Sends operations of the generated client, in a browser and in Node; what comes back has the operation's own type.
import { createClient } from "graphql-ws";

import type { TypedDocumentString } from "./tillgraph/graphql.js";

export interface Options {
  /** Where the server is, such as https://pay.example, without a slash at its end. */
  url: string;
  /** "Bearer " and a collection's client secret; on a back end a secret key. */
  authorization: string;
}

export function tillgraph({ url, authorization }: Options) {
  async function send<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body: JSON.stringify({ ...named(document), variables }),
    });
    const { data, errors } = (await response.json()) as { data: Result; errors?: { message: string }[] };
    if (errors) throw new Error(errors.map(({ message }) => message).join(" "), { cause: { status: response.status, errors } });
    return data;
  }

  async function* follow<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): AsyncGenerator<Result, void> {
    const socket = createClient({ url: `${url.replace("http", "ws")}/graphql`, connectionParams: { authorization } });
    // graphql-ws demands a text; an empty one beside a hash counts as left out.
    for await (const { data } of socket.iterate<Result>({ query: "", ...named(document), variables })) {
      if (data) yield data;
    }
  }

  return { send, follow };
}

// The hash is of the text in persisted-documents.json, which is not the text that the document carries: one or the other.
function named<Result, Variables>(document: TypedDocumentString<Result, Variables>) {
  const sha256Hash = document.__meta__?.["hash"] as string | undefined;
  if (sha256Hash === undefined) return { query: document.toString() };
  return { extensions: { persistedQuery: { version: 1, sha256Hash } } };
}
