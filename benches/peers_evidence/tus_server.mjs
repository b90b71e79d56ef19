// The reference server of tus in Node, on a folder: `node tus_server.mjs FOLDER`.
import { createServer } from 'node:http';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const tus = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });
const server = createServer((request, response) => tus.handle(request, response));
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` })));
