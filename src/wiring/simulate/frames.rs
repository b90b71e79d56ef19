//! Reading binary live frames (`suixing.v1.bin`) as a foreign client would, from the written layout.
//!
//! Written anew on purpose: if the server's encoder and the documented layout drift apart, the load
//! generator notices. Called by the watchers.

use std::collections::HashMap;

use bytes::{Buf, Bytes, TryGetError};
use uuid::Uuid;

/// First byte of a snapshot; a delta is 2. The top bit says that another frame follows.
const SNAPSHOT: u8 = 1;
const MORE: u8 = 0x80;

/// One moved subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Person or device.
    pub id: Uuid,
    /// Degrees × 10⁷.
    pub lon_e7: i32,
    /// Degrees × 10⁷.
    pub lat_e7: i32,
    /// The position may be believed.
    pub fresh: bool,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What to acknowledge.
    pub version: u64,
    /// Everything shown before is to be forgotten.
    pub snapshot: bool,
    /// Another frame is ready at once.
    pub more: bool,
    /// Who moved.
    pub moved: Vec<Moved>,
    /// How many left the view.
    pub removed: usize,
}

/// What a client remembers of one socket: which handle is whose.
#[derive(Default)]
pub struct Reader {
    handles: HashMap<u32, Uuid>,
}

impl Reader {
    /// Read one frame; the error says what it ran out of.
    pub fn read(&mut self, mut bytes: Bytes) -> Result<Frame, TryGetError> {
        let kind = bytes.try_get_u8()?;
        let version = bytes.try_get_u64_le()?;
        let _newest_ms = bytes.try_get_u64_le()?;
        let (names, records, removed) = (bytes.try_get_u16_le()?, bytes.try_get_u16_le()?, bytes.try_get_u16_le()?);
        for _ in 0..names {
            let handle = handle(&mut bytes)?;
            let _kind_and_reserved = bytes.try_get_u16_le()?;
            self.handles.insert(handle, Uuid::from_u128(bytes.try_get_u128()?));
        }
        let mut moved = Vec::with_capacity(usize::from(records));
        for _ in 0..records {
            let handle = handle(&mut bytes)?;
            let state = bytes.try_get_u8()?;
            let (lon_e7, lat_e7) = (bytes.try_get_i32_le()?, bytes.try_get_i32_le()?);
            let _seconds = bytes.try_get_u16_le()?;
            let _heading_and_speed = bytes.try_get_u16_le()?;
            if let Some(id) = self.handles.get(&handle) {
                moved.push(Moved { id: *id, lon_e7, lat_e7, fresh: state & 0b11 == 0 });
            }
        }
        for _ in 0..removed {
            handle(&mut bytes)?;
        }
        let (snapshot, more) = (kind & !MORE == SNAPSHOT, kind & MORE != 0);
        Ok(Frame { version, snapshot, more, moved, removed: usize::from(removed) })
    }
}

fn handle(bytes: &mut Bytes) -> Result<u32, TryGetError> {
    let low = u32::from(bytes.try_get_u16_le()?);
    Ok(low | u32::from(bytes.try_get_u8()?) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};

    fn frame(kind: u8, named: bool) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(kind);
        out.put_u64_le(77);
        out.put_u64_le(1_000);
        out.put_u16_le(u16::from(named));
        out.put_u16_le(1);
        out.put_u16_le(0);
        if named {
            out.put_slice(&[5, 0, 1, 0, 0]);
            out.put_u128(0xABCD);
        }
        out.put_slice(&[5, 0, 1, 0b0000_0000]);
        out.put_i32_le(1_195_762_000);
        out.put_i32_le(317_472_000);
        out.put_slice(&[1, 2, 255, 255]);
        out.freeze()
    }

    #[test]
    fn names_are_remembered_from_frame_to_frame() {
        let mut reader = Reader::default();
        let first = reader.read(frame(0x81, true)).unwrap();
        assert!(first.snapshot);
        let second = reader.read(frame(0x02, false)).unwrap();
        assert!(!second.snapshot);
        assert_eq!(second.version, 77);
        let moved = Moved { id: Uuid::from_u128(0xABCD), lon_e7: 1_195_762_000, lat_e7: 317_472_000, fresh: true };
        assert_eq!((first.moved, second.moved), (vec![moved], vec![moved]));
    }

    #[test]
    fn a_cut_frame_is_an_error() {
        let whole = frame(0x01, true);
        for end in 0..whole.len() {
            assert!(Reader::default().read(whole.slice(..end)).is_err(), "{end}");
        }
    }
}
