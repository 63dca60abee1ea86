"""What runs without a caller: unfinished work, providers' reports, and comparisons."""
