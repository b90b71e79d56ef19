//! The SHA-256 of a file while it arrives, in a form that outlives the process.
//!
//! `sha2` and not `aws-lc-rs`, which hashes as fast where the processor has instructions for it but keeps its state to
//! itself: after a kill the whole file would have to be read again.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256};

use crate::platform::keys::hex;

/// How a state is written. Another version of `sha2` may write another; an unknown state costs reading the file again.
const FORMAT: u8 = 1;

/// The hash of everything so far.
#[derive(Clone, Default)]
pub struct WholeHash(Sha256);

impl WholeHash {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state for [`WholeHash::restore`], about a hundred bytes.
    pub fn state(&self) -> Vec<u8> {
        let state = self.0.serialize();
        let mut out = Vec::with_capacity(1 + state.len());
        out.push(FORMAT);
        out.extend_from_slice(state.as_slice());
        out
    }

    /// Goes on from a state; `None` when it is not one of ours.
    pub fn restore(state: &[u8]) -> Option<Self> {
        let (format, rest) = state.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let state = SerializedState::<Sha256>::try_from(rest).ok()?;
        Sha256::deserialize(&state).ok().map(Self)
    }

    /// The hash of what has come so far, as lower-case hex.
    pub fn hex(&self) -> String {
        hex(self.0.clone().finalize().as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::sha256_hex;

    #[test]
    fn a_state_goes_on_at_any_byte() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for cut in [0, 1, 55, 56, 63, 64, 65, 127, 128, 999, 1000] {
            let mut first = WholeHash::default();
            first.update(&bytes[..cut]);
            let mut second = WholeHash::restore(&first.state()).unwrap();
            second.update(&bytes[cut..]);
            assert_eq!(second.hex(), sha256_hex(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let good = WholeHash::default().state();
        let mut other = good.clone();
        other[0] = 9;
        let states: [&[u8]; 4] = [b"", &good[..good.len() - 1], &other, b"text"];
        for bad in states {
            assert!(WholeHash::restore(bad).is_none());
        }
    }
}
