"""Statistics: what may be said from a few seeds."""
