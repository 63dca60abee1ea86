"""Pages: GraphiQL, and what people look at."""
