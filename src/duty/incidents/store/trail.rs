//! What was said and done about an incident: timeline, notes, links.

use diesel::prelude::*;

use crate::per_backend;
use crate::platform::db::schema::{incident_entry, incident_link, incident_note};
use crate::platform::db::{Conn, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, NoteId, PersonId};
use crate::words::time::Timestamp;

/// One line of the timeline.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_entry, treat_none_as_default_value = false)]
pub struct EntryRow {
    pub id: NoteId,
    pub incident_id: IncidentId,
    pub at: Timestamp,
    pub kind: String,
    pub actor: Option<PersonId>,
    pub data: String,
}

/// A note with its links, pushed to everyone on the way.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_note, treat_none_as_default_value = false)]
pub struct NoteRow {
    pub id: NoteId,
    pub incident_id: IncidentId,
    pub author: PersonId,
    pub text: String,
    pub links: String,
    pub at: Timestamp,
}

/// Two incidents that belong together.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_link)]
pub struct LinkRow {
    pub incident_id: IncidentId,
    pub other_id: IncidentId,
    pub kind: String,
    pub author: PersonId,
    pub at: Timestamp,
}

pub fn entry_insert(conn: &mut Conn, row: &EntryRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(incident_entry::table).values(row))?;
    Ok(())
}

/// Oldest first, at most `limit`, after an instant.
pub fn entries_list(conn: &mut Conn, id: &IncidentId, after: Option<Timestamp>, limit: i64) -> Result<Vec<EntryRow>> {
    Ok(incident_entry::table
        .filter(incident_entry::incident_id.eq(id))
        .filter(incident_entry::at.gt(after.unwrap_or(Timestamp::EPOCH)))
        .order((incident_entry::at.asc(), incident_entry::id.asc()))
        .limit(limit)
        .load(conn)?)
}

pub fn note_insert(conn: &mut Conn, row: &NoteRow) -> Result<()> {
    diesel::insert_into(incident_note::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn note_fetch(conn: &mut Conn, id: &NoteId) -> Result<NoteRow> {
    incident_note::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("note"))
}

pub fn notes_list(conn: &mut Conn, id: &IncidentId) -> Result<Vec<NoteRow>> {
    Ok(incident_note::table
        .filter(incident_note::incident_id.eq(id))
        .order((incident_note::at.asc(), incident_note::id.asc()))
        .limit(500)
        .load(conn)?)
}

/// Linking twice is linking once.
pub fn link_insert(conn: &mut Conn, row: &LinkRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| diesel::insert_into(incident_link::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(rows > 0)
}

pub fn links_list(conn: &mut Conn, id: &IncidentId) -> Result<Vec<LinkRow>> {
    Ok(incident_link::table
        .filter(incident_link::incident_id.eq(id))
        .order((incident_link::at.asc(), incident_link::other_id.asc()))
        .load(conn)?)
}
