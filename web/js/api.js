// REST: log in, keep the token fresh, call, turn problems into errors.

let tokens = null;
let renewing = null;
const KEY = 'suixing.session';

function keep(answer) {
  tokens = { access: answer.access_token, refresh: answer.refresh_token, ends: Date.now() + (answer.expires_in ?? 600) * 1000, device: answer.device_id, person: answer.person ?? tokens?.person };
  try { sessionStorage.setItem(KEY, JSON.stringify(tokens)); } catch { /* private window */ }
}

export class Problem extends Error {
  constructor(status, body) { super(body?.detail ?? body?.title ?? `HTTP ${status}`); this.status = status; this.code = body?.code ?? ''; }
}

async function raw(method, path, body, bearer) {
  const headers = { 'Accept-Language': document.documentElement.lang };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['Idempotency-Key'] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' });
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(answer.status, data);
  return data;
}

export const person = () => tokens?.person;
export const loggedIn = () => Boolean(tokens);

export function restore() {
  try { tokens = JSON.parse(sessionStorage.getItem(KEY)); } catch { tokens = null; }
  return Boolean(tokens);
}

export async function login(username, password) { keep(await raw('POST', '/auth/login', { username, password })); }

export async function logout() {
  const bearer = tokens?.access;
  forget();
  if (bearer) await raw('POST', '/auth/logout', {}, bearer).catch(() => {});
}

export function forget() {
  tokens = null;
  try { sessionStorage.removeItem(KEY); } catch { /* nothing kept */ }
}

async function bearer() {
  if (!tokens) throw new Problem(401, null);
  if (tokens.ends - Date.now() < 60_000) {
    renewing ??= raw('POST', '/auth/refresh', { refresh_token: tokens.refresh }).then(keep).finally(() => { renewing = null; });
    await renewing;
  }
  return tokens.access;
}

export const get = async (path) => raw('GET', path, undefined, await bearer());
/** Bytes that need the token, such as a picture. */
export async function blob(path) {
  const answer = await fetch(`/api/v1${path}`, { headers: { Authorization: `Bearer ${await bearer()}` } });
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null));
  return answer.blob();
}

export const post = async (path, body = {}) => raw('POST', path, body, await bearer());

export async function all(path, most = 1000) {
  const items = [];
  let cursor = null;
  do {
    const join = path.includes('?') ? '&' : '?';
    const page = await get(`${path}${join}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    items.push(...(page.items ?? []));
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}
