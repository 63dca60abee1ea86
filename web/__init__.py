"""Pages for people: GraphiQL, health and metrics."""
