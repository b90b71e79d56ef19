// The page: log in, then map, incidents with ladders, alarms. Everything comes over the public protocol.

import * as api from './api.js';
import { openStream } from './stream.js';
import { createMap } from './map.js';
import { createAlarms } from './alarms.js';
import { createEvidence } from './evidence.js';
import { createCards } from './cards.js';
import { createGaps } from './gaps.js';
import { createPapers } from './papers.js';
import { createOrders } from './orders.js';
import { paintList, paintDetail, isOver, el } from './panels.js';
import { t, code, paintWords, switchLanguage } from './words.js';

const LIST_MS = 4000;
const DETAIL_MS = 2000;
// The countdown runs by the minute; what changes is pushed.
const GAPS_MS = 20_000;
const $ = (id) => document.getElementById(id);

const book = { people: new Map(), units: new Map(), crews: new Map() };
let live = new Map();
let incidents = [];
let assignments = [];
let selected = null;
let stream = null;
let timers = [];

const names = {
  person: (id) => book.people.get(id)?.name ?? '',
  crew: (p) => (p.crew_id ? book.crews.get(p.crew_id) : null),
  kind: (p) => (p.unmanned || names.crew(p)?.vehicle ? 'vehicle' : (p.kind ?? book.people.get(p.person_id)?.kind ?? 'police_officer')),
  short: (p) => names.crew(p)?.call_sign ?? names.person(p.person_id),
  long: (p) => [names.person(p.person_id) || t('vehicle'), code('kind', p.kind), names.crew(p)?.call_sign, names.crew(p)?.vehicle].filter(Boolean).join(' · '),
  unit: (p) => book.units.get(p.unit_id ?? book.people.get(p.person_id)?.unit_id)?.name ?? '',
  area: (id) => (book.units.get(id)?.name ?? '').replace(/派出所.*|综合指挥室$/, ''),
  assignee: (a) => {
    const who = a.assignee ?? {};
    const members = (a.people ?? []).map((m) => names.person(m.person_id)).filter(Boolean).join('、');
    if (who.kind === 'unit') return book.units.get(who.id)?.name ?? t('unit');
    if (who.kind === 'crew') return [book.crews.get(who.id)?.call_sign ?? t('crew'), members].filter(Boolean).join(' · ');
    return members || names.person(a.person_id ?? who.id) || t('person');
  },
};

const map = createMap($('map'), $('hover'), $('scale'), names);
const alarms = createAlarms($('alarms'), $('sound'), names, (list) => map.setAlarms(list));
const evidence = createEvidence(names, $('photo'));
const papers = createPapers($('photo'));
const orders = createOrders();
const titleOf = (id) => incidents.find((i) => i.id === id)?.title;
const open = (id) => { if (id !== selected) pick(id); };
const cards = createCards($('cards'), titleOf, open);
const gaps = createGaps($('gaps'), titleOf, open);
map.onPick(pick);

function paintCounts() {
  let silent = 0;
  for (const p of live.values()) if (p.freshness !== 'fresh') silent += 1;
  $('n-people').textContent = live.size;
  $('n-silent').textContent = silent;
  $('n-open').textContent = incidents.filter((i) => !isOver(i)).length;
}

function paintLegend() {
  const shape = (inner) => { const box = document.createElementNS('http://www.w3.org/2000/svg', 'svg'); box.setAttribute('viewBox', '0 0 14 14'); box.innerHTML = inner; return box; };
  const rows = [
    ['<circle cx="7" cy="7" r="4.5" fill="currentColor"/>', 'police'], ['<rect x="1.5" y="3.5" width="11" height="7" rx="2" fill="currentColor"/>', 'vehicle'],
    ['<rect x="3" y="3" width="8" height="8" fill="currentColor"/>', 'grid'], ['<path d="M7 2 12 11H2z" fill="currentColor"/>', 'mediator'],
    ['<circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5" opacity=".6"/>', 'stale'], ['<path d="M7 1 13 7 7 13 1 7z" fill="var(--p2)"/>', 'incident_mark'],
  ];
  $('legend').replaceChildren(...rows.map(([svg, word]) => el('li', {}, shape(svg), t(word))));
}

function paintSide() {
  const shown = incidents.filter((i) => $('show-closed').checked || !isOver(i) || i.id === selected);
  paintList($('incidents'), shown, selected, pick);
  map.setIncidents(shown.filter((i) => !isOver(i) || i.id === selected));
  paintDetail($('detail'), incidents.find((i) => i.id === selected), assignments, names, evidence.node, papers.node, orders.node, () => pick(null));
  map.select(selected, assignments.filter((a) => !['cleared', 'cancelled', 'reassigned'].includes(a.state)).filter((a) => a.assignee?.kind !== 'unit').flatMap((a) => [a.person_id, ...(a.people ?? []).map((p) => p.person_id)]).filter(Boolean));
  paintCounts();
}

function paintAll() {
  paintWords();
  paintLegend();
  for (const id of ['lang', 'lang2']) $(id).textContent = t('other_lang');
  $('map').setAttribute('aria-label', t('map_label'));
  for (const [id, word] of [['zoom-in', 'zoom_in'], ['zoom-out', 'zoom_out'], ['zoom-fit', 'zoom_fit']]) { $(id).title = t(word); $(id).setAttribute('aria-label', t(word)); }
  $('link').textContent = t({ on: 'linked', wait: 'linking', off: 'unlinked' }[$('link').dataset.state] ?? 'unlinked');
  alarms.paint();
  evidence.paint();
  papers.paint();
  orders.paint();
  cards.paint();
  gaps.paint();
  if (document.body.dataset.view === 'room') paintSide();
  map.redraw();
}

