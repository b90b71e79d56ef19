//! A bundle: it comes out as it went in, it fits, and no bit of it can be another.

use std::sync::Arc;

use super::fixture::{Folder, Station};
use super::*;
use crate::duty::evidence::custody::archive;
use crate::duty::evidence::custody::bundle::{self, Asked, Custody};
use crate::duty::evidence::custody::head::Consistency;
use crate::duty::evidence::custody::{TreeHead, proof};
use crate::platform::keys::{hex, sha256_hex};
use crate::words::dice::Dice;
use crate::words::ids::{CustodyId, EvidenceId};

const PHOTO: &[u8] = b"first photo";

fn asked(station: &Station, id: EvidenceId, original: bool) -> Asked {
    Asked {
        evidence: id,
        actor: Some(station.officer),
        device: Some(station.device),
        purpose: Some("court".to_owned()),
        original,
    }
}

/// What the interface does: writes the export down, waits for the log, packs.
fn export(station: &Station, id: EvidenceId, original: bool) -> Vec<u8> {
    let said = asked(station, id, original);
    let ids = station.write(move |tx| bundle::announce(tx, &said));
    station.sequence();
    let said = asked(station, id, original);
    let packed = station.db.read_blocking(|conn| bundle::pack(conn, &said, &ids)).unwrap();
    let packed = packed.expect("everything is under a head");
    let mut bytes = packed.before.clone();
    if let Some(size) = packed.original {
        assert_eq!(size, PHOTO.len() as u64);
        bytes.extend_from_slice(PHOTO);
    }
    bytes.extend_from_slice(&packed.after);
    assert_eq!(bytes.len() as u64, packed.size());
    bytes
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

fn unpack(bytes: &[u8]) -> Files {
    let mut files = Vec::new();
    archive::read(bytes, |name, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        files.push((name.to_owned(), bytes));
        Ok(())
    })
    .unwrap();
    files
}

/// Packs again, with sums that fit: what somebody does who knows the format.
fn repack(mut files: Files) -> Vec<u8> {
    let others = files.iter().filter(|(name, _)| name != bundle::SUMS);
    let sums: String = others.map(|(name, content)| format!("{}  {name}\n", sha256_hex(content))).collect();
    for (name, content) in &mut files {
        if name == bundle::SUMS {
            *content = sums.clone().into_bytes();
        }
    }
    let mut bytes = Vec::new();
    let mut writer = archive::Writer::new(&mut bytes, 1_767_225_600);
    for (name, content) in &files {
        writer.add(name, content.len() as u64, &mut content.as_slice()).unwrap();
    }
    writer.end().unwrap();
    bytes
}

fn content<'a>(files: &'a mut Files, name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(known, _)| known.starts_with(name)).unwrap().1
}

fn replaced(files: &Files, name: &str, from: &str, to: &str) -> Files {
    let mut files = files.clone();
    let part = content(&mut files, name);
    let text = String::from_utf8(part.clone()).unwrap();
    assert!(text.contains(from), "{name} has no {from:?}:\n{text}");
    *part = text.replacen(from, to, 1).into_bytes();
    files
}

fn told(folder: &Folder, bytes: &[u8], kept: Option<&Path>) -> Report {
    let path = folder.0.join("bundle.tar");
    std::fs::write(&path, bytes).unwrap();
    verify(&path, None, kept).unwrap()
}

fn finds(folder: &Folder, bytes: &[u8], words: &str) {
    let report = told(folder, bytes, None);
    let found = report.findings.list();
    assert!(found.iter().any(|line| line.contains(words)), "{words:?} is not among {found:#?}");
}

#[test]
fn what_was_exported_fits_and_any_tool_opens_it() {
    let (station, id) = Station::busy();
    let bytes = export(&station, id, true);
    let names: Vec<String> = unpack(&bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "README.txt",
            "SHA256SUMS",
            "keys.json",
            "tree-head.json",
            "receipt.json",
            "custody.json",
            "original/现场 1.jpg"
        ]
    );
    let mut files = unpack(&bytes);
    assert_eq!(content(&mut files, bundle::ORIGINAL), PHOTO);
    let custody: Custody = serde_json::from_slice(content(&mut files, bundle::CUSTODY)).unwrap();
    assert_eq!(custody.entries.iter().map(|entry| entry.n).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 6]);
    let report = told(&station.folder, &bytes, None);
    assert!(report.fits(), "{:#?}", report.findings.list());
    assert!(report.line.starts_with("fits: 现场 1.jpg (11 bytes, SHA-256 "), "{}", report.line);
    assert!(report.line.contains(", 6 touches (0 erased) under the tree head over 7 of "), "{}", report.line);
    // A second export counts the first.
    assert!(told(&station.folder, &export(&station, id, true), None).fits());
}

