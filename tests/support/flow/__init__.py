"""What a shop does, and what a test looks at afterwards."""
