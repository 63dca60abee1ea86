"""Rate limits: who is counted, where, and how much each may send."""
