//! Every query about duty, crews, grids and carried devices; `noun_verb`.

mod rows;

use diesel::prelude::*;

use super::{Availability, CarriedDevice, CrewStatus, Member, OnDuty};
use crate::platform::db::schema::{crew, crew_member, device_issue, duty, duty_log, grid};
use crate::platform::db::schema::{device, person, unit};
use crate::platform::db::{Conn, kept, straight};
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::{CrewId, DeviceId, GridId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

pub use rows::*;

/// The state of this person; an off-duty one if they never signed on.
pub fn duty_fetch(conn: &mut Conn, id: &PersonId) -> Result<Duty> {
    Ok(straight::one(conn, duty::table.find(id))?.unwrap_or_else(|| Duty::off(*id)))
}

pub fn duties_fetch(conn: &mut Conn, ids: &[PersonId]) -> Result<Vec<Duty>> {
    Ok(duty::table.filter(duty::person_id.eq_any(ids)).load(conn)?)
}

pub fn duty_put(conn: &mut Conn, row: &Duty) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(duty::table)
        .values(row)
        .on_conflict(duty::person_id)
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Changes the availability of somebody on duty; false when off duty or already so.
pub fn duty_availability_set(conn: &mut Conn, id: &PersonId, to: Availability, now: Timestamp) -> Result<bool> {
    let other = duty::table.find(id).filter(duty::on_duty.eq(true)).filter(duty::availability.ne(to));
    let moved = (duty::availability.eq(to), duty::version.eq(duty::version + 1), duty::updated_at.eq(now));
    Ok(kept::execute(conn, diesel::update(other).set(moved))? == 1)
}

type OnDutyTuple = (PersonId, PersonKind, UnitId, Option<CrewId>, Availability, Option<String>);

/// Everybody on duty whose unit lies below the path prefix; the empty prefix is everybody.
pub fn people_on_duty(conn: &mut Conn, unit_path_prefix: &str) -> Result<Vec<OnDuty>> {
    let rows: Vec<OnDutyTuple> = duty::table
        .inner_join(person::table.on(person::id.eq(duty::person_id)))
        .inner_join(unit::table.on(unit::id.eq(person::unit_id)))
        .filter(duty::on_duty.eq(true))
        .filter(unit::path.like(format!("{unit_path_prefix}%")))
        .select((person::id, person::kind, person::unit_id, duty::crew_id, duty::availability, duty::grid))
        .order(person::id)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(person_id, kind, unit_id, crew_id, availability, grid)| OnDuty {
            person_id,
            kind,
            unit_id,
            crew_id,
            availability,
            grid,
        })
        .collect())
}

pub fn duty_log_insert(conn: &mut Conn, row: &DutyLogRow) -> Result<()> {
    diesel::insert_into(duty_log::table).values(row).execute(conn)?;
    Ok(())
}

/// The duty log of one person between two instants, oldest first.
pub fn duty_log_of(
    conn: &mut Conn,
    id: &PersonId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<DutyLogRow>> {
    Ok(duty_log::table
        .filter(duty_log::person_id.eq(id))
        .filter(duty_log::at.ge(from))
        .filter(duty_log::at.lt(to))
        .order((duty_log::at, duty_log::id))
        .limit(limit)
        .load(conn)?)
}

/// `not_found` if there is none.
pub fn crew_fetch(conn: &mut Conn, id: &CrewId) -> Result<CrewRow> {
    crew::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("crew"))
}

/// The crew, held until the commit: who changes it and who sends it wait for each other.
pub fn crew_lock(conn: &mut Conn, id: &CrewId) -> Result<CrewRow> {
    lock_row!(conn, crew, id)?.ok_or_else(|| Error::not_found("crew"))
}

pub fn crew_insert(conn: &mut Conn, row: &CrewRow) -> Result<()> {
    diesel::insert_into(crew::table).values(row).execute(conn)?;
    Ok(())
}

pub fn crew_update(conn: &mut Conn, row: &CrewRow) -> Result<()> {
    diesel::update(crew::table.find(&row.id)).set(row).execute(conn)?;
    Ok(())
}

