"""The version of this library, said once."""

__version__ = "1.0.0rc1"
"""The version, as `pip` compares it."""
