//! Fixes in few bytes: the binary `fixes` frame of `suixing.v1.bin`, and its acknowledgement.
//!
//! Integers are varints (LEB128); signed ones zig-zag first. A frame:
//!
//! ```text
//! u8  0x11        fixes, layout 1
//! n               counter of the message, as in JSON
//! count           number of fixes
//! per fix, each told as its step from the fix before, the first from zero:
//!   mask          which fields below differ from the fix before
//!   ±time         the first: milliseconds since the epoch; then the change of the step in time, which begins at 0
//!   ±lon ±lat     steps in 10⁻⁶ degrees (11 cm)
//!   fields        of the mask, lowest bit first: 0 = absent, otherwise 1 + zig-zag of the step from its last value
//!                 1 accuracy dm · 2 speed cm/s · 4 heading 0.1° · 8 altitude dm · 16 battery % · 32 next_within s
//!                 · 64 source (0 gnss 1 network 2 fused 3 manual) · 128 datum (0 wgs84 1 gcj02 2 bd09)
//! ```
//!
//! A frame stands alone: it refers to nothing sent before, so it can be repeated on another connection as it is. What it
//! carries becomes the same [`FixIn`] as JSON and is checked by the same rules; a fix for somebody else (`author`) goes as
//! JSON. Called by the socket; [`encode`] is the terminal's side, for tests and the generator.

use super::codec::{Corrupt, Cursor, datum_code, datum_of, put_unsigned, source_code, source_of, unzigzag, zigzag};
use super::fix::FixIn;
use super::ingest::MAX_FIXES;
use crate::words::time::Timestamp;

/// First byte of a frame of fixes.
pub const FIXES: u8 = 0x11;
/// First byte of the acknowledgement; the counter follows.
pub const FIXES_ACK: u8 = 0x03;

/// Fewest bytes of a fix: mask, time, longitude, latitude.
const MIN_FIX_BYTES: usize = 4;
/// Optional fields.
const FIELDS: usize = 8;
/// Units of a coordinate in a degree.
const UNIT: f64 = 1e6;
/// The last time that can be written as RFC 3339, ms.
const LAST_MS: i64 = 253_402_207_200_000;

/// Counter and fixes of a frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The message's counter.
    pub n: u64,
    /// Its fixes, unchecked but for what cannot be written down at all.
    pub fixes: Vec<FixIn>,
}

/// A frame that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// The counter, if so much could be read.
    pub n: Option<u64>,
    /// What is wrong.
    pub why: &'static str,
}

#[derive(Default)]
struct Last {
    begun: bool,
    at_ms: i64,
    step_ms: i64,
    place: [i64; 2],
    fields: [Option<i64>; FIELDS],
    values: [i64; FIELDS],
}

/// Reads a frame.
pub fn decode(bytes: &[u8]) -> Result<Frame, Unreadable> {
    let mut cursor = Cursor { bytes };
    let nameless = |wrong: Corrupt| Unreadable { n: None, why: wrong.0 };
    if cursor.byte().map_err(nameless)? != FIXES {
        return Err(Unreadable { n: None, why: "unknown kind of frame" });
    }
    let n = cursor.unsigned().map_err(nameless)?;
    body(&mut cursor).map(|fixes| Frame { n, fixes }).map_err(|wrong| Unreadable { n: Some(n), why: wrong.0 })
}

fn body(cursor: &mut Cursor<'_>) -> Result<Vec<FixIn>, Corrupt> {
    let count = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("count"))?;
    if count > cursor.bytes.len() / MIN_FIX_BYTES {
        return Err(Corrupt("fewer bytes than fixes"));
    }
    // One more than is taken: the answer to too many is the same as for JSON.
    let mut fixes = Vec::with_capacity(count.min(MAX_FIXES + 1));
    let mut last = Last::default();
    for _ in 0..count {
        fixes.push(one(cursor, &mut last)?);
    }
    if cursor.bytes.is_empty() { Ok(fixes) } else { Err(Corrupt("bytes left over")) }
}

