"""The domain: money, statuses, the flow and its recovery. No GraphQL, no HTTP, no SQL."""
