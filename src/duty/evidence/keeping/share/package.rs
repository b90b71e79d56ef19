//! The package of a copy that we cannot draw on: an archive (tar) with the bytes as they are, and a statement in words
//! that names the receiver, the purpose, the end and the hash, signed with the key of the custody log.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::super::custody::bundle::{
    Bundle, KEYS, NAME_MAX, ORIGINAL, PublicKeys, README, SUMS, laid_out, plain_name, pretty,
};
use super::super::super::custody::{entry, keys};
use super::super::super::store::EvidenceRow;
use super::super::super::store::shares::ShareRow;
use crate::platform::db::Tx;
use crate::platform::keys::{Keys, sha256_hex};
use crate::words::error::{Error, Result};
use crate::words::ids::PersonId;

/// What is signed: JSON with sorted keys and no spaces.
pub const STATEMENT: &str = "statement.json";
/// Who signed it, and the signature.
pub const SIGNATURE: &str = "statement.sig.json";

const README_TEXT: &str = "\
本归档为对外提供的证据副本，仅供 statement.json 所列接收单位在所列期限内、为所列目的使用，不得转交。
视频、音频和文档的内容未作改动，画面和页面上没有水印；接收单位由 statement.json 及其签名（Ed25519，公钥见 keys.json）载明。
核对：sha256sum -c SHA256SUMS

This archive holds a copy of evidence handed out for the receiver, the purpose and the time named in statement.json, and
for nobody else. Films, sound and documents are as they are and carry no watermark in their pictures or pages; the
receiver is named by statement.json and its signature (Ed25519, public keys in keys.json).
To check: sha256sum -c SHA256SUMS
";

/// Packs a copy around its original, which the caller streams: what stands before it, and what stands after it.
pub fn pack(
    tx: &mut Tx<'_>,
    installation: &Keys,
    share: &ShareRow,
    item: &EvidenceRow,
    by: PersonId,
) -> Result<Bundle> {
    let key = keys::current(tx, installation)?;
    let statement = entry::canonical(&json!({
        "kind": "suixing-share-v1",
        "share_id": share.id,
        "receiver": share.receiver,
        "purpose": share.purpose,
        "expires_at": share.expires_at,
        "asked_by": share.asked_by,
        "approved_by": share.approved_by,
        "handed_out_by": by,
        "handed_out_at": tx.now,
        "evidence_id": item.id,
        "filename": item.filename,
        "captured_at": item.captured_at,
        "size": item.size,
        "sha256": item.sha256,
        "key_id": key.key_id(),
    }));
    let signature: Value = json!({
        "key_id": key.key_id(),
        "signature": BASE64_URL_SAFE_NO_PAD.encode(key.sign(statement.as_bytes())),
    });
    let mut parts = vec![
        (README.to_owned(), README_TEXT.as_bytes().to_vec()),
        (STATEMENT.to_owned(), statement.into_bytes()),
        (SIGNATURE.to_owned(), pretty(&signature)?),
        (KEYS.to_owned(), pretty(&PublicKeys { keys: keys::published(tx.conn())? })?),
    ];
    let name = format!("{ORIGINAL}{}", plain_name(&item.filename, NAME_MAX));
    let mut sums: Vec<(&str, String)> = parts.iter().map(|(name, bytes)| (name.as_str(), sha256_hex(bytes))).collect();
    sums.push((name.as_str(), item.sha256.clone()));
    let sums: String = sums.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    parts.insert(1, (SUMS.to_owned(), sums.into_bytes()));
    let size = u64::try_from(item.size).map_err(Error::internal)?;
    laid_out(&parts, Some((name, size)), tx.now)
}

/// What the archive of a copy is called.
pub fn filename(share: &ShareRow) -> String {
    format!("suixing-share-{}.tar", share.id)
}
