"""Leased lines without sockets, and what is asked and answered on them."""

from __future__ import annotations

import aiohttp
from memory_wire import MemoryConnector, MemoryWire, Script
from yarl import URL

from beeos_async._io.line import Line, Lines

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
QUIET = Script([], "open", ANSWER)
WORDS = b"GET / HTTP/1.1\r\n\r\n"


class Stable:
    """Leases lines, and closes what they came from."""

    def __init__(self) -> None:
        self.connectors: list[MemoryConnector] = []
        self.address = aiohttp.ClientRequest("GET", URL("http://a.example"))

    async def lease(self, lines: Lines, script: Script = QUIET) -> tuple[Line, MemoryWire]:
        connector = MemoryConnector(script)
        self.connectors.append(connector)
        connection = await connector.connect(self.address, [], aiohttp.ClientTimeout())
        assert connection.protocol is not None
        (wire,) = connector.wires
        return Line(lines, connection, connection.protocol, wire), wire

    async def close(self) -> None:
        for connector in self.connectors:
            await connector.close()
