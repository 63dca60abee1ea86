"""A server that speaks Stripe's API as far as this project uses it, for tests and for building front ends.

Run as a process of its own: `python -m tools.fake_stripe`. It keeps its state in a file, checks every request
against the parameters of Stripe's own SDK, and obeys tests at `/_control`.
"""
