//! Every item of a store against what its touches and receipts say about it.
//!
//! Whatever an entry says about a column, a link, a mark, a preview or a finding must be so, and nothing must be there
//! that no entry speaks of: whoever writes such a row writes the touch in the same transaction. What a lawful deletion
//! erased can no longer be compared.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::keys::Ring;
use super::Findings;
use crate::duty::evidence::store::custody::raw::{self, RawEntry, RawEvidence, RawReceipt};
use crate::platform::db::Conn;
use crate::words::error::Result;

/// Items read at once.
const PAGE: i64 = 512;
/// What a receipt says about its item, by the names of the columns.
const OF_RECEIPT: [&str; 7] = ["sha256", "size", "filename", "author_id", "device_id", "captured_at", "received_at"];

/// What was looked at.
#[derive(Debug, Default)]
pub struct Checked {
    pub items: u64,
}

/// Rows seen with their items; what a table has beyond them belongs to none.
#[derive(Default)]
struct Seen {
    receipts: usize,
    links: usize,
    marks: usize,
    previews: usize,
    findings: usize,
    media: usize,
}

/// Looks at all of them.
pub fn check(conn: &mut Conn, ring: &Ring, findings: &mut Findings) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut seen = Seen::default();
    let mut after = String::new();
    loop {
        let rows = raw::evidence_after(conn, &after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.id);
        for row in &rows {
            checked.items += 1;
            Item::load(conn, row)?.check(conn, ring, &mut seen, findings)?;
        }
    }
    for (table, rows, seen) in [
        ("receipt", raw::receipts_count(conn)?, seen.receipts),
        ("evidence_incident", raw::links_count(conn)?, seen.links),
        ("evidence_mark", raw::marks_count(conn)?, seen.marks),
        ("evidence_preview", raw::previews_count(conn)?, seen.previews),
        ("evidence_finding", raw::findings_count(conn)?, seen.findings),
        ("evidence_media", raw::media_count(conn)?, seen.media),
    ] {
        if usize::try_from(rows) != Ok(seen) {
            findings.add(format!("{table} has {rows} rows, of which {seen} belong to an item that is there"));
        }
    }
    Ok(checked)
}

/// One item and what is said about it.
struct Item<'a> {
    row: &'a RawEvidence,
    /// Entries that were not erased, with their detail.
    said: Vec<(RawEntry, Value)>,
    /// Lawfully deleted: most of what was said is erased.
    deleted: bool,
}

