"""The fleet engine: many ids, one outcome each."""
