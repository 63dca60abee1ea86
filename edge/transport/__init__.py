"""The connections that carry requests: uvicorn's own, bounded."""
