//! Units: a tree of any depth, its paths stored.

use diesel::prelude::*;

use crate::duty::officers::UnitRow;
use crate::platform::db::schema::{person, unit};
use crate::platform::db::{Conn, straight};
use crate::platform::policy::PersonKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{PersonId, UnitId};
use crate::words::time::Timestamp;

/// The kinds of people who sit in a command room.
const SEAT_KINDS: [PersonKind; 3] = [PersonKind::Dispatcher, PersonKind::Supervisor, PersonKind::Administrator];

/// `not_found` if there is none.
pub fn unit_fetch(conn: &mut Conn, id: &UnitId) -> Result<UnitRow> {
    straight::one(conn, unit::table.find(id))?.ok_or_else(|| Error::not_found("unit"))
}

pub fn unit_insert(conn: &mut Conn, row: &UnitRow) -> Result<()> {
    diesel::insert_into(unit::table).values(row).execute(conn)?;
    Ok(())
}

/// Renames or re-kinds; moves are [`unit_move`].
pub fn unit_update(conn: &mut Conn, row: &UnitRow) -> Result<()> {
    diesel::update(unit::table.find(&row.id))
        .set((
            unit::name.eq(&row.name),
            unit::kind.eq(&row.kind),
            unit::version.eq(row.version),
            unit::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Hangs the whole subtree of `row` below `parent` and rewrites the stored paths; gives its new one.
pub fn unit_move(conn: &mut Conn, row: &UnitRow, parent: &UnitRow, now: Timestamp) -> Result<String> {
    let new_path = format!("{}{}/", parent.path, row.id);
    for below in units_in_subtree(conn, &row.path)? {
        let rest = below.path.strip_prefix(&row.path).unwrap_or_default();
        diesel::update(unit::table.find(&below.id))
            .set((unit::path.eq(format!("{new_path}{rest}")), unit::updated_at.eq(now)))
            .execute(conn)?;
    }
    diesel::update(unit::table.find(&row.id)).set(unit::parent_id.eq(Some(parent.id))).execute(conn)?;
    Ok(new_path)
}

/// The unit of this path and everything below, parents before children.
pub fn units_in_subtree(conn: &mut Conn, path: &str) -> Result<Vec<UnitRow>> {
    Ok(unit::table.filter(unit::path.like(format!("{path}%"))).order(unit::path).load(conn)?)
}

/// One page of a subtree, ordered by path.
pub fn units_page(conn: &mut Conn, path: &str, after: Option<&str>, limit: i64) -> Result<Vec<UnitRow>> {
    let mut query = unit::table.filter(unit::path.like(format!("{path}%"))).into_boxed();
    if let Some(after) = after {
        query = query.filter(unit::path.gt(after.to_owned()));
    }
    Ok(query.order(unit::path).limit(limit).load(conn)?)
}

/// Parent first, root last.
pub fn unit_ancestors(conn: &mut Conn, id: &UnitId) -> Result<Vec<UnitRow>> {
    let own = unit_fetch(conn, id)?;
    let above: Vec<UnitId> = own
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .filter_map(|part| part.parse().ok())
        .filter(|u| u != id)
        .collect();
    let mut rows: Vec<UnitRow> = unit::table.filter(unit::id.eq_any(&above)).load(conn)?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.path.len()));
    Ok(rows)
}

pub fn unit_any(conn: &mut Conn) -> Result<Option<UnitRow>> {
    Ok(unit::table.filter(unit::parent_id.is_null()).order(unit::created_at).first(conn).optional()?)
}

/// Active dispatchers, supervisors and administrators of exactly this unit.
pub fn seats_of_unit(conn: &mut Conn, id: &UnitId) -> Result<Vec<PersonId>> {
    people_of_unit(conn, id, &SEAT_KINDS)
}

/// Active people of these kinds of exactly this unit.
fn people_of_unit(conn: &mut Conn, id: &UnitId, kinds: &[PersonKind]) -> Result<Vec<PersonId>> {
    Ok(person::table
        .filter(person::unit_id.eq(id))
        .filter(person::kind.eq_any(kinds.to_vec()))
        .filter(person::status.eq("active"))
        .order(person::id)
        .select(person::id)
        .load(conn)?)
}

/// The nearest unit upwards that has a seat at all; an empty list with the root when none has.
pub fn seats_or_parent(conn: &mut Conn, id: &UnitId) -> Result<(UnitId, Vec<PersonId>)> {
    nearest_with(conn, id, &SEAT_KINDS)
}

/// The nearest unit upwards that has a supervisor, and its supervisors.
pub fn supervisors_or_parent(conn: &mut Conn, id: &UnitId) -> Result<(UnitId, Vec<PersonId>)> {
    nearest_with(conn, id, &[PersonKind::Supervisor])
}

fn nearest_with(conn: &mut Conn, id: &UnitId, kinds: &[PersonKind]) -> Result<(UnitId, Vec<PersonId>)> {
    let own = people_of_unit(conn, id, kinds)?;
    if !own.is_empty() {
        return Ok((*id, own));
    }
    let mut last = *id;
    for above in unit_ancestors(conn, id)? {
        let people = people_of_unit(conn, &above.id, kinds)?;
        if !people.is_empty() {
            return Ok((above.id, people));
        }
        last = above.id;
    }
    Ok((last, Vec::new()))
}
