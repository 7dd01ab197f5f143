"""Running: plans carried out by worker processes, and what is kept of it."""