impl<'a> Item<'a> {
    fn load(conn: &mut Conn, row: &'a RawEvidence) -> Result<Self> {
        let entries = raw::entries_about(conn, &row.id)?;
        let deleted = entries.iter().any(|entry| entry.kind == "deleted" && entry.detail.is_some());
        let said = entries
            .into_iter()
            .filter_map(|entry| {
                // A detail that does not read any more does not fit its leaf either, and is named there.
                let detail = serde_json::from_str(entry.detail.as_deref()?).unwrap_or(Value::Null);
                Some((entry, detail))
            })
            .collect();
        Ok(Self { row, said, deleted })
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &(RawEntry, Value)> {
        self.said.iter().filter(move |(entry, _)| entry.kind == kind)
    }

    fn check(&self, conn: &mut Conn, ring: &Ring, seen: &mut Seen, findings: &mut Findings) -> Result<()> {
        let id = &self.row.id;
        let columns = serde_json::to_value(self.row)?;
        self.columns(&columns, findings);
        let receipts = raw::receipts_about(conn, id)?;
        seen.receipts += receipts.len();
        self.receipts(&receipts, &columns, ring, findings);
        let links = raw::links_about(conn, id)?;
        seen.links += links.len();
        let links = links
            .into_iter()
            .map(|link| (link.incident_id, json!({ "linked_by": link.linked_by, "linked_at": link.linked_at })));
        self.compare("evidence_incident", links, self.links(), findings);
        let marks = raw::marks_about(conn, id)?;
        seen.marks += marks.len();
        let marks = marks.into_iter().map(|mark| {
            let value = json!({
                "from_ms": mark.from_ms, "to_ms": mark.to_ms, "text": mark.text,
                "by_person_id": mark.by_person_id, "at": mark.at,
            });
            (mark.id, value)
        });
        self.compare("evidence_mark", marks, self.marks(), findings);
        let previews = raw::previews_about(conn, id)?;
        seen.previews += previews.len();
        let previews = previews.into_iter().map(|made| {
            let value =
                json!({ "width": made.width, "height": made.height, "size": made.size, "made_at": made.made_at });
            (made.px.to_string(), value)
        });
        self.compare("evidence_preview", previews, self.listed("previews", "px", "px", "made_at"), findings);
        let found = raw::findings_about(conn, id)?;
        seen.findings += found.len();
        let said = self.listed("findings", "findings", "code", "at");
        // What the door saw as it took the item in is noted with `received`, which need not speak of it.
        let received = self.of_kind("received").next().map(|(entry, _)| entry.at);
        let mut rows = Vec::new();
        for finding in found.into_iter().filter(|row| Some(row.at) != received || said.contains_key(&row.code)) {
            let mut words = Map::new();
            words.insert("detail".to_owned(), serde_json::from_str(&finding.detail).unwrap_or(Value::Null));
            if Some(finding.at) != received {
                words.insert("at".to_owned(), json!(finding.at));
            }
            rows.push((finding.code, Value::Object(words)));
        }
        self.compare("evidence_finding", rows.into_iter(), said, findings);
        let media = raw::media_about(conn, id)?;
        seen.media += usize::from(media.is_some());
        let media = media.map(serde_json::to_value).transpose()?.map(|row| ("container".to_owned(), row));
        self.compare("evidence_media", media.into_iter(), self.media(), findings);
        Ok(())
    }

    /// Every column that an entry speaks of is as the last one says.
    fn columns(&self, columns: &Value, findings: &mut Findings) {
        let id = &self.row.id;
        let mut said = Map::new();
        for (entry, detail) in &self.said {
            match entry.kind.as_str() {
                "received" => {
                    said.extend(detail.as_object().cloned().unwrap_or_default());
                    said.insert("device_id".to_owned(), json!(entry.device_id));
                    said.insert("received_at".to_owned(), json!(entry.at));
                    said.insert("quarantined".to_owned(), json!(false));
                }
                "retention_changed" => said.extend(detail.as_object().cloned().unwrap_or_default()),
                "quarantined" => drop(said.insert("quarantined".to_owned(), json!(true))),
                "released" => drop(said.insert("quarantined".to_owned(), json!(false))),
                "previewed" => {
                    if let Some(outcome) = detail.get("outcome") {
                        said.insert("previewed".to_owned(), outcome.clone());
                    }
                }
                "examined" => {
                    for name in ["duration_ms", "codec"] {
                        if let Some(value) = detail.pointer(&format!("/media/{name}")) {
                            said.insert(name.to_owned(), value.clone());
                        }
                    }
                }
                "wearer_decided" => {
                    if let Some(wearer) = detail.get("wearer_id") {
                        said.insert("wearer_id".to_owned(), wearer.clone());
                    }
                }
                _ => {}
            }
        }
        for (name, value) in &said {
            if let Some(stored) = columns.get(name)
                && stored != value
            {
                findings.add(format!("evidence {id}: its {name} is {stored}, the log says {value}"));
            }
        }
        if !self.deleted && self.of_kind("received").next().is_none() {
            findings.add(format!("evidence {id}: no entry of the log says that it was received"));
        }
        if self.row.gone_at.is_some() && !self.deleted {
            findings.add(format!("evidence {id}: it is gone, and no entry of the log says that it was deleted"));
        }
        if let Some((entry, _)) = self.of_kind("deleted").last()
            && self.row.gone_at != Some(entry.at)
        {
            findings.add(format!("evidence {id}: the log says that it was deleted at {}; its row does not", entry.at));
        }
    }

    /// Every receipt is signed, is about this item, and names the entry that says so.
    fn receipts(&self, receipts: &[RawReceipt], columns: &Value, ring: &Ring, findings: &mut Findings) {
        let id = &self.row.id;
        for row in receipts {
            let name = format!("receipt {} of evidence {id}", row.kind);
            if let Err(words) = ring.check(&row.key_id, row.body.as_bytes(), &row.signature) {
                findings.add(format!("{name} {words}"));
                continue;
            }
            let body: Value = serde_json::from_str(&row.body).unwrap_or(Value::Null);
            for column in OF_RECEIPT {
                let (said, stored) = (body.get(column).unwrap_or(&Value::Null), columns.get(column));
                if Some(said) != stored {
                    let stored = stored.unwrap_or(&Value::Null);
                    findings.add(format!("{name}: its {column} is {said}, the item's is {stored}"));
                }
            }
            let own = [
                ("evidence_id", json!(id)),
                ("kind", json!(row.kind)),
                ("key_id", json!(row.key_id)),
                ("issued_at", json!(row.at)),
            ];
            for (member, value) in own {
                if body.get(member) != Some(&value) {
                    findings.add(format!("{name}: its {member} is not {value}"));
                }
            }
            let entry = body.get("entry_id").and_then(Value::as_str).unwrap_or_default();
            if !self.deleted && !self.of_kind("received").any(|(received, _)| received.id == entry) {
                findings.add(format!("{name}: the entry {entry} that it names is not in the log"));
            }
        }
        let stored = receipts.iter().any(|row| row.kind == "stored");
        if self.row.place == "stored" && !stored && !self.deleted {
            findings.add(format!("receipt stored of evidence {id} is missing"));
        }
    }

    /// Rows of one table against what the log says of them, by their name within the item.
    fn compare(
        &self,
        table: &str,
        rows: impl Iterator<Item = (String, Value)>,
        mut said: BTreeMap<String, Value>,
        findings: &mut Findings,
    ) {
        if self.deleted {
            return;
        }
        let id = &self.row.id;
        for (name, row) in rows {
            match said.remove(&name) {
                None => findings.add(format!("{table} {name} of evidence {id} is not in the log")),
                Some(Value::Object(words)) => {
                    for (column, value) in words.iter().filter(|(column, _)| row.get(column.as_str()).is_some()) {
                        if row.get(column) != Some(value) {
                            let stored = row.get(column).unwrap_or(&Value::Null);
                            findings.add(format!(
                                "{table} {name} of evidence {id}: its {column} is {stored}, the log says {value}"
                            ));
                        }
                    }
                }
                Some(_) => {}
            }
        }
        for name in said.keys() {
            findings.add(format!("{table} {name} of evidence {id} is in the log and has no row"));
        }
    }

    /// Incidents it belongs to: the one it was captured for, and those that were named later.
    fn links(&self) -> BTreeMap<String, Value> {
        let mut links = BTreeMap::new();
        for (entry, detail) in &self.said {
            let by = match entry.kind.as_str() {
                "received" => Some(self.row.author_id.clone()),
                "linked" => entry.actor_id.clone(),
                _ => continue,
            };
            if let Some(incident) = detail.get("incident_id").and_then(Value::as_str) {
                let value = json!({ "linked_by": by, "linked_at": entry.at });
                links.entry(incident.to_owned()).or_insert(value);
            }
        }
        links
    }

    fn marks(&self) -> BTreeMap<String, Value> {
        let mut marks = BTreeMap::new();
        for (entry, detail) in self.of_kind("marked") {
            if let (Some(id), Some(words)) = (detail.get("mark_id").and_then(Value::as_str), detail.as_object()) {
                let mut words = words.clone();
                words.insert("by_person_id".to_owned(), json!(entry.actor_id));
                words.insert("at".to_owned(), json!(entry.at));
                marks.insert(id.to_owned(), Value::Object(words));
            }
        }
        marks
    }

    /// What was read of its container; the first reading stands.
    fn media(&self) -> BTreeMap<String, Value> {
        let first = self.of_kind("examined").find_map(|(entry, detail)| {
            let mut words = detail.get("media")?.as_object()?.clone();
            words.insert("at".to_owned(), json!(entry.at));
            Some(("container".to_owned(), Value::Object(words)))
        });
        first.into_iter().collect()
    }

    /// What looking at it brought: a list of names under `short`, or of objects under `long` with their name in `key`.
    fn listed(&self, long: &str, short: &str, key: &str, at: &str) -> BTreeMap<String, Value> {
        let mut listed = BTreeMap::new();
        for (entry, detail) in self.of_kind("previewed").chain(self.of_kind("examined")) {
            let items = detail.get(long).or_else(|| detail.get(short)).and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                let mut words = item.as_object().cloned().unwrap_or_default();
                words.insert(at.to_owned(), json!(entry.at));
                let name = item.get(key).unwrap_or(item);
                let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                // Made again they are the same: the first one stands.
                listed.entry(name).or_insert(Value::Object(words));
            }
        }
        listed
    }
}
