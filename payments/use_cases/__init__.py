"""What a caller can do, one noun a file."""
