// A plain `ws` server whose connections receive 60 KB, send 60 KB and then stay idle: what a connection costs in memory.
// Started with --expose-gc, it collects garbage every second, so that only what a connection really holds is counted.
import { WebSocketServer } from 'ws';

const REPLAY = 'x'.repeat(60 * 1024);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });

server.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => socket.send(`{"taken":${data.length}}`));
  socket.send(REPLAY);
});

if (globalThis.gc) setInterval(() => globalThis.gc(), 1000);
server.on('listening', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` })));