#[test]
fn an_export_waits_until_all_of_it_is_under_a_head() {
    let (station, id) = Station::busy();
    let said = asked(&station, id, true);
    let ids = station.write(move |tx| bundle::announce(tx, &said));
    let said = asked(&station, id, true);
    let pack = |ids: &Arc<Vec<CustodyId>>| station.db.read_blocking(|conn| bundle::pack(conn, &said, ids)).unwrap();
    assert!(pack(&ids).is_none());
    station.sequence();
    assert!(pack(&ids).is_some());
}

#[test]
fn any_flipped_bit_and_any_cut_is_found() {
    let (station, id) = Station::busy();
    let bytes = export(&station, id, true);
    let mut dice = Dice::new(7);
    for _ in 0..400 {
        let mut changed = bytes.clone();
        let at = dice.below(bytes.len());
        changed[at] ^= 1 << dice.below(8);
        let report = told(&station.folder, &changed, None);
        assert!(!report.fits(), "byte {at} of {}", bytes.len());
    }
    for length in [0, 1, 511, 512, bytes.len() / 2, bytes.len() - 512, bytes.len() - 1] {
        assert!(!told(&station.folder, &bytes[..length], None).fits(), "cut after {length}");
    }
    let mut changed = bytes.clone();
    let at = changed.windows(PHOTO.len()).rposition(|window| window == PHOTO).unwrap();
    changed[at] ^= 1;
    finds(&station.folder, &changed, "original/现场 1.jpg is not what SHA256SUMS says");
    finds(&station.folder, &changed, "original/现场 1.jpg: its SHA-256 is");
}

#[test]
fn each_change_by_somebody_who_knows_the_format_is_found_and_named() {
    let (station, id) = Station::busy();
    let files = unpack(&export(&station, id, true));
    let folder = &station.folder;
    assert!(told(folder, &repack(files.clone()), None).fits());
    for (name, from, to, words) in [
        ("original/", "photo", "phony", "original/现场 1.jpg: its SHA-256 is"),
        ("original/", "photo", "photos", "original/现场 1.jpg has 12 bytes, the receipt says 11"),
        ("receipt.json", "size\\\":11", "size\\\":12", "receipt.json: the receipt is not what the key"),
        ("receipt.json", "\"signature\": \"", "\"signature\": \"AAAA", "receipt.json: the receipt is not what the key"),
        ("tree-head.json", "\"size\": 7", "\"size\": 8", "tree-head.json: the tree head over 8 is not what the key"),
        ("tree-head.json", "\"at\": \"2", "\"at\": \"3", "tree-head.json: the tree head over 7 is not what the key"),
        ("keys.json", "\"since\": \"2", "\"since\": \"3", "keys.json: signing key"),
        ("keys.json", "\"public_key\": \"", "\"public_key\": \"AAAA", "its name is not the hash of the public key"),
        ("custody.json", "\"n\": 0", "\"n\": 1", "entry number 1 is not in the log of 7 entries"),
        ("custody.json", "\\\"kind\\\":\\\"received", "\\\"kind\\\":\\\"viewed", "entry number 0 does not say what"),
        ("custody.json", "\"salt\": \"", "\"salt\": \"00", "entry number 0 has no salt"),
        (
            "custody.json",
            "\"inclusion\": [",
            "\"inclusion\": [\"\",",
            "entry number 0 has a path that is no list of hashes",
        ),
        ("custody.json", "\"leaf\": \"", "\"leaf\": \"00", "entry number 0 has a leaf that is no hash"),
        ("custody.json", "\"entries\"", "\"entrees\"", "custody.json: unknown field"),
    ] {
        finds(folder, &repack(replaced(&files, name, from, to)), words);
    }
    for part in [bundle::KEYS, bundle::HEAD, bundle::RECEIPT, bundle::CUSTODY, bundle::SUMS] {
        let without = files.iter().filter(|(name, _)| name != part).cloned().collect();
        finds(folder, &repack(without), &format!("{part} is missing"));
    }
    let without: Files = files.iter().filter(|(name, _)| !name.starts_with(bundle::ORIGINAL)).cloned().collect();
    finds(folder, &repack(without), "the original is missing, and no entry says that it was deleted");
    let mut more = files.clone();
    more.push(("note.txt".to_owned(), b"x".to_vec()));
    finds(folder, &repack(more), "note.txt does not belong into a bundle");
    let mut twice = files.clone();
    twice.push(files[0].clone());
    finds(folder, &repack(twice), "README.txt is there twice");
}

