//! Start-up: open segments, device states and live places from the tails and the log.

use std::collections::{HashMap, HashSet};

use super::flush::author_text;
use crate::duty::location::codec;
use crate::duty::location::history::History;
use crate::duty::location::judge::DeviceState;
use crate::duty::location::live::{Live, Update};
use crate::duty::location::log;
use crate::duty::location::store::{self, TailRow};
use crate::duty::officers::store as officers;
use crate::platform::db::Db;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, PersonId, UnitId};

/// Devices asked for in one query.
const CHUNK: usize = 500;

pub(super) struct Restored {
    pub history: History,
    pub devices: HashMap<DeviceId, DeviceState>,
}

pub(super) fn restore(db: &Db, max_log_fixes: u64, live: &Live) -> Result<Restored> {
    let (tails, log_rows) = db.read_blocking(|conn| Ok((store::tails_all(conn)?, store::log_all(conn)?)))?;
    let rows = log_rows.len();
    let restored = take_up(tails, log_rows, max_log_fixes)?;
    live.apply(updates(db, &restored.devices)?);
    let (devices, fixes) = (restored.devices.len(), restored.history.log_fixes());
    tracing::info!(devices, log_rows = rows, fixes, "live places restored");
    Ok(restored)
}

/// What was there before, from what was committed of it. Pure.
pub(super) fn take_up(tails: Vec<TailRow>, log_rows: Vec<(i64, Vec<u8>)>, max_log_fixes: u64) -> Result<Restored> {
    let mut history = History::new(max_log_fixes);
    let mut devices: HashMap<DeviceId, DeviceState> = HashMap::new();
    let mut sealed: HashMap<(DeviceId, String), i64> = HashMap::new();
    for tail in tails {
        history.continue_after(tail.sealed_log);
        let state = devices.entry(tail.device_id).or_default();
        state.saw(tail.newest_at);
        let author: Option<PersonId> = tail.author.parse().ok();
        for fix in tail.live.as_deref().map(codec::decode).transpose().map_err(Error::internal)?.unwrap_or_default() {
            state.recall(author, &fix);
        }
        sealed.insert((tail.device_id, tail.author), tail.sealed_log);
    }
    for (n, body) in log_rows {
        let groups = log::decode(&body).map_err(Error::internal)?;
        for (key, fixes) in &groups {
            let state = devices.entry(key.device).or_default();
            fixes.iter().for_each(|fix| state.recall(key.author, fix));
        }
        history.replay(n, &groups, |key| {
            sealed.get(&(key.device, author_text(key.author))).is_none_or(|sealed| n > *sealed)
        });
    }
    Ok(Restored { history, devices })
}

fn updates(db: &Db, devices: &HashMap<DeviceId, DeviceState>) -> Result<Vec<Update>> {
    let ids: Vec<DeviceId> = devices.keys().copied().collect();
    let (rows, paths) = db.read_blocking(|conn| {
        let mut rows = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            rows.extend(officers::devices_fetch(conn, chunk)?);
        }
        let units: HashSet<UnitId> = rows.iter().filter_map(|row| row.unit_id).collect();
        let mut paths = HashMap::new();
        for unit in units {
            paths.insert(unit, officers::unit_fetch(conn, &unit)?.path);
        }
        Ok((rows, paths))
    })?;
    let mut updates = Vec::new();
    for row in rows.into_iter().filter(crate::duty::officers::DeviceRow::is_active) {
        let Some(state) = devices.get(&row.id) else { continue };
        let Some(fix) = state.marker else { continue };
        let unit = row.unit_id.and_then(|id| Some((id, paths.get(&id)?.as_str().into())));
        updates.push(Update { device: row.id, kind: Some(row.kind), unit, person: state.marker_author, fix });
    }
    Ok(updates)
}
