"""What the pretend cloud answers: one file for each group, one function for each row."""

from . import agents, catalog, conversations, files, instances, runtime, tasks

__all__ = ["agents", "catalog", "conversations", "files", "instances", "runtime", "tasks"]
