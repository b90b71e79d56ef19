//! What a press says, and what of it is believed.

use serde::Deserialize;

use super::super::Kind;
use super::super::rows::{Place, PlaceSource};
use crate::platform::http::body::{text, text_opt};
use crate::words::error::{Error, Result};
use crate::words::geo::Position;
use crate::words::ids::{BackupId, DeviceId, PersonId};
use crate::words::time::Timestamp;

/// Characters of a note.
const NOTE_MAX: usize = 2_000;
/// Needs named in one request, and characters of each.
const NEEDS_MAX: usize = 10;
const NEED_MAX: usize = 40;

/// Where the person says help is needed.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenLocation {
    pub lon: f64,
    pub lat: f64,
    #[serde(default)]
    pub accuracy_m: Option<f64>,
    /// When the device was there; the press itself if left out.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// One press. Every field may be left out.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// Made by the client, so that a repeated delivery is recognised.
    #[serde(default)]
    pub id: Option<BackupId>,
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The colleague who needs it; the caller himself if left out.
    #[serde(default)]
    pub for_person_id: Option<PersonId>,
    #[serde(default)]
    pub silent: Option<bool>,
    #[serde(default)]
    pub note: Option<String>,
    /// e.g. `ambulance`, `dog`, `negotiator`.
    #[serde(default)]
    pub needs: Option<Vec<String>>,
    #[serde(default)]
    pub location: Option<GivenLocation>,
    /// By the device's clock; more than 60 s ago counts as delivered late.
    #[serde(default)]
    pub pressed_at: Option<Timestamp>,
    /// The device whose button it was, if another one sent it.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
}

impl Press {
    /// Checks ranges and lengths; errors name the field.
    pub fn check(&self) -> Result<()> {
        text_opt("note", self.note.as_deref(), NOTE_MAX)?;
        check_needs(self.needs.as_deref())?;
        check_location(self.location.as_ref())
    }

    pub(super) fn given(&self, pressed_at: Timestamp) -> Option<Place> {
        self.location.map(|given| given.place(pressed_at))
    }
}

impl GivenLocation {
    /// As a place, at its own time or the one told.
    pub fn place(&self, at: Timestamp) -> Place {
        Place {
            lon: self.lon,
            lat: self.lat,
            at: self.at.map_or(at, |own| own.min(at)),
            accuracy_m: self.accuracy_m,
            source: PlaceSource::Given,
        }
    }
}

pub(super) fn check_needs(needs: Option<&[String]>) -> Result<()> {
    let Some(needs) = needs else { return Ok(()) };
    if needs.len() > NEEDS_MAX {
        return Err(Error::field("needs", format!("at most {NEEDS_MAX}")));
    }
    needs.iter().try_for_each(|need| text("needs", need, 1, NEED_MAX))
}

pub(super) fn check_location(location: Option<&GivenLocation>) -> Result<()> {
    let Some(given) = location else { return Ok(()) };
    Position { lon: given.lon, lat: given.lat }.checked()?;
    if given.accuracy_m.is_some_and(|accuracy| !(0.0..=1_000_000.0).contains(&accuracy)) {
        return Err(Error::field("location.accuracy_m", "must be between 0 and 1000000"));
    }
    Ok(())
}
