// Of the chosen call: what there was before at its place and with its people, its mediations with what is owed by them
// and their papers, and for who answers for it the dossier. Papers need the token, so they are fetched and not linked;
// each look is an entry in the paper's custody.

import * as api from './api.js';
import { el } from './panels.js';
import { t, code, money } from './words.js';

// By whom the server gives a dossier; it decides, this only hides what would be refused.
const INSPECTS = ['supervisor', 'administrator'];
// Characters, as the server has it.
const PURPOSE_MAX = 200;
// A window that was opened has read its bytes by then.
const KEPT_MS = 60_000;
// What is due becomes overdue without anybody's doing.
const AGAIN_MS = 60_000;
// The room is not told when a paper is made; that takes a second or two.
const COMING_MS = 3_000;

export function createPapers(dialog) {
  const node = el('section', { class: 'papers', hidden: true });
  let incident = null;
  let items = [];
  let before = null;
  let coming = 0;
  let trouble = '';

  const purpose = (why) => `purpose=${encodeURIComponent(why)}`;

  function hand(blob, filename) {
    const url = URL.createObjectURL(blob);
    const link = el('a', { href: url, target: '_blank', rel: 'noopener' });
    if (filename) link.download = filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  }

  // Path without its prefix, and the words on the button.
  function paper(path, kind, words) {
    const button = el('button', { type: 'button', class: 'quiet', 'data-paper': kind }, words);
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        hand(await api.blob(`${path}?${purpose(t('look_purpose'))}`));
        trouble = '';
      } catch (error) {
        trouble = error.message;
      }
      button.disabled = false;
      paint();
    });
    return button;
  }

  const isComing = (one) => one.stored && !one.evidence_id && !one.problem;

  function papersOf(mediation) {
    if (!mediation.serial_no) return [paper(`/mediations/${mediation.id}/documents/agreement.pdf`, 'agreement', code('paper', 'draft'))];
    return (mediation.documents ?? []).map((one) => {
      // The plain name is the latest edition's; others are told apart by their number.
      const numbered = one.url.endsWith(`-${one.n}.pdf`) ? ` ${one.n}` : '';
      const words = `${code('paper', one.kind)}${numbered}`;
      if (one.problem) return el('span', { class: 'late' }, `${words}: ${one.problem}`);
      if (isComing(one)) return el('span', { class: 'empty' }, `${words}: ${t('paper_coming')}`);
      return paper(one.url.replace('/api/v1', ''), one.kind, words);
    });
  }

  function term(mediation, standing) {
    const said = mediation.record.terms?.[standing.term] ?? {};
    const name = (id) => mediation.record.parties?.[id]?.name ?? '';
    const sum = standing.amount_fen === null ? '' : `${t('paid')} ${money(standing.paid_fen)} / ${money(standing.amount_fen)}`;
    const due = standing.due_on ? `${t('due')} ${standing.due_on}` : '';
    return el('p', { class: 'term', 'data-state': standing.state },
      el('span', {}, said.debtor ? `${name(said.debtor)} → ${name(said.creditor)}` : said.what ?? ''),
      el('span', { class: 'state', 'data-s': standing.state }, code('term', standing.state)),
      el('small', {}, [sum, due].filter(Boolean).join(' · ')));
  }

  // By when the law wants what comes next.
  function clocks(mediation) {
    const due = Object.entries(mediation.clocks ?? {}).filter(([, clock]) => clock);
    return due.map(([name, clock]) => el('small', {}, `${code('clock', name)} ${clock.on}`));
  }

  function row(mediation) {
    return el('li', { 'data-id': mediation.id, 'data-state': mediation.state },
      el('b', {}, code('mediation', mediation.kind)),
      el('span', { class: 'state', 'data-s': mediation.state }, code('mediated', mediation.state)),
      el('small', {}, mediation.serial_no ?? t('no_number')),
      ...clocks(mediation),
      ...(mediation.terms ?? []).map((standing) => term(mediation, standing)),
      el('span', { class: 'of' }, ...papersOf(mediation)));
  }

  // Of repeat places and people: where there is nothing, nothing is said.
  function earlier() {
    if (!before || before.same_place + before.same_people === 0) return [];
    const parts = [[before.same_place, 'before_place'], [before.same_people, 'before_people'], [before.defaulted, 'before_defaulted']];
    return [el('p', { class: 'before', id: 'before' }, parts.filter(([n]) => n > 0).map(([n, key]) => `${t(key)} ${n}`).join(' · '))];
  }

  // What this reader may see: to whom it is refused, it is as if it were not there.
  async function seen(path) {
    try {
      return await api.get(path);
    } catch (error) {
      if (error.status === 403 || error.status === 404) return null;
      throw error;
    }
  }

  async function load() {
    const wanted = incident;
    if (!wanted) return;
    try {
      const [page, known] = await Promise.all([
        seen(`/mediations?incident_id=${wanted}&limit=50`),
        seen(`/incidents/${wanted}/mediation-history`),
      ]);
      const whole = await Promise.all((page?.items ?? []).map(async (line) => (await seen(`/mediations/${line.id}`)) ?? line));
      if (wanted !== incident) return;
      items = whole;
      before = known;
      trouble = '';
    } catch (error) {
      if (wanted !== incident) return;
      trouble = error.message;
    }
    paint();
    clearTimeout(coming);
    if (items.some((one) => one.documents?.some(isComing))) coming = setTimeout(load, COMING_MS);
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
    const known = earlier();
    node.hidden = !incident || (items.length === 0 && known.length === 0 && !inspects);
    node.replaceChildren(...known);
    if (node.hidden) return;
    if (items.length > 0) node.append(el('h3', {}, `${t('mediations')} · ${items.length}`), el('ul', {}, ...items.map(row)));
    if (trouble) node.append(el('p', { class: 'empty', role: 'alert' }, trouble));
    if (inspects) {
      const ask = el('button', { type: 'button', id: 'dossier' }, t('dossier'));
      ask.addEventListener('click', askDossier);
      node.append(ask);
    }
  }

  setInterval(() => { if (!document.hidden) load(); }, AGAIN_MS);

  return {
    node,
    choose(id) {
      if (id === incident) return;
      incident = id;
      items = [];
      before = null;
      trouble = '';
      paint();
      load();
    },
    message(frame) { if (frame.kind.startsWith('mediation.') && frame.data?.incident_id === incident) load(); },
    paint,
    clear() {
      incident = null;
      items = [];
      before = null;
      paint();
    },
  };
}
