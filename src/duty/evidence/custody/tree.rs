//! The Merkle tree of RFC 9162, pure: hashes, roots, proofs and their verification.
//!
//! A subtree over 2^level leaves that begins at a multiple of 2^level never changes once it is full. Only those are
//! stored, named (level, n); whatever else is asked for is put together from O(log n) of them. Where they come from
//! is the caller's: a table, a vector, a file.

use aws_lc_rs::digest;

/// A SHA-256.
pub type Hash = [u8; 32];

/// SHA-256 over the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let digest = context.finish();
    let bytes: &[u8] = digest.as_ref();
    let mut out = [0; 32];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

/// The hash of a leaf: what it holds, marked as a leaf.
pub fn leaf(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// The hash of a node over two others.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root over no leaves.
pub fn empty() -> Hash {
    sha256(&[])
}

/// Reads lower-case hex of any length; nothing else is hex of ours.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// A hash from lower-case hex.
pub fn parse_hash(text: &str) -> Option<Hash> {
    unhex(text)?.try_into().ok()
}

/// Where the left half of a tree of `size` (at least two) leaves ends: the largest power of two below `size`.
const fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The root of leaves `start..end`, where `start` is where a split of a larger tree falls.
fn range<E>(start: u64, end: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    Ok(join(peaks(start, end, read)?.into_iter().map(|(_, hash)| hash)))
}

/// The full subtrees over leaves `start..end`, level and hash, the largest first.
fn peaks<E>(start: u64, end: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Vec<(u32, Hash)>, E> {
    let mut peaks = Vec::new();
    let (mut at, mut left) = (start, end - start);
    while left > 0 {
        let level = 63 - left.leading_zeros();
        peaks.push((level, read(level, at >> level)?));
        at += 1_u64 << level;
        left -= 1_u64 << level;
    }
    Ok(peaks)
}

/// The root over full subtrees that stand side by side, the largest first.
fn join(peaks: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    let mut rest = peaks.rev();
    match rest.next() {
        Some(last) => rest.fold(last, |right, left| node(&left, &right)),
        None => empty(),
    }
}

/// The root over the first `size` leaves.
pub fn root<E>(size: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    range(0, size, read)
}

/// The audit path of leaf `index` in the tree of `size` leaves, nearest first. `index` is below `size`.
pub fn inclusion<E>(index: u64, size: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(middle, end, read)?);
            end = middle;
        } else {
            path.push(range(start, middle, read)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `to` leaves begins with the tree of `from` leaves; `1 <= from <= to`.
pub fn consistency<E>(from: u64, to: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, to);
    // As long as only right halves were left out, the verifier knows what is left: it is the earlier root.
    let mut known = true;
    let mut path = Vec::new();
    while end > from {
        let middle = start + split(end - start);
        if from <= middle {
            path.push(range(middle, end, read)?);
            end = middle;
        } else {
            path.push(range(start, middle, read)?);
            start = middle;
            known = false;
        }
    }
    if !known {
        path.push(range(start, end, read)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether the path proves that the leaf with this hash stands at `index` in the tree of `size` leaves and this root
/// (RFC 9162, 2.1.3.2).
pub fn includes(index: u64, size: u64, leaf: &Hash, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for other in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(other, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, other);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the path proves that the tree of `to` leaves begins with the tree of `from` leaves (RFC 9162, 2.1.4.2).
pub fn extends(from: u64, to: u64, from_root: &Hash, to_root: &Hash, path: &[Hash]) -> bool {
    if from == 0 || from > to {
        return false;
    }
    if from == to {
        return path.is_empty() && from_root == to_root;
    }
    // An earlier tree that is full is a node of the later one, and not sent.
    let mut rest = path.iter();
    let first = if from.is_power_of_two() { Some(from_root) } else { rest.next() };
    let Some(first) = first else { return false };
    if path.is_empty() {
        return false;
    }
    let (mut at, mut last) = (from - 1, to - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut early, mut late) = (*first, *first);
    for other in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            early = node(other, &early);
            late = node(other, &late);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            late = node(&late, other);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && early == *from_root && late == *to_root
}

/// The right edge of a growing tree: at most one full subtree a level. All that appending needs.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// Level and hash, the largest first.
    peaks: Vec<(u32, Hash)>,
}

impl Edge {
    /// The edge of the tree of `size` leaves.
    pub fn load<E>(size: u64, read: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        Ok(Self { size, peaks: peaks(0, size, read)? })
    }

    /// Leaves so far; the number of the next one.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; `done` is told of every subtree above the leaves that it fills: level, number, hash.
    pub fn push(&mut self, leaf: Hash, mut done: impl FnMut(u32, u64, Hash)) {
        let (mut level, mut n, mut hash) = (0_u32, self.size, leaf);
        while let Some((height, left)) = self.peaks.last().copied() {
            if height != level {
                break;
            }
            self.peaks.pop();
            hash = node(&left, &hash);
            level += 1;
            n >>= 1;
            done(level, n, hash);
        }
        self.peaks.push((level, hash));
        self.size += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        join(self.peaks.iter().map(|(_, hash)| *hash))
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
