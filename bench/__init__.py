"""What it costs, as ratios within one run."""
