// What is still missing of calls whose units have left: the room's countdown, whatever is due first at the top.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code, span } from './words.js';

const SHOWN = 6;
const SOON_MS = 2 * 3600_000;

export function createGaps(box, titleOf, pick) {
  let gaps = [];
  let more = false;

  const measure = (gap) => (gap.requirement === 'recording' ? `${span(gap.have)} / ${span(gap.need)}` : `${gap.have} / ${gap.need}`);

  function row(gap) {
    const left = Date.parse(gap.due_at) - Date.now();
    const state = left <= 0 ? 'over' : left < SOON_MS ? 'soon' : 'open';
    const button = el('button', { type: 'button', 'data-id': gap.incident_id, 'data-state': state },
      el('span', { class: 'title' }, titleOf(gap.incident_id) ?? t('gap_call')),
      el('span', { class: 'left' }, state === 'over' ? `${t('gap_over')} ${span(-left / 1000)}` : `${t('gap_left')} ${span(left / 1000)}`),
      el('span', { class: 'sub' }, `${code('gap', gap.code)} · ${measure(gap)}`));
    button.addEventListener('click', () => pick(gap.incident_id));
    return el('li', {}, button);
  }

  function paint() {
    box.hidden = gaps.length === 0;
    if (box.hidden) { box.replaceChildren(); return; }
    const had = box.contains(document.activeElement) ? [...box.querySelectorAll('button')].indexOf(document.activeElement) : -1;
    const shown = gaps.slice(0, SHOWN);
    box.replaceChildren(el('h2', {}, `${t('gaps')} · ${gaps.length}${more ? '+' : ''}`), el('ul', {}, ...shown.map(row)));
    if (had >= 0) box.querySelectorAll('button')[had]?.focus();
  }

  async function load() {
    if (document.hidden) return;
    // An account that is no room has no such list.
    const page = await api.get('/scene-gaps?open=true&limit=50').catch((error) => { if (error.status === 401) throw error; return null; });
    gaps = page?.items ?? [];
    more = Boolean(page?.next_cursor);
    paint();
  }

  return {
    load,
    paint,
    message(frame) { if (frame.kind.startsWith('scene_gap.')) load().catch(() => {}); },
    clear() { gaps = []; paint(); },
  };
}
