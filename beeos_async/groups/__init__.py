"""The groups of the API: one class each, one short typed method for each endpoint.

A group says what is asked; how it is asked is the caller's business.
"""
