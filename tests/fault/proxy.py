"""The way between a terminal and the server: a TCP proxy of its own for each, which can be made bad.

    open      bytes pass
    cut       connections are reset, new ones refused
    stalled   connections stay, no byte passes in either direction
    slow      so many bytes a second
"""

import asyncio

CHUNK = 16 * 1024


class Link:
    def __init__(self, target):
        self.target = target
        self.listener, self.port = None, 0
        self.pairs = set()
        self.passing = asyncio.Event()
        self.passing.set()
        self.is_cut, self.rate, self.deaf = False, 0, False

    async def open(self):
        self.listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def close(self):
        self.listener.close()
        self.reset()

    def reset(self):
        """Every connection ends at once; what was on the way is lost."""
        for near, far in list(self.pairs):
            for side in (near, far):
                side.transport.abort()

    def cut(self, on):
        self.is_cut = on
        if on:
            self.reset()

    def stall(self, on):
        if on:
            self.passing.clear()
        else:
            self.passing.set()

    def throttle(self, rate):
        """Bytes a second in each direction; 0 for no limit."""
        self.rate = rate

    def heal(self):
        self.is_cut, self.rate, self.deaf = False, 0, False
        self.passing.set()

    async def _accept(self, reader, near):
        if self.is_cut:
            near.transport.abort()
            return
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            near.transport.abort()
            return
        pair = (near, far)
        self.pairs.add(pair)
        pumps = [asyncio.create_task(self._pump(reader, far, False)),
                 asyncio.create_task(self._pump(far_reader, near, True))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.pairs.discard(pair)
            for side in pair:
                side.close()

    async def _pump(self, reader, writer, down):
        try:
            while data := await reader.read(CHUNK):
                await self.passing.wait()
                while self.deaf and down:
                    await asyncio.sleep(0.1)
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
