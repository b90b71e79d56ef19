//! Who is on duty, with whom and with what: duty sign-on (警力报备), crews (出警单元), grids, and
//! the issue log of carried devices (领用/归还).
//!
//! Availability is a stored column; `wiring/reactions` moves it when assignments move. Later
//! duties read here who is on duty and what they carry ([`store`]).

pub mod http;
pub mod messages;
pub mod service;
pub mod store;

use serde::{Deserialize, Serialize};

use crate::platform::policy::{DeviceKind, PersonKind};
use crate::text_enum;
use crate::words::ids::{CrewId, DeviceId, PersonId, UnitId};

pub use store::{CrewRow, Duty, DutyLogRow, GridRow, IssueRow, MemberRow};

text_enum! {
    /// What somebody on duty is free for.
    pub enum Availability {
        OffDuty = "off_duty",
        Available = "available",
        /// Sent somewhere, not yet moving.
        Assigned = "assigned" | "busy",
        EnRoute = "en_route",
        OnScene = "on_scene",
        /// On duty and not to be sent: meal, paperwork, escort.
        Unavailable = "unavailable",
    }
}

text_enum! {
    /// A member's part in a crew: 主办, 协办, 辅助.
    pub enum CrewRole {
        Lead = "lead",
        Assist = "assist",
        Auxiliary = "auxiliary",
    }
}

text_enum! {
    pub enum CrewStatus {
        Active = "active",
        Ended = "ended",
    }
}

/// A member of a crew now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub person_id: PersonId,
    pub role: CrewRole,
}

/// A device somebody carries now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CarriedDevice {
    pub id: DeviceId,
    pub kind: DeviceKind,
}

/// Somebody on duty, with what candidate searches need.
#[derive(Clone, Debug)]
pub struct OnDuty {
    pub person_id: PersonId,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    pub crew_id: Option<CrewId>,
    pub availability: Availability,
    pub grid: Option<String>,
}
