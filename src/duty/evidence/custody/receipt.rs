//! Receipts: what a device may delete its original against, and anybody may hold against the server.
//!
//! The text is signed when the item is complete, in the same transaction; it names the entry of the log that says so.
//! Once that entry has its number, the receipt is answered with the head it is under and the path between them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::head::TreeHead;
use super::{entry, keys, log, proof};
use crate::duty::evidence::store::custody::{self as store, ReceiptRow};
use crate::platform::db::{Conn, Tx};
use crate::platform::keys::{Keys, hex};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{CustodyId, DeviceId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

text_enum! {
    /// What a receipt is for.
    pub enum ReceiptKind {
        /// The server has the whole file, its hash checked.
        Stored = "stored",
        /// A dock has it: the camera may be emptied.
        Held = "held",
    }
}

/// What a receipt says.
#[derive(Clone, Debug)]
pub struct Taken<'a> {
    pub kind: ReceiptKind,
    pub evidence: EvidenceId,
    /// Hex.
    pub sha256: &'a str,
    pub size: i64,
    pub filename: &'a str,
    pub author: PersonId,
    pub device: DeviceId,
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    /// The touch `received`.
    pub entry: CustodyId,
}

/// The words of a receipt, as they are read back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    pub kind: String,
    pub evidence_id: String,
    pub sha256: String,
    pub size: i64,
    pub filename: String,
    pub author_id: String,
    pub device_id: String,
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    pub entry_id: String,
    pub issued_at: Timestamp,
    pub key_id: String,
}

/// The exact text that is signed: canonical JSON.
pub fn text(taken: &Taken<'_>, issued_at: Timestamp, key_id: &str) -> String {
    entry::canonical(&json!({
        "kind": taken.kind,
        "evidence_id": taken.evidence,
        "sha256": taken.sha256,
        "size": taken.size,
        "filename": taken.filename,
        "author_id": taken.author,
        "device_id": taken.device,
        "captured_at": taken.captured_at,
        "received_at": taken.received_at,
        "entry_id": taken.entry,
        "issued_at": issued_at,
        "key_id": key_id,
    }))
}

/// Signs and stores a receipt in the transaction that completes the item.
/// Errors: `already_exists` when the item has one of that kind.
pub fn issue(tx: &mut Tx<'_>, keys: &Keys, taken: &Taken<'_>) -> Result<ReceiptRow> {
    let key = keys::current(tx, keys)?;
    let at = tx.now;
    let body = text(taken, at, key.key_id());
    let row = ReceiptRow {
        evidence_id: taken.evidence,
        kind: taken.kind,
        signature: key.sign(body.as_bytes()),
        key_id: key.key_id().to_owned(),
        body,
        at,
    };
    store::receipt_insert(tx.conn(), &row)?;
    Ok(row)
}

/// A receipt with its proof, as far as there is one yet.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// The exact text that was signed: JSON with sorted keys and no spaces.
    pub receipt: String,
    /// Ed25519 over that text, URL-safe base64.
    pub signature: String,
    /// SHA-256 of the public key, hex.
    pub key_id: String,
    /// URL-safe base64.
    pub public_key: String,
    /// The entry of the log it names. Its leaf is SHA-256(0x00 ‖ SHA-256(salt ‖ this as JSON with sorted keys and no
    /// spaces)). Null once it was erased with the item.
    #[schema(value_type = Option<Object>)]
    pub entry: Option<Value>,
    /// Hex.
    pub salt: Option<String>,
    /// Hex.
    pub leaf: String,
    /// The entry's number in the log; null for the moment until it has one.
    pub n: Option<u64>,
    /// The first signed head the entry is under; null until there is one.
    pub tree_head: Option<TreeHead>,
    /// The audit path from the leaf to that head (RFC 9162), nearest first, hex.
    pub inclusion: Option<Vec<String>>,
}

