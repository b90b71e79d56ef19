//! Tracks as lines: thinned out, and as GeoJSON (RFC 7946), one line per device.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fix::Fix;
use super::simplify::most_telling;
use crate::words::geo::Position;
use crate::words::ids::{DeviceId, PersonId};

/// Leaves out places that cannot be believed and thins each device's line to at most `max` points; by time.
pub fn thin(fixes: Vec<(DeviceId, Fix)>, max: usize) -> Vec<(DeviceId, Fix)> {
    let mut thinned: Vec<(DeviceId, Fix)> = Vec::new();
    for (device, line) in lines(&fixes) {
        let places: Vec<Position> = line.iter().map(|fix| fix.position()).collect();
        let kept = most_telling(&places, max);
        thinned.extend(kept.into_iter().filter_map(|i| line.get(i).map(|fix| (device, **fix))));
    }
    thinned.sort_by_key(|(device, fix)| (fix.at, *device));
    thinned
}

/// A FeatureCollection: one LineString (a Point for a single fix) per device, with the times of its coordinates.
pub fn features(person: PersonId, fixes: &[(DeviceId, Fix)]) -> Value {
    let features: Vec<Value> = lines(fixes)
        .into_iter()
        .map(|(device, line)| {
            let coordinates: Vec<Value> = line.iter().map(|fix| coordinate(fix)).collect();
            let times: Vec<Value> = line.iter().map(|fix| json!(fix.at())).collect();
            let geometry = match coordinates.as_slice() {
                [only] => json!({ "type": "Point", "coordinates": only }),
                _ => json!({ "type": "LineString", "coordinates": coordinates }),
            };
            json!({
                "type": "Feature",
                "geometry": geometry,
                "properties": { "person_id": person, "device_id": device, "times": times },
            })
        })
        .collect();
    json!({ "type": "FeatureCollection", "features": features })
}

fn coordinate(fix: &Fix) -> Value {
    let place = fix.position();
    match fix.altitude_m() {
        Some(altitude) => json!([place.lon, place.lat, altitude]),
        None => json!([place.lon, place.lat]),
    }
}

fn lines(fixes: &[(DeviceId, Fix)]) -> BTreeMap<DeviceId, Vec<&Fix>> {
    let mut lines: BTreeMap<DeviceId, Vec<&Fix>> = BTreeMap::new();
    for (device, fix) in fixes.iter().filter(|(_, fix)| !fix.flags.is_wrong()) {
        lines.entry(*device).or_default().push(fix);
    }
    lines
}
