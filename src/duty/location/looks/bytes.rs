//! Looks as bytes: a row of the log, and a segment.
//!
//! Layout, version 1: `version: u8 · ids: varint, 16 bytes each · purposes: varint, { varint, UTF-8 } each · looks: varint,
//! look each · crc32: u32 LE`. A look: `id: 16 bytes · viewer, viewer's unit, device: places among the ids · kind: u8 ·
//! purpose: 0 (none) or 1 + its place · at: zig-zag step from the look before, µs · people: varint, place each`; all but
//! id and kind are varints. The same few ask again and again and are shown the same few, so a look takes some 35 bytes
//! in a busy log. In a segment all looks are at one person, whom its row names: there they have no people.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use uuid::Uuid;

use crate::duty::location::access::{AccessKind, Look};
use crate::duty::location::codec::{self, Corrupt, Cursor};
use crate::duty::location::store::AccessRow;
use crate::words::ids::{AccessId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

const VERSION: u8 = 1;

/// Bytes of an id.
const ID_BYTES: usize = 16;

/// Fewest bytes a look can take: its id and seven of one byte.
const MIN_LOOK_BYTES: usize = ID_BYTES + 7;

/// What is told once and named by its place from then on.
struct Table<T> {
    places: HashMap<T, u64>,
    told: Vec<T>,
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn new() -> Self {
        Self { places: HashMap::new(), told: Vec::new() }
    }

    fn place(&mut self, value: T) -> u64 {
        let Self { places, told } = self;
        *places.entry(value).or_insert_with(|| {
            told.push(value);
            told.len() as u64 - 1
        })
    }
}

/// The blob of a log row.
pub(super) fn log(looks: &[Arc<Look>]) -> Vec<u8> {
    encode(looks, true)
}

/// The blob of a segment.
pub(super) fn segment(looks: &[Arc<Look>]) -> Vec<u8> {
    encode(looks, false)
}

fn encode(looks: &[Arc<Look>], with_people: bool) -> Vec<u8> {
    let mut ids: Table<Uuid> = Table::new();
    let mut purposes: Table<&str> = Table::new();
    let (mut body, mut last) = (Vec::new(), 0_i64);
    codec::put_unsigned(&mut body, looks.len() as u64);
    for look in looks {
        let row = &look.row;
        body.extend_from_slice(Uuid::from(row.id).as_bytes());
        for id in [Uuid::from(row.viewer_id), Uuid::from(row.viewer_unit_id), Uuid::from(row.device_id)] {
            codec::put_unsigned(&mut body, ids.place(id));
        }
        body.push(kind_code(row.kind));
        codec::put_unsigned(&mut body, row.purpose.as_deref().map_or(0, |purpose| purposes.place(purpose) + 1));
        let at = row.from_at.as_micros();
        codec::put_unsigned(&mut body, codec::zigzag(at.wrapping_sub(last)));
        last = at;
        let people: &[PersonId] = if with_people { &look.people } else { &[] };
        codec::put_unsigned(&mut body, people.len() as u64);
        for person in people {
            codec::put_unsigned(&mut body, ids.place(Uuid::from(*person)));
        }
    }
    let mut out = Vec::with_capacity(body.len() + ids.told.len() * ID_BYTES + 64);
    out.push(VERSION);
    codec::put_unsigned(&mut out, ids.told.len() as u64);
    for id in &ids.told {
        out.extend_from_slice(id.as_bytes());
    }
    codec::put_unsigned(&mut out, purposes.told.len() as u64);
    for purpose in &purposes.told {
        codec::put_unsigned(&mut out, purpose.len() as u64);
        out.extend_from_slice(purpose.as_bytes());
    }
    out.extend_from_slice(&body);
    codec::with_checksum(out)
}

/// The looks of a log row or a segment, in the order they were written.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Look>, Corrupt> {
    let mut cursor = Cursor { bytes: codec::checked(bytes)? };
    if cursor.byte()? != VERSION {
        return Err(Corrupt("unknown version"));
    }
    let count = counted(&mut cursor, ID_BYTES)?;
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(Uuid::from_bytes(cursor.array()?));
    }
    let count = counted(&mut cursor, 1)?;
    let mut purposes = Vec::with_capacity(count);
    for _ in 0..count {
        purposes.push(text(&mut cursor)?);
    }
    let count = counted(&mut cursor, MIN_LOOK_BYTES)?;
    let (mut looks, mut last) = (Vec::with_capacity(count), 0_i64);
    for _ in 0..count {
        let look = look(&mut cursor, &ids, &purposes, last)?;
        last = look.row.from_at.as_micros();
        looks.push(look);
    }
    if cursor.bytes.is_empty() { Ok(looks) } else { Err(Corrupt("bytes left over")) }
}

fn look(cursor: &mut Cursor<'_>, ids: &[Uuid], purposes: &[String], last: i64) -> Result<Look, Corrupt> {
    let id = AccessId::from(Uuid::from_bytes(cursor.array()?));
    let viewer_id = PersonId::from(told(ids, cursor.unsigned()?)?);
    let viewer_unit_id = UnitId::from(told(ids, cursor.unsigned()?)?);
    let device_id = DeviceId::from(told(ids, cursor.unsigned()?)?);
    let kind = kind_of(cursor.byte()?)?;
    let purpose = match cursor.unsigned()? {
        0 => None,
        place => Some(told(purposes, place - 1)?),
    };
    let at = Timestamp::from_micros(last.wrapping_add(codec::unzigzag(cursor.unsigned()?)));
    let count = counted(cursor, 1)?;
    let mut people = Vec::with_capacity(count);
    for _ in 0..count {
        people.push(PersonId::from(told(ids, cursor.unsigned()?)?));
    }
    let row = AccessRow::of_moment(id, (viewer_id, viewer_unit_id, device_id), kind, purpose, at);
    Ok(Look { row, people, ends: None })
}

/// How many follow, of so many bytes each at least: a corrupt count asks for no memory.
fn counted(cursor: &mut Cursor<'_>, least: usize) -> Result<usize, Corrupt> {
    let count = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("count"))?;
    if count > cursor.bytes.len() / least {
        return Err(Corrupt("count"));
    }
    Ok(count)
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Corrupt> {
    let length = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("length"))?;
    let (text, rest) = cursor.bytes.split_at_checked(length).ok_or(Corrupt("cut short"))?;
    cursor.bytes = rest;
    String::from_utf8(text.to_vec()).map_err(|_e| Corrupt("text"))
}

fn told<T: Clone>(table: &[T], place: u64) -> Result<T, Corrupt> {
    let place = usize::try_from(place).map_err(|_e| Corrupt("place"))?;
    table.get(place).cloned().ok_or(Corrupt("place"))
}

fn kind_code(kind: AccessKind) -> u8 {
    match kind {
        AccessKind::Subscription => 0,
        AccessKind::Live => 1,
        AccessKind::Nearby => 2,
        AccessKind::Track => 3,
    }
}

fn kind_of(code: u8) -> Result<AccessKind, Corrupt> {
    match code {
        0 => Ok(AccessKind::Subscription),
        1 => Ok(AccessKind::Live),
        2 => Ok(AccessKind::Nearby),
        3 => Ok(AccessKind::Track),
        _ => Err(Corrupt("unknown kind")),
    }
}

#[cfg(test)]
#[path = "bytes_tests.rs"]
mod tests;
