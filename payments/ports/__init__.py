"""What the domain needs from outside: providers, a store, and reads."""
