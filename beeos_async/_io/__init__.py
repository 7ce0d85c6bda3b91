"""The wire: carries any endpoint and knows none.

One call walks through it like this, and back the same way:

1. `caller.py`: `Caller.call` builds the request and makes attempts until there is an answer, or
   none is to be had; `_pass` and `gate.py` give each its turn; `_send` times it, and reads
   what came back with `_protocol/wire.py`.
2. `lease.py`: `LeasedTransport.send` takes an idle connection or makes one (`tls.py`), and puts
   the words together.  Where none can be leased, `transport.py` goes through the session.
3. `line.py`: `Line.ask` has them written, which `later.py` does for many at once; `buffer_updated`
   reads the plain answer (`_protocol/head.py`), or hands it to aiohttp's parser.

A fleet's workers (`fleet/engine.py`) enter at `Caller.run`.
"""
