"""The gateways: each module turns one gateway's facts into the domain's outcomes."""