fn one(cursor: &mut Cursor<'_>, last: &mut Last) -> Result<FixIn, Corrupt> {
    let mask = cursor.unsigned()?;
    if mask >> FIELDS != 0 {
        return Err(Corrupt("mask"));
    }
    let time = unzigzag(cursor.unsigned()?);
    if std::mem::replace(&mut last.begun, true) {
        last.step_ms = last.step_ms.wrapping_add(time);
        last.at_ms = last.at_ms.wrapping_add(last.step_ms);
    } else {
        last.at_ms = time;
    }
    for place in &mut last.place {
        *place = place.wrapping_add(unzigzag(cursor.unsigned()?));
    }
    for (i, (field, value)) in last.fields.iter_mut().zip(&mut last.values).enumerate() {
        if mask & (1 << i) != 0 {
            *field = match cursor.unsigned()? {
                0 => None,
                told => {
                    *value = value.wrapping_add(unzigzag(told - 1));
                    Some(*value)
                }
            };
        }
    }
    // JSON has no times beyond either; one before 1970 is refused alone, by the rules of a fix.
    let at_us = last.at_ms.checked_mul(1_000).filter(|_| last.at_ms <= LAST_MS).ok_or(Corrupt("time out of range"))?;
    let at = Timestamp::from_micros(at_us);
    let [lon, lat] = last.place.map(|units| units as f64 / UNIT);
    let [accuracy, speed, heading, altitude, battery, next, source, datum] = last.fields;
    let tenths = |value: Option<i64>| value.map(|v| v as f64 / 10.0);
    Ok(FixIn {
        at,
        lon,
        lat,
        accuracy_m: tenths(accuracy),
        speed_mps: speed.map(|v| v as f64 / 100.0),
        heading_deg: tenths(heading),
        altitude_m: tenths(altitude),
        battery_pct: battery.map(|v| v as f64),
        datum: datum.map(datum_of).transpose()?,
        next_within_s: next.map(|v| v as f64),
        source: source.map(source_of).transpose()?,
        author: None,
    })
}

/// Writes a frame, as a terminal does: times to the millisecond, places to 10⁻⁶ degrees. `author` cannot be told.
pub fn encode(n: u64, fixes: &[FixIn]) -> Vec<u8> {
    let mut out = vec![FIXES];
    put_unsigned(&mut out, n);
    put_unsigned(&mut out, fixes.len() as u64);
    let mut last = Last::default();
    for fix in fixes {
        let fields = fields_of(fix);
        let changed = fields.iter().zip(&last.fields).enumerate().filter(|(_, (new, old))| new != old);
        let mask = changed.fold(0u64, |mask, (i, _)| mask | 1 << i);
        put_unsigned(&mut out, mask);
        let at_ms = fix.at.as_micros().div_euclid(1_000);
        let step_ms = if last.begun { at_ms.wrapping_sub(last.at_ms) } else { 0 };
        let time = if last.begun { step_ms.wrapping_sub(last.step_ms) } else { at_ms };
        put_unsigned(&mut out, zigzag(time));
        let place = [fix.lon, fix.lat].map(|degrees| (degrees * UNIT).round() as i64);
        for (new, old) in place.iter().zip(last.place) {
            put_unsigned(&mut out, zigzag(new.wrapping_sub(old)));
        }
        for (i, (new, value)) in fields.iter().zip(&mut last.values).enumerate() {
            if mask & (1 << i) == 0 {
                continue;
            }
            match new {
                None => put_unsigned(&mut out, 0),
                Some(v) => {
                    put_unsigned(&mut out, zigzag(v.wrapping_sub(*value)).saturating_add(1));
                    *value = *v;
                }
            }
        }
        last = Last { begun: true, at_ms, step_ms, place, fields, values: last.values };
    }
    out
}

/// The acknowledgement of everything up to a counter.
pub fn encode_ack(up_to: u64) -> Vec<u8> {
    let mut out = vec![FIXES_ACK];
    put_unsigned(&mut out, up_to);
    out
}

/// Reads an acknowledgement, as a terminal does.
pub fn decode_ack(bytes: &[u8]) -> Result<u64, Corrupt> {
    let mut cursor = Cursor { bytes };
    let kind = cursor.byte()?;
    let up_to = cursor.unsigned()?;
    if kind == FIXES_ACK && cursor.bytes.is_empty() { Ok(up_to) } else { Err(Corrupt("no acknowledgement")) }
}

fn fields_of(fix: &FixIn) -> [Option<i64>; FIELDS] {
    let whole = |value: Option<f64>, by: f64| value.map(|v| (v * by).round() as i64);
    [
        whole(fix.accuracy_m, 10.0),
        whole(fix.speed_mps, 100.0),
        whole(fix.heading_deg, 10.0),
        whole(fix.altitude_m, 10.0),
        whole(fix.battery_pct, 1.0),
        whole(fix.next_within_s, 1.0),
        fix.source.map(source_code),
        fix.datum.map(datum_code),
    ]
}

#[cfg(test)]
#[path = "uplink_tests.rs"]
mod tests;
