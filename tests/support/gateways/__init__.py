"""The peers of a server: the sandbox gateway as a process of its own, proxies, and receivers of webhooks."""
