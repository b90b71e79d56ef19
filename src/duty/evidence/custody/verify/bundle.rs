//! One bundle: its archive to the byte, its file against the receipt, every touch against the head, nothing left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::archive;
use super::super::bundle::{
    CUSTODY, Count, Custody, HEAD, KEYS, ORIGINAL, Proved, PublicKeys, README, RECEIPT, SUMS, SignedReceipt,
};
use super::super::entry::{SALT_LEN, leaf_of};
use super::super::head::TreeHead;
use super::super::keys::Ring;
use super::super::receipt::Body;
use super::super::tree::{self, Hash};
use super::Findings;
use super::files::{PIECE, read_through};
use super::heads::Kept;
use crate::platform::keys::{hex, sha256_hex};
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// Bytes of the parts beside the original; an item touched a million times has fewer.
pub const PART_MAX: u64 = 1 << 30;

/// What was in the archive of a bundle, or in the folder of an item.
#[derive(Default)]
pub struct Parts {
    /// Names and hashes in their order, but for the sums themselves.
    pub sums: Vec<(String, String)>,
    pub small: BTreeMap<String, Vec<u8>>,
    pub original: Option<Original>,
}

pub struct Original {
    pub name: String,
    pub size: u64,
    pub sha256: String,
}

/// What an entry of a bundle says, as far as it is of interest.
#[derive(Deserialize)]
pub struct Said {
    pub id: String,
    pub kind: String,
    pub evidence_id: Option<String>,
    pub at: Timestamp,
    pub detail: Value,
}

/// Checks a bundle. Returns the line that says what it is.
pub fn check(path: &Path, kept: Option<&Kept>, findings: &mut Findings) -> Result<String> {
    let file = File::open(path).map_err(|error| Error::bad(format!("{}: {error}", path.display())))?;
    let mut parts = Parts::default();
    if let Err(words) =
        archive::read(BufReader::with_capacity(PIECE, file), |name, size, content| parts.take(name, size, content))
    {
        // What stands behind the damage cannot be believed to be what it seems.
        findings.add(words);
        return Ok(String::new());
    }
    check_sums(parts.small.get(SUMS), &parts.sums, findings);
    let keys: Option<PublicKeys> = parts.json(KEYS, findings);
    let head: Option<TreeHead> = parts.json(HEAD, findings);
    let receipt: Option<SignedReceipt> = parts.json(RECEIPT, findings);
    let custody: Option<Custody> = parts.json(CUSTODY, findings);
    let (Some(keys), Some(head), Some(receipt), Some(custody)) = (keys, head, receipt, custody) else {
        return Ok(String::new());
    };
    let (ring, wrong) = Ring::of(&keys.keys);
    wrong.into_iter().for_each(|words| findings.add(format!("{KEYS}: {words}")));
    let body = receipt_body(&receipt, &ring, findings);
    let root = match head.check(&ring) {
        Ok(root) => Some(root),
        Err(words) => {
            findings.add(format!("{HEAD}: {words}"));
            None
        }
    };
    let told = Told::of(&custody, &head, root.as_ref(), findings);
    if let Some(body) = &body {
        told.against(body, findings);
        parts.against(body, told.deleted, findings);
    }
    let anchored = kept.map_or_else(String::new, |kept| anchor(&head, &ring, kept, findings));
    let what = body.as_ref().map_or_else(String::new, |body| {
        format!("{} ({} bytes, SHA-256 {}), received {}", body.filename, body.size, body.sha256, body.received_at)
    });
    Ok(format!(
        "fits: {what}, {} touches ({} erased) under the tree head over {} of {} with the root {}{anchored}",
        custody.entries.len(),
        told.erased,
        head.size,
        head.at,
        head.root,
    ))
}

