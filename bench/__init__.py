"""The cost of a payment flow, as ratios within one run."""
