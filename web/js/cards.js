// What the room must look at and decide (an order that came back, a number that is held too long): the oldest of the
// urgent first. Alarms have their own place at the top.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code, span } from './words.js';

const SHOWN = 5;
const URGENT = new Set(['task.returned', 'task.bounced', 'task.orphaned', 'check_in.missed', 'assignment.undelivered']);
// Calls that officers open themselves are in the list of calls; alarms in the bar.
const ELSEWHERE = /^(backup\.|incident\.from_field$)/;

export function createCards(box, titleOf, pick) {
  let cards = [];
  let more = false;
  let trouble = '';

  const rank = (card) => (URGENT.has(card.kind) ? 0 : 1);

  async function done(card, button) {
    button.disabled = true;
    try {
      await api.post(`/cards/${card.id}/close`, {});
      trouble = '';
    } catch (error) {
      trouble = error.message;
    }
    await load();
  }

  function row(card) {
    const call = card.data?.incident_id;
    const what = el('button', { type: 'button', class: 'call-of', 'data-kind': card.kind },
      el('span', { class: 'title' }, code('card', card.kind)),
      el('span', { class: 'left' }, `${span((Date.now() - Date.parse(card.raised_at)) / 1000)} ${t('ago')}`),
      el('span', { class: 'sub' }, call ? titleOf(call) ?? t('gap_call') : ''));
    what.disabled = !call;
    what.addEventListener('click', () => pick(call));
    const close = el('button', { type: 'button', class: 'quiet', 'aria-label': `${t('card_done')}: ${code('card', card.kind)}` }, t('card_done'));
    close.addEventListener('click', () => done(card, close));
    return el('li', { 'data-urgent': rank(card) === 0 }, what, close);
  }

  function paint() {
    box.hidden = cards.length === 0 && !trouble;
    const had = box.contains(document.activeElement) ? [...box.querySelectorAll('button')].indexOf(document.activeElement) : -1;
    box.replaceChildren();
    if (box.hidden) return;
    box.append(el('h2', {}, `${t('cards')} · ${cards.length}${more ? '+' : ''}`), el('ul', {}, ...cards.slice(0, SHOWN).map(row)));
    if (trouble) box.append(el('p', { role: 'alert', class: 'sub' }, trouble));
    if (had >= 0) box.querySelectorAll('button')[had]?.focus();
  }

  async function load() {
    if (document.hidden) return;
    // An account that is no room has no such list.
    const page = await api.get('/cards?limit=200').catch((error) => { if (error.status === 403) return null; throw error; });
    cards = (page?.items ?? []).filter((card) => !ELSEWHERE.test(card.kind)).sort((a, b) => rank(a) - rank(b));
    more = Boolean(page?.next_cursor);
    paint();
  }

  return {
    load,
    paint,
    message(frame) { if (frame.kind.startsWith('card.')) load().catch(() => {}); },
    clear() { cards = []; trouble = ''; paint(); },
  };
}
