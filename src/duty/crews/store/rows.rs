//! The rows of this slice's tables.

use diesel::prelude::*;
use serde::Serialize;

use crate::duty::crews::{Availability, CrewRole, CrewStatus};
use crate::platform::db::schema::{crew, crew_member, device_issue, duty, duty_log, grid};
use crate::words::ids::{CrewId, DeviceId, GridId, IssueId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// The duty state of one person.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = duty, primary_key(person_id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Duty {
    pub person_id: PersonId,
    pub on_duty: bool,
    pub availability: Availability,
    pub crew_id: Option<CrewId>,
    pub vehicle: Option<String>,
    pub call_sign: Option<String>,
    pub grid: Option<String>,
    /// Since when on or off duty.
    pub since: Option<Timestamp>,
    pub version: i64,
    pub updated_at: Timestamp,
}

impl Duty {
    /// The state of somebody who never signed on.
    pub fn off(person_id: PersonId) -> Self {
        Self {
            person_id,
            on_duty: false,
            availability: Availability::OffDuty,
            crew_id: None,
            vehicle: None,
            call_sign: None,
            grid: None,
            since: None,
            version: 0,
            updated_at: Timestamp::EPOCH,
        }
    }
}

/// A crew: who drives together today.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crew, treat_none_as_null = true)]
pub struct CrewRow {
    pub id: CrewId,
    pub unit_id: UnitId,
    pub call_sign: String,
    pub vehicle: Option<String>,
    pub grid: Option<String>,
    pub status: CrewStatus,
    pub version: i64,
    pub created_by: PersonId,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One stay of a person in a crew; open while `left_at` is empty.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = crew_member)]
pub struct MemberRow {
    pub id: String,
    pub crew_id: CrewId,
    pub person_id: PersonId,
    pub role: CrewRole,
    pub joined_at: Timestamp,
    pub left_at: Option<Timestamp>,
}

/// A patrol grid (警格) and how many must stay in it.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset, Serialize, utoipa::ToSchema)]
#[diesel(table_name = grid)]
pub struct GridRow {
    pub id: GridId,
    pub unit_id: UnitId,
    /// Unique in its unit; what duty and crews refer to.
    pub code: String,
    pub name: String,
    pub min_strength: i64,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One line of the issue log: who held which device from when to when.
#[derive(Clone, Debug, Queryable, Insertable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = device_issue)]
pub struct IssueRow {
    pub id: IssueId,
    pub device_id: DeviceId,
    pub person_id: PersonId,
    pub issued_at: Timestamp,
    pub returned_at: Option<Timestamp>,
    /// `signed_off`, `returned`, `handed_over` or `revoked`.
    pub return_reason: Option<String>,
}

/// One line of the duty log; `data` is JSON.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = duty_log)]
pub struct DutyLogRow {
    pub id: String,
    pub person_id: PersonId,
    pub at: Timestamp,
    pub change: String,
    pub by_person_id: PersonId,
    pub by_device_id: Option<DeviceId>,
    pub data: String,
}
