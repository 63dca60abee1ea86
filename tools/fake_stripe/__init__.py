"""A server that speaks Stripe's API as far as this project uses it, for tests and for building front ends.

Run as a process of its own: `python -m tools.fake_stripe`. It keeps what it did in a file, holds every request to the
parameters of Stripe's own SDK, and does what a test tells it at `/_control`.
"""
