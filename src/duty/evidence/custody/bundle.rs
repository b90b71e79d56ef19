//! One item with everything that proves it, in one archive that any tool opens and `suixing verify` checks offline.
//!
//! ```text
//! README.txt       what this is                        receipt.json    the signed receipt
//! SHA256SUMS       for `sha256sum -c`                  custody.json    every touch, its salt, its path to the head
//! keys.json        the signing keys, in a chain        original/NAME   the bytes
//! tree-head.json   one signed head over all entries
//! ```
//!
//! That no touch was left out cannot be shown by paths alone. So the export is itself the last touch, and says how many
//! went before it and what their leaves hash to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::archive::{self, Writer};
use super::entry::TouchKind;
use super::head::TreeHead;
use super::keys::{self, PublicKey};
use super::receipt::ReceiptKind;
use super::{log, proof, sequencer, tree};
use crate::duty::evidence::store::custody::{self as store, EntryRow};
use crate::duty::evidence::store::evidence_fetch;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::keys::{hex, sha256_hex};
use crate::words::error::{Error, Result};
use crate::words::ids::{CustodyId, DeviceId, EvidenceId, PersonId};
use crate::words::time::{MICROS, Timestamp};

/// How long an export waits for its own entry to come under a head.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a name within the archive, after `original/`.
pub const NAME_MAX: usize = 80;

pub const README: &str = "README.txt";
pub const SUMS: &str = "SHA256SUMS";
pub const KEYS: &str = "keys.json";
pub const HEAD: &str = "tree-head.json";
pub const RECEIPT: &str = "receipt.json";
pub const CUSTODY: &str = "custody.json";
pub const ORIGINAL: &str = "original/";

const README_TEXT: &str = "\
本归档包含一份电子证据原件、其签名回执、全部保管记录及其在保管日志中的证明（RFC 9162）。
离线核验：suixing verify 本文件 [--tree-head 事先另存的 custody-heads.log]
仅核对文件散列：sha256sum -c SHA256SUMS

This archive holds one item of evidence, its signed receipt, every touch of it and the proofs that these are in the
custody log (RFC 9162). To check it offline: suixing verify FILE [--tree-head custody-heads.log that was copied before]
To check the files' hashes only: sha256sum -c SHA256SUMS
";

/// What is exported, by whom, to what end. The caller has asked the policy.
#[derive(Clone, Debug)]
pub struct Asked {
    pub evidence: EvidenceId,
    pub actor: Option<PersonId>,
    pub device: Option<DeviceId>,
    pub purpose: Option<String>,
    /// Whether the original is there; not when it was lawfully deleted.
    pub original: bool,
}

/// An archive about to be sent: what stands before the original, the original, what stands after it.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub before: Vec<u8>,
    /// Its bytes, which the caller sends; none without it.
    pub original: Option<u64>,
    pub after: Vec<u8>,
}

impl Bundle {
    /// Bytes of the whole archive.
    pub fn size(&self) -> u64 {
        self.before.len() as u64 + self.original.unwrap_or(0) + self.after.len() as u64
    }
}

/// `receipt.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    pub receipt: String,
    pub signature: String,
    pub key_id: String,
}

/// `keys.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKeys {
    pub keys: Vec<PublicKey>,
}

/// `custody.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// By number.
    pub entries: Vec<Proved>,
}

/// One touch and its path to the head.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proved {
    pub n: u64,
    /// The exact text; null when it was erased.
    pub entry: Option<String>,
    pub salt: Option<String>,
    pub leaf: String,
    pub inclusion: Vec<String>,
}

/// What the last entry says about those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub entries: u64,
    /// SHA-256 over their leaves in ascending order, hex.
    pub leaves: String,
}

impl Count {
    pub fn of<'a>(leaves: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut sorted: Vec<&[u8]> = leaves.collect();
        sorted.sort_unstable();
        Self { entries: sorted.len() as u64, leaves: hex(&tree::sha256(&sorted)) }
    }
}

/// Writes the export down, waits until it is under a head, and packs.
///
/// Errors: `not_found`, `conflict` when the item has no receipt, `busy` when the log is behind.
pub async fn export(core: &Arc<Core>, asked: Asked) -> Result<Bundle> {
    let said = asked.clone();
    let ids = core.db.write(Priority::Normal, move |tx| announce(tx, &said)).await?;
    sequencer::awaited(core, PATIENCE, move |conn| pack(conn, &asked, &ids)).await
}

/// The touch `exported`. Returns the entries that the archive will hold, itself the last.
pub fn announce(tx: &mut Tx<'_>, asked: &Asked) -> Result<Arc<Vec<CustodyId>>> {
    let detail = json!({ "what": "bundle", "purpose": asked.purpose });
    exported(tx, &asked.evidence, asked.actor, asked.device, detail)
}

/// The touch `exported` that says this, and how many went before it and what their leaves hash to. Returns all of them,
/// itself the last.
pub fn exported(
    tx: &mut Tx<'_>,
    evidence: &EvidenceId,
    actor: Option<PersonId>,
    device: Option<DeviceId>,
    mut detail: Value,
) -> Result<Arc<Vec<CustodyId>>> {
    let rows = store::entries_of(tx.conn(), evidence)?;
    let count = Count::of(rows.iter().map(|row| row.leaf.as_slice()));
    if let Value::Object(map) = &mut detail {
        map.insert("entries".to_owned(), json!(count.entries));
        map.insert("leaves".to_owned(), json!(count.leaves));
    }
    let kind = TouchKind::Exported;
    let id = log::touch(tx, log::Touch { evidence: Some(evidence), kind, actor, device, detail })?;
    Ok(Arc::new(rows.iter().map(|row| row.id).chain([id]).collect()))
}

