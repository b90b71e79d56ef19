//! A tree head: the root over so many entries, and who signed it when.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::keys::{CustodyKey, Ring};
use super::tree::{self, Hash};
use crate::duty::evidence::store::custody::HeadRow;
use crate::platform::keys::hex;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// A tree head as everybody sees it: in the interface, in a bundle, as a line of the anchoring file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeHead {
    /// Entries it is over.
    pub size: u64,
    /// SHA-256 in hex.
    pub root: String,
    /// When it was signed.
    pub at: Timestamp,
    /// SHA-256 of the public key, hex.
    pub key_id: String,
    /// Ed25519, URL-safe base64.
    pub signature: String,
}

/// The proof that a later tree begins with an earlier one: what the interface answers, and what `suixing verify` takes.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    pub from: u64,
    pub to: u64,
    /// Hex.
    pub from_root: String,
    /// Hex.
    pub to_root: String,
    /// RFC 9162, 2.1.4; hex.
    pub proof: Vec<String>,
    /// The signed head over the earlier tree, if one was signed.
    pub from_head: Option<TreeHead>,
    /// The signed head over the later tree, if one was signed.
    pub to_head: Option<TreeHead>,
}

impl Consistency {
    /// Whether it proves what it says.
    pub fn holds(&self) -> bool {
        let hashes: Option<Vec<Hash>> = self.proof.iter().map(|text| tree::parse_hash(text)).collect();
        match (tree::parse_hash(&self.from_root), tree::parse_hash(&self.to_root), hashes) {
            (Some(from), Some(to), Some(hashes)) => tree::extends(self.from, self.to, &from, &to, &hashes),
            _ => false,
        }
    }
}

/// What is signed.
pub fn signing_text(size: u64, root: &Hash, at: Timestamp) -> String {
    format!("suixing-tree-head-v1\n{size}\n{}\n{}", hex(root), at.as_micros())
}

impl TreeHead {
    /// Signs a root.
    pub fn sign(key: &CustodyKey, size: u64, root: &Hash, at: Timestamp) -> Self {
        let signature = key.sign(signing_text(size, root, at).as_bytes());
        Self {
            size,
            root: hex(root),
            at,
            key_id: key.key_id().to_owned(),
            signature: BASE64_URL_SAFE_NO_PAD.encode(signature),
        }
    }

    /// The root; none when it is no hash.
    pub fn root(&self) -> Option<Hash> {
        tree::parse_hash(&self.root)
    }

    /// Checks the signature. Errors, in words: what does not fit.
    pub fn check(&self, ring: &Ring) -> std::result::Result<Hash, String> {
        let root = self.root().ok_or_else(|| format!("the tree head over {} has no root", self.size))?;
        let signature = BASE64_URL_SAFE_NO_PAD
            .decode(&self.signature)
            .map_err(|error| format!("the signature of the tree head over {}: {error}", self.size))?;
        ring.check(&self.key_id, signing_text(self.size, &root, self.at).as_bytes(), &signature)
            .map_err(|why| format!("the tree head over {} {why}", self.size))?;
        Ok(root)
    }

    /// Its line in the anchoring file.
    pub fn line(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// As it is stored.
    pub fn row(&self) -> Result<HeadRow> {
        Ok(HeadRow {
            size: i64::try_from(self.size).map_err(Error::internal)?,
            root: self.root().ok_or_else(|| Error::internal("a tree head without a root"))?.to_vec(),
            at: self.at,
            key_id: self.key_id.clone(),
            signature: BASE64_URL_SAFE_NO_PAD.decode(&self.signature).map_err(Error::internal)?,
        })
    }
}

impl From<&HeadRow> for TreeHead {
    fn from(row: &HeadRow) -> Self {
        Self {
            // A negative size is nobody's; 0 fits no root that was ever signed.
            size: u64::try_from(row.size).unwrap_or(0),
            root: hex(&row.root),
            at: row.at,
            key_id: row.key_id.clone(),
            signature: BASE64_URL_SAFE_NO_PAD.encode(&row.signature),
        }
    }
}