async function loadIncidents() {
  if (document.hidden) return;
  const page = await api.get('/incidents?limit=100');
  incidents = page.items ?? [];
  incidents.sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || Date.parse(b.called_at ?? b.created_at) - Date.parse(a.called_at ?? a.created_at));
  paintSide();
}

async function loadDetail() {
  if (!selected || document.hidden) return;
  const wanted = selected;
  const incident = await api.get(`/incidents/${wanted}`);
  const listed = (await api.get(`/incidents/${wanted}/assignments`)).items ?? [];
  const full = await Promise.all(listed.map((a) => api.get(`/assignments/${a.id}`).catch(() => a)));
  full.sort((a, b) => Number(a.assignee?.kind === 'unit') - Number(b.assignee?.kind === 'unit') || Date.parse(b.created_at) - Date.parse(a.created_at));
  if (wanted !== selected) return;
  assignments = full;
  incidents = incidents.map((i) => (i.id === wanted ? { ...i, ...incident } : i));
  paintSide();
}

async function loadBackups() {
  const page = await api.get('/backups?state=open').catch(() => null);
  await alarms.poll(page?.items ?? []);
}

function pick(id) {
  selected = selected === id ? null : id;
  evidence.choose(selected);
  papers.choose(selected);
  orders.choose(selected);
  assignments = [];
  paintSide();
  const chosen = incidents.find((i) => i.id === selected);
  if (chosen?.location) map.show(chosen.location.lon, chosen.location.lat);
  loadDetail().catch(() => {});
}

async function loadBook() {
  const keep = (into) => (items) => { for (const item of items) into.set(item.id, item); };
  await Promise.allSettled([api.all('/units').then(keep(book.units)), api.all('/people', 5000).then(keep(book.people)), api.all('/crews').then(keep(book.crews))]);
  map.redraw();
}

function every(ms, work) {
  const run = () => work().catch((error) => { if (error.status === 401) showLogin(); });
  run();
  timers.push(setInterval(run, ms));
}

function showRoom() {
  document.body.dataset.view = 'room';
  paintAll();
  loadBook();
  every(LIST_MS, loadIncidents);
  every(DETAIL_MS, loadDetail);
  every(LIST_MS, loadBackups);
  every(1000, async () => alarms.paint());
  every(GAPS_MS, gaps.load);
  every(GAPS_MS, cards.load);
  every(60_000, loadBook);
  stream = openStream({
    onLive(people) { live = people; map.setPeople(people); paintCounts(); },
    onMessage(frame) { alarms.message(frame); evidence.message(frame); papers.message(frame); orders.message(frame); cards.message(frame); gaps.message(frame); if (/^(incident|assignment)\./.test(frame.kind)) loadIncidents().catch(() => {}); },
    onState(state) { $('link').dataset.state = state; $('link').textContent = t({ on: 'linked', wait: 'linking', off: 'unlinked' }[state]); },
    onRefused: showLogin,
  });
}

function showLogin() {
  for (const timer of timers) clearInterval(timer);
  timers = [];
  stream?.close();
  stream = null;
  api.forget();
  alarms.clear();
  evidence.clear();
  papers.clear();
  orders.clear();
  cards.clear();
  gaps.clear();
  live = new Map(); incidents = []; assignments = []; selected = null;
  document.body.dataset.view = 'login';
  paintAll();
  $('login').elements.username.focus();
}

$('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { username, password } = event.target.elements;
  $('login-error').textContent = '';
  try { await api.login(username.value.trim(), password.value); showRoom(); } catch (error) { $('login-error').textContent = error.status === 401 ? t('wrong') : error.status ? error.message : t('unreachable'); }
});
$('leave').addEventListener('click', async () => { await api.logout(); showLogin(); });
for (const id of ['lang', 'lang2']) $(id).addEventListener('click', () => { switchLanguage(); paintAll(); });
$('show-closed').addEventListener('change', paintSide);
$('zoom-in').addEventListener('click', () => map.zoom(1.5));
$('zoom-out').addEventListener('click', () => map.zoom(1 / 1.5));
$('zoom-fit').addEventListener('click', () => map.fit());
document.addEventListener('keydown', (e) => { if (e.key === 'Escape' && selected && !$('photo').open) pick(selected); });

async function offerDemoAccounts() {
  const demo = await fetch('/demo.json', { cache: 'no-store' }).then((r) => (r.ok ? r.json() : null)).catch(() => null);
  if (!demo?.accounts?.length) return;
  const form = $('login').elements;
  const use = (a) => { form.username.value = a.username; form.password.value = a.password; };
  use(demo.accounts[0]);
  $('demo-accounts').hidden = false;
  $('demo-accounts').replaceChildren(...demo.accounts.map((a) => { const b = el('button', { type: 'button' }, a.label ?? a.username); b.addEventListener('click', () => use(a)); return b; }));
  if (!new URLSearchParams(location.search).has('demo')) return;
  // "/?demo": straight into the picture, with the first ladder open.
  await api.login(demo.accounts[0].username, demo.accounts[0].password);
  showRoom();
  const open = setInterval(() => {
    const busy = incidents.filter((i) => i.state === 'handling');
    if (selected || busy.length === 0) return;
    clearInterval(open);
    pick(busy[Math.min(busy.length - 1, 12)].id);
  }, 500);
}

paintAll();
if (api.restore()) showRoom(); else offerDemoAccounts().catch(() => {});
