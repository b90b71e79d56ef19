//! The segment codec: a run of fixes as bytes, each told as its difference to the one before.
//!
//! Layout, version 1: `version: u8 · count: varint · fixes… · crc32: u32 LE` over everything before it. Per fix:
//! zig-zag varints of the change of the time step (µs), the change of the receipt lag (ms), and the steps of longitude
//! and latitude (10⁻⁷ degrees); then a varint mask of which other fields differ from the previous fix, then each of those
//! as `0` (absent) or `1 + zigzag(step from its last value)`. A terminal that stands still costs 6 to 9 bytes a fix.
//! The writer can be appended to at any time, so an open segment is never held twice. Used by history and the log.

use crate::words::geo::Datum;

use super::fix::{Fix, FixSource, Flags, RawPlace};

const VERSION: u8 = 1;

/// Fewest bytes a fix can take: bounds what a corrupt count may ask for.
const MIN_FIX_BYTES: usize = 5;

/// Number of optional or rarely changing fields.
const FIELDS: usize = 11;

/// The bytes are not a segment: cut short, altered, or of an unknown version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt(pub &'static str);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt segment: {}", self.0)
    }
}

impl std::error::Error for Corrupt {}

/// What the next fix is told relative to.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    at: i64,
    step: i64,
    lag_ms: i64,
    lon: i64,
    lat: i64,
    fields: [Option<i64>; FIELDS],
    values: [i64; FIELDS],
}

/// Builds a segment by appending.
#[derive(Debug, Clone, Default)]
pub struct SegmentWriter {
    body: Vec<u8>,
    count: u32,
    last: Last,
}

impl SegmentWriter {
    /// Number of fixes so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Appends a fix, in any order of time.
    pub fn push(&mut self, fix: &Fix) {
        let last = &mut self.last;
        let step = fix.at.wrapping_sub(last.at);
        put_signed(&mut self.body, step.wrapping_sub(last.step));
        let lag_ms = fix.received_ms.wrapping_sub(fix.at.div_euclid(1000));
        put_signed(&mut self.body, lag_ms.wrapping_sub(last.lag_ms));
        let (lon, lat) = (i64::from(fix.lon_e7), i64::from(fix.lat_e7));
        put_signed(&mut self.body, lon - last.lon);
        put_signed(&mut self.body, lat - last.lat);
        let fields = fields_of(fix);
        let mask = fields
            .iter()
            .zip(&last.fields)
            .enumerate()
            .fold(0u64, |mask, (i, (new, old))| if new == old { mask } else { mask | 1 << i });
        put_unsigned(&mut self.body, mask);
        for (i, (new, value)) in fields.iter().zip(&mut last.values).enumerate() {
            if mask & (1 << i) == 0 {
                continue;
            }
            match new {
                None => put_unsigned(&mut self.body, 0),
                Some(v) => {
                    put_unsigned(&mut self.body, zigzag(v - *value) + 1);
                    *value = *v;
                }
            }
        }
        (last.at, last.step, last.lag_ms, last.lon, last.lat, last.fields) = (fix.at, step, lag_ms, lon, lat, fields);
        self.count += 1;
    }

    /// The segment's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 12);
        out.push(VERSION);
        put_unsigned(&mut out, u64::from(self.count));
        out.extend_from_slice(&self.body);
        with_checksum(out)
    }

    /// The fixes so far.
    pub fn read(&self) -> Vec<Fix> {
        // What this writer wrote always decodes; were it not so, an empty answer is the mildest harm.
        decode_body(&mut Cursor { bytes: &self.body }, self.count as usize).unwrap_or_default()
    }
}

/// The bytes of a segment with these fixes.
pub fn encode(fixes: &[Fix]) -> Vec<u8> {
    let mut writer = SegmentWriter::default();
    fixes.iter().for_each(|fix| writer.push(fix));
    writer.to_bytes()
}

/// The fixes of a segment, in the order they were appended.
pub fn decode(bytes: &[u8]) -> Result<Vec<Fix>, Corrupt> {
    let content = checked(bytes)?;
    let mut cursor = Cursor { bytes: content };
    if cursor.byte()? != VERSION {
        return Err(Corrupt("unknown version"));
    }
    let count = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("count"))?;
    if count > cursor.bytes.len() / MIN_FIX_BYTES + 1 {
        return Err(Corrupt("count"));
    }
    let fixes = decode_body(&mut cursor, count)?;
    if cursor.bytes.is_empty() { Ok(fixes) } else { Err(Corrupt("bytes left over")) }
}

/// The same bytes with their checksum behind them.
pub(super) fn with_checksum(mut content: Vec<u8>) -> Vec<u8> {
    let crc = crc32(&content);
    content.extend_from_slice(&crc.to_le_bytes());
    content
}

/// What precedes the checksum, once that holds.
pub(super) fn checked(bytes: &[u8]) -> Result<&[u8], Corrupt> {
    let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Corrupt("too short"))?;
    if crc32(content) == u32::from_le_bytes(*crc) { Ok(content) } else { Err(Corrupt("checksum")) }
}

/// Appends a run of fixes without frame or checksum: `count: varint · fixes…`.
pub(super) fn put_run(out: &mut Vec<u8>, fixes: &[Fix]) {
    let mut writer = SegmentWriter::default();
    fixes.iter().for_each(|fix| writer.push(fix));
    put_unsigned(out, fixes.len() as u64);
    out.extend_from_slice(&writer.body);
}

/// Reads what [`put_run`] wrote.
pub(super) fn take_run(cursor: &mut Cursor<'_>) -> Result<Vec<Fix>, Corrupt> {
    let count = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("count"))?;
    if count > cursor.bytes.len() / MIN_FIX_BYTES + 1 {
        return Err(Corrupt("count"));
    }
    decode_body(cursor, count)
}

