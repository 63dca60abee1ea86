"""The domain's values: no input or output, and nothing that waits."""
