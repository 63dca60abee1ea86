"""The long proofs of the figures that the project publishes; each is a command of minutes, none is a test."""
