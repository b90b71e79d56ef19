"""The way between a terminal and the server: a TCP proxy of its own for each, which can be made bad.

    open      bytes pass
    cut       connections are reset, new ones refused
    stalled   connections stay, no byte passes in either direction
    slow      so many bytes a second
    deaf      what the server sends is not read
"""

import asyncio
import time

# What a bad link lets pass at once.
PIECE = 4 * 1024


class Link:
    def __init__(self, target):
        self.target = target
        self.listener, self.port = None, 0
        self.sides = set()
        self.passing = asyncio.Event()
        self.passing.set()
        self.is_cut, self.rate, self.deaf, self.hurt_at = False, 0, False, 0.0

    def untroubled_since(self):
        """Since when it has been as good as a link can be; None while it is not."""
        bad = self.is_cut or self.rate or self.deaf or not self.passing.is_set()
        return None if bad else self.hurt_at

    def free(self, down):
        return not self.rate and self.passing.is_set() and not (down and self.deaf)

    async def open(self):
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: Near(self), "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def close(self):
        self.listener.close()
        self.reset()

    def reset(self):
        """Every connection ends at once; what was on the way is lost."""
        self.hurt_at = time.time()
        for side in list(self.sides):
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

    def listen(self, on):
        """Off: what the server sends is not read."""
        self.deaf, self.hurt_at = not on, time.time()

    def heal(self):
        self.is_cut, self.rate, self.deaf, self.hurt_at = False, 0, False, time.time()
        self.passing.set()


class Side(asyncio.Protocol):
    """One end of a connection; what it reads goes to its peer."""

    down = False

    def __init__(self, link):
        self.link, self.transport, self.peer = link, None, None
        self.held, self.trickling = [], None

    def connection_made(self, transport):
        self.transport = transport
        self.link.sides.add(self)

    def data_received(self, data):
        if self.trickling is None and self.peer and self.link.free(self.down):
            self.peer.transport.write(data)
            return
        self.held.append(data)
        self.transport.pause_reading()
        if self.trickling is None and self.peer:
            self.trickling = asyncio.create_task(self.trickle())

    async def trickle(self):
        """Hands on what came while the link was bad, as it lets it pass."""
        while self.held:
            data = self.held.pop(0)
            for at in range(0, len(data), PIECE):
                piece = data[at:at + PIECE]
                await self.link.passing.wait()
                while self.link.deaf and self.down:
                    await asyncio.sleep(0.1)
                if self.link.rate:
                    await asyncio.sleep(len(piece) / self.link.rate)
                self.peer.transport.write(piece)
        self.trickling = None
        self.transport.resume_reading()

    def pause_writing(self):
        if self.peer:
            self.peer.transport.pause_reading()

    def resume_writing(self):
        if self.peer and self.peer.trickling is None and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def connection_lost(self, error):
        self.link.sides.discard(self)
        if self.trickling:
            self.trickling.cancel()
        if self.peer:
            self.peer.transport.close()


class Near(Side):
    """The terminal's end: opens the other one."""

    def connection_made(self, transport):
        super().connection_made(transport)
        if self.link.is_cut:
            transport.abort()
            return
        transport.pause_reading()
        self.opening = asyncio.create_task(self.connect())

    async def connect(self):
        try:
            _, far = await asyncio.get_running_loop().create_connection(lambda: Far(self.link, self), "127.0.0.1",
                                                                        self.link.target)
        except OSError:
            self.transport.abort()
            return
        if self.transport.is_closing():
            far.transport.abort()
            return
        self.peer = far
        if self.held:
            # Some loops read before they hear that they should not.
            self.trickling = asyncio.create_task(self.trickle())
        else:
            self.transport.resume_reading()


class Far(Side):
    """The server's end."""

    down = True

    def __init__(self, link, near):
        super().__init__(link)
        self.peer = near
