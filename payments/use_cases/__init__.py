"""The actions of callers, one noun a file."""
