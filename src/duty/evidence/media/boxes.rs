//! One box of an ISO base media file (ISO/IEC 14496-12): where it lies, and the fields in it.

use std::io::{Read, Seek};

use super::pieces::{Pieces, Stop};

/// Bytes of a box's size and name.
const HEADER: u64 = 8;

/// A box, clipped to what encloses it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub kind: [u8; 4],
    /// Where its content begins.
    pub body: u64,
    pub end: u64,
    /// It says that it is longer than what encloses it.
    pub cut: bool,
}

impl<R: Read + Seek> Pieces<R> {
    /// The box at a place before `end`; none where there is no box any more.
    pub fn part(&mut self, at: u64, end: u64) -> Result<Option<Part>, Stop> {
        if end.saturating_sub(at) < HEADER {
            return Ok(None);
        }
        self.count()?;
        let [s0, s1, s2, s3, k0, k1, k2, k3] = self.bytes::<8>(at)?;
        let (header, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            // To the end of what encloses it.
            0 => (HEADER, end - at),
            1 if end - at >= 2 * HEADER => (2 * HEADER, u64::from_be_bytes(self.bytes::<8>(at + HEADER)?)),
            size => (HEADER, u64::from(size)),
        };
        let Some(own_end) = at.checked_add(size).filter(|_| size >= header) else { return Ok(None) };
        let kind = [k0, k1, k2, k3];
        Ok(Some(Part { kind, body: at + header, end: own_end.min(end), cut: own_end > end }))
    }

    /// Calls `visit` with every box inside another one.
    pub fn each(
        &mut self,
        outer: &Part,
        mut visit: impl FnMut(&mut Self, &Part) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut at = outer.body;
        while let Some(part) = self.part(at, outer.end)? {
            visit(self, &part)?;
            at = part.end;
        }
        Ok(())
    }

    /// The first box of that name inside another one.
    pub fn first(&mut self, outer: &Part, kind: &[u8; 4]) -> Result<Option<Part>, Stop> {
        let mut at = outer.body;
        while let Some(part) = self.part(at, outer.end)? {
            if part.kind == *kind {
                return Ok(Some(part));
            }
            at = part.end;
        }
        Ok(None)
    }

    /// Bytes of a box's content; none where it is too short for them.
    pub fn field<const N: usize>(&mut self, part: &Part, offset: u64) -> Result<Option<[u8; N]>, Stop> {
        let at = part.body.saturating_add(offset);
        if at.saturating_add(N as u64) > part.end {
            return Ok(None);
        }
        self.bytes(at).map(Some)
    }

    /// A number of four bytes; 0 where the box is too short for it.
    pub fn u32(&mut self, part: &Part, offset: u64) -> Result<u32, Stop> {
        Ok(self.field(part, offset)?.map_or(0, u32::from_be_bytes))
    }

    /// A number of eight bytes; 0 where the box is too short for it.
    pub fn u64(&mut self, part: &Part, offset: u64) -> Result<u64, Stop> {
        Ok(self.field(part, offset)?.map_or(0, u64::from_be_bytes))
    }

    /// The version of a box, and its flags.
    pub fn version(&mut self, part: &Part) -> Result<(u8, u32), Stop> {
        let [version, rest @ ..] = self.u32(part, 0)?.to_be_bytes();
        let [high, middle, low] = rest;
        Ok((version, u32::from_be_bytes([0, high, middle, low])))
    }
}
