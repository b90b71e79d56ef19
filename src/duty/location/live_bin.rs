//! Live frames of `suixing.v1.bin`: 16 bytes a moved person.
//!
//! All numbers little-endian. A frame:
//!
//! ```text
//! u8  kind        0x01 snapshot (forget everything shown), 0x02 delta; + 0x80: another frame follows at once
//! u64 version     what `live_ack` answers
//! u64 newest      newest device time among the records, milliseconds since the epoch; 0 without records
//! u16 names · u16 records · u16 removed
//! names   × 21 B  u24 handle · u8 kind (0 person, 1 device) · u8 reserved · 16 B UUID      before a handle's first use
//! records × 16 B  u24 handle
//!                 u8  state: bits 0–1 freshness (0 fresh 1 silent 2 off) · 2–4 cause (0 none 1 on_schedule 2 no_network
//!                     3 app_closed 4 battery 5 stationary 6 signed_off 7 unknown)
//!                     · 5–7 availability (0 other 1 available 2 assigned 3 en_route 4 on_scene 5 unavailable 6 off_duty)
//!                 i32 longitude × 10⁷ · i32 latitude × 10⁷
//!                 u16 device time of the fix, seconds since the epoch modulo 65,536: the latest such moment not after
//!                     `newest` (18 hours back)
//!                 u8  heading: degrees × 250 / 360, 255 unknown · u8 speed: half metres a second, 254 = or more, 255 unknown
//! removed × 3 B   u24 handle
//! ```
//!
//! A handle belongs to one subject for the life of a socket. Everything else about a person is read over REST.

use bytes::{Buf as _, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::fix::e7;
use super::live::Freshness;
use super::live::marker::Cause;
use super::live::publish::{Record, RecordBody};
use super::live::state::Subject;
use crate::words::time::Timestamp;

/// Bytes of a record.
pub const RECORD_BYTES: usize = 16;

/// Bytes of a handle.
const HANDLE_BYTES: usize = 3;

/// Bytes of a name.
pub const NAME_BYTES: usize = 21;

/// Bytes before the names.
pub const HEAD_BYTES: usize = 23;

const SNAPSHOT: u8 = 0x01;
const DELTA: u8 = 0x02;
const MORE: u8 = 0x80;

/// One encoded record.
pub type BinRecord = [u8; RECORD_BYTES];

/// Encodes a record under its handle.
pub fn record(handle: u32, record: &Record) -> BinRecord {
    let (at, freshness, cause, availability, speed, heading) = match &record.body {
        RecordBody::Person(p) => {
            (p.at, p.freshness, p.cause, availability_code(&p.availability), p.speed_mps, p.heading_deg)
        }
        RecordBody::Vehicle(v) => (v.at, v.freshness, v.cause, 0, v.speed_mps, v.heading_deg),
    };
    let state = freshness_code(freshness) | cause_code(cause) << 2 | availability << 5;
    let heading = heading.map_or(255, |deg| ((deg * 250.0 / 360.0).round() as u8) % 250);
    let speed = speed.map_or(255, |mps| (mps * 2.0).round().clamp(0.0, 254.0) as u8);
    let seconds = (at.as_micros().div_euclid(1_000_000) & 0xffff) as u16;
    let mut out = [0; RECORD_BYTES];
    let mut rest = &mut out[..];
    put_handle(&mut rest, handle);
    rest.put_u8(state);
    rest.put_i32_le(e7(record.position.lon));
    rest.put_i32_le(e7(record.position.lat));
    rest.put_u16_le(seconds);
    rest.put_u8(heading);
    rest.put_u8(speed);
    out
}

/// A frame under way.
#[derive(Debug, Default)]
pub struct Writer {
    names: Vec<u8>,
    records: Vec<u8>,
    removed: Vec<u8>,
    newest_ms: i64,
}

impl Writer {
    /// An empty frame with room for so many records.
    pub fn with_room(records: usize) -> Self {
        Self { records: Vec::with_capacity(records * RECORD_BYTES), ..Self::default() }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        HEAD_BYTES + self.names.len() + self.records.len() + self.removed.len()
    }

    /// Introduces a handle.
    pub fn name(&mut self, handle: u32, subject: Subject) {
        let (kind, id) = match subject {
            Subject::Person(person) => (0, Uuid::from(person)),
            Subject::Device(device) => (1, Uuid::from(device)),
        };
        put_handle(&mut self.names, handle);
        self.names.extend_from_slice(&[kind, 0]);
        self.names.extend_from_slice(id.as_bytes());
    }

    /// A record whose fix was made at `at_ms`.
    pub fn record(&mut self, record: &BinRecord, at_ms: i64) {
        self.records.extend_from_slice(record);
        self.newest_ms = self.newest_ms.max(at_ms);
    }

    /// A handle that is out of view.
    pub fn remove(&mut self, handle: u32) {
        put_handle(&mut self.removed, handle);
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.removed.is_empty()
    }

    /// The frame.
    pub fn finish(self, version: u64, snapshot: bool, more: bool) -> Bytes {
        let mut out = BytesMut::with_capacity(self.len());
        out.put_u8(if snapshot { SNAPSHOT } else { DELTA } | if more { MORE } else { 0 });
        out.put_u64_le(version);
        out.put_u64_le(u64::try_from(self.newest_ms).unwrap_or(0));
        for (part, size) in [(&self.names, NAME_BYTES), (&self.records, RECORD_BYTES), (&self.removed, HANDLE_BYTES)] {
            out.put_u16_le(u16::try_from(part.len() / size).unwrap_or(u16::MAX));
        }
        for part in [&self.names, &self.records, &self.removed] {
            out.put_slice(part);
        }
        out.freeze()
    }
}

/// What a client reads back; for tests and the load generator.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// What to acknowledge.
    pub version: u64,
    /// Forget everything shown before.
    pub snapshot: bool,
    /// Another frame follows at once.
    pub more: bool,
    /// Handles and what they stand for: (handle, is a device, id).
    pub names: Vec<(u32, bool, Uuid)>,
    /// Records.
    pub records: Vec<Seen>,
    /// Handles out of view.
    pub removed: Vec<u32>,
}

