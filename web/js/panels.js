// The right-hand side: the list of incidents, and the ladders of the chosen one.

import { t, code, span, clock } from './words.js';

const CREW_RUNGS = ['created', 'sent', 'delivered', 'viewed', 'accepted', 'en_route', 'on_scene', 'cleared'];
const UNIT_RUNGS = ['sent', 'delivered', 'signed', 'dispatched'];
const OVER = new Set(['closed', 'cancelled', 'merged', 'diverted', 'transferred']);

export const isOver = (incident) => OVER.has(incident.state);

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') node.className = value;
    else if (name.startsWith('data-') || name.startsWith('aria-') || name === 'role') node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}
export { el };

export function paintList(box, incidents, selected, pick) {
  const had = document.activeElement?.dataset?.id;
  box.replaceChildren();
  if (incidents.length === 0) { box.append(el('li', { class: 'empty' }, t('no_incidents'))); return; }
  for (const i of incidents) {
    const since = i.called_at ?? i.created_at;
    const button = el('button', { class: 'call', type: 'button', 'data-id': i.id, 'aria-pressed': String(i.id === selected) },
      el('span', { class: 'p', 'data-p': i.priority, title: code('priority', i.priority) }, String(i.priority)),
      el('span', { class: 'title' }, i.title),
      el('span', { class: 'state', 'data-s': i.state }, code('incident', i.state)),
      el('span', { class: 'sub' }, [i.address, i.external_no].filter(Boolean).join(' · ')),
      el('span', { class: 'age' }, since ? span((Date.now() - Date.parse(since)) / 1000) : ''));
    button.addEventListener('click', () => pick(i.id));
    box.append(el('li', {}, button));
    if (had === i.id) button.focus();
  }
}

// Machine and human are told apart by shape, border and words, not by colour alone.
function truthOf(rung) {
  if (rung.via && rung.via !== 'device' && rung.truth === 'human') return 'voice';
  return rung.truth ?? 'machine';
}
const SIGN = { human: '✓', machine: '▣', voice: '☎', none: '' };

function rungRow(rung, first, names) {
  const truth = truthOf(rung);
  const delay = first && rung.at ? (Date.parse(rung.at) - Date.parse(first)) / 1000 : 0;
  const who = rung.person_id ? names.person(rung.person_id) : '';
  const ours = ['created', 'sent', 'reassigned', 'dispatched'].includes(rung.rung) && truth === 'machine';
  let proof = ours ? [t('system'), who && `${t('sent_by')} ${who}`].filter(Boolean).join(' · ') : truth === 'voice' ? `${code('via', rung.via)} · ${t('voice')} ${names.person(rung.recorded_by ?? rung.person_id) || ''}` : `${t(truth)}${who ? ` · ${who}` : ''}`;
  if (rung.reason) proof += ` · ${rung.reason}`;
  return el('li', { class: 'rung', 'data-truth': truth },
    el('span', { class: 'dot', 'aria-hidden': 'true' }, SIGN[truth]),
    el('span', { class: 'what', title: proof }, el('b', {}, code('rung', rung.rung)), el('small', {}, proof)),
    el('time', { dateTime: rung.at }, clock(rung.at), el('em', {}, delay > 0 ? `+${span(delay)}` : '')));
}

function ladder(assignment, names) {
  const rungs = [...(assignment.rungs ?? [])].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const seen = new Set(rungs.map((r) => r.rung));
  const unitLadder = assignment.assignee?.kind === 'unit';
  const first = rungs[0]?.at;
  const order = unitLadder ? UNIT_RUNGS : CREW_RUNGS;
  const reached = Math.max(-1, ...order.map((r, n) => (seen.has(r) ? n : -1)));
  const list = el('ol', {});
  for (const rung of rungs) list.append(rungRow(rung, first, names));
  const over = ['reassigned', 'cancelled', 'cleared', 'dispatched', 'returned', 'transferred'].includes(assignment.state);
  if (!over) for (const rung of order.slice(reached + 1)) list.append(el('li', { class: 'rung', 'data-truth': 'none' }, el('span', { class: 'dot' }), el('span', { class: 'what' }, code('rung', rung)), el('time', {}, t('not_yet'))));
  return el('section', { class: 'ladder' }, el('h3', {}, el('span', {}, names.assignee(assignment)), el('span', { class: 'state', 'data-s': over ? 'closed' : 'handling' }, code('rung', assignment.state))), list);
}

export function paintDetail(box, incident, assignments, names, evidence, papers, orders, close) {
  box.hidden = !incident;
  document.body.classList.toggle('picked', Boolean(incident));
  if (!incident) return;
  const keep = box.dataset.id === incident.id ? box.scrollTop : 0;
  const back = el('button', { type: 'button', class: 'quiet', 'aria-label': t('close_detail') }, '✕');
  back.addEventListener('click', close);
  const key = el('div', { class: 'truth-key' }, el('span', { 'data-i': '✓' }, t('human')), el('span', { 'data-i': '▣' }, t('machine')), el('span', { 'data-i': '☎' }, t('voice')));
  const focused = document.activeElement;
  const hadFocus = box.contains(focused);
  const strip = evidence.querySelector('ul');
  const across = strip?.scrollLeft ?? 0;
  box.replaceChildren(
    el('header', {}, el('span', { class: 'p', 'data-p': incident.priority, title: code('priority', incident.priority) }, String(incident.priority)), el('h2', {}, incident.title), el('span', { class: 'state', 'data-s': incident.state }, code('incident', incident.state)), back),
    el('p', { class: 'words' }, [incident.address, incident.description].filter(Boolean).join(' — ')), evidence, orders, papers, key);
  if (assignments.length === 0) box.append(el('p', { class: 'empty' }, t('no_assignment')));
  for (const a of assignments) box.append(ladder(a, names));
  box.dataset.id = incident.id;
  box.scrollTop = keep;
  if (strip) strip.scrollLeft = across;
  if (hadFocus) ([evidence, papers, orders].some((part) => part.contains(focused)) ? focused : back).focus();
}
