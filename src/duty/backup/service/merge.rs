//! A second press of the same minute adds what it knows and takes nothing away.

use serde_json::json;

use super::super::Kind;
use super::super::rows::{BackupRow, Place, PlaceSource, TimerKind};
use super::super::store::{self, Correction};
use super::press::Press;
use super::tell;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::policy::Actor;
use crate::words::error::Result;

/// Notes the press and merges kind, note, needs, silence and a newer place; responders hear what changed.
pub(super) fn press_again(
    tx: &mut Tx<'_>,
    row: &BackupRow,
    press: &Press,
    place: Option<Place>,
    actor: &Actor,
) -> Result<()> {
    let now = tx.now;
    store::event_append(
        tx,
        &row.id,
        "pressed_again",
        Some(actor.person),
        Some(actor.device),
        &json!({ "kind": press.kind, "silent": press.silent }),
    )?;
    if !row.is_open() {
        return Ok(());
    }
    let mut needs = row.needs()?;
    let before = needs.len();
    for need in press.needs.iter().flatten() {
        if !needs.contains(need) {
            needs.push(need.clone());
        }
    }
    let note = match (&row.note, &press.note) {
        (Some(old), Some(new)) if old != new => Some(format!("{old}\n{new}")),
        (None, Some(new)) => Some(new.clone()),
        _ => None,
    };
    let stored = row.destination()?;
    // A companion's fix never replaces a place that is about the person himself.
    let nearer = place.filter(|place| {
        matches!(place.source, PlaceSource::Given | PlaceSource::Fix)
            && stored.as_ref().is_none_or(|old| place.at > old.at)
    });
    let in_time = press.pressed_at.is_none_or(|at| now.secs_since(at) <= super::super::rules::LATE_AFTER_S);
    let change = Correction {
        kind: press.kind.filter(|kind| *kind != row.kind && *kind != Kind::Help),
        silent: (press.silent == Some(true) && !row.silent).then_some(true),
        ring: (!row.ring && in_time).then_some(true),
        note,
        needs: (needs.len() > before).then(|| json!(needs).to_string()),
        target: None,
        destination: nearer.as_ref().map(store::place_text).transpose()?,
    };
    let told = change.kind.is_some() || change.note.is_some() || change.needs.is_some() || change.silent.is_some();
    let ring = change.ring.is_some();
    if !(told || ring || change.destination.is_some()) {
        return Ok(());
    }
    store::backup_correct(tx, &row.id, &change)?;
    if ring || change.kind.is_some() {
        store::timer_hasten(tx, TimerKind::Wave, &row.id.to_string())?;
    }
    let fresh = store::backup_fetch(tx.conn(), &row.id)?;
    if told {
        tell::updated(tx, &fresh, "pressed_again")?;
    }
    tx.emit(&Event::BackupChanged { backup: row.id })
}
