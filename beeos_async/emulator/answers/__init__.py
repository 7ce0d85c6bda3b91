"""What the pretend cloud answers: one file for each group, one function for each row."""

from . import (
    agents,
    catalog,
    computer,
    conversations,
    files,
    instances,
    mobile,
    runtime,
    tasks,
)

__all__ = [
    "agents",
    "catalog",
    "computer",
    "conversations",
    "files",
    "instances",
    "mobile",
    "runtime",
    "tasks",
]
