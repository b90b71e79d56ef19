//! Sessions, socket tickets, and the changes other nodes must hear of.

use diesel::prelude::*;

use crate::duty::officers::{AuthChangeRow, SessionRow};
use crate::platform::db::schema::{auth_change, session, ws_ticket};
use crate::platform::db::{Conn, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId};
use crate::words::time::Timestamp;

/// `not_found` if there is none.
pub fn session_fetch(conn: &mut Conn, id: &SessionId) -> Result<SessionRow> {
    straight::one(conn, session::table.find(id))?.ok_or_else(|| Error::not_found("session"))
}

pub fn session_insert(conn: &mut Conn, row: &SessionRow) -> Result<()> {
    diesel::insert_into(session::table).values(row).execute(conn)?;
    Ok(())
}

/// Moves the refresh generation on; false when another request did so first.
pub fn session_advance(conn: &mut Conn, row: &SessionRow, expires: Timestamp, now: Timestamp) -> Result<bool> {
    let moved = diesel::update(
        session::table.find(&row.id).filter(session::generation.eq(row.generation)).filter(session::ended_at.is_null()),
    )
    .set((session::generation.eq(row.generation + 1), session::last_used_at.eq(now), session::expires_at.eq(expires)))
    .execute(conn)?;
    Ok(moved == 1)
}

/// Ends one session; false when it had ended already.
pub fn session_end(conn: &mut Conn, id: &SessionId, reason: &str, now: Timestamp) -> Result<bool> {
    let ended = diesel::update(session::table.find(id).filter(session::ended_at.is_null()))
        .set((session::ended_at.eq(Some(now)), session::end_reason.eq(Some(reason))))
        .execute(conn)?;
    Ok(ended == 1)
}

pub fn sessions_open_of_person(conn: &mut Conn, id: &PersonId) -> Result<Vec<SessionRow>> {
    Ok(session::table.filter(session::person_id.eq(id)).filter(session::ended_at.is_null()).load(conn)?)
}

pub fn sessions_open_of_device(conn: &mut Conn, id: &DeviceId) -> Result<Vec<SessionRow>> {
    Ok(session::table.filter(session::device_id.eq(id)).filter(session::ended_at.is_null()).load(conn)?)
}

/// The latest session anybody had on this device, ended or not.
pub fn session_latest_of_device(conn: &mut Conn, id: &DeviceId) -> Result<Option<SessionRow>> {
    Ok(session::table.filter(session::device_id.eq(id)).order(session::created_at.desc()).first(conn).optional()?)
}

/// The sessions of this device that were open at `since` or later, newest first.
pub fn sessions_of_device_since(conn: &mut Conn, id: &DeviceId, since: Timestamp) -> Result<Vec<SessionRow>> {
    Ok(session::table
        .filter(session::device_id.eq(id))
        .filter(session::ended_at.is_null().or(session::ended_at.ge(Some(since))))
        .order(session::created_at.desc())
        .load(conn)?)
}

/// The latest session of this person on this device, ended or not.
pub fn session_latest_of(conn: &mut Conn, person: &PersonId, device: &DeviceId) -> Result<Option<SessionRow>> {
    Ok(session::table
        .filter(session::person_id.eq(person))
        .filter(session::device_id.eq(device))
        .order(session::created_at.desc())
        .first(conn)
        .optional()?)
}

/// Whether this person was signed in from this address within the last sessions.
pub fn address_familiar(conn: &mut Conn, person: &PersonId, address: &str) -> Result<bool> {
    let found: Option<SessionId> = session::table
        .filter(session::person_id.eq(person))
        .filter(session::address.eq(address))
        .select(session::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

pub fn auth_change_insert(conn: &mut Conn, row: &AuthChangeRow) -> Result<()> {
    diesel::insert_into(auth_change::table).values(row).execute(conn)?;
    Ok(())
}

pub fn auth_changes_since(conn: &mut Conn, since: Timestamp) -> Result<Vec<AuthChangeRow>> {
    Ok(auth_change::table.filter(auth_change::at.ge(since)).order(auth_change::at).load(conn)?)
}

pub fn ticket_insert(conn: &mut Conn, hash: &str, session_id: &SessionId, expires: Timestamp) -> Result<()> {
    diesel::insert_into(ws_ticket::table)
        .values((
            ws_ticket::ticket_hash.eq(hash),
            ws_ticket::session_id.eq(session_id),
            ws_ticket::expires_at.eq(expires),
        ))
        .execute(conn)?;
    Ok(())
}

/// Burns a ticket in one statement and answers its session; `None` when used, expired or unknown.
pub fn ticket_use(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<SessionId>> {
    Ok(diesel::update(
        ws_ticket::table.find(hash).filter(ws_ticket::used_at.is_null()).filter(ws_ticket::expires_at.gt(now)),
    )
    .set(ws_ticket::used_at.eq(Some(now)))
    .returning(ws_ticket::session_id)
    .get_result(conn)
    .optional()?)
}

/// Drops spent tickets and old change notices; returns how many rows went.
pub fn auth_purge(conn: &mut Conn, tickets_before: Timestamp, changes_before: Timestamp) -> Result<usize> {
    let tickets = diesel::delete(ws_ticket::table.filter(ws_ticket::expires_at.lt(tickets_before))).execute(conn)?;
    let changes = diesel::delete(auth_change::table.filter(auth_change::at.lt(changes_before))).execute(conn)?;
    Ok(tickets + changes)
}
