"""The long shows behind the figures that the project publishes; each is a command of minutes, none is a test."""
