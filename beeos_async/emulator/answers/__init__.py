"""What the pretend cloud answers: one file for each group, one function for each row."""

from . import catalog, instances

__all__ = ["catalog", "instances"]
