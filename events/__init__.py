"""The log going out to subscribers, and providers' reports coming in."""
