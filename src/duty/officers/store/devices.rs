//! Devices and the one-time codes that enrol them.

use diesel::prelude::*;

use crate::duty::officers::{DeviceRow, DeviceStatus, EnrolmentCodeRow};
use crate::platform::db::schema::{device, enrolment_code, unit};
use crate::platform::db::{Conn, straight};
use crate::platform::policy::DeviceKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, PersonId};
use crate::words::time::Timestamp;

/// `not_found` if there is none.
pub fn device_fetch(conn: &mut Conn, id: &DeviceId) -> Result<DeviceRow> {
    straight::one(conn, device::table.find(id))?.ok_or_else(|| Error::not_found("device"))
}

pub fn devices_fetch(conn: &mut Conn, ids: &[DeviceId]) -> Result<Vec<DeviceRow>> {
    Ok(device::table.filter(device::id.eq_any(ids)).load(conn)?)
}

/// The device an earlier attempt of the same repeated login made.
pub fn device_by_login_key(conn: &mut Conn, key: &str) -> Result<Option<DeviceRow>> {
    Ok(device::table.filter(device::login_key.eq(key)).first(conn).optional()?)
}

pub fn device_insert(conn: &mut Conn, row: &DeviceRow) -> Result<()> {
    diesel::insert_into(device::table).values(row).execute(conn)?;
    Ok(())
}

/// Notes who signed in on it last.
pub fn device_login(conn: &mut Conn, id: &DeviceId, person: &PersonId, now: Timestamp) -> Result<()> {
    diesel::update(device::table.find(id))
        .set((device::person_id.eq(Some(*person)), device::last_login_at.eq(Some(now))))
        .execute(conn)?;
    Ok(())
}

pub fn device_revoke(conn: &mut Conn, id: &DeviceId, now: Timestamp) -> Result<()> {
    diesel::update(device::table.find(id))
        .set((device::status.eq(DeviceStatus::Revoked), device::revoked_at.eq(Some(now))))
        .execute(conn)?;
    Ok(())
}

/// One page of the devices of a subtree, newest ids last; browsers are left out unless asked for.
pub fn devices_page(
    conn: &mut Conn,
    path: &str,
    kind: Option<DeviceKind>,
    after: Option<DeviceId>,
    limit: i64,
) -> Result<Vec<DeviceRow>> {
    let mut query = device::table
        .inner_join(unit::table)
        .filter(unit::path.like(format!("{path}%")))
        .select(device::all_columns)
        .into_boxed();
    query = match kind {
        Some(kind) => query.filter(device::kind.eq(kind)),
        None => query.filter(device::kind.ne(DeviceKind::Browser)),
    };
    if let Some(after) = after {
        query = query.filter(device::id.gt(after));
    }
    Ok(query.order(device::id).limit(limit).load(conn)?)
}

pub fn enrolment_insert(conn: &mut Conn, row: &EnrolmentCodeRow) -> Result<()> {
    diesel::insert_into(enrolment_code::table).values(row).execute(conn)?;
    Ok(())
}

pub fn enrolment_fetch(conn: &mut Conn, code_hash: &str) -> Result<Option<EnrolmentCodeRow>> {
    Ok(enrolment_code::table.find(code_hash).first(conn).optional()?)
}

/// Burns the code for this device; false when somebody was faster or it has expired.
pub fn enrolment_use(conn: &mut Conn, code_hash: &str, device_id: &DeviceId, now: Timestamp) -> Result<bool> {
    let burnt = diesel::update(
        enrolment_code::table
            .find(code_hash)
            .filter(enrolment_code::used_at.is_null())
            .filter(enrolment_code::expires_at.gt(now)),
    )
    .set((enrolment_code::used_at.eq(Some(now)), enrolment_code::device_id.eq(Some(*device_id))))
    .execute(conn)?;
    Ok(burnt == 1)
}

/// Who made the code by which a device was enrolled.
pub fn enrolled_by(conn: &mut Conn, id: &DeviceId) -> Result<Option<PersonId>> {
    Ok(enrolment_code::table
        .filter(enrolment_code::device_id.eq(id))
        .select(enrolment_code::created_by)
        .first(conn)
        .optional()?)
}