impl Parts {
    /// Reads one file to its end. Errors, in words: what does not belong here.
    pub fn take(&mut self, name: &str, size: u64, content: &mut dyn Read) -> std::result::Result<(), String> {
        let unreadable = |error: std::io::Error| format!("{name} cannot be read: {error}");
        if self.sums.iter().any(|(known, _)| known == name) || self.small.contains_key(name) {
            return Err(format!("{name} is there twice"));
        }
        if name.starts_with(ORIGINAL) {
            if let Some(other) = &self.original {
                return Err(format!("{name} is a second original beside {}", other.name));
            }
            let (_, sha256, _) = read_through(content, false, &mut vec![0; PIECE]).map_err(unreadable)?;
            self.sums.push((name.to_owned(), sha256.clone()));
            self.original = Some(Original { name: name.to_owned(), size, sha256 });
            return Ok(());
        }
        if ![README, SUMS, KEYS, HEAD, RECEIPT, CUSTODY].contains(&name) || size > PART_MAX {
            return Err(format!("{name} does not belong into a bundle"));
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(unreadable)?;
        if name != SUMS {
            self.sums.push((name.to_owned(), sha256_hex(&bytes)));
        }
        self.small.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// Reads one of the small files.
    pub fn json<T: DeserializeOwned>(&self, name: &str, findings: &mut Findings) -> Option<T> {
        let Some(bytes) = self.small.get(name) else {
            findings.add(format!("{name} is missing"));
            return None;
        };
        serde_json::from_slice(bytes).map_err(|error| findings.add(format!("{name}: {error}"))).ok()
    }

    /// The original is what the receipt says.
    pub fn against(&self, body: &Body, deleted: bool, findings: &mut Findings) {
        let Some(original) = &self.original else {
            if !deleted {
                findings.add("the original is missing, and no entry says that it was deleted");
            }
            return;
        };
        let name = &original.name;
        if original.sha256 != body.sha256 {
            findings.add(format!("{name}: its SHA-256 is {}, the receipt says {}", original.sha256, body.sha256));
        }
        if i64::try_from(original.size) != Ok(body.size) {
            findings.add(format!("{name} has {} bytes, the receipt says {}", original.size, body.size));
        }
    }
}

/// Every file against the sums, and the sums to the letter.
pub fn check_sums(said: Option<&Vec<u8>>, sums: &[(String, String)], findings: &mut Findings) {
    let Some(said) = said else {
        findings.add(format!("{SUMS} is missing"));
        return;
    };
    let said = String::from_utf8_lossy(said);
    let mut rest: Vec<&str> = said.split_inclusive('\n').collect();
    for (name, sha256) in sums {
        let line = format!("{sha256}  {name}\n");
        match rest.iter().position(|known| **known == line) {
            Some(at) => drop(rest.remove(at)),
            None => findings.add(format!("{name} is not what {SUMS} says: its SHA-256 is {sha256}")),
        }
    }
    for line in rest {
        let name = line.split_once("  ").map_or(line, |(_, name)| name);
        findings.add(format!("{SUMS} names {:?}, which is not here like that", name.trim_end()));
    }
}

/// The words of a receipt, if its signature is good.
pub fn receipt_body(receipt: &SignedReceipt, ring: &Ring, findings: &mut Findings) -> Option<Body> {
    let checked = BASE64_URL_SAFE_NO_PAD
        .decode(&receipt.signature)
        .map_err(|error| format!("has no signature: {error}"))
        .and_then(|signature| ring.check(&receipt.key_id, receipt.receipt.as_bytes(), &signature))
        .and_then(|()| {
            serde_json::from_str::<Body>(&receipt.receipt).map_err(|error| format!("does not read: {error}"))
        })
        .and_then(|body| if body.key_id == receipt.key_id { Ok(body) } else { Err("names another key".to_owned()) });
    checked.map_err(|words| findings.add(format!("{RECEIPT}: the receipt {words}"))).ok()
}

/// What the touches of a bundle say together.
#[derive(Default)]
pub struct Told {
    pub said: Vec<Said>,
    /// Number and id of those.
    numbers: BTreeMap<u64, String>,
    pub erased: usize,
    /// One of them says that the item was deleted.
    pub deleted: bool,
}

impl Told {
    /// Every entry is what its leaf stands for, stands under the head, and none is missing.
    pub fn of(custody: &Custody, head: &TreeHead, root: Option<&Hash>, findings: &mut Findings) -> Self {
        let mut told = Self::default();
        let mut before: Option<u64> = None;
        let mut blank = Vec::new();
        let mut deleted: Option<u64> = None;
        for entry in &custody.entries {
            let name = format!("{CUSTODY}: entry number {}", entry.n);
            if before.is_some_and(|before| before >= entry.n) {
                findings.add(format!("{name} is not in its place"));
            }
            before = Some(entry.n);
            if let Err(words) = stands(entry, head.size, root) {
                findings.add(format!("{name} {words}"));
            }
            match said(entry) {
                Ok(Some(said)) => {
                    if said.kind == "deleted" {
                        deleted = Some(entry.n);
                    }
                    told.numbers.insert(entry.n, said.id.clone());
                    told.said.push(said);
                }
                Ok(None) => blank.push(entry.n),
                Err(words) => findings.add(format!("{name} {words}")),
            }
        }
        told.erased = blank.len();
        told.deleted = deleted.is_some();
        for n in blank.into_iter().filter(|n| deleted.is_none_or(|at| at <= *n)) {
            findings.add(format!("{CUSTODY}: entry number {n} was erased, and no later one says that it was deleted"));
        }
        told.complete(custody, findings);
        told
    }

    /// The entry of this export counts all the others.
    fn complete(&self, custody: &Custody, findings: &mut Findings) {
        let mut last = None;
        for export in self.said.iter().filter(|said| said.kind == "exported") {
            let Ok(count) = serde_json::from_value::<Count>(export.detail.clone()) else { continue };
            let others = custody.entries.iter().filter(|entry| self.numbers.get(&entry.n) != Some(&export.id));
            let leaves: Vec<Vec<u8>> = others.filter_map(|entry| tree::unhex(&entry.leaf)).collect();
            let found = Count::of(leaves.iter().map(Vec::as_slice));
            if found == count {
                return;
            }
            last = Some((export, count.entries, found.entries));
        }
        match last {
            None => findings.add(format!("{CUSTODY}: the entry of the export, which counts the others, is missing")),
            Some((export, counted, found)) => findings.add(format!(
                "{CUSTODY}: the export of {} counts {counted} entries before it; {found} are here, or others",
                export.at
            )),
        }
    }

    /// All of it is about the item of the receipt, and the entry that the receipt names is among it.
    pub fn against(&self, body: &Body, findings: &mut Findings) {
        for said in self.said.iter().filter(|said| said.evidence_id.as_deref() != Some(body.evidence_id.as_str())) {
            findings.add(format!("{CUSTODY}: entry {} is about another item than the receipt", said.id));
        }
        let Some(received) = self.said.iter().find(|said| said.id == body.entry_id) else {
            if !self.deleted {
                findings.add(format!("{CUSTODY}: entry {}, which the receipt names, is missing", body.entry_id));
            }
            return;
        };
        let same = received.kind == "received"
            && received.at == body.received_at
            && received.detail.get("sha256").is_none_or(|said| said.as_str() == Some(body.sha256.as_str()))
            && received.detail.get("size").is_none_or(|said| said.as_i64() == Some(body.size));
        if !same {
            findings.add(format!("{CUSTODY}: entry {} does not say what the receipt says", received.id));
        }
    }
}

/// Whether an entry's leaf stands under the head where its number says.
pub fn stands(entry: &Proved, size: u64, root: Option<&Hash>) -> std::result::Result<(), String> {
    let leaf = tree::parse_hash(&entry.leaf).ok_or("has a leaf that is no hash")?;
    let path: Option<Vec<Hash>> = entry.inclusion.iter().map(|text| tree::parse_hash(text)).collect();
    let path = path.ok_or("has a path that is no list of hashes")?;
    match root {
        Some(root) if !tree::includes(entry.n, size, &leaf, &path, root) => {
            Err(format!("is not in the log of {size} entries: its path does not lead to the root"))
        }
        _ => Ok(()),
    }
}

/// What an entry says; none when it was erased. Errors, in words: it is not what its leaf stands for.
pub fn said(entry: &Proved) -> std::result::Result<Option<Said>, String> {
    let (text, salt) = match (&entry.entry, &entry.salt) {
        (Some(text), Some(salt)) => (text, salt),
        (None, None) => return Ok(None),
        _ => return Err("is half erased".to_owned()),
    };
    let salt = tree::unhex(salt).filter(|salt| salt.len() == SALT_LEN).ok_or("has no salt")?;
    if hex(&leaf_of(&salt, text)) != entry.leaf {
        return Err("does not say what its leaf stands for".to_owned());
    }
    serde_json::from_str(text).map(Some).map_err(|error| format!("does not read: {error}"))
}

/// Holds the bundle's head against heads that were kept elsewhere. Returns what to say about it.
pub fn anchor(head: &TreeHead, ring: &Ring, kept: &Kept, findings: &mut Findings) -> String {
    let name = &kept.name;
    let mut found = None;
    for other in kept.heads.iter().filter(|other| other.size == head.size) {
        match other.check(ring) {
            Ok(_) if other.root == head.root => found = Some(other.size),
            Ok(_) => {
                findings.add(format!("{name}: its tree head over {} has another root: the log was changed", head.size))
            }
            Err(words) => findings.add(format!("{name}: {words}")),
        }
    }
    for proof in &kept.proofs {
        let (own, size, root) = if proof.from == head.size {
            (&proof.from_root, proof.to, &proof.to_root)
        } else if proof.to == head.size {
            (&proof.to_root, proof.from, &proof.from_root)
        } else {
            continue;
        };
        let other = kept.heads.iter().find(|other| other.size == size && other.root == *root);
        match other.map(|other| other.check(ring)) {
            None => findings.add(format!("{name}: it holds no signed tree head over {size} with the proof")),
            Some(Err(words)) => findings.add(format!("{name}: {words}")),
            Some(Ok(_)) if *own == head.root && proof.holds() => found = Some(size),
            Some(Ok(_)) => findings.add(format!(
                "{name}: the tree head over {size} and that of this bundle over {} are not of one log",
                head.size
            )),
        }
    }
    match found {
        Some(size) => format!("; one log with the tree head over {size} in {name}"),
        None => {
            let (size, others) = (head.size, kept.heads.last().map_or(0, |other| other.size));
            let (from, to) = (size.min(others), size.max(others));
            findings.add(format!(
                "{name} holds no tree head over {size} to compare with; the answer of \
                 /api/v1/custody/proofs/consistency?from={from}&to={to} would do"
            ));
            String::new()
        }
    }
}