/// The receipt of an item. Errors: `not_found`.
pub fn fetch(conn: &mut Conn, evidence: &EvidenceId, kind: ReceiptKind) -> Result<Receipt> {
    let row = store::receipt_find(conn, evidence, kind)?.ok_or_else(|| Error::not_found("receipt"))?;
    let body: Body = serde_json::from_str(&row.body)?;
    let entry = store::entry_fetch(conn, &body.entry_id.parse()?)?;
    let words = log::entry_text(&entry).map(|text| serde_json::from_str(&text)).transpose()?;
    let public = keys::published(conn)?.into_iter().find(|key| key.key_id == row.key_id);
    let n = entry.n.map(u64::try_from).transpose().map_err(Error::internal)?;
    let head = match entry.n {
        Some(n) => store::head_over(conn, n)?,
        None => None,
    };
    let tree_head = head.as_ref().map(TreeHead::from);
    let inclusion = match (n, &tree_head) {
        (Some(n), Some(head)) => Some(proof::inclusion(conn, n, head.size)?.iter().map(|hash| hex(hash)).collect()),
        _ => None,
    };
    Ok(Receipt {
        receipt: row.body,
        signature: BASE64_URL_SAFE_NO_PAD.encode(&row.signature),
        key_id: row.key_id,
        public_key: public.ok_or_else(|| Error::internal("a receipt of an unknown key"))?.public_key,
        entry: words,
        salt: entry.salt.as_deref().map(hex),
        leaf: hex(&entry.leaf),
        n,
        tree_head,
        inclusion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duty::evidence::custody::entry::TouchKind;
    use crate::duty::evidence::custody::keys::Ring;
    use crate::duty::evidence::custody::{sequencer, tree};
    use crate::platform::db::memory::Memory;
    use crate::platform::keys::KeySource;
    use crate::words::error::Code;

    struct Fixed;
    impl KeySource for Fixed {
        fn master(&self) -> Result<[u8; 32]> {
            Ok([6; 32])
        }
    }

    fn taken(evidence: EvidenceId, entry: CustodyId) -> Taken<'static> {
        Taken {
            kind: ReceiptKind::Stored,
            evidence,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            size: 4,
            filename: "现场 \"1\".jpg",
            author: PersonId::new(),
            device: DeviceId::new(),
            captured_at: Timestamp::from_micros(1_767_225_590_000_000),
            received_at: Timestamp::from_micros(1_767_225_600_000_000),
            entry,
        }
    }

    #[test]
    fn the_text_is_canonical_and_reads_back() {
        let taken = taken(EvidenceId::new(), CustodyId::new());
        let text = text(&taken, taken.received_at, "k");
        assert!(text.starts_with("{\"author_id\":\"") && !text.contains(": "), "{text}");
        assert!(
            text.ends_with(
                ",\"sha256\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"size\":4}"
            )
        );
        assert_eq!(entry::canonical(&serde_json::from_str(&text).unwrap()), text);
        let body: Body = serde_json::from_str(&text).unwrap();
        assert_eq!((body.filename.as_str(), body.size, body.kind.as_str()), (taken.filename, 4, "stored"));
        assert_eq!((body.captured_at, body.entry_id), (taken.captured_at, taken.entry.to_string()));
    }

    #[test]
    fn a_receipt_is_signed_at_once_and_proved_when_the_entry_has_its_number() {
        let mut db = Memory::open();
        let keys = Keys::open(&Fixed).unwrap();
        let now = Timestamp::from_micros(1_767_225_600_000_000);
        let evidence = EvidenceId::new();
        let issue_all = |tx: &mut Tx<'_>| {
            let said = log::Touch {
                evidence: Some(&evidence),
                kind: TouchKind::Received,
                actor: None,
                device: None,
                detail: json!({"size": 4}),
            };
            let id = log::touch(tx, said)?;
            issue(tx, &keys, &taken(evidence, id))
        };
        assert!(fetch(db.conn(), &evidence, ReceiptKind::Stored).unwrap_err().is(Code::NotFound));
        db.write(now, None, issue_all).unwrap();
        assert!(db.write(now, None, issue_all).unwrap_err().is(Code::AlreadyExists), "one receipt of a kind");
        let early = fetch(db.conn(), &evidence, ReceiptKind::Stored).unwrap();
        assert!(early.n.is_none() && early.tree_head.is_none() && early.inclusion.is_none());
        db.write(now, None, |tx| sequencer::sequence(tx, &keys, "here")).unwrap();
        let receipt = fetch(db.conn(), &evidence, ReceiptKind::Stored).unwrap();
        let (ring, wrong) = Ring::of(&keys::published(db.conn()).unwrap());
        assert!(wrong.is_empty());
        let signature = BASE64_URL_SAFE_NO_PAD.decode(&receipt.signature).unwrap();
        ring.check(&receipt.key_id, receipt.receipt.as_bytes(), &signature).unwrap();
        assert!(ring.check(&receipt.key_id, receipt.receipt.replace("4}", "5}").as_bytes(), &signature).is_err());
        let head = receipt.tree_head.unwrap();
        let root = head.check(&ring).unwrap();
        let salt = tree::unhex(&receipt.salt.unwrap()).unwrap();
        let leaf = entry::leaf_of(&salt, &entry::canonical(&receipt.entry.unwrap()));
        assert_eq!(hex(&leaf), receipt.leaf);
        let path: Vec<_> = receipt.inclusion.unwrap().iter().map(|text| tree::parse_hash(text).unwrap()).collect();
        assert!(tree::includes(receipt.n.unwrap(), head.size, &leaf, &path, &root));
    }
}
