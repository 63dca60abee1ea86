"""The gateway: a separate program, which knows nothing of the server except where its reports go."""
