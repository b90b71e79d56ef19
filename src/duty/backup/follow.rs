//! The destination follows the person while a request is open. Called by `jobs` every second and by `view`.
//!
//! A place that somebody gave stands until a newer good fix of that person arrives; a pursued target's last
//! sighting wins over older fixes of the pursuer.

use super::facts::Around;
use super::rows::{BackupRow, Place, PlaceSource};
use crate::words::ids::PersonId;

/// Metres a destination must move before responders are told again.
pub const TELL_AFTER_M: f64 = 50.0;
/// Seconds between two such messages.
pub const TELL_EVERY_S: f64 = 5.0;
/// Metres below which a moved fix is not worth a write.
pub const STORE_AFTER_M: f64 = 10.0;

/// The person's fix as a place.
pub fn fix_place(around: &Around, person: &PersonId, source: PlaceSource) -> Option<Place> {
    let (marker, _) = around.marker(person)?;
    Some(Place {
        lon: marker.position.lon,
        lat: marker.position.lat,
        at: marker.at,
        accuracy_m: marker.accuracy_m,
        source,
    })
}

/// A destination newer than the stored one, if the person has moved on since.
pub fn newer(around: &Around, row: &BackupRow, stored: Option<&Place>) -> Option<Place> {
    let fix = fix_place(around, &row.for_person_id, PlaceSource::Fix).or_else(|| {
        stored.is_none().then(|| fix_place(around, &row.requester_id, PlaceSource::RequesterFix)).flatten()
    })?;
    match stored {
        None => Some(fix),
        Some(stored) if fix.at > stored.at => Some(fix),
        Some(_) => None,
    }
}

/// Whether the moved destination is worth writing down.
pub fn worth_storing(stored: Option<&Place>, next: &Place) -> bool {
    stored.is_none_or(|stored| {
        stored.position().distance_m(next.position()) >= STORE_AFTER_M || next.at.secs_since(stored.at) >= 10.0
    })
}

/// Whether responders should hear of it.
pub fn worth_telling(told: Option<&Place>, next: &Place) -> bool {
    told.is_none_or(|told| {
        told.position().distance_m(next.position()) >= TELL_AFTER_M && next.at.secs_since(told.at) >= TELL_EVERY_S
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::time::Timestamp;

    fn place(lon: f64, at: i64) -> Place {
        Place { lon, lat: 31.8, at: Timestamp::from_micros(at * 1_000_000), accuracy_m: None, source: PlaceSource::Fix }
    }

    #[test]
    fn responders_hear_of_a_move_not_of_every_step() {
        let start = place(119.970, 100);
        assert!(worth_telling(None, &start));
        assert!(!worth_telling(Some(&start), &place(119.9701, 200)), "ten metres");
        assert!(!worth_telling(Some(&start), &place(119.971, 102)), "too soon");
        assert!(worth_telling(Some(&start), &place(119.971, 106)));
        assert!(!worth_storing(Some(&start), &place(119.97001, 103)));
        assert!(worth_storing(Some(&start), &place(119.97001, 111)), "keep the age true");
    }
}
