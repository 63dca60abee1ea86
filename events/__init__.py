"""The log going out to subscribers, the reports coming in."""
