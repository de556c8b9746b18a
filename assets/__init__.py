"""What exists, and from what: every asset and its checks."""
