"""The actions of a shop, and how a test looks at their results."""
