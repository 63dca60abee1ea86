"""The domain's ports: providers, a store, and reads."""
