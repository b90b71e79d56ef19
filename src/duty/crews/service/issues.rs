//! Who carries which device: issue and return (领用/归还).

use serde_json::json;

use super::duty::duty_log;
use crate::duty::crews::{IssueRow, store};
use crate::duty::officers::{DeviceRow, PersonRow, store as people};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor, DeviceKind, Facts, may};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, IssueId, PersonId};

/// Whether a person can carry a device of this kind at all.
fn kind_is_carriable(kind: DeviceKind) -> bool {
    !matches!(kind, DeviceKind::Browser | DeviceKind::Dock | DeviceKind::FixedCheckpoint)
}

/// The device, if this person may carry it: of a carried kind, not revoked, and of his own house
/// (he signed in on it last, it asks now, or it belongs to his unit, one above or one below).
pub fn device_carriable(conn: &mut Conn, actor: &Actor, person: &PersonRow, id: &DeviceId) -> Result<DeviceRow> {
    let device = people::device_fetch(conn, id)?;
    let mut related = device.person_id == Some(person.id) || *id == actor.device;
    if let (false, Some(unit_id)) = (related, device.unit_id) {
        let theirs = people::unit_fetch(conn, &unit_id)?.path;
        let own = people::unit_fetch(conn, &person.unit_id)?.path;
        related = theirs.starts_with(&own) || own.starts_with(&theirs);
    }
    if !related {
        return Err(Error::not_found("device"));
    }
    if !device.is_active() {
        return Err(Error::conflict("the device was revoked"));
    }
    if !kind_is_carriable(device.kind) {
        return Err(Error::field("carried_device_ids", format!("a {} is not carried", device.kind)));
    }
    Ok(device)
}

/// Issues a device to a person; whoever held it returns it by that (A hands over to B).
pub fn device_hand_over(tx: &mut Tx<'_>, id: &DeviceId, to: &PersonId) -> Result<()> {
    let now = tx.now;
    if store::device_holder(tx.conn(), id)? == Some(*to) {
        return Ok(());
    }
    store::issue_close(tx.conn(), id, "handed_over", now)?;
    store::issue_insert(
        tx.conn(),
        &IssueRow {
            id: IssueId::new(),
            device_id: *id,
            person_id: *to,
            issued_at: now,
            returned_at: None,
            return_reason: None,
        },
    )
}

/// Ends whoever's hold on a device.
pub fn device_take_back(tx: &mut Tx<'_>, id: &DeviceId, reason: &str) -> Result<()> {
    let now = tx.now;
    store::issue_close(tx.conn(), id, reason, now).map(drop)
}

/// What follows from revoking a device: nobody carries it any more. Called by the reactions.
pub fn device_gone(tx: &mut Tx<'_>, id: &DeviceId) -> Result<()> {
    device_take_back(tx, id, "revoked")
}

/// The device and its unit's path, if the actor's room may issue it.
fn device_of_room(conn: &mut Conn, actor: &Actor, id: &DeviceId) -> Result<DeviceRow> {
    let device = people::device_fetch(conn, id)?;
    let path = device.unit_id.map(|unit| people::unit_fetch(conn, &unit)).transpose()?.map(|unit| unit.path);
    let held = store::device_holder(conn, id)? == Some(actor.person);
    if !held && !path.as_deref().is_some_and(|path| actor.commands(path)) {
        return Err(Error::not_found("device"));
    }
    let facts = Facts { unit_path: path.as_deref(), own: held, ..Facts::default() };
    may(actor, Action::CrewWrite, &facts).check("device")?;
    Ok(device)
}

/// Issues a device at the counter. Errors: `not_found`, `forbidden`, `conflict` when revoked.
pub async fn issue(ctx: &Ctx, meta: &RequestMeta, id: DeviceId, to: PersonId) -> Result<Done> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        device_of_room(tx.conn(), &actor, &id)?;
        let person = people::person_fetch(tx.conn(), &to)?;
        device_carriable(tx.conn(), &actor, &person, &id)?;
        device_hand_over(tx, &id, &to)?;
        duty_log(tx, &actor, &to, "device_issued", &json!({ "device_id": id }))?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Takes a device back, at the counter or by its holder.
pub async fn take_back(ctx: &Ctx, meta: &RequestMeta, id: DeviceId) -> Result<Done> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        device_of_room(tx.conn(), &actor, &id)?;
        if let Some(holder) = store::device_holder(tx.conn(), &id)? {
            device_take_back(tx, &id, "returned")?;
            duty_log(tx, &actor, &holder, "device_returned", &json!({ "device_id": id }))?;
        }
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// The issue log of a device, newest first, for rooms of its subtree and its holder.
pub fn issues_read(conn: &mut Conn, actor: &Actor, id: &DeviceId) -> Result<Vec<IssueRow>> {
    /// Lines shown at once; a device changes hands about three times a day.
    const LINES: i64 = 200;
    let device = people::device_fetch(conn, id)?;
    let path = device.unit_id.map(|unit| people::unit_fetch(conn, &unit)).transpose()?.map(|unit| unit.path);
    let watches = actor.kind.is_watching() && path.as_deref().is_some_and(|path| actor.commands(path));
    if !watches && store::device_holder(conn, id)? != Some(actor.person) {
        return Err(Error::not_found("device"));
    }
    store::issues_of_device(conn, id, LINES)
}
