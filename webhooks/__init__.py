"""Outgoing webhooks: their endpoints and their deliveries."""
