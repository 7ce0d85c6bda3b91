"""What the pretend cloud answers: one file for each group, one function for each row."""

from . import catalog, computer, instances, mobile

__all__ = ["catalog", "computer", "instances", "mobile"]
