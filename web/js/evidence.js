// Photos and recordings of the chosen call. Pictures need the token, so they are fetched and not linked; each look is
// an entry in the item's custody, so nothing is asked for again that is here.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code, clock } from './words.js';

const SMALL = 320;
const LARGE = 1600;
// Pictures kept in memory, about 20 KB each.
const KEPT_MAX = 200;

export function createEvidence(names, dialog) {
  const node = el('section', { class: 'evidence', hidden: true });
  const pictures = new Map();
  let incident = null;
  let items = [];
  let trouble = '';

  const purpose = () => `purpose=${encodeURIComponent(t('look_purpose'))}`;

  async function picture(id, px) {
    const key = `${id}.${px}`;
    if (!pictures.has(key)) {
      if (pictures.size >= KEPT_MAX) forget(pictures.keys().next().value);
      pictures.set(key, api.blob(`/evidence/${id}/preview?px=${px}&${purpose()}`).then(URL.createObjectURL));
      pictures.get(key).catch(() => pictures.delete(key));
    }
    return pictures.get(key);
  }

  function forget(key) {
    pictures.get(key)?.then(URL.revokeObjectURL).catch(() => {});
    pictures.delete(key);
  }

  async function load() {
    const wanted = incident;
    if (!wanted) return;
    try {
      const page = await api.get(`/evidence?incident_id=${wanted}&limit=100&${purpose()}`);
      if (wanted !== incident) return;
      items = page.items ?? [];
      trouble = '';
    } catch (error) {
      if (wanted !== incident) return;
      trouble = error.status === 403 || error.status === 404 ? '' : t('evidence_trouble');
    }
    paint();
  }

  function tile(item) {
    const shown = item.previewed === 'made';
    const what = [code('evidence', item.kind), names.person(item.wearer_id ?? item.author_id)].filter(Boolean).join(' · ');
    const box = el('span', { class: 'thumb', 'data-kind': item.kind }, shown ? '' : code('previewed', item.previewed));
    const button = el('button', { type: 'button', 'data-id': item.id, title: item.filename }, box, el('b', {}, what), el('time', { dateTime: item.captured_at }, clock(item.captured_at)));
    button.addEventListener('click', () => open(item));
    if (shown) {
      picture(item.id, SMALL)
        .then((url) => box.replaceChildren(el('img', { src: url, alt: `${what} ${clock(item.captured_at)}` })))
        .catch(() => { box.textContent = t('evidence_trouble'); });
    }
    return el('li', {}, button);
  }

  function paint() {
    node.hidden = !incident || (items.length === 0 && !trouble);
    node.replaceChildren(el('h3', {}, `${t('evidence')} · ${items.length}`), el('ul', {}, ...items.map(tile)));
    if (trouble) node.append(el('p', { class: 'empty' }, trouble));
  }

  async function open(item) {
    const close = el('button', { type: 'button', class: 'quiet', 'aria-label': t('close') }, '✕');
    close.addEventListener('click', () => dialog.close());
    const figure = el('div', { class: 'large' });
    const words = el('dl', {});
    dialog.replaceChildren(el('header', {}, el('h3', {}, item.filename), close), figure, words);
    dialog.showModal();
    if (item.previewed === 'made') picture(item.id, LARGE).then((url) => figure.replaceChildren(el('img', { src: url, alt: item.filename }))).catch(() => { figure.textContent = t('evidence_trouble'); });
    const whole = await api.get(`/evidence/${item.id}`).catch(() => null);
    const rows = [
      [t('captured'), `${clock(item.captured_at)} · ${names.person(item.author_id)}`], [t('received'), clock(item.received_at)],
      ...(whole?.findings ?? []).map((one) => [t('finding'), one.text]), ['SHA-256', item.sha256],
    ];
    words.replaceChildren(...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  }

  return {
    node,
    choose(id) {
      if (id === incident) return;
      incident = id;
      items = [];
      trouble = '';
      paint();
      load();
    },
    message(frame) { if (frame.kind === 'evidence.received' && frame.data?.incident_id === incident) load(); },
    paint,
    clear() {
      dialog.close();
      for (const key of [...pictures.keys()]) forget(key);
      incident = null;
      items = [];
      paint();
    },
  };
}