fn decode_body(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<Fix>, Corrupt> {
    let mut last = Last::default();
    let mut fixes = Vec::with_capacity(count);
    for _ in 0..count {
        last.step = last.step.wrapping_add(cursor.signed()?);
        last.at = last.at.wrapping_add(last.step);
        last.lag_ms = last.lag_ms.wrapping_add(cursor.signed()?);
        last.lon = last.lon.wrapping_add(cursor.signed()?);
        last.lat = last.lat.wrapping_add(cursor.signed()?);
        let mask = cursor.unsigned()?;
        if mask >> FIELDS != 0 {
            return Err(Corrupt("mask"));
        }
        for (i, (field, value)) in last.fields.iter_mut().zip(&mut last.values).enumerate() {
            if mask & (1 << i) == 0 {
                continue;
            }
            *field = match cursor.unsigned()? {
                0 => None,
                told => {
                    *value = value.wrapping_add(unzigzag(told - 1));
                    Some(*value)
                }
            };
        }
        fixes.push(fix_of(&last)?);
    }
    Ok(fixes)
}

fn fields_of(fix: &Fix) -> [Option<i64>; FIELDS] {
    [
        fix.accuracy_dm.map(i64::from),
        fix.speed_cms.map(i64::from),
        fix.heading_ddeg.map(i64::from),
        fix.altitude_dm.map(i64::from),
        fix.battery_pct.map(i64::from),
        fix.next_within_s.map(i64::from),
        (fix.flags.0 != 0).then_some(i64::from(fix.flags.0)),
        fix.source.map(source_code),
        fix.raw.map(|raw| datum_code(raw.datum)),
        fix.raw.map(|raw| i64::from(raw.lon_e7)),
        fix.raw.map(|raw| i64::from(raw.lat_e7)),
    ]
}

fn fix_of(last: &Last) -> Result<Fix, Corrupt> {
    fn fit<T: TryFrom<i64>>(value: Option<i64>) -> Result<Option<T>, Corrupt> {
        value.map(|v| T::try_from(v).map_err(|_e| Corrupt("value out of range"))).transpose()
    }
    let [accuracy, speed, heading, altitude, battery, next, flags, source, datum, raw_lon, raw_lat] = last.fields;
    let raw = match (datum, fit(raw_lon)?, fit(raw_lat)?) {
        (Some(code), Some(lon_e7), Some(lat_e7)) => Some(RawPlace { datum: datum_of(code)?, lon_e7, lat_e7 }),
        (None, None, None) => None,
        _ => return Err(Corrupt("half a raw place")),
    };
    let place =
        |v: i64, limit: i64| i32::try_from(v).ok().filter(|_| v.abs() <= limit).ok_or(Corrupt("place out of range"));
    Ok(Fix {
        at: last.at,
        received_ms: last.lag_ms.wrapping_add(last.at.div_euclid(1000)),
        lon_e7: place(last.lon, 1_800_000_000)?,
        lat_e7: place(last.lat, 900_000_000)?,
        accuracy_dm: fit(accuracy)?,
        speed_cms: fit(speed)?,
        heading_ddeg: fit(heading)?,
        altitude_dm: fit(altitude)?,
        battery_pct: fit(battery)?,
        next_within_s: fit(next)?,
        source: source.map(source_of).transpose()?,
        raw,
        flags: Flags(fit(flags)?.unwrap_or(0)),
    })
}

pub(super) fn source_code(source: FixSource) -> i64 {
    match source {
        FixSource::Gnss => 0,
        FixSource::Network => 1,
        FixSource::Fused => 2,
        FixSource::Manual => 3,
    }
}

pub(super) fn source_of(code: i64) -> Result<FixSource, Corrupt> {
    match code {
        0 => Ok(FixSource::Gnss),
        1 => Ok(FixSource::Network),
        2 => Ok(FixSource::Fused),
        3 => Ok(FixSource::Manual),
        _ => Err(Corrupt("unknown source")),
    }
}

pub(super) fn datum_code(datum: Datum) -> i64 {
    match datum {
        Datum::Wgs84 => 0,
        Datum::Gcj02 => 1,
        Datum::Bd09 => 2,
    }
}

pub(super) fn datum_of(code: i64) -> Result<Datum, Corrupt> {
    match code {
        0 => Ok(Datum::Wgs84),
        1 => Ok(Datum::Gcj02),
        2 => Ok(Datum::Bd09),
        _ => Err(Corrupt("unknown datum")),
    }
}

/// Reads varints off the front of a slice.
pub(super) struct Cursor<'a> {
    /// What is left.
    pub bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        let (first, rest) = self.bytes.split_first().ok_or(Corrupt("cut short"))?;
        self.bytes = rest;
        Ok(*first)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Corrupt("cut short"))?;
        self.bytes = rest;
        Ok(*head)
    }

    /// The next varint.
    pub fn unsigned(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Corrupt("varint too long"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Corrupt("varint too long"))
    }

    fn signed(&mut self) -> Result<i64, Corrupt> {
        self.unsigned().map(unzigzag)
    }
}

/// Appends a varint.
pub(super) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, zigzag(value));
}

pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

const CRC_TABLE: [u32; 256] = crc_table();

#[allow(clippy::indexing_slicing)] // const evaluation; bounds are the loop's own
const fn crc_table() -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

/// CRC-32 (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        let entry = CRC_TABLE.get(((crc ^ u32::from(*byte)) & 0xff) as usize).copied().unwrap_or(0);
        (crc >> 8) ^ entry
    })
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
