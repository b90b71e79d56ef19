// Of the chosen call: the work orders handed to linked bodies; who has signed, who is there, since when, how late.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code, span } from './words.js';

export function createOrders() {
  const node = el('section', { class: 'papers orders', hidden: true });
  let incident = null;
  let items = [];

  function row(order) {
    const since = span((Date.now() - Date.parse(order.state_at)) / 1000);
    // A machine's receipt is shown apart and never as a signature.
    const machine = order.state === 'sent' && order.delivered_at ? `▣ ${t('order_delivered')}` : '';
    const last = order.events.at(-1);
    const by = last?.by_name ? `${last.truth === 'recorded_by_room' ? '☎' : '✓'} ${last.by_name}` : '';
    const late = order.late_s === null ? '' : `${t('order_late')} ${span(order.late_s)}`;
    return el('li', { 'data-id': order.id, 'data-state': order.state },
      el('b', {}, order.agency.name),
      el('span', { class: 'state', 'data-s': order.state }, code('order', order.state)),
      el('small', {}, [order.ask, `${since} ${t('ago')}`, by, machine, order.outcome, late].filter(Boolean).join(' · ')));
  }

  function paint() {
    node.hidden = !incident || items.length === 0;
    node.replaceChildren();
    if (!node.hidden) node.append(el('h3', {}, `${t('orders')} · ${items.length}`), el('ul', {}, ...items.map(row)));
  }

  async function load() {
    const wanted = incident;
    if (!wanted) return;
    const page = await api.get(`/incidents/${wanted}/tasks`).catch(() => null);
    if (wanted !== incident) return;
    items = page?.items ?? [];
    paint();
  }

  return {
    node,
    choose(id) {
      if (id === incident) return;
      incident = id;
      items = [];
      paint();
      load();
    },
    message(frame) { if (frame.kind.startsWith('task.') && frame.data?.incident_id === incident) load(); },
    paint,
    clear() {
      incident = null;
      items = [];
      paint();
    },
  };
}
