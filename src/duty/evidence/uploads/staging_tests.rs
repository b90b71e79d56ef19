//! The staged file through appends, kills and things taken back.

use std::path::PathBuf;

use proptest::prelude::*;

use super::staging::{PIECE, Piece, Staged, length, remove};
use crate::platform::keys::sha256_hex;

/// A file that goes with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("suixing-staging-{}-{name}", std::process::id()));
        remove(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.0).unwrap();
    }
}

fn bytes(from: u64, count: usize) -> Vec<u8> {
    (from..from + count as u64).map(|at| (at.wrapping_mul(0x9E37_79B9) >> 13).to_le_bytes()[0]).collect()
}

/// What the row remembers: how far, and the last state at or before that.
#[derive(Default)]
struct Recorded {
    synced: u64,
    pieces: Vec<Piece>,
}

impl Recorded {
    fn take(&mut self, staged: &mut Staged) {
        staged.file().sync_data().unwrap();
        for piece in staged.take_pieces() {
            self.pieces.retain(|known| known.n != piece.n);
            self.pieces.push(piece);
        }
        self.synced = staged.at();
    }

    fn open(&self, scratch: &Scratch) -> Staged {
        Staged::open(&scratch.0, self.synced, self.pieces.last()).unwrap()
    }
}

#[test]
fn the_hash_is_that_of_the_file_across_pieces() {
    let scratch = Scratch::new("pieces");
    let size = usize::try_from(PIECE).unwrap() * 2 + 12_345;
    let whole = bytes(0, size);
    let mut staged = Staged::open(&scratch.0, 0, None).unwrap();
    for chunk in whole.chunks(1_000_003) {
        staged.append(chunk).unwrap();
    }
    assert_eq!((staged.at(), length(&scratch.0).unwrap()), (size as u64, size as u64));
    assert_eq!(staged.hex(), sha256_hex(&whole));
    let pieces = staged.take_pieces();
    let ends: Vec<(i64, i64)> = pieces.iter().map(|piece| (piece.n, piece.to_byte)).collect();
    let piece = PIECE.cast_signed();
    assert_eq!(ends, [(0, piece), (1, 2 * piece), (2, 2 * piece + 12_345)]);
    assert_eq!(staged.take_pieces().len(), 1, "what was taken is not taken again; where it stands always is");
}

#[test]
fn after_a_kill_it_goes_on_from_what_was_recorded() {
    let scratch = Scratch::new("kill");
    let mut recorded = Recorded::default();
    let piece = usize::try_from(PIECE).unwrap();
    let first = bytes(0, piece + 100);
    let mut staged = recorded.open(&scratch);
    staged.append(&first).unwrap();
    recorded.take(&mut staged);
    // These were written and never recorded; the process dies.
    staged.append(&bytes(7, 50_000)).unwrap();
    drop(staged);
    assert_eq!(length(&scratch.0).unwrap(), PIECE + 50_100);

    let mut staged = recorded.open(&scratch);
    assert_eq!((staged.at(), length(&scratch.0).unwrap()), (PIECE + 100, PIECE + 100));
    assert_eq!(staged.hex(), sha256_hex(&first));
    let rest = bytes(first.len() as u64, 3_000);
    staged.append(&rest).unwrap();
    assert_eq!(staged.hex(), sha256_hex(&[first, rest].concat()));
}

#[test]
fn without_a_state_or_with_a_strange_one_the_file_is_read_again() {
    let scratch = Scratch::new("reread");
    let whole = bytes(0, usize::try_from(PIECE).unwrap() + 77);
    let mut staged = Staged::open(&scratch.0, 0, None).unwrap();
    staged.append(&whole).unwrap();
    let sealed = staged.take_pieces();
    drop(staged);
    let strange = Piece { state: vec![7; 20], ..sealed[0].clone() };
    let ahead = Piece { to_byte: i64::MAX, ..sealed[0].clone() };
    for known in [None, Some(&strange), Some(&ahead), Some(&sealed[0])] {
        let staged = Staged::open(&scratch.0, whole.len() as u64, known).unwrap();
        assert_eq!(staged.hex(), sha256_hex(&whole));
    }
    assert!(Staged::open(&scratch.0, whole.len() as u64 + 1, None).is_err(), "it is not filled with zeroes");
    let mut staged = Staged::open(&scratch.0, 10, None).unwrap();
    assert_eq!(staged.hex(), sha256_hex(&whole[..10]));
    staged.append(b"x").unwrap();
    assert_eq!(length(&scratch.0).unwrap(), 11);
}

#[test]
fn a_chunk_that_is_taken_back_was_never_there() {
    let scratch = Scratch::new("back");
    let first = bytes(0, 4_000);
    let mut staged = Staged::open(&scratch.0, 0, None).unwrap();
    staged.append(&first).unwrap();
    staged.take_pieces();
    let mark = staged.mark();
    // Over the edge of a piece, so that a state is taken back too.
    staged.append(&bytes(9, usize::try_from(PIECE).unwrap())).unwrap();
    staged.take_back(&mark).unwrap();
    assert_eq!((staged.at(), length(&scratch.0).unwrap(), mark.at()), (4_000, 4_000, 4_000));
    assert_eq!(staged.hex(), sha256_hex(&first));
    let pieces = staged.take_pieces();
    assert_eq!(pieces.iter().map(|piece| piece.to_byte).collect::<Vec<_>>(), [4_000]);
    let second = bytes(4_000, 500);
    staged.append(&second).unwrap();
    assert_eq!(staged.hex(), sha256_hex(&[first, second].concat()));
}

#[test]
fn what_is_gone_is_gone_without_an_error() {
    let scratch = Scratch::new("gone");
    assert_eq!(length(&scratch.0).unwrap(), 0);
    remove(&scratch.0).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Appends of any size, some recorded, with kills between: what was recorded is always what is there.
    #[test]
    fn no_kill_loses_or_doubles_a_byte(
        steps in proptest::collection::vec((1_usize..300_000, any::<bool>(), 0_u8..4), 1..12)
    ) {
        let scratch = Scratch::new("kills");
        let mut recorded = Recorded::default();
        let mut whole: Vec<u8> = Vec::new();
        let mut staged = recorded.open(&scratch);
        for (count, record, kill) in steps {
            let chunk = bytes(staged.at(), count);
            staged.append(&chunk).unwrap();
            whole.extend_from_slice(&chunk);
            if record {
                recorded.take(&mut staged);
            }
            if kill == 0 {
                drop(staged);
                whole.truncate(usize::try_from(recorded.synced).unwrap());
                staged = recorded.open(&scratch);
            }
            prop_assert_eq!(staged.at(), whole.len() as u64);
            prop_assert_eq!(staged.hex(), sha256_hex(&whole));
        }
        prop_assert_eq!(std::fs::read(&scratch.0).unwrap(), whole);
    }
}
