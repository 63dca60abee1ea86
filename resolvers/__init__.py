"""GraphQL in, the flow or reads, GraphQL out."""
