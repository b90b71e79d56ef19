// The socket: ticket, greeting, live subscription with credit, must-deliver messages, reconnecting.

import { post, loggedIn, Problem } from './api.js';

const HEARTBEAT_MS = 15_000;

export function openStream({ onLive, onMessage, onState, onRefused }) {
  let socket = null;
  let tries = 0;
  let wanted = true;
  let timer = 0;
  let beat = 0;
  let heard = 0;
  const place = { epoch: null, last_seq: 0, last_id: null };
  const people = new Map();

  const send = (frame) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame)); };

  // Vehicles that report by themselves stand in the same table, under their device id.
  const vehicle = (v) => ({ ...v, person_id: v.device_id, unmanned: true });

  function live(frame) {
    if (frame.type === 'live_snapshot') {
      people.clear();
      for (const p of frame.people ?? []) people.set(p.person_id, p);
      for (const v of frame.vehicles ?? []) people.set(v.device_id, vehicle(v));
    } else {
      for (const p of frame.changed ?? []) people.set(p.person_id, p);
      for (const v of frame.vehicles_changed ?? []) people.set(v.device_id, vehicle(v));
      for (const id of [...(frame.removed ?? []), ...(frame.vehicles_removed ?? [])]) people.delete(id);
    }
    send({ type: 'live_ack', version: frame.version });
    onLive(people);
  }

  function handle(frame) {
    switch (frame.type) {
      case 'welcome':
        if (!frame.recovered) { place.last_seq = frame.last_seq ?? 0; place.last_id = frame.last_id ?? null; }
        place.epoch = frame.epoch;
        tries = 0;
        onState('on');
        send({ type: 'subscribe', request_id: 'live' });
        break;
      case 'message':
        place.last_seq = frame.seq; place.last_id = frame.id;
        send({ type: 'ack', seq: frame.seq });
        onMessage(frame);
        break;
      case 'live_snapshot': case 'live_delta': live(frame); break;
      default: break;
    }
  }

  async function dial() {
    onState('wait');
    try {
      const { ticket } = await post('/ws-tickets');
      if (!wanted) return;
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
      socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws?ticket=${encodeURIComponent(ticket)}`, ['suixing.v1.json']);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) { onRefused(); return; }
      again();
      return;
    }
    socket.onopen = () => { heard = Date.now(); send({ type: 'hello', ...place }); };
    socket.onmessage = (event) => { heard = Date.now(); if (typeof event.data === 'string') handle(JSON.parse(event.data)); };
    socket.onclose = () => again();
    clearInterval(beat);
    beat = setInterval(() => { if (Date.now() - heard > 3 * HEARTBEAT_MS) socket?.close(); else send({ type: 'ping' }); }, HEARTBEAT_MS);
  }

  function again() {
    if (!wanted || !loggedIn()) return;
    onState('off');
    tries += 1;
    clearTimeout(timer);
    timer = setTimeout(dial, Math.min(10_000, 300 * 2 ** Math.min(tries, 6)) * (0.5 + Math.random()));
  }

  dial();
  return { close() { wanted = false; clearTimeout(timer); clearInterval(beat); socket?.close(); } };
}
