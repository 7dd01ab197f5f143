"""The made-up leaderboard."""

from documents import document, make, small

__all__ = ["document", "make", "small"]
