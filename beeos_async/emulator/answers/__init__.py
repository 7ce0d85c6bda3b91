"""What the pretend cloud answers: one file for each group, one function for each row."""

from . import catalog, files, instances

__all__ = ["catalog", "files", "instances"]