/// One page of the crews of a subtree, ordered by id.
pub fn crews_page(
    conn: &mut Conn,
    path: &str,
    status: Option<CrewStatus>,
    after: Option<CrewId>,
    limit: i64,
) -> Result<Vec<CrewRow>> {
    let mut query = crew::table
        .inner_join(unit::table.on(unit::id.eq(crew::unit_id)))
        .filter(unit::path.like(format!("{path}%")))
        .select(crew::all_columns)
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(crew::status.eq(status));
    }
    if let Some(after) = after {
        query = query.filter(crew::id.gt(after));
    }
    Ok(query.order(crew::id).limit(limit).load(conn)?)
}

/// Who is in the crew now, lead first.
pub fn crew_members(conn: &mut Conn, id: &CrewId) -> Result<Vec<Member>> {
    let mut rows: Vec<MemberRow> = crew_member::table
        .filter(crew_member::crew_id.eq(id))
        .filter(crew_member::left_at.is_null())
        .order(crew_member::joined_at)
        .load(conn)?;
    rows.sort_by_key(|row| row.role);
    Ok(rows.into_iter().map(|row| Member { person_id: row.person_id, role: row.role }).collect())
}

/// Members now of several crews.
pub fn crews_members(conn: &mut Conn, ids: &[CrewId]) -> Result<Vec<MemberRow>> {
    Ok(crew_member::table
        .filter(crew_member::crew_id.eq_any(ids))
        .filter(crew_member::left_at.is_null())
        .order((crew_member::crew_id, crew_member::joined_at))
        .load(conn)?)
}

/// The crew this person is in now.
pub fn crew_of(conn: &mut Conn, id: &PersonId) -> Result<Option<CrewId>> {
    Ok(crew_member::table
        .filter(crew_member::person_id.eq(id))
        .filter(crew_member::left_at.is_null())
        .select(crew_member::crew_id)
        .first(conn)
        .optional()?)
}

pub fn member_insert(conn: &mut Conn, row: &MemberRow) -> Result<()> {
    diesel::insert_into(crew_member::table).values(row).execute(conn)?;
    Ok(())
}

/// Ends the current stay of this person in any crew; answers the crew left.
pub fn member_leave(conn: &mut Conn, id: &PersonId, now: Timestamp) -> Result<Option<CrewId>> {
    let Some(crew_id) = crew_of(conn, id)? else { return Ok(None) };
    diesel::update(crew_member::table.filter(crew_member::person_id.eq(id)).filter(crew_member::left_at.is_null()))
        .set(crew_member::left_at.eq(Some(now)))
        .execute(conn)?;
    Ok(Some(crew_id))
}

/// What this person carries now.
pub fn carried_devices(conn: &mut Conn, id: &PersonId) -> Result<Vec<CarriedDevice>> {
    let carried = device_issue::table
        .inner_join(device::table.on(device::id.eq(device_issue::device_id)))
        .filter(device_issue::person_id.eq(id))
        .filter(device_issue::returned_at.is_null())
        .order(device_issue::issued_at)
        .select((device::id, device::kind));
    let rows: Vec<(DeviceId, DeviceKind)> = straight::all(conn, carried)?;
    Ok(rows.into_iter().map(|(id, kind)| CarriedDevice { id, kind }).collect())
}

/// Whether this person carries this device now.
pub fn carries(conn: &mut Conn, person_id: &PersonId, device_id: &DeviceId) -> Result<bool> {
    Ok(device_holder(conn, device_id)? == Some(*person_id))
}

/// Who carries this device now.
pub fn device_holder(conn: &mut Conn, id: &DeviceId) -> Result<Option<PersonId>> {
    Ok(device_issue::table
        .filter(device_issue::device_id.eq(id))
        .filter(device_issue::returned_at.is_null())
        .select(device_issue::person_id)
        .first(conn)
        .optional()?)
}

/// Who carries this device now, or carried it last.
pub fn device_last_holder(conn: &mut Conn, id: &DeviceId) -> Result<Option<PersonId>> {
    if let Some(now) = device_holder(conn, id)? {
        return Ok(Some(now));
    }
    Ok(device_issue::table
        .filter(device_issue::device_id.eq(id))
        .order(device_issue::issued_at.desc())
        .select(device_issue::person_id)
        .first(conn)
        .optional()?)
}

