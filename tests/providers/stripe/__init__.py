"""Stripe, through the API, against a server of our own that speaks Stripe's."""
