//! What people wrote: every writing of a field, and which whole records.

use diesel::prelude::*;
use serde_json::Value;

use super::super::record::{Edit, field_of};
use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::{mediation_edit, mediation_whole};
use crate::platform::keys::Keys;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, EditId, MediationId, PersonId};
use crate::words::time::Timestamp;

/// Whole records of one record: a terminal that sends all of it at each pause of typing does so some hundred times.
const WHOLES_MAX: i64 = 5_000;

/// One writing of one field, as it is stored.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_edit, treat_none_as_default_value = false)]
struct EditRow {
    mediation_id: MediationId,
    id: EditId,
    path: String,
    value: Option<String>,
    sealed: Option<Vec<u8>>,
    base: i64,
    version: i64,
    device_id: DeviceId,
    counter: i64,
    by_person: PersonId,
    written_at: Timestamp,
    received_at: Timestamp,
}

/// Writes one edit down; a personal value sealed, and nowhere in clear.
pub fn edit_insert(conn: &mut Conn, keys: &Keys, id: &MediationId, edit: &Edit, now: Timestamp) -> Result<()> {
    let text = edit.value.to_string();
    let personal = field_of(&edit.path).is_none_or(|field| field.personal);
    let (value, sealed) = if personal { (None, Some(keys.seal(text.as_bytes())?)) } else { (Some(text), None) };
    let row = EditRow {
        mediation_id: *id,
        id: edit.id.into(),
        path: edit.path.clone(),
        value,
        sealed,
        base: edit.base,
        version: edit.version,
        device_id: edit.device.into(),
        counter: edit.counter,
        by_person: edit.by.into(),
        written_at: Timestamp::from_micros(edit.at),
        received_at: now,
    };
    diesel::insert_into(mediation_edit::table).values(&row).execute(conn)?;
    Ok(())
}

/// Every edit of a record, opened, in the order in which they were taken in.
pub fn edits_of(conn: &mut Conn, keys: &Keys, id: &MediationId) -> Result<Vec<Edit>> {
    let rows: Vec<EditRow> = mediation_edit::table
        .filter(mediation_edit::mediation_id.eq(id))
        .order((mediation_edit::version.asc(), mediation_edit::path.asc(), mediation_edit::id.asc()))
        .load(conn)?;
    rows.into_iter().map(|row| opened(keys, row)).collect()
}

fn opened(keys: &Keys, row: EditRow) -> Result<Edit> {
    let text = match (row.value, row.sealed) {
        (Some(value), _) => value,
        (None, Some(sealed)) => keys.unseal_text(&sealed)?,
        (None, None) => return Err(Error::internal("an edit without a value")),
    };
    let value: Value = serde_json::from_str(&text)?;
    Ok(Edit {
        id: row.id.into(),
        path: row.path,
        value,
        base: row.base,
        version: row.version,
        device: row.device_id.into(),
        counter: row.counter,
        by: row.by_person.into(),
        at: row.written_at.as_micros(),
    })
}

/// A whole record that somebody sent, as it is stored: its place among the writings of its device.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = mediation_whole)]
struct WholeRow {
    mediation_id: MediationId,
    device_id: DeviceId,
    edit_id: EditId,
    base: i64,
    counter: i64,
    by_person: PersonId,
    written_at: Timestamp,
}

/// Notes that a device sent a whole record, once.
///
/// Errors: `conflict` at an end that no terminal reaches which does not repeat itself for ever.
pub fn whole_insert_new(conn: &mut Conn, id: &MediationId, whole: &Edit) -> Result<()> {
    let row = WholeRow {
        mediation_id: *id,
        device_id: whole.device.into(),
        edit_id: whole.id.into(),
        base: whole.base,
        counter: whole.counter,
        by_person: whole.by.into(),
        written_at: Timestamp::from_micros(whole.at),
    };
    let added = per_backend!(conn, |c| {
        diesel::insert_into(mediation_whole::table).values(&row).on_conflict_do_nothing().execute(c)
    })?;
    let there = mediation_whole::table.filter(mediation_whole::mediation_id.eq(id)).count();
    if added > 0 && there.get_result::<i64>(conn)? > WHOLES_MAX {
        return Err(Error::conflict(format!("the record was sent whole {WHOLES_MAX} times: send single fields")));
    }
    Ok(())
}

/// The whole records of a device, as writings of no field.
pub fn wholes_of(conn: &mut Conn, id: &MediationId, device: &DeviceId) -> Result<Vec<Edit>> {
    let rows: Vec<WholeRow> = mediation_whole::table
        .filter(mediation_whole::mediation_id.eq(id))
        .filter(mediation_whole::device_id.eq(device))
        .load(conn)?;
    let edit = |row: WholeRow| Edit {
        id: row.edit_id.into(),
        path: String::new(),
        value: Value::Null,
        base: row.base,
        version: 0,
        device: row.device_id.into(),
        counter: row.counter,
        by: row.by_person.into(),
        at: row.written_at.as_micros(),
    };
    Ok(rows.into_iter().map(edit).collect())
}