/// Packs these entries of an item; none while one of them is not under a head.
pub fn pack(conn: &mut Conn, asked: &Asked, ids: &[CustodyId]) -> Result<Option<Bundle>> {
    let wanted: BTreeSet<_> = ids.iter().copied().collect();
    let mut rows = store::entries_of(conn, &asked.evidence)?;
    rows.retain(|row| wanted.contains(&row.id));
    rows.sort_by_key(|row| row.n);
    let Some(last) = rows.last().and_then(|row| row.n) else { return Ok(None) };
    if rows.iter().any(|row| row.n.is_none()) {
        return Ok(None);
    }
    let Some(head) = store::head_over(conn, last)?.map(|row| TreeHead::from(&row)) else { return Ok(None) };
    let entries = rows.iter().map(|row| proved(conn, row, head.size)).collect::<Result<Vec<_>>>()?;
    let row = evidence_fetch(conn, &asked.evidence)?;
    let receipt = signed_receipt(conn, &asked.evidence)?;
    let mut parts = vec![
        (KEYS.to_owned(), pretty(&PublicKeys { keys: keys::published(conn)? })?),
        (HEAD.to_owned(), pretty(&head)?),
        (RECEIPT.to_owned(), pretty(&receipt)?),
        (CUSTODY.to_owned(), pretty(&Custody { entries })?),
    ];
    let original = if asked.original {
        let size = u64::try_from(row.size).map_err(Error::internal)?;
        Some((format!("{ORIGINAL}{}", plain_name(&row.filename, NAME_MAX)), row.sha256, size))
    } else {
        None
    };
    parts.insert(0, (README.to_owned(), README_TEXT.as_bytes().to_vec()));
    let mut sums: Vec<_> = parts.iter().map(|(name, bytes)| (name.clone(), sha256_hex(bytes))).collect();
    sums.extend(original.iter().map(|(name, sha256, ..)| (name.clone(), sha256.clone())));
    let sums: String = sums.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    parts.insert(1, (SUMS.to_owned(), sums.into_bytes()));
    let original = original.map(|(name, _, size)| (name, size));
    laid_out(&parts, original, head.at).map(Some)
}

/// The archive around the original.
pub fn laid_out(parts: &[(String, Vec<u8>)], original: Option<(String, u64)>, at: Timestamp) -> Result<Bundle> {
    let time = u64::try_from(at.as_micros() / MICROS).map_err(Error::internal)?;
    let mut before = Vec::new();
    let mut writer = Writer::new(&mut before, time);
    for (name, bytes) in parts {
        writer.add(name, bytes.len() as u64, &mut bytes.as_slice())?;
    }
    if let Some((name, size)) = &original {
        writer.header(name, *size)?;
    }
    let mut after = Vec::new();
    let mut writer = Writer::new(&mut after, time);
    let original = original.map(|(_, size)| size);
    if let Some(size) = original {
        writer.fill(size)?;
    }
    writer.end()?;
    Ok(Bundle { before, original, after })
}

/// The receipt and these entries of an item, by number, each with its path to the head over `size` entries. All of them
/// have numbers below that.
///
/// Errors: `conflict` when the item has no receipt.
pub fn proofs(
    conn: &mut Conn,
    evidence: &EvidenceId,
    ids: &[CustodyId],
    size: u64,
) -> Result<(SignedReceipt, Custody)> {
    let wanted: BTreeSet<_> = ids.iter().copied().collect();
    let mut rows = store::entries_of(conn, evidence)?;
    rows.retain(|row| wanted.contains(&row.id));
    rows.sort_by_key(|row| row.n);
    let entries = rows.iter().map(|row| proved(conn, row, size)).collect::<Result<Vec<_>>>()?;
    Ok((signed_receipt(conn, evidence)?, Custody { entries }))
}

fn signed_receipt(conn: &mut Conn, evidence: &EvidenceId) -> Result<SignedReceipt> {
    let receipt = store::receipt_find(conn, evidence, ReceiptKind::Stored)?
        .ok_or_else(|| Error::conflict("the item has no receipt"))?;
    Ok(SignedReceipt {
        receipt: receipt.body,
        signature: BASE64_URL_SAFE_NO_PAD.encode(&receipt.signature),
        key_id: receipt.key_id,
    })
}

/// An entry with its number and its path to the head over `size` entries.
pub fn proved(conn: &mut Conn, row: &EntryRow, size: u64) -> Result<Proved> {
    let n = u64::try_from(row.n.unwrap_or_default()).map_err(Error::internal)?;
    Ok(Proved {
        n,
        entry: log::entry_text(row),
        salt: row.salt.as_deref().map(hex),
        leaf: hex(&row.leaf),
        inclusion: proof::inclusion(conn, n, size)?.iter().map(|hash| hex(hash)).collect(),
    })
}

/// JSON to be read by people too, ending in a newline.
pub fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A file name as it may stand in an archive: no way to another folder, not too long for it.
pub fn plain_name(name: &str, most: usize) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        let c = if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c };
        if plain.len() + c.len_utf8() > most {
            break;
        }
        plain.push(c);
    }
    if plain.is_empty() || plain.chars().all(|c| c == '.') { "original".to_owned() } else { plain }
}

/// What the archive of an item is called.
pub fn filename(evidence: &EvidenceId) -> String {
    format!("suixing-evidence-{evidence}.tar")
}

const _: () = assert!(ORIGINAL.len() + NAME_MAX <= archive::NAME_MAX);
