import { ToolbarButton } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { getOperationAST } from "graphql";
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

function authorizationOf(headers) {
  const entry = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
  return entry?.[1];
}

// One socket for each credential: connection_init carries it, and can't be changed later.
const clients = new Map();

function socketFor(authorization) {
  if (!clients.has(authorization)) {
    const url = new URL(ENDPOINT);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const connectionParams = authorization ? { authorization } : {};
    clients.set(authorization, createClient({ url: url.href, connectionParams, lazy: true }));
  }
  return clients.get(authorization);
}

async function fetcher(request, { documentAST, headers } = {}) {
  const operation = documentAST && getOperationAST(documentAST, request.operationName);
  if (operation?.operation === "subscription") {
    return socketFor(authorizationOf(headers)).iterate(request);
  }
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

function tabOf({ title, query, variables }) {
  return { title, query, variables, headers: null };
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

function startAgain() {
  localStorage.removeItem(TABS_KEY);
  location.reload();
}

function Page({ tabs }) {
  return (
    <GraphiQL
      fetcher={fetcher}
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
