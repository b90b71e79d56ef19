//! One dossier: its archive to the byte, its timelines and items against the entry of its export, each item as a bundle.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::archive;
use super::super::bundle::{
    CUSTODY, Custody, HEAD, KEYS, ORIGINAL, Proved, PublicKeys, README, RECEIPT, SUMS, SignedReceipt,
};
use super::super::dossier::{FORMAT, ITEMS, MANIFEST, Manifest, Original, PAGE, PROOF, TIMELINE, WHAT};
use super::super::head::TreeHead;
use super::super::keys::Ring;
use super::super::tree::Hash;
use super::Findings;
use super::bundle::{PART_MAX, Parts, Told, anchor, check_sums, receipt_body, said, stands};
use super::files::PIECE;
use super::heads::Kept;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Error, Result};

/// The files beside the items'.
const SMALL: [&str; 8] = [MANIFEST, README, KEYS, HEAD, TIMELINE, PAGE, PROOF, SUMS];
/// Bytes of a name in the archive.
const NAME_LEN: usize = archive::NAME_MAX;

/// Whether a file is the archive of a dossier: by the name of its first file.
///
/// Errors: what cannot be read at all.
pub fn is_one(path: &Path) -> Result<bool> {
    let file = File::open(path).map_err(|error| Error::bad(format!("{}: {error}", path.display())))?;
    let mut name = Vec::new();
    file.take(NAME_LEN as u64).read_to_end(&mut name)?;
    Ok(name.split(|byte| *byte == 0).next() == Some(MANIFEST.as_bytes()))
}

/// What was in the archive.
#[derive(Default)]
struct Dossier {
    /// Names and hashes in their order, but for the sums themselves.
    sums: Vec<(String, String)>,
    small: BTreeMap<String, Vec<u8>>,
    /// By the id in the name of their folder.
    items: BTreeMap<String, Parts>,
}

/// What was found in all items together.
#[derive(Default)]
struct Counted {
    originals: u64,
    bytes: u64,
    touches: usize,
    erased: usize,
}

/// Checks a dossier. Returns the line that says what it is.
pub fn check(path: &Path, kept: Option<&Kept>, findings: &mut Findings) -> Result<String> {
    let file = File::open(path).map_err(|error| Error::bad(format!("{}: {error}", path.display())))?;
    let mut dossier = Dossier::default();
    let read =
        archive::read(BufReader::with_capacity(PIECE, file), |name, size, content| dossier.take(name, size, content));
    if let Err(words) = read {
        // What stands behind the damage cannot be believed to be what it seems.
        findings.add(words);
        return Ok(String::new());
    }
    check_sums(dossier.small.get(SUMS), &dossier.sums, findings);
    let keys: Option<PublicKeys> = dossier.json(KEYS, findings);
    let head: Option<TreeHead> = dossier.json(HEAD, findings);
    let manifest: Option<Manifest> = dossier.json(MANIFEST, findings);
    let proof: Option<Proved> = dossier.json(PROOF, findings);
    let (Some(keys), Some(head), Some(manifest), Some(proof)) = (keys, head, manifest, proof) else {
        return Ok(String::new());
    };
    let (ring, wrong) = Ring::of(&keys.keys);
    wrong.into_iter().for_each(|words| findings.add(format!("{KEYS}: {words}")));
    let root = match head.check(&ring) {
        Ok(root) => Some(root),
        Err(words) => {
            findings.add(format!("{HEAD}: {words}"));
            None
        }
    };
    dossier.announced(&manifest, &proof, head.size, root.as_ref(), findings);
    dossier.files(&manifest, findings);
    let counted = dossier.items(&manifest, &head, root.as_ref(), &ring, findings);
    let anchored = kept.map_or_else(String::new, |kept| anchor(&head, &ring, kept, findings));
    let as_of = manifest.as_of.map_or_else(String::new, |at| format!(" as of {at}"));
    Ok(format!(
        "fits: dossier of the incident {}{as_of}, made {}, {} items with {} originals of {} bytes, {} touches ({} erased) \
         under the tree head over {} of {} with the root {}{anchored}",
        manifest.incident_id,
        manifest.made_at,
        manifest.items.len(),
        counted.originals,
        counted.bytes,
        counted.touches,
        counted.erased,
        head.size,
        head.at,
        head.root,
    ))
}

impl Dossier {
    fn take(&mut self, name: &str, size: u64, content: &mut dyn Read) -> std::result::Result<(), String> {
        if let Some((id, rest)) = name.strip_prefix(ITEMS).and_then(|rest| rest.split_once('/')) {
            if ![RECEIPT, CUSTODY].contains(&rest) && !rest.starts_with(ORIGINAL) {
                return Err(format!("{name} does not belong into a dossier"));
            }
            let parts = self.items.entry(id.to_owned()).or_default();
            parts.take(rest, size, content).map_err(|words| format!("{ITEMS}{id}: {words}"))?;
            if let Some((_, sha256)) = parts.sums.last() {
                self.sums.push((name.to_owned(), sha256.clone()));
            }
            return Ok(());
        }
        if !SMALL.contains(&name) || size > PART_MAX {
            return Err(format!("{name} does not belong into a dossier"));
        }
        if self.small.contains_key(name) {
            return Err(format!("{name} is there twice"));
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| format!("{name} cannot be read: {error}"))?;
        if name != SUMS {
            self.sums.push((name.to_owned(), sha256_hex(&bytes)));
        }
        self.small.insert(name.to_owned(), bytes);
        Ok(())
    }

