//! What one flush decides, pure: which fixes are known already, how the others are judged, what goes into the log and
//! what into segments, and what a restart must know. The collector commits it; the simulation beside runs it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Receipt;
use crate::duty::location::codec;
use crate::duty::location::fix::Fix;
use crate::duty::location::history::{History, Plan};
use crate::duty::location::judge::{DeviceState, Filed};
use crate::duty::location::log::Key;
use crate::duty::location::store::{SegmentRow, TailRow};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, PersonId, SegmentId};
use crate::words::time::Timestamp;

/// The fixes one call brings.
pub(super) struct Brought<'a> {
    pub device: DeviceId,
    pub fixes: &'a [(Option<PersonId>, Fix)],
}

/// A device whose marker moves, and which of the calls brought its newest fixes.
pub(super) struct Moved {
    pub device: DeviceId,
    pub call: usize,
    pub author: Option<PersonId>,
    pub fix: Fix,
}

/// What one flush decided, before it is committed.
pub(super) struct Flush {
    pub plan: Plan,
    pub states: Vec<(DeviceId, DeviceState)>,
    pub moved: Vec<Moved>,
    pub receipts: Vec<Receipt>,
}

/// The rows of a flush, shared with a recipe that may be repeated.
pub(super) struct Rows {
    pub n: i64,
    pub log: Option<Vec<u8>>,
    pub logged: i64,
    pub segments: Vec<SegmentRow>,
    pub tails: Vec<TailRow>,
    pub trim_before: Option<i64>,
}

/// Decides a flush of these calls. `sealed` gives the segments of a device that may hold times between two (µs).
pub(super) fn decide(
    history: &History,
    devices: &HashMap<DeviceId, DeviceState>,
    calls: &[Brought<'_>],
    now: Timestamp,
    mut sealed: impl FnMut(DeviceId, i64, i64) -> Result<Vec<Vec<u8>>>,
) -> Result<Flush> {
    let mut receipts = vec![Receipt::default(); calls.len()];
    let mut by_device: BTreeMap<DeviceId, (usize, Vec<Filed>)> = BTreeMap::new();
    for (index, call) in calls.iter().enumerate() {
        if call.fixes.is_empty() {
            continue;
        }
        let (last, filed) = by_device.entry(call.device).or_default();
        *last = index;
        filed.extend(call.fixes.iter().map(|(author, fix)| Filed { author: *author, call: index, fix: *fix }));
    }
    let mut groups: BTreeMap<Key, Vec<Fix>> = BTreeMap::new();
    let (mut states, mut moved) = (Vec::new(), Vec::new());
    for (device, (last, mut filed)) in by_device {
        let mut state = devices.get(&device).cloned().unwrap_or_default();
        filed.sort_by_key(|f| f.fix.at);
        if let (Some(first), Some(newest)) = (filed.first().map(|f| f.fix.at), filed.last().map(|f| f.fix.at))
            && !state.is_beyond(first)
        {
            let known = known_times(history, device, first, newest, sealed(device, first, newest)?)?;
            drop_duplicates(&known, &mut filed, &mut receipts);
        } else {
            drop_duplicates(&HashSet::new(), &mut filed, &mut receipts);
        }
        let before = state.marker;
        state.judge(&mut filed);
        for Filed { author, call, fix } in filed {
            groups.entry(Key { device, author }).or_default().push(fix);
            if let Some(receipt) = receipts.get_mut(call) {
                receipt.count(fix.flags);
            }
        }
        if let Some(fix) = state.marker.filter(|_| state.marker != before) {
            moved.push(Moved { device, call: last, author: state.marker_author, fix });
        }
        states.push((device, state));
    }
    let plan = history.plan(groups, now.as_micros() / 1000);
    Ok(Flush { plan, states, moved, receipts })
}

/// Takes out what the device has delivered before: in this flush (sorted by time), in memory or in segments.
fn drop_duplicates(known: &HashSet<i64>, filed: &mut Vec<Filed>, receipts: &mut [Receipt]) {
    let mut previous = None;
    filed.retain(|f| {
        let duplicate = previous == Some(f.fix.at) || known.contains(&f.fix.at);
        previous = Some(f.fix.at);
        if duplicate && let Some(receipt) = receipts.get_mut(f.call) {
            receipt.duplicates += 1;
        }
        !duplicate
    });
}

fn known_times(
    history: &History,
    device: DeviceId,
    from: i64,
    to: i64,
    segments: Vec<Vec<u8>>,
) -> Result<HashSet<i64>> {
    let mut known: HashSet<i64> = history.times_of_device(device, from, to).into_iter().collect();
    for body in segments {
        let fixes = codec::decode(&body).map_err(Error::internal)?;
        known.extend(fixes.iter().map(|fix| fix.at).filter(|at| (from..=to).contains(at)));
    }
    Ok(known)
}

/// The rows of a flush.
pub(super) fn rows(flush: &Flush, devices: &HashMap<DeviceId, DeviceState>, now: Timestamp) -> Rows {
    let plan = &flush.plan;
    let states: HashMap<DeviceId, &DeviceState> = flush.states.iter().map(|(d, s)| (*d, s)).collect();
    let segments = plan
        .sealed
        .iter()
        .map(|sealed| SegmentRow {
            id: SegmentId::new(),
            device_id: sealed.key.device,
            person_id: sealed.key.author,
            received_day: sealed.day,
            from_at: sealed.from_at,
            to_at: sealed.to_at,
            fixes: i64::from(sealed.fixes),
            body: sealed.body.clone(),
            sealed_at: now,
        })
        .collect();
    let keys: HashSet<Key> = plan.sealed.iter().map(|sealed| sealed.key).collect();
    let tails = keys
        .into_iter()
        .map(|key| {
            let state = states.get(&key.device).copied().or_else(|| devices.get(&key.device));
            let marker = state.filter(|s| s.marker_author == key.author).and_then(|s| s.marker);
            TailRow {
                device_id: key.device,
                author: author_text(key.author),
                sealed_log: plan.n - 1,
                newest_at: state.and_then(|s| s.newest_at).unwrap_or(0),
                live: marker.map(|fix| codec::encode(&[fix])),
                updated_at: now,
            }
        })
        .collect();
    Rows {
        n: plan.n,
        log: plan.log.clone(),
        logged: plan.logged_fixes(),
        segments,
        tails,
        trim_before: plan.trim_before,
    }
}

/// The tail's author column: empty for nobody.
pub(super) fn author_text(author: Option<PersonId>) -> String {
    author.map(|person| person.to_string()).unwrap_or_default()
}

#[cfg(test)]
#[path = "flush_sim.rs"]
mod sim;
