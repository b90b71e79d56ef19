//! Who looked at whom: looks at a unit's people, and those that named people before these had a log of their own.

use diesel::prelude::*;
use serde::Serialize;

use crate::duty::location::access::AccessKind;
use crate::platform::db::schema::{location_access as access, location_access_subject as subject};
use crate::platform::db::{Conn, straight};
use crate::words::error::Result;
use crate::words::geo::BBox;
use crate::words::ids::{AccessId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// One look, or one live subscription from beginning to end.
#[derive(Clone, Debug, PartialEq, Queryable, Insertable, Serialize)]
#[diesel(table_name = access)]
pub struct AccessRow {
    pub id: AccessId,
    pub viewer_id: PersonId,
    pub viewer_unit_id: UnitId,
    pub device_id: DeviceId,
    pub kind: AccessKind,
    pub purpose: Option<String>,
    /// The unit whose people were seen; none where single people were.
    pub unit_path: Option<String>,
    /// The units below it too.
    pub subtree: bool,
    pub west: Option<f64>,
    pub south: Option<f64>,
    pub east: Option<f64>,
    pub north: Option<f64>,
    pub from_at: Timestamp,
    /// None while it goes on.
    pub to_at: Option<Timestamp>,
}

impl AccessRow {
    /// A look over at once, at nobody's unit. `viewer`: who, of which unit, on which device.
    pub fn of_moment(
        id: AccessId,
        viewer: (PersonId, UnitId, DeviceId),
        kind: AccessKind,
        purpose: Option<String>,
        at: Timestamp,
    ) -> Self {
        let (viewer_id, viewer_unit_id, device_id) = viewer;
        Self {
            id,
            viewer_id,
            viewer_unit_id,
            device_id,
            kind,
            purpose,
            unit_path: None,
            subtree: false,
            west: None,
            south: None,
            east: None,
            north: None,
            from_at: at,
            to_at: Some(at),
        }
    }

    /// The box looked at.
    pub fn bbox(&self) -> Option<BBox> {
        Some(BBox { west: self.west?, south: self.south?, east: self.east?, north: self.north? })
    }
}

/// Records a look at a unit's people.
pub fn access_insert(conn: &mut Conn, row: &AccessRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(access::table).values(row))?;
    Ok(())
}

/// Ends a look that went on.
pub fn access_end(conn: &mut Conn, id: &AccessId, to: Timestamp) -> Result<()> {
    diesel::update(access::table.filter(access::id.eq(id)).filter(access::to_at.is_null()))
        .set(access::to_at.eq(to))
        .execute(conn)?;
    Ok(())
}

/// Ends every look that a process left open. Returns how many.
pub fn access_end_all(conn: &mut Conn, to: Timestamp) -> Result<usize> {
    Ok(diesel::update(access::table.filter(access::to_at.is_null())).set(access::to_at.eq(to)).execute(conn)?)
}

/// Looks between the bounds that named the person, of before there was a log of them.
pub fn accesses_naming(
    conn: &mut Conn,
    person: &PersonId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<AccessRow>> {
    Ok(access::table
        .inner_join(subject::table.on(subject::access_id.eq(access::id)))
        .filter(subject::person_id.eq(person))
        .filter(access::viewer_id.ne(person))
        .filter(access::from_at.le(to))
        .filter(access::to_at.is_null().or(access::to_at.ge(from)))
        .order(access::from_at.desc())
        .limit(limit)
        .select(access::all_columns)
        .load(conn)?)
}

/// Looks of others between the bounds at one of these units (`paths`: own unit first, then those above it).
pub fn accesses_of_units(
    conn: &mut Conn,
    viewed: &PersonId,
    paths: &[String],
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<AccessRow>> {
    let own = paths.first().cloned().unwrap_or_default();
    Ok(access::table
        .filter(access::unit_path.eq_any(paths))
        .filter(access::viewer_id.ne(viewed))
        .filter(access::subtree.eq(true).or(access::unit_path.eq(own)))
        .filter(access::from_at.le(to))
        .filter(access::to_at.is_null().or(access::to_at.ge(from)))
        .order(access::from_at.desc())
        .limit(limit)
        .select(access::all_columns)
        .load(conn)?)
}

/// Forgets looks that ended before. Returns how many.
pub fn accesses_trim(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = access::table.filter(access::to_at.lt(before)).select(access::id);
    let ids: Vec<AccessId> = old.limit(5_000).load(conn)?;
    diesel::delete(subject::table.filter(subject::access_id.eq_any(&ids))).execute(conn)?;
    Ok(diesel::delete(access::table.filter(access::id.eq_any(&ids))).execute(conn)?)
}
