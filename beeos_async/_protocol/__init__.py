"""The protocol: what to send, what an answer means, whether to send again.

No I/O, no clock, no chance: the same input gives the same output.
"""
