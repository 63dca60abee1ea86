"""Runs the program for tests: servers, commands, and what they need of the machine."""
