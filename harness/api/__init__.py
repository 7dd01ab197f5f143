"""The API of Python: what five-line scripts call, the same that the command line does."""
