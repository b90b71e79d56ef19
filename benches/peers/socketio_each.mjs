// A socket.io server as its manual shows it: every report is emitted to the room of watchers, one message a frame.
// Reporters emit `fix`; watchers emit `watch` once and then receive `fix`.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
  socket.on('watch', () => socket.join('watchers'));
  socket.on('fix', (fix) => io.to('watchers').emit('fix', fix));
});

http.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${http.address().port}` })));
