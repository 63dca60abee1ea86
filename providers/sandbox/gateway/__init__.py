"""The gateway: another program, which knows nothing of the server but where its reports go."""
