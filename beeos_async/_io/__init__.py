"""The wire: carries any endpoint and knows none."""