/// One decoded record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Whom.
    pub handle: u32,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// Device time of the fix, to the second.
    pub at: Timestamp,
    /// Whether it may be believed.
    pub freshness: Freshness,
    /// m/s, to half a metre.
    pub speed_mps: Option<f64>,
    /// Degrees, to 1.44°.
    pub heading_deg: Option<f64>,
}

/// Reads a frame; `None` if it is none of ours.
pub fn read(mut bytes: &[u8]) -> Option<Frame> {
    let rest = &mut bytes;
    let kind = rest.try_get_u8().ok()?;
    let mut frame = Frame { snapshot: kind & !MORE == SNAPSHOT, more: kind & MORE != 0, ..Frame::default() };
    if ![SNAPSHOT, DELTA].contains(&(kind & !MORE)) {
        return None;
    }
    frame.version = rest.try_get_u64_le().ok()?;
    let newest_s = i64::try_from(rest.try_get_u64_le().ok()? / 1000).ok()?;
    let (names, records, removed) =
        (rest.try_get_u16_le().ok()?, rest.try_get_u16_le().ok()?, rest.try_get_u16_le().ok()?);
    for _ in 0..names {
        let handle = get_handle(rest)?;
        let device = rest.try_get_u8().ok()? == 1;
        rest.try_get_u8().ok()?;
        let (id, after) = rest.split_first_chunk::<16>()?;
        *rest = after;
        frame.names.push((handle, device, Uuid::from_bytes(*id)));
    }
    for _ in 0..records {
        let handle = get_handle(rest)?;
        let state = rest.try_get_u8().ok()?;
        let (lon, lat) = (rest.try_get_i32_le().ok()?, rest.try_get_i32_le().ok()?);
        let seconds = i64::from(rest.try_get_u16_le().ok()?);
        let at = newest_s - (newest_s - seconds).rem_euclid(65_536);
        let (heading, speed) = (rest.try_get_u8().ok()?, rest.try_get_u8().ok()?);
        frame.records.push(Seen {
            handle,
            lon: super::fix::degrees(lon),
            lat: super::fix::degrees(lat),
            at: Timestamp::from_micros(at * 1_000_000),
            freshness: match state & 3 {
                0 => Freshness::Fresh,
                1 => Freshness::Silent,
                _ => Freshness::Off,
            },
            speed_mps: (speed != 255).then(|| f64::from(speed) / 2.0),
            heading_deg: (heading != 255).then(|| f64::from(heading) * 360.0 / 250.0),
        });
    }
    for _ in 0..removed {
        frame.removed.push(get_handle(rest)?);
    }
    rest.is_empty().then_some(frame)
}

fn put_handle(out: &mut impl BufMut, handle: u32) {
    out.put_uint_le(u64::from(handle & 0x00ff_ffff), 3);
}

fn get_handle(bytes: &mut &[u8]) -> Option<u32> {
    let (three, rest) = bytes.split_first_chunk::<3>()?;
    *bytes = rest;
    let [a, b, c] = *three;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

fn freshness_code(freshness: Freshness) -> u8 {
    match freshness {
        Freshness::Fresh => 0,
        Freshness::Silent => 1,
        Freshness::Off => 2,
    }
}

fn cause_code(cause: Option<Cause>) -> u8 {
    match cause {
        None => 0,
        Some(Cause::OnSchedule) => 1,
        Some(Cause::NoNetwork) => 2,
        Some(Cause::AppClosed) => 3,
        Some(Cause::Battery) => 4,
        Some(Cause::Stationary) => 5,
        Some(Cause::SignedOff) => 6,
        Some(Cause::Unknown) => 7,
    }
}

fn availability_code(word: &str) -> u8 {
    match word {
        "available" => 1,
        "assigned" => 2,
        "en_route" => 3,
        "on_scene" => 4,
        "unavailable" => 5,
        "off_duty" => 6,
        _ => 0,
    }
}