/// Who carried this device at that instant: decides the wearer of a recording.
pub fn device_holder_at(conn: &mut Conn, id: &DeviceId, at: Timestamp) -> Result<Option<PersonId>> {
    Ok(device_issue::table
        .filter(device_issue::device_id.eq(id))
        .filter(device_issue::issued_at.le(at))
        .filter(device_issue::returned_at.is_null().or(device_issue::returned_at.gt(at)))
        .order(device_issue::issued_at.desc())
        .select(device_issue::person_id)
        .first(conn)
        .optional()?)
}

pub fn issue_insert(conn: &mut Conn, row: &IssueRow) -> Result<()> {
    diesel::insert_into(device_issue::table).values(row).execute(conn)?;
    Ok(())
}

/// Closes the open line of a device, whoever holds it.
pub fn issue_close(conn: &mut Conn, device_id: &DeviceId, reason: &str, now: Timestamp) -> Result<bool> {
    let closed = diesel::update(
        device_issue::table.filter(device_issue::device_id.eq(device_id)).filter(device_issue::returned_at.is_null()),
    )
    .set((device_issue::returned_at.eq(Some(now)), device_issue::return_reason.eq(Some(reason))))
    .execute(conn)?;
    Ok(closed > 0)
}

/// The issue log of one device, newest first.
pub fn issues_of_device(conn: &mut Conn, id: &DeviceId, limit: i64) -> Result<Vec<IssueRow>> {
    Ok(device_issue::table
        .filter(device_issue::device_id.eq(id))
        .order(device_issue::issued_at.desc())
        .limit(limit)
        .load(conn)?)
}

/// `not_found` if there is none.
pub fn grid_fetch(conn: &mut Conn, id: &GridId) -> Result<GridRow> {
    grid::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("grid"))
}

pub fn grid_insert(conn: &mut Conn, row: &GridRow) -> Result<()> {
    diesel::insert_into(grid::table).values(row).execute(conn)?;
    Ok(())
}

pub fn grid_update(conn: &mut Conn, row: &GridRow) -> Result<()> {
    diesel::update(grid::table.find(&row.id)).set(row).execute(conn)?;
    Ok(())
}

/// The grids of a subtree, by code.
pub fn grids_in_subtree(conn: &mut Conn, path: &str) -> Result<Vec<GridRow>> {
    Ok(grid::table
        .inner_join(unit::table.on(unit::id.eq(grid::unit_id)))
        .filter(unit::path.like(format!("{path}%")))
        .select(grid::all_columns)
        .order((grid::code, grid::id))
        .load(conn)?)
}

/// How many must stay in the grid of this code; 0 when it is not known.
pub fn grid_min_strength(conn: &mut Conn, code: &str) -> Result<i64> {
    Ok(grid::table.filter(grid::code.eq(code)).select(grid::min_strength).first(conn).optional()?.unwrap_or(0))
}

/// The active crew of this call sign in exactly this unit.
pub fn crew_by_call_sign(conn: &mut Conn, unit_id: &UnitId, call_sign: &str) -> Result<Option<CrewRow>> {
    Ok(crew::table
        .filter(crew::unit_id.eq(unit_id))
        .filter(crew::call_sign.eq(call_sign))
        .filter(crew::status.eq(CrewStatus::Active))
        .order(crew::created_at.desc())
        .first(conn)
        .optional()?)
}

/// What several people carry now, as (holder, device, kind).
pub fn carried_of(conn: &mut Conn, ids: &[PersonId]) -> Result<Vec<(PersonId, DeviceId, DeviceKind)>> {
    Ok(device_issue::table
        .inner_join(device::table.on(device::id.eq(device_issue::device_id)))
        .filter(device_issue::person_id.eq_any(ids))
        .filter(device_issue::returned_at.is_null())
        .select((device_issue::person_id, device::id, device::kind))
        .load(conn)?)
}
