//! What the archive of a dossier holds: an incident with all its evidence, for `suixing verify` and any other tool.
//!
//! ```text
//! dossier.json     what was exported for whom, and the hashes of the timelines     proof.json     its entry in the log
//! README.txt       what this is                                                    keys.json      as in a bundle
//! timeline.json    what happened and what was known when                           tree-head.json one head for all of it
//! timeline.html    the same for people
//! evidence/ID/     receipt.json, custody.json, original/NAME of each item
//! SHA256SUMS       for `sha256sum -c`; last, because the rest is made while it is sent
//! ```
//!
//! The entry of the export names the hash of `dossier.json`, which names the timelines and every item: whoever changes
//! one of them or leaves one out needs another entry under a signed head.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::archive;
use crate::text_enum;
use crate::words::ids::{EvidenceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

pub const MANIFEST: &str = "dossier.json";
pub const PROOF: &str = "proof.json";
pub const TIMELINE: &str = "timeline.json";
pub const PAGE: &str = "timeline.html";
/// What the names of the items' files begin with; the item's id follows.
pub const ITEMS: &str = "evidence/";
/// The first line of `dossier.json`.
pub const FORMAT: &str = "suixing-dossier-v1";
/// What the entry of the export says it is.
pub const WHAT: &str = "dossier";

/// Characters of an id.
const ID_LEN: usize = 36;
/// Bytes of an original's name within the archive.
pub const NAME_MAX: usize = archive::NAME_MAX - ITEMS.len() - ID_LEN - 1 - super::bundle::ORIGINAL.len();

pub const README_TEXT: &str = "\
本归档为一起警情的完整卷宗：时间线（timeline.html 供阅读，timeline.json 供程序）、全部证据原件、签名回执、
保管记录及其在保管日志中的证明（RFC 9162）。
离线核验：suixing verify 本文件 [--tree-head 事先另存的 custody-heads.log]
仅核对文件散列：解包后 sha256sum -c SHA256SUMS

This archive is the dossier of one incident: its timeline (timeline.html to read, timeline.json for programs), its
evidence, the signed receipts, every touch and the proofs that these are in the custody log (RFC 9162).
To check it offline: suixing verify FILE [--tree-head custody-heads.log that was copied before]
To check the files' hashes only: unpack it, then sha256sum -c SHA256SUMS
";

text_enum! {
    /// Whether the original of an item is in the archive, and if not, why.
    pub enum Original {
        Included = "included",
        /// Lawfully deleted; the proofs are left.
        Deleted = "deleted",
        /// It lies on the camera or at the dock.
        Elsewhere = "elsewhere",
        /// The originals together would have been too large.
        TooLarge = "too_large",
        /// Not asked for.
        LeftOut = "left_out",
    }
}

/// A file and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    pub name: String,
    /// Hex.
    pub sha256: String,
}

/// One item of the dossier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemLine {
    pub evidence_id: EvidenceId,
    pub original: Original,
}

/// Something that is not whole, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub what: String,
    /// How much of it is here.
    pub kept: u64,
    /// How much there is.
    pub of: u64,
    pub reason: String,
}

/// `dossier.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    pub incident_id: IncidentId,
    pub made_at: Timestamp,
    pub made_by: PersonId,
    pub purpose: String,
    /// Only what was known then; null: all that is known.
    pub as_of: Option<Timestamp>,
    pub files: Vec<FileSum>,
    pub items: Vec<ItemLine>,
    pub limits: Vec<Limit>,
}

/// What the entry of the export says; `manifest` is the SHA-256 of `dossier.json`.
pub fn said(manifest: &Manifest, sha256: &str) -> Value {
    json!({
        "what": WHAT,
        "incident_id": manifest.incident_id,
        "purpose": manifest.purpose,
        "as_of": manifest.as_of,
        "items": manifest.items.len(),
        "manifest": sha256,
    })
}

/// The folder of an item, with the slash at its end.
pub fn folder(id: &EvidenceId) -> String {
    format!("{ITEMS}{id}/")
}

const _: () = assert!(NAME_MAX >= 32);
