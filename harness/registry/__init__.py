"""The registry: which components are installed, from which plugin, and where each comes from."""