#[test]
fn a_touch_left_out_or_blanked_is_found() {
    let (station, id) = Station::busy();
    let files = unpack(&export(&station, id, true));
    let custody: Custody = serde_json::from_slice(content(&mut files.clone(), bundle::CUSTODY)).unwrap();
    let with = |custody: &Custody| {
        let mut files = files.clone();
        *content(&mut files, bundle::CUSTODY) = serde_json::to_vec(custody).unwrap();
        repack(files)
    };
    let same = Custody { entries: custody.entries.clone() };
    assert!(told(&station.folder, &with(&same), None).fits());
    for n in 0..custody.entries.len() {
        let mut less = Custody { entries: custody.entries.clone() };
        less.entries.remove(n);
        let words = if n + 1 == custody.entries.len() {
            "the entry of the export, which counts the others, is missing"
        } else {
            "counts 5 entries before it; 4 are here"
        };
        finds(&station.folder, &with(&less), words);
        let mut blank = Custody { entries: custody.entries.clone() };
        (blank.entries[n].entry, blank.entries[n].salt) = (None, None);
        finds(&station.folder, &with(&blank), "was erased, and no later one says that it was deleted");
        let mut half = Custody { entries: custody.entries.clone() };
        half.entries[n].salt = None;
        finds(&station.folder, &with(&half), "is half erased");
    }
    let mut swapped = Custody { entries: custody.entries.clone() };
    swapped.entries.swap(1, 2);
    finds(&station.folder, &with(&swapped), "is not in its place");
}

#[test]
fn the_bundle_of_a_deleted_item_says_so() {
    let (station, id) = Station::busy();
    station.delete(id, PHOTO);
    station.sequence();
    let bytes = export(&station, id, false);
    let report = told(&station.folder, &bytes, None);
    assert!(report.fits(), "{:#?}", report.findings.list());
    assert!(report.line.contains("7 touches (5 erased)"), "{}", report.line);
}

#[test]
fn a_bundle_is_of_the_log_that_somebody_kept_a_head_of() {
    let (station, id) = Station::busy();
    let bytes = export(&station, id, true);
    let kept = station.folder.0.join("kept");
    let heads = station.heads();
    let (early, own) = (heads[1].clone(), heads.last().unwrap().clone());
    let told = |text: String| {
        std::fs::write(&kept, text).unwrap();
        told(&station.folder, &bytes, Some(&kept))
    };
    // A copy of the anchoring file, or the one line.
    let lines: String = heads.iter().map(|head| format!("{}\n", head.line().unwrap())).collect();
    assert!(told(lines).fits());
    assert!(told(own.line().unwrap()).fits());
    // An earlier head needs the proof between the two.
    let missing = told(early.line().unwrap());
    let words = "/api/v1/custody/proofs/consistency?from=5&to=7 would do";
    assert!(missing.findings.list().iter().any(|line| line.ends_with(words)), "{:#?}", missing.findings);
    let between = |from: &TreeHead, to: &TreeHead| {
        let path = station.db.read_blocking(|conn| proof::consistency(conn, from.size, to.size)).unwrap();
        Consistency {
            from: from.size,
            to: to.size,
            from_root: from.root.clone(),
            to_root: to.root.clone(),
            proof: path.iter().map(|hash| hex(hash)).collect(),
            from_head: Some(from.clone()),
            to_head: None,
        }
    };
    let good = between(&early, &own);
    let fits = told(serde_json::to_string_pretty(&good).unwrap());
    assert!(fits.fits(), "{:#?}", fits.findings.list());
    assert!(fits.line.contains("; one log with the tree head over 5 in "), "{}", fits.line);
    let mut forged = good.clone();
    forged.proof.reverse();
    assert!(!told(serde_json::to_string(&forged).unwrap()).fits());
    let mut unsigned = good;
    unsigned.from_head = Some(TreeHead { root: own.root.clone(), ..early });
    assert!(!told(serde_json::to_string(&unsigned).unwrap()).fits());
    // Another history of as many entries.
    let (other, _) = Station::busy();
    other.receive(b"another", "x.jpg");
    other.sequence();
    let report = told(other.heads().pop().unwrap().line().unwrap());
    assert!(!report.fits());
}
