"""Webhooks that go out: which endpoints there are, and what is delivered to them."""
