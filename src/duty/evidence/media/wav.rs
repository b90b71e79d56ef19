//! RIFF/WAVE, which recorders of interviews write: how many bytes a second takes, and how many there are.

use std::io::{self, Read, Seek};

use super::facts::{Container, Facts};
use super::pieces::{Pieces, Stop};

/// Chunks looked at: those of interest come first.
const CHUNKS_MAX: usize = 64;

/// Reads a file whose first bytes say `RIFF` and `WAVE`.
pub fn read<R: Read + Seek>(pieces: &mut Pieces<R>) -> io::Result<Facts> {
    let mut facts = Facts::of(Container::Wav);
    match walk(pieces, &mut facts) {
        Ok(()) | Err(Stop::Spent) => {}
        Err(Stop::End) => facts.truncated = true,
        Err(Stop::Disk(error)) => return Err(error),
    }
    Ok(facts)
}

fn walk<R: Read + Seek>(p: &mut Pieces<R>, facts: &mut Facts) -> Result<(), Stop> {
    let mut per_second = None;
    let mut at = 12_u64;
    for _ in 0..CHUNKS_MAX {
        let [k0, k1, k2, k3, s0, s1, s2, s3] = p.bytes::<8>(at)?;
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let body = at + 8;
        match &[k0, k1, k2, k3] {
            b"fmt " => {
                let [f0, f1, ..] = p.bytes::<8>(body)?;
                let rate = u32::from_le_bytes(p.bytes::<4>(body + 8)?);
                per_second = Some(u64::from(rate)).filter(|rate| *rate > 0);
                facts.audio_codec = Some(
                    match u16::from_le_bytes([f0, f1]) {
                        1 => "pcm",
                        3 => "float",
                        6 => "alaw",
                        7 => "mulaw",
                        0x11 => "adpcm",
                        // An extended or a rare one: the bytes of a second say how long it is all the same.
                        _ => "wav",
                    }
                    .to_owned(),
                );
            }
            b"data" => {
                let there = p.length().saturating_sub(body);
                facts.truncated = size > there;
                facts.duration_ms = per_second
                    .and_then(|rate| (size.min(there) * 1_000).checked_div(rate))
                    .and_then(|ms| i64::try_from(ms).ok())
                    .filter(|ms| *ms > 0);
                return Ok(());
            }
            _ => {}
        }
        // Chunks begin at even bytes.
        at = body + size + size % 2;
    }
    Ok(())
}
