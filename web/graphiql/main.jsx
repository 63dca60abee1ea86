import { ToolbarButton } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { Kind, parse } from "graphql";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import "./page.css";

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    const name = { json: "json.worker", graphql: "graphql.worker" }[label] ?? "editor.worker";
    return new Worker(new URL(WORKER_FILES[name], import.meta.url));
  },
};

const ENDPOINT = new URL("/graphql", location.href);
const EXAMPLES = "/graphql/examples";
const TABS_KEY = "graphiql:tabState";

// The variables editor marks objects and lists as wrong in a scalar that it does not know.
const SCALARS = { JSON: { type: ["object", "array", "string", "number", "boolean"] } };

// The history would keep the headers editor's text, secret keys with it, even where persisting headers is off.
const HISTORY_KEYS = ["graphiql:queries", "graphiql:favorites"];

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history), (name, value) => (name === "headers" ? undefined : value));
}

// GraphiQL writes its tabs some time after they have changed: what it writes while the page is left for fresh ones
// would bring the old ones back.
let isLeaving = false;

const storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem(key, value) {
    if (!isLeaving) localStorage.setItem(key, HISTORY_KEYS.includes(key) ? withoutHeaders(value) : value);
  },
  removeItem: (key) => localStorage.removeItem(key),
  get length() {
    return localStorage.length;
  },
  clear() {
    for (const key of Object.keys(localStorage)) if (key.startsWith("graphiql:")) localStorage.removeItem(key);
  },
};

function authorizationOf(headers) {
  const entry = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
  return entry?.[1];
}

// One client for each credential: connection_init carries it, and can't be changed later.
const clients = new Map();

function clientFor(authorization) {
  if (!clients.has(authorization)) {
    const url = new URL(ENDPOINT);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const connectionParams = authorization ? { authorization } : {};
    // A socket that closes ends the stream here: a silent second try would show the snapshot again as if it were news.
    clients.set(authorization, createClient({ url: url.href, connectionParams, lazy: true, retryAttempts: 0 }));
  }
  return clients.get(authorization);
}

// GraphiQL shows only an error's own fields, and a CloseEvent has none but isTrusted.
function readable(error) {
  if (!(error instanceof CloseEvent)) return error;
  return { message: `The server closed the socket: ${error.code} ${error.reason}`.trim() };
}

function streamOf(request, authorization) {
  return {
    subscribe({ next, error, complete }) {
      const stop = clientFor(authorization).subscribe(request, {
        next,
        error: (reason) => error(readable(reason)),
        complete,
      });
      return { unsubscribe: stop };
    },
  };
}

// GraphiQL's own documentAST and operationName lag behind the editor: just after a change of tabs they are the last tab's.
function operationOf({ query, operationName }) {
  let definitions;
  try {
    ({ definitions } = parse(query));
  } catch {
    return undefined; // The server says what is wrong with it.
  }
  const operations = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operations.length === 1) return operations[0];
  return operations.find(({ name }) => name?.value === operationName);
}

async function fetcher(asked, { headers } = {}) {
  const operation = operationOf(asked);
  const request = { ...asked, operationName: operation ? operation.name?.value : asked.operationName };
  if (operation?.operation === "subscription") return streamOf(request, authorizationOf(headers));
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(request),
  });
  return response.json();
}

function tabOf({ title, query, variables, headers = null }) {
  return { title, query, variables, headers };
}

async function freshTabs() {
  try {
    const response = await fetch(EXAMPLES, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    if (response.ok) return (await response.json()).map(tabOf);
  } catch {
    // The page still works with the tabs that came with it; their variables name what to put in.
  }
  return JSON.parse(document.getElementById("tillgraph-tabs").textContent).map(tabOf);
}

// GraphiQL opens a further tab for a stored query that is in none of the stored tabs.
const TAB_KEYS = [TABS_KEY, "graphiql:query", "graphiql:variables", "graphiql:headers"];

function startAgain() {
  isLeaving = true;
  for (const key of TAB_KEYS) localStorage.removeItem(key);
  location.reload();
}

function Page({ tabs }) {
  return (
    <GraphiQL
      fetcher={fetcher}
      customScalarSchemas={SCALARS}
      storage={storage}
      defaultTabs={tabs}
      initialQuery={tabs?.[0].query}
      initialVariables={tabs?.[0].variables}
      defaultEditorToolsVisibility="variables"
      isHeadersEditorEnabled
      showPersistHeadersSettings
    >
      <GraphiQL.Logo>
        <span className="tillgraph-logo">Tillgraph</span>
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, copy, merge }) => (
          <>
            {prettify}
            {merge}
            {copy}
            <ToolbarButton label="Fresh examples: open the tabs again, with new objects" onClick={startAgain}>
              <svg viewBox="0 0 24 24" className="graphiql-toolbar-icon" aria-hidden="true">
                <path
                  d="M20 12a8 8 0 1 1-2.6-5.9M20 3v4h-4"
                  fill="none"
                  stroke="currentColor"
                  strokeWidth="2"
                  strokeLinecap="round"
                  strokeLinejoin="round"
                />
              </svg>
            </ToolbarButton>
          </>
        )}
      </GraphiQL.Toolbar>
    </GraphiQL>
  );
}

const isFirstVisit = localStorage.getItem(TABS_KEY) === null;
const tabs = isFirstVisit ? await freshTabs() : undefined;
createRoot(document.getElementById("graphiql")).render(<Page tabs={tabs} />);
