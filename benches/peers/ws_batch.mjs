// A plain `ws` server that batches by hand: every 250 ms one text frame with the newest position of everybody who
// reported, the same bytes to every watcher, no filter, no rights, nothing stored. The fan-out peer to beat.
// Reporters connect to /report and send one JSON object a message; watchers connect to /watch.
import { WebSocketServer } from 'ws';

const TICK_MS = 250;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const watchers = new Set();
const newest = new Map(); // connection → its last message; not even parsed

server.on('connection', (socket, request) => {
  socket.on('error', () => socket.terminate());
  if (request.url === '/watch') {
    watchers.add(socket);
    socket.on('close', () => watchers.delete(socket));
  } else {
    socket.on('message', (data) => newest.set(socket, data));
  }
});

const OPEN = Buffer.from('['), CLOSE = Buffer.from(']'), COMMA = Buffer.from(',');
setInterval(() => {
  if (newest.size === 0) return;
  const parts = [OPEN];
  for (const data of newest.values()) parts.push(data, COMMA);
  parts[parts.length - 1] = CLOSE;
  newest.clear();
  const frame = Buffer.concat(parts);
  for (const socket of watchers) socket.send(frame, { binary: false });
}, TICK_MS);

server.on('listening', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` })));
