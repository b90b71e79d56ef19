//! What is known of one device's place, and how far it may be believed.
//!
//! Pure. The contract of a fix: the device promises the next one within `next_within_s` (or, if it says nothing, within
//! the default of its reporting policy). Its due time is the fix's time, never later than its receipt, plus that promise
//! plus the grace. Past the due time the marker is *silent*; [`OFF_AFTER_S`] later it is *off*, a last known place only.

use serde::{Deserialize, Serialize};

use crate::platform::policy::{DeviceKind, PersonKind};
use crate::text_enum;
use crate::words::geo::Position;
use crate::words::ids::{CrewId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

use crate::duty::location::fix::Fix;

/// Seconds of silence after which a marker is only a last known place.
pub const OFF_AFTER_S: i64 = 900;

/// Promises longer than this many seconds are told as the cause of an old but fresh marker.
const LONG_PROMISE_S: i64 = 120;

/// Speed in m/s below which a terminal counts as standing.
const STANDING_MPS: f64 = 0.5;

/// Battery percent at or below which silence is put down to it.
const EMPTY_BATTERY_PCT: u8 = 5;

text_enum! {
    /// Whether a marker may be believed.
    pub enum Freshness {
        /// The next report is not due yet.
        Fresh = "fresh",
        /// The next report is overdue.
        Silent = "silent",
        /// Off duty, or silent for so long that only the last known place is left.
        Off = "off",
    }
}

text_enum! {
    /// The probable reason for the freshness.
    pub enum Cause {
        /// Old, but the device said it would report rarely.
        OnSchedule = "on_schedule",
        /// No contact with the device at all.
        NoNetwork = "no_network",
        /// The device closed its connection in good order.
        AppClosed = "app_closed",
        /// Its last report told of an empty battery.
        Battery = "battery",
        /// In contact and last seen standing: it has nothing new to say.
        Stationary = "stationary",
        /// The person is off duty.
        SignedOff = "signed_off",
        /// In contact, yet silent.
        Unknown = "unknown",
    }
}

/// Grace in seconds on top of a promise: a fifth of it, at least 3 and at most 60.
pub fn grace_s(promise_s: i64) -> i64 {
    (promise_s / 5).clamp(3, 60)
}

/// When the fix's contract runs out, given the promise that holds if it makes none.
pub fn due_at(fix: &Fix, default_promise_s: i64) -> Timestamp {
    let promise = fix.next_within_s.map_or(default_promise_s, i64::from);
    fix.trusted_at().plus_secs(promise + grace_s(promise))
}

/// How the server last saw the device, for the cause of a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// It answers, or called in the last minute.
    Present,
    /// It closed its socket in good order.
    Closed,
    /// Nothing.
    Absent,
}

/// The last good place of one device.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The device.
    pub device: DeviceId,
    /// What it is, once known.
    pub kind: Option<DeviceKind>,
    /// Whose fix it was.
    pub person: Option<PersonId>,
    /// The fix the marker stands on.
    pub fix: Fix,
    /// When the contract runs out.
    pub due_at: Timestamp,
    /// It closed its socket in good order since.
    pub closed: bool,
}

impl Entry {
    /// Freshness by the clock alone (duty apart).
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        freshness_at(self.due_at, now)
    }

    /// Order of preference when one person has several devices: carried, fresh, accurate to the class
    /// (20, 50, 200 m), newest. Greater is better.
    pub fn rank(&self, carried: bool, now: Timestamp) -> impl Ord + use<> {
        let accuracy = match self.fix.accuracy_m() {
            Some(m) if m <= 20.0 => 3,
            Some(m) if m <= 50.0 => 2,
            None => 2,
            Some(m) if m <= 200.0 => 1,
            Some(_) => 0,
        };
        (carried, self.freshness(now) == Freshness::Fresh, accuracy, self.fix.at, self.device)
    }
}

fn freshness_at(due_at: Timestamp, now: Timestamp) -> Freshness {
    if now <= due_at {
        Freshness::Fresh
    } else if now <= due_at.plus_secs(OFF_AFTER_S) {
        Freshness::Silent
    } else {
        Freshness::Off
    }
}

