"""The mutations, one noun a file, each with its parser."""