    fn json<T: DeserializeOwned>(&self, name: &str, findings: &mut Findings) -> Option<T> {
        let Some(bytes) = self.small.get(name) else {
            findings.add(format!("{name} is missing"));
            return None;
        };
        serde_json::from_slice(bytes).map_err(|error| findings.add(format!("{name}: {error}"))).ok()
    }

    fn sum_of(&self, name: &str) -> &str {
        self.sums.iter().find(|(known, _)| known == name).map(|(_, sha256)| sha256.as_str()).unwrap_or_default()
    }

    /// The entry of the export stands under the head and names this very `dossier.json`.
    fn announced(&self, manifest: &Manifest, proof: &Proved, size: u64, root: Option<&Hash>, findings: &mut Findings) {
        if manifest.format != FORMAT {
            findings.add(format!("{MANIFEST}: its format is {:?}, not {FORMAT}", manifest.format));
        }
        if let Err(words) = stands(proof, size, root) {
            findings.add(format!("{PROOF}: the entry of the export {words}"));
        }
        let entry = match said(proof) {
            Ok(Some(entry)) => entry,
            Ok(None) => return findings.add(format!("{PROOF}: the entry of the export was erased")),
            Err(words) => return findings.add(format!("{PROOF}: the entry of the export {words}")),
        };
        let word = |key: &str| entry.detail.get(key).and_then(Value::as_str).unwrap_or_default();
        if entry.kind != "exported" || word("what") != WHAT {
            findings.add(format!("{PROOF}: entry {} is not of an export of a dossier", entry.id));
        }
        if word("manifest") != self.sum_of(MANIFEST) {
            findings.add(format!("{MANIFEST} is not the one that entry {} of the log names", entry.id));
        }
    }

    /// The timelines are those that the manifest names.
    fn files(&self, manifest: &Manifest, findings: &mut Findings) {
        for name in [TIMELINE, PAGE] {
            let named = manifest.files.iter().find(|file| file.name == name);
            match named {
                None => findings.add(format!("{MANIFEST} does not name {name}")),
                Some(file) if !self.small.contains_key(name) => {
                    findings.add(format!("{name} is missing; its SHA-256 is {}", file.sha256));
                }
                Some(file) if file.sha256 != self.sum_of(name) => {
                    findings.add(format!("{name} is not what {MANIFEST} says: its SHA-256 is {}", self.sum_of(name)));
                }
                Some(_) => {}
            }
        }
    }

    /// Each item as in a bundle, and none more or less than the manifest names.
    fn items(
        &self,
        manifest: &Manifest,
        head: &TreeHead,
        root: Option<&Hash>,
        ring: &Ring,
        findings: &mut Findings,
    ) -> Counted {
        let mut counted = Counted::default();
        for line in &manifest.items {
            let id = line.evidence_id.to_string();
            let mut own = Findings::default();
            match self.items.get(&id) {
                None => own.add("it is named, and nothing of it is here"),
                Some(parts) => item(&id, parts, line.original, head, root, ring, &mut own, &mut counted),
            }
            own.list().iter().for_each(|words| findings.add(format!("{ITEMS}{id}: {words}")));
        }
        let named = |id: &String| manifest.items.iter().any(|line| line.evidence_id.to_string() == *id);
        for id in self.items.keys().filter(|id| !named(id)) {
            findings.add(format!("{ITEMS}{id}: {MANIFEST} does not name it"));
        }
        counted
    }
}

/// One item.
#[expect(clippy::too_many_arguments, reason = "what all items have in common, and where to say what was found")]
fn item(
    id: &str,
    parts: &Parts,
    original: Original,
    head: &TreeHead,
    root: Option<&Hash>,
    ring: &Ring,
    findings: &mut Findings,
    counted: &mut Counted,
) {
    let receipt: Option<SignedReceipt> = parts.json(RECEIPT, findings);
    let custody: Option<Custody> = parts.json(CUSTODY, findings);
    let (Some(receipt), Some(custody)) = (receipt, custody) else { return };
    let told = Told::of(&custody, head, root, findings);
    counted.touches += custody.entries.len();
    counted.erased += told.erased;
    let Some(body) = receipt_body(&receipt, ring, findings) else { return };
    if body.evidence_id != id {
        findings.add(format!("the receipt is about another item: {}", body.evidence_id));
    }
    told.against(&body, findings);
    match (original, &parts.original) {
        (Original::Included, file) => {
            parts.against(&body, false, findings);
            counted.originals += u64::from(file.is_some());
            counted.bytes += file.as_ref().map_or(0, |file| file.size);
        }
        (why, Some(file)) => findings.add(format!("{} is here, although it is said to be {why}", file.name)),
        (Original::Deleted, None) if !told.deleted => {
            findings.add("the original is said to be deleted, and no entry says so");
        }
        (_, None) => {}
    }
}
