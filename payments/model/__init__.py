"""The domain's values: no input, no output, nothing asynchronous."""
