// The live map: a canvas with grid, scale, people coloured by unit, incidents, alarms. No basemap.

import { t, code, span } from './words.js';

const GLIDE_MS = 900;
const METRES = 111_132;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function createMap(canvas, hover, scaleBox, names) {
  const draw = canvas.getContext('2d');
  const people = new Map();
  let incidents = [];
  let alarms = [];
  let selected = null;
  let linked = [];
  let focus = null;
  let view = null;
  let touched = false;
  let dirty = true;
  let size = { w: 0, h: 0, d: 1 };
  let colours = {};
  const hues = new Map();

  const readColours = () => {
    for (const c of ['bg', 'map', 'grid', 'ink', 'soft', 'line', 'accent', 'alarm', 'panel', 'p1', 'p2', 'p3', 'p4']) colours[c] = css(`--${c}`);
    colours.dark = matchMedia('(prefers-color-scheme: light)').matches === false;
    dirty = true;
  };
  readColours();
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', readColours);

  const hue = (unit) => {
    if (!hues.has(unit)) hues.set(unit, Math.round((hues.size * 137.508 + 205) % 360));
    return hues.get(unit);
  };
  const paint = (unit) => `hsl(${hue(unit)} 72% ${colours.dark ? 62 : 42}%)`;

  const metres = (lon, lat) => ({ x: (lon - view.lon0) * METRES * view.cos, y: (lat - view.lat0) * METRES });
  const pixel = (p) => ({ x: size.w / 2 + (p.x - view.x) * view.k, y: size.h / 2 - (p.y - view.y) * view.k });

  function resize() {
    const box = canvas.getBoundingClientRect();
    size = { w: box.width, h: box.height, d: Math.min(2, devicePixelRatio || 1) };
    canvas.width = Math.round(size.w * size.d); canvas.height = Math.round(size.h * size.d);
    dirty = true;
    if (!touched) fit();
  }
  new ResizeObserver(resize).observe(canvas);

  function origin(lon, lat) {
    if (!view) view = { lon0: lon, lat0: lat, cos: Math.cos((lat * Math.PI) / 180), x: 0, y: 0, k: 0.04 };
  }

  function fit() {
    const points = [...people.values()].map((p) => metres(p.lon, p.lat));
    if (points.length === 0 || size.w === 0) return;
    const xs = points.map((p) => p.x).sort((a, b) => a - b); const ys = points.map((p) => p.y).sort((a, b) => a - b);
    const at = (list, share) => list[Math.min(list.length - 1, Math.floor(list.length * share))];
    const [x0, x1, y0, y1] = [at(xs, 0.005), at(xs, 0.995), at(ys, 0.005), at(ys, 0.995)];
    view.x = (x0 + x1) / 2; view.y = (y0 + y1) / 2;
    view.k = Math.min(0.5, 0.9 * Math.min(size.w / Math.max(800, x1 - x0), size.h / Math.max(800, y1 - y0)));
    dirty = true;
  }

  function zoom(by, at = { x: size.w / 2, y: size.h / 2 }) {
    if (!view) return;
    const k = Math.max(0.002, Math.min(4, view.k * by));
    view.x += (at.x - size.w / 2) * (1 / view.k - 1 / k); view.y -= (at.y - size.h / 2) * (1 / view.k - 1 / k);
    view.k = k; touched = true; dirty = true;
  }

  function place(p, now) {
    const goal = metres(p.lon, p.lat);
    const share = p.moved ? Math.min(1, (now - p.moved) / GLIDE_MS) : 1;
    if (share >= 1 || !p.from) return pixel(goal);
    dirty = true;
    const start = metres(p.from.lon, p.from.lat);
    const ease = share * (2 - share);
    return pixel({ x: start.x + (goal.x - start.x) * ease, y: start.y + (goal.y - start.y) * ease });
  }

  function grid() {
    const step = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000].find((m) => m * view.k >= 70) ?? 50_000;
    draw.strokeStyle = colours.grid; draw.lineWidth = 1; draw.beginPath();
    const left = view.x - size.w / 2 / view.k; const low = view.y - size.h / 2 / view.k;
    for (let x = Math.ceil(left / step) * step; (x - left) * view.k < size.w; x += step) { const px = Math.round((x - left) * view.k) + 0.5; draw.moveTo(px, 0); draw.lineTo(px, size.h); }
    for (let y = Math.ceil(low / step) * step; (y - low) * view.k < size.h; y += step) { const py = Math.round(size.h - (y - low) * view.k) + 0.5; draw.moveTo(0, py); draw.lineTo(size.w, py); }
    draw.stroke();
    scaleBox.querySelector('i').style.width = `${step * view.k}px`;
    scaleBox.querySelector('span').textContent = step >= 1000 ? `${step / 1000} ${t('kilometres')}` : `${step} ${t('metres')}`;
  }

  function mark(p, at, big) {
    const r = big ? 6.5 : 5;
    const silent = p.freshness !== 'fresh';
    const colour = silent ? colours.soft : paint(p.unit_id ?? '');
    draw.lineWidth = 1.6; draw.strokeStyle = silent ? colours.soft : colours.map; draw.fillStyle = silent ? colours.map : colour;
    draw.globalAlpha = silent ? 0.75 : 1;
    draw.beginPath();
    const kind = names.kind(p);
    if (kind === 'vehicle') draw.roundRect(at.x - r * 1.25, at.y - r * 0.85, r * 2.5, r * 1.7, 2.5);
    else if (kind === 'mediator') { draw.moveTo(at.x, at.y - r * 1.2); draw.lineTo(at.x + r * 1.1, at.y + r * 0.85); draw.lineTo(at.x - r * 1.1, at.y + r * 0.85); draw.closePath(); }
    else if (kind === 'grid_chief') draw.rect(at.x - r * 0.85, at.y - r * 0.85, r * 1.7, r * 1.7);
    else draw.arc(at.x, at.y, r, 0, 7);
    draw.fill(); draw.stroke();
    if (!silent && (p.speed_mps ?? 0) > 1 && p.heading_deg != null && big) {
      const a = (p.heading_deg * Math.PI) / 180;
      draw.strokeStyle = colour; draw.lineWidth = 2; draw.beginPath();
      draw.moveTo(at.x + Math.sin(a) * (r + 1), at.y - Math.cos(a) * (r + 1)); draw.lineTo(at.x + Math.sin(a) * (r + 7), at.y - Math.cos(a) * (r + 7)); draw.stroke();
    }
    draw.globalAlpha = 1;
  }

  // Far out, each unit's name stands faintly where its people are.
  function unitNames(spots) {
    const sums = new Map();
    for (const p of people.values()) {
      const at = spots.get(p.person_id); const s = sums.get(p.unit_id) ?? { x: 0, y: 0, n: 0 };
      s.x += at.x; s.y += at.y; s.n += 1; sums.set(p.unit_id, s);
    }
    draw.font = '600 12px system-ui, "WenQuanYi Zen Hei", sans-serif'; draw.textAlign = 'center'; draw.textBaseline = 'middle'; draw.globalAlpha = 0.85;
    for (const [unit, s] of sums) {
      if (!unit || s.n < 4) continue;
      draw.lineWidth = 4; draw.strokeStyle = colours.map; draw.strokeText(names.area(unit), s.x / s.n, s.y / s.n - 16);
      draw.fillStyle = paint(unit); draw.fillText(names.area(unit), s.x / s.n, s.y / s.n - 16);
    }
    draw.globalAlpha = 1; draw.textAlign = 'left';
  }

  // Near by, everybody's name or call sign stands beside the marker where there is room; a crew says it once.
  function peopleNames(spots) {
    const taken = new Set();
    for (const p of people.values()) {
      const at = spots.get(p.person_id);
      if (at.x < -50 || at.x > size.w || at.y < 0 || at.y > size.h) continue;
      const cells = [0, 1, 2].map((n) => `${Math.floor((at.x + 10) / 26) + n},${Math.floor(at.y / 14)}`);
      if (cells.some((c) => taken.has(c))) continue;
      for (const c of cells) taken.add(c);
      label(names.short(p), at, colours.soft);
    }
  }

  // Whoever is silent says for how long and why, as long as these are few enough to read.
  function silentNotes(spots) {
    const silent = [...people.values()].filter((p) => p.freshness !== 'fresh');
    if (silent.length > 25 || size.w < 600) return;
    draw.globalAlpha = 0.9;
    for (const p of silent) {
      const at = spots.get(p.person_id);
      label(`${span((Date.now() - Date.parse(p.at)) / 1000)} · ${code('cause', p.cause ?? 'unknown')}`, { x: at.x, y: at.y + (view.k > 0.11 ? 12 : 0) }, colours.soft);
    }
    draw.globalAlpha = 1;
  }

  function label(text, at, colour) {
    draw.font = '600 11px system-ui, "WenQuanYi Zen Hei", sans-serif'; draw.textBaseline = 'middle';
    draw.lineWidth = 3; draw.strokeStyle = colours.map; draw.strokeText(text, at.x + 9, at.y); draw.fillStyle = colour; draw.fillText(text, at.x + 9, at.y);
  }

  function frame(now) {
    requestAnimationFrame(frame);
    if (!dirty || !view || size.w === 0 || document.hidden) return;
    dirty = false;
    draw.setTransform(size.d, 0, 0, size.d, 0, 0);
    draw.fillStyle = colours.map; draw.fillRect(0, 0, size.w, size.h);
    grid();
    const big = view.k > 0.05;
    const spots = new Map();
    for (const p of people.values()) { const at = place(p, now); spots.set(p.person_id, at); }
    const goal = incidents.find((i) => i.id === selected);
    if (goal?.location) {
      const to = pixel(metres(goal.location.lon, goal.location.lat));
      draw.setLineDash([5, 5]); draw.lineWidth = 1.6; draw.strokeStyle = colours.accent;
      for (const id of linked) { const from = spots.get(id); if (from) { draw.beginPath(); draw.moveTo(from.x, from.y); draw.lineTo(to.x, to.y); draw.stroke(); } }
      draw.setLineDash([]);
    }
    for (const p of people.values()) if (p.freshness !== 'fresh') mark(p, spots.get(p.person_id), big);
    for (const p of people.values()) if (p.freshness === 'fresh') mark(p, spots.get(p.person_id), big);
    for (const i of incidents) {
      if (!i.location) continue;
      const at = pixel(metres(i.location.lon, i.location.lat)); const r = i.id === selected ? 10 : 7;
      draw.fillStyle = colours[`p${i.priority}`] ?? colours.p4; draw.strokeStyle = i.id === selected ? colours.ink : colours.map; draw.lineWidth = 2;
      draw.beginPath(); draw.moveTo(at.x, at.y - r); draw.lineTo(at.x + r, at.y); draw.lineTo(at.x, at.y + r); draw.lineTo(at.x - r, at.y); draw.closePath(); draw.fill(); draw.stroke();
      if (i.id === selected) label(i.title, at, colours.ink);
    }
    for (const a of alarms) {
      const at = spots.get(a.person_id) ?? (a.location && pixel(metres(a.location.lon, a.location.lat)));
      if (!at) continue;
      dirty = true;
      for (const shift of [0, 0.5]) {
        const share = (now / 1400 + shift) % 1;
        draw.globalAlpha = 1 - share; draw.strokeStyle = colours.alarm; draw.lineWidth = 3; draw.beginPath(); draw.arc(at.x, at.y, 8 + share * 34, 0, 7); draw.stroke();
      }
      draw.globalAlpha = 1; label(a.label, { x: at.x + 6, y: at.y - 12 }, colours.alarm);
    }
    if (!big && size.w > 600) unitNames(spots);
    if (view.k > 0.11) peopleNames(spots);
    silentNotes(spots);
    if (focus) { const at = spots.get(focus); if (at) { draw.strokeStyle = colours.ink; draw.lineWidth = 2; draw.beginPath(); draw.arc(at.x, at.y, 11, 0, 7); draw.stroke(); } }
  }
  requestAnimationFrame(frame);

  function nearest(x, y, within = 14) {
    let best = null;
    const now = performance.now();
    for (const p of people.values()) { const at = place(p, now); const d = Math.hypot(at.x - x, at.y - y); if (d < within && (!best || d < best.d)) best = { d, p, at }; }
    for (const i of incidents) { if (!i.location) continue; const at = pixel(metres(i.location.lon, i.location.lat)); const d = Math.hypot(at.x - x, at.y - y) - 3; if (d < within && (!best || d < best.d)) best = { d, i, at }; }
    return best;
  }

  function tell(hit) {
    hover.hidden = !hit;
    focus = hit?.p?.person_id ?? null;
    dirty = true;
    if (!hit) return;
    hover.replaceChildren();
    const line = (text, kind) => { const el = document.createElement(kind ?? 'div'); el.textContent = text; hover.append(el); return el; };
    if (hit.p) {
      const p = hit.p;
      const age = (Date.now() - Date.parse(p.at)) / 1000;
      line(names.long(p), 'b');
      if (names.unit(p)) line(names.unit(p));
      if (p.freshness !== 'fresh') line(`${t('silent')} · ${t('last_seen')} ${span(age)}${t('ago') === '前' ? '前' : ' ago'} · ${code('cause', p.cause ?? 'unknown')}`).className = 'stale';
      else line(`${t('fresh')} · ${span(age)}${t('ago') === '前' ? '前' : ' ago'}`);
      const bits = [];
      if (p.speed_mps != null) bits.push(`${t('speed')} ${Math.round(p.speed_mps * 3.6)} km/h`);
      if (p.battery_pct != null) bits.push(`${t('battery')} ${Math.round(p.battery_pct)}%`);
      if (p.accuracy_m != null) bits.push(`${t('accuracy')} ±${Math.round(p.accuracy_m)} m`);
      if (bits.length) line(bits.join(' · '));
    } else { line(hit.i.title, 'b'); line(`${code('priority', hit.i.priority)} · ${code('incident', hit.i.state)}`); if (hit.i.address) line(hit.i.address); }
    const box = hover.getBoundingClientRect();
    hover.style.left = `${Math.max(4, Math.min(size.w - box.width - 6, hit.at.x + 14))}px`;
    hover.style.top = `${Math.max(4, Math.min(size.h - box.height - 6, hit.at.y + 12))}px`;
  }

  const pointers = new Map();
  let pinch = 0;
  let pick = () => {};
  canvas.addEventListener('pointerdown', (e) => { canvas.setPointerCapture(e.pointerId); pointers.set(e.pointerId, { x: e.offsetX, y: e.offsetY, x0: e.offsetX, y0: e.offsetY }); canvas.classList.add('drag'); pinch = 0; });
  canvas.addEventListener('pointermove', (e) => {
    const was = pointers.get(e.pointerId);
    if (!view) return;
    if (!was) { tell(nearest(e.offsetX, e.offsetY)); return; }
    if (pointers.size === 1) { view.x -= (e.offsetX - was.x) / view.k; view.y += (e.offsetY - was.y) / view.k; touched = true; dirty = true; }
    was.x = e.offsetX; was.y = e.offsetY;
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()]; const apart = Math.hypot(a.x - b.x, a.y - b.y);
      if (pinch) zoom(apart / pinch, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
      pinch = apart;
    }
  });
  const up = (e) => {
    const was = pointers.get(e.pointerId); pointers.delete(e.pointerId); canvas.classList.remove('drag');
    if (was && view && Math.hypot(was.x - was.x0, was.y - was.y0) < 4) { const hit = nearest(e.offsetX, e.offsetY, 22); tell(hit); if (hit?.i) pick(hit.i.id); }
  };
  canvas.addEventListener('pointerup', up); canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', () => { if (pointers.size === 0) tell(null); });
  canvas.addEventListener('wheel', (e) => { e.preventDefault(); zoom(Math.exp(-e.deltaY * 0.0015), { x: e.offsetX, y: e.offsetY }); }, { passive: false });
  canvas.addEventListener('keydown', (e) => {
    if (!view) return;
    const step = 80 / view.k;
    const keys = { ArrowLeft: () => { view.x -= step; }, ArrowRight: () => { view.x += step; }, ArrowUp: () => { view.y += step; }, ArrowDown: () => { view.y -= step; }, '+': () => zoom(1.4), '=': () => zoom(1.4), '-': () => zoom(1 / 1.4), 0: () => { touched = false; fit(); } };
    if (keys[e.key]) { keys[e.key](); if (e.key !== '0') touched = true; dirty = true; e.preventDefault(); }
  });

  return {
    paint,
    setPeople(all) {
      const now = performance.now();
      for (const [id, p] of all) {
        const was = people.get(id);
        origin(p.lon, p.lat);
        if (was && was.lon === p.lon && was.lat === p.lat) people.set(id, { ...p, from: was.from, moved: was.moved });
        else people.set(id, { ...p, from: was && { lon: was.lon, lat: was.lat }, moved: was ? now : 0 });
      }
      for (const id of people.keys()) if (!all.has(id)) people.delete(id);
      if (!touched) fit();
      dirty = true;
    },
    setIncidents(list) { incidents = list; for (const i of list) if (i.location) origin(i.location.lon, i.location.lat); dirty = true; },
    setAlarms(list) { alarms = list; dirty = true; },
    select(id, assigned) { selected = id; linked = assigned; dirty = true; },
    // Only moves the map when the place is out of sight: whoever looks should not lose the picture.
    show(lon, lat) {
      if (!view) return;
      const m = metres(lon, lat); const at = pixel(m);
      if (at.x < 40 || at.x > size.w - 40 || at.y < 40 || at.y > size.h - 40) { view.x = m.x; view.y = m.y; touched = true; }
      dirty = true;
    },
    onPick(fn) { pick = fn; },
    zoom, redraw() { dirty = true; },
    fit() { touched = false; fit(); },
  };
}
