//! The rows of this slice's tables.

use diesel::prelude::*;
use serde::Serialize;

use crate::duty::officers::{DeviceStatus, PersonStatus};
use crate::platform::db::schema::{auth_change, device, enrolment_code, person, session, signing_key, unit};
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::words::ids::{DeviceId, PersonId, SessionId, UnitId};
use crate::words::time::Timestamp;

/// A unit of the tree; `path` is `/rootid/…/ownid/`, so a subtree is a prefix.
#[derive(Clone, Debug, Queryable, Insertable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = unit)]
pub struct UnitRow {
    pub id: UnitId,
    pub name: String,
    pub kind: String,
    pub parent_id: Option<UnitId>,
    pub path: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A person of any kind; personal fields are kept apart, encrypted.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = person, treat_none_as_null = true)]
pub struct PersonRow {
    pub id: PersonId,
    pub username: String,
    pub name: String,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    pub badge_no: Option<String>,
    /// The source system a service account speaks for; `None`: any.
    pub source: Option<String>,
    pub status: PersonStatus,
    pub mediator_no: Option<String>,
    pub mediator_issuer: Option<String>,
    /// Last valid day, `YYYY-MM-DD`.
    pub mediator_expires: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A device; `public_key` is its raw Ed25519 key when it was enrolled with one.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = device)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub kind: DeviceKind,
    pub name: String,
    pub serial_no: Option<String>,
    pub status: DeviceStatus,
    pub enrolled: bool,
    pub public_key: Option<Vec<u8>>,
    pub unit_id: Option<UnitId>,
    /// Who signed in on it last.
    pub person_id: Option<PersonId>,
    pub login_key: Option<String>,
    pub created_at: Timestamp,
    pub last_login_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl DeviceRow {
    pub fn is_active(&self) -> bool {
        self.status == DeviceStatus::Active
    }
}

/// A one-time enrolment code, stored as its hash.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = enrolment_code)]
pub struct EnrolmentCodeRow {
    pub code_hash: String,
    pub unit_id: UnitId,
    pub kind: DeviceKind,
    pub name: Option<String>,
    pub created_by: PersonId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub device_id: Option<DeviceId>,
}

/// One sign-in of one person on one device; `generation` counts its refreshes.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = session)]
pub struct SessionRow {
    pub id: SessionId,
    pub person_id: PersonId,
    pub device_id: DeviceId,
    pub generation: i64,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
    pub address: Option<String>,
}

/// What other nodes must forget: an ended session, or a person or tree whose facts changed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = auth_change)]
pub struct AuthChangeRow {
    pub id: String,
    pub kind: String,
    pub subject: String,
    pub at: Timestamp,
}

/// A signing key, its private half sealed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = signing_key)]
pub struct SigningKeyRow {
    pub id: String,
    pub sealed: Vec<u8>,
    pub key_id: i32,
    pub public_key: Vec<u8>,
    pub created_at: Timestamp,
    pub signs_from: Timestamp,
    pub retires_at: Option<Timestamp>,
}
