"""Work without a caller: unfinished operations, providers' reports, and comparisons."""
