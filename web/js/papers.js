// Of the chosen call: its mediations with their papers, and for who answers for it the dossier. Papers need the token,
// so they are fetched and not linked; each look is an entry in the paper's custody.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code } from './words.js';

// By whom the server gives a dossier; it decides, this only hides what would be refused.
const INSPECTS = ['supervisor', 'administrator'];
// Characters, as the server has it.
const PURPOSE_MAX = 200;
// A window that was opened has read its bytes by then.
const KEPT_MS = 60_000;

export function createPapers(dialog) {
  const node = el('section', { class: 'papers', hidden: true });
  let incident = null;
  let items = [];
  let trouble = '';

  const purpose = (why) => `purpose=${encodeURIComponent(why)}`;

  function hand(blob, filename) {
    const url = URL.createObjectURL(blob);
    const link = el('a', { href: url, target: '_blank', rel: 'noopener' });
    if (filename) link.download = filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  }

  function paper(mediation, kind) {
    const button = el('button', { type: 'button', class: 'quiet', 'data-paper': kind }, code('paper', kind));
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        hand(await api.blob(`/mediations/${mediation.id}/documents/${kind}.pdf?${purpose(t('look_purpose'))}`));
        trouble = '';
      } catch (error) {
        trouble = error.message;
      }
      button.disabled = false;
      paint();
    });
    return button;
  }

  function row(mediation) {
    const final = Boolean(mediation.serial_no);
    const kinds = final ? ['agreement', 'minutes', 'volume'] : ['agreement'];
    return el('li', { 'data-id': mediation.id, 'data-state': mediation.state },
      el('b', {}, code('mediation', mediation.kind)),
      el('span', { class: 'state', 'data-s': mediation.state }, code('mediated', mediation.state)),
      el('small', {}, mediation.serial_no ?? t('no_number')),
      el('span', { class: 'of' }, ...kinds.map((kind) => paper(mediation, kind))));
  }

  async function load() {
    const wanted = incident;
    if (!wanted) return;
    const page = await api.get(`/mediations?incident_id=${wanted}&limit=50`).catch(() => null);
    if (wanted !== incident) return;
    items = page?.items ?? [];
    paint();
  }

  function askDossier() {
    const wanted = incident;
    const why = el('input', { name: 'purpose', required: true, maxLength: PURPOSE_MAX, autocomplete: 'off' });
    const problem = el('p', { role: 'alert' });
    const close = el('button', { type: 'button', class: 'quiet', 'aria-label': t('close') }, '✕');
    close.addEventListener('click', () => dialog.close());
    const send = el('button', { type: 'submit' }, t('dossier_fetch'));
    const form = el('form', { class: 'dossier' }, el('p', {}, t('dossier_says')), el('label', {}, el('span', {}, t('purpose')), why), problem, send);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        hand(await api.blob(`/incidents/${wanted}/dossier?${purpose(why.value.trim())}`), `dossier-${wanted}.tar`);
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
      }
      send.disabled = false;
    });
    dialog.replaceChildren(el('header', {}, el('h3', {}, t('dossier')), close), form);
    dialog.showModal();
    why.focus();
  }

  function paint() {
    const inspects = INSPECTS.includes(api.person()?.kind);
    node.hidden = !incident || (items.length === 0 && !inspects);
    node.replaceChildren();
    if (node.hidden) return;
    if (items.length > 0) node.append(el('h3', {}, `${t('mediations')} · ${items.length}`), el('ul', {}, ...items.map(row)));
    if (trouble) node.append(el('p', { class: 'empty', role: 'alert' }, trouble));
    if (inspects) {
      const ask = el('button', { type: 'button', id: 'dossier' }, t('dossier'));
      ask.addEventListener('click', askDossier);
      node.append(ask);
    }
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
    message(frame) { if (frame.kind.startsWith('mediation.') && frame.data?.incident_id === incident) load(); },
    paint,
    clear() {
      incident = null;
      items = [];
      paint();
    },
  };
}
