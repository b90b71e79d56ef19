//! Positions that tell by themselves whose they are and which report they are: the officer is in the longitude, the
//! number of the report in the latitude. Every server passes them on unread, so one reader serves all.

/// Where officer 0 is, degrees × 10⁷.
const WEST_E7: i32 = 1_190_000_000;
/// Where report 0 is, degrees × 10⁷.
const SOUTH_E7: i32 = 315_000_000;
/// Between two officers: about 10 m.
const OFFICER_E7: i32 = 1_000;
/// Between two reports: about 1 m, so that nobody is impossibly quick.
const REPORT_E7: i32 = 100;

/// Longitude of an officer, degrees.
pub fn lon(officer: usize) -> f64 {
    (f64::from(WEST_E7) + officer as f64 * f64::from(OFFICER_E7)) / 1e7
}

/// Latitude of a report, degrees.
pub fn lat(report: u32) -> f64 {
    (f64::from(SOUTH_E7) + f64::from(report) * f64::from(REPORT_E7)) / 1e7
}

/// A viewport `[west, south, east, north]` that holds exactly the officers `from..to`.
pub fn viewport(from: usize, to: usize) -> String {
    let half = f64::from(OFFICER_E7) / 2e7;
    format!("[{:.6},30,{:.6},33]", lon(from) - half, lon(to) - half)
}

/// Officer and report of a position.
pub fn of_e7(lon_e7: i32, lat_e7: i32) -> (usize, u32) {
    let officer = (lon_e7 - WEST_E7 + OFFICER_E7 / 2) / OFFICER_E7;
    let report = (lat_e7 - SOUTH_E7 + REPORT_E7 / 2) / REPORT_E7;
    (usize::try_from(officer).unwrap_or(usize::MAX), u32::try_from(report).unwrap_or(u32::MAX))
}

/// The same from degrees.
pub fn of_degrees(lon: f64, lat: f64) -> (usize, u32) {
    of_e7((lon * 1e7).round() as i32, (lat * 1e7).round() as i32)
}
