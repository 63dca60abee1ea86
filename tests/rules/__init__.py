"""Every payment rule that can be seen through the API."""
