//! The tree against the vectors of RFC 6962's reference code, which RFC 9162 keeps, and against its own definition.

use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::platform::keys::hex;

/// Sizes the naive implementation is asked for.
const SIZES: u64 = 200;

fn vectors() -> Vec<Vec<u8>> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .iter()
        .map(|text| unhex(text).unwrap())
        .collect()
}

fn numbered(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|n| n.to_be_bytes().to_vec()).collect()
}

/// RFC 9162, 2.1.1, word by word.
fn naive_root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => leaf(one),
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            node(&naive_root(left), &naive_root(right))
        }
    }
}

fn naive_split(size: usize) -> usize {
    let mut k = 1;
    while k * 2 < size {
        k *= 2;
    }
    k
}

/// RFC 9162, 2.1.3.1.
fn naive_path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, other) = if index < k {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - k, right), naive_root(left))
    };
    path.push(other);
    path
}

/// RFC 9162, 2.1.4.1: SUBPROOF.
fn naive_consistency(from: usize, leaves: &[Vec<u8>], known: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if known { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, other) = if from <= k {
        (naive_consistency(from, left, known), naive_root(right))
    } else {
        (naive_consistency(from - k, right, false), naive_root(left))
    };
    path.push(other);
    path
}

/// What the tables hold: leaves and every full subtree above them.
#[derive(Default)]
struct Stored {
    edge: Edge,
    nodes: HashMap<(u32, u64), Hash>,
    reads: usize,
}

impl Stored {
    fn of(leaves: &[Vec<u8>]) -> Self {
        let mut stored = Self::default();
        for data in leaves {
            stored.push(leaf(data));
        }
        stored
    }

    fn push(&mut self, hash: Hash) {
        let nodes = &mut self.nodes;
        nodes.insert((0, self.edge.size()), hash);
        self.edge.push(hash, |level, n, hash| {
            assert!(nodes.insert((level, n), hash).is_none(), "node ({level}, {n}) was written twice");
        });
    }

    fn read(&mut self) -> impl FnMut(u32, u64) -> Result<Hash, Infallible> {
        move |level, n| {
            self.reads += 1;
            Ok(*self.nodes.get(&(level, n)).unwrap_or_else(|| panic!("node ({level}, {n}) is not stored")))
        }
    }

    fn root(&mut self, size: u64) -> Hash {
        root(size, &mut self.read()).unwrap()
    }

    fn inclusion(&mut self, index: u64, size: u64) -> Vec<Hash> {
        inclusion(index, size, &mut self.read()).unwrap()
    }

    fn consistency(&mut self, from: u64, to: u64) -> Vec<Hash> {
        consistency(from, to, &mut self.read()).unwrap()
    }
}

fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash)).collect()
}

#[test]
fn known_roots() {
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut stored = Stored::of(&vectors());
    for (size, known) in roots.iter().enumerate() {
        assert_eq!(hex(&stored.root(size as u64)), *known, "size {size}");
        assert_eq!(hex(&naive_root(&vectors()[..size])), *known, "size {size}");
    }
    assert_eq!(stored.edge.root(), stored.root(8));
}

