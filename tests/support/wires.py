"""What lies between a browser and a server: a wire that can be cut, and mended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Passes on whatever comes to its own port, both ways, as long as it is whole."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()

    def cut(self) -> None:
        """All connections break, and no new one comes about."""
        self._is_cut = True
        for end in list(self._open):
            end.transport.abort()

    def freeze(self) -> None:
        """Nothing arrives any more, and nobody is told: as on a train in a tunnel."""
        self._flows.clear()

    def mend(self) -> None:
        """All is well again for new connections; those that were frozen are gone."""
        if not self._flows.is_set():
            for end in list(self._open):
                end.transport.abort()
        self._is_cut = False
        self._flows.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, out}
        try:
            await asyncio.gather(self._pass_on(reader, out), self._pass_on(there, writer))
        finally:
            self._open -= {writer, out}

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                target.write(data)
                await target.drain()
        target.close()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to a port of this machine, and the address of its other end."""
    wire = Wire(port)
    server = await asyncio.start_server(wire._connected, "127.0.0.1", 0)
    try:
        yield wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        wire.cut()
