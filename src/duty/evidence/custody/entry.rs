//! One entry of the log: which touches there are, the exact text of one, and the leaf that stands for it.
//!
//! The leaf is SHA-256(0x00 ‖ SHA-256(salt ‖ text)). Without the salt nobody can try out what an entry may have said,
//! so blanking detail and salt of an entry erases what it said and leaves the tree as it was.

use serde_json::Value;

use super::tree::{self, Hash};
use crate::text_enum;
use crate::words::time::Timestamp;

text_enum! {
    /// What was done to an item, or to the log itself.
    pub enum TouchKind {
        /// It arrived whole and its hash was checked.
        Received = "received",
        /// Previews were made of it.
        Previewed = "previewed",
        /// Its particulars or a preview were looked at.
        Viewed = "viewed",
        /// Its original was read.
        Downloaded = "downloaded",
        /// A copy was handed out.
        Shared = "shared",
        /// It was packed with its proofs.
        Exported = "exported",
        /// A stretch of it was marked.
        Marked = "marked",
        /// It was said to belong to an incident.
        Linked = "linked",
        RetentionChanged = "retention_changed",
        HoldSet = "hold_set",
        HoldLifted = "hold_lifted",
        DeletionAsked = "deletion_asked",
        DeletionApproved = "deletion_approved",
        /// Its bytes are gone, lawfully.
        Deleted = "deleted",
        /// It was put aside for the custodian.
        Quarantined = "quarantined",
        /// The custodian let it in.
        Released = "released",
        /// Somebody read the log.
        LogRead = "log_read",
        /// What its container says was read.
        Examined = "examined",
        /// A deletion was refused, or fell through because something keeps the item.
        DeletionEnded = "deletion_ended",
        /// A redacted copy was made of it.
        Redacted = "redacted",
        /// An inquiry was asked for, approved or closed, or a track was looked at under it.
        Inquiry = "inquiry",
        /// A look under an inquiry, told when that had ended; it names the entry of the look.
        Disclosed = "disclosed",
        /// A dock named what a camera holds.
        Announced = "announced",
        /// A dock has it whole and has signed for it.
        Held = "held",
        /// It was decided on whose body the camera was.
        WearerDecided = "wearer_decided",
    }
}

/// Bytes of an entry's salt. Fixed, or salt and text could be cut elsewhere.
pub const SALT_LEN: usize = 16;

/// What an entry says, as it is stored: text, so that an offline reader needs no rule of ours to read a column.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub id: &'a str,
    pub evidence_id: Option<&'a str>,
    pub kind: &'a str,
    pub actor_id: Option<&'a str>,
    pub device_id: Option<&'a str>,
    pub at: Timestamp,
    /// JSON, to the byte as it is stored.
    pub detail: &'a str,
}

impl Entry<'_> {
    /// The exact text: canonical JSON.
    pub fn text(&self) -> String {
        let quoted = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), |text| Value::from(text).to_string());
        format!(
            "{{\"actor_id\":{},\"at\":\"{}\",\"detail\":{},\"device_id\":{},\"evidence_id\":{},\"id\":{},\"kind\":{}}}",
            quoted(self.actor_id),
            self.at,
            self.detail,
            quoted(self.device_id),
            quoted(self.evidence_id),
            quoted(Some(self.id)),
            quoted(Some(self.kind)),
        )
    }

    /// The leaf under this salt.
    pub fn leaf(&self, salt: &[u8]) -> Hash {
        leaf_of(salt, &self.text())
    }
}

/// The leaf of an exact text.
pub fn leaf_of(salt: &[u8], text: &str) -> Hash {
    tree::leaf(&tree::sha256(&[salt, text.as_bytes()]))
}

/// JSON with its keys sorted and no spaces: one text for one value, whoever writes it.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Sorted here and not by the map: a feature of another crate may keep maps in order of insertion.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (n, (key, member)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(member, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::keys::hex;

    fn entry(detail: &str) -> Entry<'_> {
        Entry {
            id: "01900000-0000-7000-8000-000000000001",
            evidence_id: Some("01900000-0000-7000-8000-000000000002"),
            kind: "received",
            actor_id: Some("01900000-0000-7000-8000-000000000003"),
            device_id: None,
            at: Timestamp::from_micros(1_767_225_600_123_456),
            detail,
        }
    }

    #[test]
    fn the_text_is_canonical_json() {
        let text = entry(r#"{"sha256":"00","size":3}"#).text();
        assert_eq!(
            text,
            concat!(
                r#"{"actor_id":"01900000-0000-7000-8000-000000000003","at":"2026-01-01T00:00:00.123456Z","#,
                r#""detail":{"sha256":"00","size":3},"device_id":null,"#,
                r#""evidence_id":"01900000-0000-7000-8000-000000000002","#,
                r#""id":"01900000-0000-7000-8000-000000000001","kind":"received"}"#
            )
        );
        assert_eq!(canonical(&serde_json::from_str(&text).unwrap()), text);
    }

    #[test]
    fn canonical_sorts_at_every_depth_and_keeps_what_was_said() {
        let value = json!({"b": [1, {"z": null, "a": "\"\n中"}], "a": {"y": true, "x": -1.5}, "": 0});
        let text = canonical(&value);
        assert_eq!(text, "{\"\":0,\"a\":{\"x\":-1.5,\"y\":true},\"b\":[1,{\"a\":\"\\\"\\n中\",\"z\":null}]}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_leaf_is_the_two_hashes_over_salt_and_text() {
        let salt = [7; SALT_LEN];
        let entry = entry("{}");
        let inner = tree::sha256(&[&salt, entry.text().as_bytes()]);
        assert_eq!(entry.leaf(&salt), tree::sha256(&[&[0], &inner]));
        assert_ne!(hex(&entry.leaf(&salt)), hex(&entry.leaf(&[8; SALT_LEN])));
    }

    #[test]
    fn no_column_can_change_unseen() {
        let whole = entry("{}");
        let other = Timestamp::from_micros(1_767_225_600_123_457);
        let changed = [
            Entry { id: "x", ..whole },
            Entry { evidence_id: None, ..whole },
            Entry { kind: "viewed", ..whole },
            Entry { actor_id: None, ..whole },
            Entry { device_id: Some("d"), ..whole },
            Entry { at: other, ..whole },
            Entry { detail: "{ }", ..whole },
        ];
        let salt = [0; SALT_LEN];
        for entry in changed {
            assert_ne!(entry.leaf(&salt), whole.leaf(&salt), "{entry:?}");
        }
    }
}
