// Backup alarms on top of everything, stacked, each with its own clock; the sound belongs to the room.

import { get, post, person } from './api.js';
import { t, code, span } from './words.js';
import { el } from './panels.js';

const LOUD_KEY = 'sound';
const SHOWN_MS = 20_000;

export function createAlarms(box, soundButton, names, onChange) {
  const open = new Map();
  let audio = null;
  let loud = false;
  try { loud = localStorage.getItem(LOUD_KEY) === 'on'; } catch { /* private window */ }

  function paintSound() { soundButton.textContent = t(loud ? 'sound_on' : 'sound_off'); soundButton.setAttribute('aria-pressed', String(loud)); }
  soundButton.addEventListener('click', () => {
    loud = !loud;
    try { localStorage.setItem(LOUD_KEY, loud ? 'on' : 'off'); } catch { /* not kept */ }
    if (loud) { audio ??= new AudioContext(); audio.resume(); ring(); }
    paintSound();
  });

  function ring() {
    if (!loud) return;
    audio ??= new AudioContext();
    for (const [n, pitch] of [880, 660, 880].entries()) {
      const tone = audio.createOscillator(); const gain = audio.createGain(); const at = audio.currentTime + n * 0.18;
      tone.frequency.value = pitch; tone.type = 'triangle';
      gain.gain.setValueAtTime(0.0001, at); gain.gain.exponentialRampToValueAtTime(0.22, at + 0.02); gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
      tone.connect(gain).connect(audio.destination); tone.start(at); tone.stop(at + 0.18);
    }
  }

  const stateOf = (b) => (b.state === 'closed' ? 'done' : b.taken_by ? 'taken' : 'open');
  const whoOf = (b) => b.for_person?.name ?? b.for_person_name ?? names.person(b.for_person?.person_id ?? b.for_person_id) ?? '';
  const since = (b) => span((Date.now() - Date.parse(b.pressed_at)) / 1000);

  function row(b) {
    const answered = (answer) => (b.alerted ?? []).filter((a) => a.answer === answer && !a.stood_down_at).length;
    const took = stateOf(b) === 'taken';
    const acts = el('span', { class: 'acts' });
    const act = (word, path, body, main) => {
      const button = el('button', { type: 'button', class: main ? 'main' : '' }, t(word));
      button.addEventListener('click', async () => { button.disabled = true; try { await post(path, body); } catch (error) { button.title = error.message; } await refresh(b.id); });
      acts.append(button);
    };
    if (!took) act('take', `/backups/${b.id}/take`, {}, true);
    act('resolve', `/backups/${b.id}/close`, { reason: 'resolved' }, took);
    return el('div', { class: 'alarm', 'data-state': stateOf(b), role: 'alert' },
      el('strong', {}, code('backup', b.kind ?? 'help')),
      el('span', {}, `${whoOf(b)} ${t('backup_called')}`),
      el('span', { class: 'timer' }, since(b)),
      el('span', { class: 'who' }, [`${t('alerted')} ${(b.alerted ?? []).length}`, `${answered('coming')} ${t('responding')}`, `${t('arrived')} ${answered('arrived')}`, took ? `${t('taken_by')} ${b.taken_by?.name ?? ''}` : t('untaken'), b.says_false_alarm ? t('says_false') : null].filter(Boolean).join(' · ')), acts);
  }

  function paint() {
    const focused = box.contains(document.activeElement);
    if (focused && box.children.length === open.size && open.size > 0) {
      [...open.values()].forEach((b, n) => { const timer = box.children[n]?.querySelector('.timer'); if (timer) timer.textContent = since(b); });
    } else box.replaceChildren(...[...open.values()].map(row));
    onChange([...open.values()].filter((b) => stateOf(b) !== 'done').map((b) => ({ person_id: b.for_person?.person_id ?? b.for_person_id, location: b.destination, label: code('backup', b.kind ?? 'help') })));
  }

  async function refresh(id) {
    try {
      const b = await get(`/backups/${id}`);
      if (stateOf(b) === 'done') open.delete(id); else open.set(id, { ...open.get(id), ...b, id });
    } catch { /* gone or not ours any more */ const was = open.get(id); if (was && Date.now() - was.heard > SHOWN_MS) open.delete(id); }
    paint();
  }

  return {
    paint() { paintSound(); paint(); },
    message(frame) {
      const id = frame.data?.backup_id;
      if (!frame.kind.startsWith('backup.') || !id || !person()) return;
      if (frame.kind === 'backup.alert' && !open.has(id)) { open.set(id, { ...frame.data, id, heard: Date.now() }); ring(); }
      refresh(id);
    },
    async poll(list) { for (const b of list) if (stateOf(b) !== 'done' && !open.has(b.id)) { open.set(b.id, { ...b, heard: Date.now() }); ring(); } await Promise.all([...open.keys()].map(refresh)); },
    clear() { open.clear(); box.replaceChildren(); },
  };
}
