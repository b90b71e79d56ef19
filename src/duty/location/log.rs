//! The write-ahead log row: everyone's fixes of one flush in one blob.
//!
//! Layout, version 1: `version: u8 · groups: varint · { device: 16 bytes · author: 16 bytes (zero: nobody) · run }… ·
//! crc32`. A run is the segment codec's, without its frame. Written by the collector, read only at start-up.

use uuid::Uuid;

use crate::words::ids::{DeviceId, PersonId};

use super::codec::{self, Corrupt, Cursor};
use super::fix::Fix;

const VERSION: u8 = 1;

/// Fewest bytes a group can take: two ids and a count.
const MIN_GROUP_BYTES: usize = 33;

/// What fixes are filed under: the device, and whose they are (nobody's, for a vehicle without people).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The device they came from.
    pub device: DeviceId,
    /// Whose they are.
    pub author: Option<PersonId>,
}

/// The blob of a log row.
pub fn encode<'a>(groups: impl ExactSizeIterator<Item = (Key, &'a [Fix])>) -> Vec<u8> {
    let mut out = vec![VERSION];
    codec::put_unsigned(&mut out, groups.len() as u64);
    for (key, fixes) in groups {
        out.extend_from_slice(Uuid::from(key.device).as_bytes());
        let author = key.author.map_or(Uuid::nil(), Uuid::from);
        out.extend_from_slice(author.as_bytes());
        codec::put_run(&mut out, fixes);
    }
    codec::with_checksum(out)
}

/// The groups of a log row.
pub fn decode(bytes: &[u8]) -> Result<Vec<(Key, Vec<Fix>)>, Corrupt> {
    let mut cursor = Cursor { bytes: codec::checked(bytes)? };
    if cursor.byte()? != VERSION {
        return Err(Corrupt("unknown version"));
    }
    let count = usize::try_from(cursor.unsigned()?).map_err(|_e| Corrupt("count"))?;
    if count > cursor.bytes.len() / MIN_GROUP_BYTES + 1 {
        return Err(Corrupt("count"));
    }
    let mut groups = Vec::with_capacity(count);
    for _ in 0..count {
        let device = DeviceId::from(Uuid::from_bytes(cursor.array()?));
        let author = Uuid::from_bytes(cursor.array()?);
        let author = (!author.is_nil()).then(|| PersonId::from(author));
        groups.push((Key { device, author }, codec::take_run(&mut cursor)?));
    }
    if cursor.bytes.is_empty() { Ok(groups) } else { Err(Corrupt("bytes left over")) }
}