/// The probable cause of a freshness. `contact` is asked only where it matters: most markers are fresh.
pub fn cause(fix: &Fix, freshness: Freshness, contact: impl FnOnce() -> Contact) -> Option<Cause> {
    if freshness == Freshness::Fresh {
        let rare = fix.next_within_s.is_some_and(|s| i64::from(s) > LONG_PROMISE_S);
        return rare.then_some(Cause::OnSchedule);
    }
    if fix.battery_pct.is_some_and(|pct| pct <= EMPTY_BATTERY_PCT) {
        return Some(Cause::Battery);
    }
    Some(match contact() {
        Contact::Absent => Cause::NoNetwork,
        Contact::Closed => Cause::AppClosed,
        Contact::Present if fix.speed_mps().is_some_and(|v| v < STANDING_MPS) => Cause::Stationary,
        Contact::Present => Cause::Unknown,
    })
}

/// A person's place, fused from the devices that report for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// The person.
    pub person_id: PersonId,
    /// The device the place comes from.
    pub device_id: DeviceId,
    /// What that device is, once known.
    pub device_kind: Option<DeviceKind>,
    /// WGS-84.
    pub position: Position,
    /// Device time of the fix.
    pub at: Timestamp,
    /// Server time of its receipt.
    pub received_at: Timestamp,
    /// When the next report is overdue, grace included.
    pub due_at: Timestamp,
    /// Metres.
    pub accuracy_m: Option<f64>,
    /// Metres per second.
    pub speed_mps: Option<f64>,
    /// Degrees.
    pub heading_deg: Option<f64>,
    /// Percent.
    pub battery_pct: Option<u8>,
    /// Signed on.
    pub on_duty: bool,
    /// The probable cause if the marker is not fresh (or is old by arrangement).
    pub cause: Option<Cause>,
}

impl Marker {
    /// Whether the place may be believed at that moment.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if self.on_duty { freshness_at(self.due_at, now) } else { Freshness::Off }
    }
}

/// What live location must know of a person; kept by reactions to duty, crew and account changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What the person is.
    pub kind: PersonKind,
    /// Home unit.
    pub unit_id: UnitId,
    /// `/root/…/own/`.
    pub unit_path: std::sync::Arc<str>,
    /// Signed on.
    pub on_duty: bool,
    /// Wire word of the availability column.
    pub availability: String,
    /// The crew, if in one.
    pub crew_id: Option<CrewId>,
    /// Rides in or on something with a motor.
    pub has_vehicle: bool,
    /// Devices named at sign-on.
    pub carried: Vec<DeviceId>,
}

/// One person of the live view, on REST and the socket alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct LivePerson {
    /// Who.
    pub person_id: PersonId,
    /// Degrees east, WGS-84.
    pub lon: f64,
    /// Degrees north, WGS-84.
    pub lat: f64,
    /// Device time of the fix.
    pub at: Timestamp,
    /// Whether it may be believed.
    pub freshness: Freshness,
    /// The probable reason, where there is one to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// When the next report is overdue, grace included.
    pub due_at: Timestamp,
    /// Metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// Metres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Degrees clockwise from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<u8>,
    /// The device the place comes from.
    pub device_id: DeviceId,
    /// Home unit.
    pub unit_id: UnitId,
    /// The crew, if in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crew_id: Option<CrewId>,
    /// What the person is.
    pub kind: PersonKind,
    /// The availability column's word.
    pub availability: String,
}

/// A vehicle, drone or checkpoint that reports by itself, with nobody on duty in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct LiveVehicle {
    /// The device.
    pub device_id: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// Degrees east, WGS-84.
    pub lon: f64,
    /// Degrees north, WGS-84.
    pub lat: f64,
    /// Device time of the fix.
    pub at: Timestamp,
    /// Whether it may be believed.
    pub freshness: Freshness,
    /// The probable reason, where there is one to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// When the next report is overdue, grace included.
    pub due_at: Timestamp,
    /// Metres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Degrees clockwise from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
}