#[test]
fn known_proofs() {
    let mut stored = Stored::of(&vectors());
    let inclusions: [(u64, u64, &[&str]); 4] = [
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, size, known) in inclusions {
        assert_eq!(hexes(&stored.inclusion(index, size)), known, "leaf {index} of {size}");
    }
    let consistencies: [(u64, u64, &[&str]); 3] = [
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (from, to, known) in consistencies {
        assert_eq!(hexes(&stored.consistency(from, to)), known, "from {from} to {to}");
    }
}

#[test]
fn every_root_and_path_is_that_of_the_definition_and_verifies() {
    let leaves = numbered(SIZES);
    let mut stored = Stored::of(&leaves);
    for size in 0..=SIZES {
        let root = naive_root(&leaves[..size as usize]);
        assert_eq!(stored.root(size), root, "size {size}");
        // Every seventh leaf and the edges; all of them would hash for minutes.
        for index in (0..size).filter(|index| index % 7 == size % 7 || *index == 0 || *index + 1 == size) {
            let path = stored.inclusion(index, size);
            assert_eq!(path, naive_path(index as usize, &leaves[..size as usize]), "leaf {index} of {size}");
            assert!(includes(index, size, &leaf(&leaves[index as usize]), &path, &root), "leaf {index} of {size}");
        }
    }
}

#[test]
fn every_consistency_is_that_of_the_definition_and_verifies() {
    let leaves = numbered(SIZES);
    let mut stored = Stored::of(&leaves);
    for to in (1..=SIZES).filter(|to| *to <= 40 || to % 9 == 0 || *to == SIZES) {
        let late = stored.root(to);
        for from in 1..=to {
            let early = stored.root(from);
            let path = stored.consistency(from, to);
            if to <= 40 || from % 5 == 0 {
                let known = naive_consistency(from as usize, &leaves[..to as usize], true);
                assert_eq!(path, known, "from {from} to {to}");
            }
            assert!(extends(from, to, &early, &late, &path), "from {from} to {to}");
        }
    }
}

#[test]
fn proofs_of_a_large_tree_read_few_nodes() {
    let mut stored = Stored::of(&numbered(100_000));
    stored.reads = 0;
    stored.inclusion(3, 99_999);
    stored.consistency(65_537, 99_999);
    stored.root(99_999);
    assert!(stored.reads < 120, "{} reads", stored.reads);
}

#[test]
fn an_edge_that_was_loaded_goes_on_as_the_one_that_was_kept() {
    for size in 0..70 {
        let mut kept = Stored::of(&numbered(size));
        let mut loaded = Edge::load(size, &mut kept.read()).unwrap();
        assert_eq!((loaded.size(), loaded.root()), (size, kept.edge.root()));
        for n in 0..9_u64 {
            let hash = leaf(&n.to_le_bytes());
            loaded.push(hash, |_, _, _| {});
            kept.push(hash);
            assert_eq!(loaded.root(), kept.edge.root());
        }
    }
}

#[test]
fn hex_of_ours_is_lower_case_and_whole() {
    assert_eq!(unhex("00ff1a"), Some(vec![0, 255, 26]));
    for wrong in ["0", "FF", "0g", "é0", " 0"] {
        assert_eq!(unhex(wrong), None, "{wrong}");
    }
    let hash = leaf(b"x");
    assert_eq!(parse_hash(&hex(&hash)), Some(hash));
    assert_eq!(parse_hash("00"), None);
}

/// One bit of one of these is another.
fn flip(hash: &mut Hash, bit: usize) {
    hash[bit / 8 % 32] ^= 1 << (bit % 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_inclusion_proof_fails(size in 1..SIZES, pick in any::<u64>(), bit in 0..256_usize, what in 0..6_usize) {
        let leaves = numbered(size);
        let mut stored = Stored::of(&leaves);
        let index = pick % size;
        let (mut root, mut path) = (stored.root(size), stored.inclusion(index, size));
        let mut hash = leaf(&leaves[index as usize]);
        prop_assert!(includes(index, size, &hash, &path, &root));
        let (mut at, mut of) = (index, size);
        let place = pick as usize / 7 % path.len().max(1);
        match what {
            0 => flip(&mut hash, bit),
            1 => flip(&mut root, bit),
            2 if !path.is_empty() => flip(&mut path[place], bit),
            3 if !path.is_empty() => {
                path.remove(place);
            }
            4 => path.push(hash),
            // Another leaf, or another size: the tree of one more leaf has another path or another root.
            _ if size > 1 => at = (index + 1) % size,
            _ => of += 1,
        }
        prop_assert!(!includes(at, of, &hash, &path, &root));
    }

    #[test]
    fn a_changed_consistency_proof_fails(to in 2..SIZES, pick in any::<u64>(), bit in 0..256_usize, what in 0..5_usize) {
        let mut stored = Stored::of(&numbered(to));
        let from = 1 + pick % (to - 1);
        let (mut early, mut late, mut path) = (stored.root(from), stored.root(to), stored.consistency(from, to));
        prop_assert!(extends(from, to, &early, &late, &path));
        let place = pick as usize / 7 % path.len();
        match what {
            0 => flip(&mut early, bit),
            1 => flip(&mut late, bit),
            2 => flip(&mut path[place], bit),
            3 => {
                path.remove(place);
            }
            _ => path.push(early),
        }
        prop_assert!(!extends(from, to, &early, &late, &path));
    }

    #[test]
    fn two_histories_have_no_proof_between_them(to in 2..SIZES, pick in any::<u64>()) {
        let from = 1 + pick % (to - 1);
        let mut other = numbered(to);
        other[(pick / 3 % from) as usize] = b"rewritten".to_vec();
        let (mut one, mut other) = (Stored::of(&numbered(to)), Stored::of(&other));
        let path = other.consistency(from, to);
        prop_assert!(!extends(from, to, &one.root(from), &other.root(to), &path));
    }
}
