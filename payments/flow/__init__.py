"""The steps that every change of money goes through: prepare, ask, record."""
