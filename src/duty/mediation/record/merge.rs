//! How edits that people made apart from each other become one record again, with nothing lost.
//!
//! An edit B of a field *supersedes* an edit A of it when B's author had A before him: A was part of the version that B
//! names as its base, or both come from one device and A was written first. What nothing supersedes is a *head*. One
//! head is the field's value; heads that differ are a conflict, all of them kept and shown until somebody who has seen
//! them writes the field again.
//!
//! Everything here is a function of the set of edits: order and repetition of the list change nothing, so whoever has
//! the same edits has the same record. Versions and bases are part of an edit. The server gives the version once, when
//! the edit arrives; it is not the order of arrival that decides but who had seen what, and that is settled when an edit
//! is written. What was superseded once stays so, whatever arrives later.
//!
//! Why there is always a head, whatever bases and counters a terminal may claim: a base is below the version of its own
//! edit, so along "seen" the base rises strictly; edits of one device are ordered by (base, counter, id), so along "same
//! device" it does not fall. "Supersedes" has therefore no circle. The base comes first in that order because what a
//! device has seen only grows; a clock set back can confuse only what it wrote without counters under one base.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::Values;
use super::fields::entry_of;

/// One writing of one field. (id, path) is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// UUIDv7 of the client.
    pub id: Uuid,
    pub path: String,
    /// In the form of [`super::check()`]; Null for emptied.
    pub value: Value,
    /// The record's version that the author saw when he wrote, 0 for none.
    pub base: i64,
    /// The record's version that took it in, from 1; given by the server, greater than `base`. The edits of one request
    /// may share it.
    pub version: i64,
    /// The store of edits that it comes from: a terminal, or a session where there is none. What shares this is taken
    /// to have known of each other.
    pub device: Uuid,
    /// The device's count of its edits; 0 throughout where it does not count.
    pub counter: i64,
    pub by: Uuid,
    /// When it was written, µs since the epoch by the device's clock. Orders what is shown of a conflict, nothing else.
    pub at: i64,
}

impl Edit {
    /// What the author saw of the record; a base that says more than can be is cut.
    fn seen(&self) -> i64 {
        self.base.min(self.version.saturating_sub(1))
    }

    /// Its place among the edits of its device.
    fn place(&self) -> (i64, i64, Uuid) {
        (self.seen(), self.counter, self.id)
    }

    /// Its place before it has a version.
    pub(super) fn claimed(&self) -> (i64, i64, Uuid) {
        (self.base, self.counter, self.id)
    }

    /// Whether neither author knew of the other edit, of whichever field.
    fn is_apart_from(&self, other: &Self) -> bool {
        self.device != other.device && self.version > other.seen() && other.version > self.seen()
    }
}

/// What is so of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged<'a> {
    /// The value shown of each field; fields that nobody filled or that were emptied are absent.
    pub values: Values,
    /// Fields that somebody filled and emptied again: not to be filled in for him a second time.
    pub emptied: BTreeSet<String>,
    /// Fields whose heads differ, each head; the first is the one shown.
    pub conflicts: BTreeMap<String, Vec<&'a Edit>>,
    /// Entries (`parties/<uuid>`) that somebody removed who had not seen these edits of them, nor their authors the
    /// removal. Such an entry stands until somebody who has seen both writes its `removed` again.
    pub removals: BTreeMap<String, Vec<&'a Edit>>,
}

impl Merged<'_> {
    /// Whether nobody has to be asked.
    pub fn is_settled(&self) -> bool {
        self.conflicts.is_empty() && self.removals.is_empty()
    }
}

/// The edits of each field that nothing supersedes, by path. The first is the one shown, the latest by (at, id).
pub fn heads(edits: &[Edit]) -> BTreeMap<&str, Vec<&Edit>> {
    heads_of(edits.iter())
}

/// The record that these edits make.
pub fn merge(edits: &[Edit]) -> Merged<'_> {
    merge_of(edits.iter())
}

/// The record as it stood at a version: what its readers saw, also where later edits came from before.
pub fn values_at(edits: &[Edit], version: i64) -> Values {
    merge_of(edits.iter().filter(|edit| edit.version <= version)).values
}

/// What the author of `edit` had before him: the record at his base, and what his device wrote before. That, and not
/// [`values_at`] alone, is what his whole record is to be compared with: a field that he had changed and now sets back to
/// what stood at his base is a change. Path, value and version of `edit` do not matter.
pub fn values_before(edits: &[Edit], edit: &Edit) -> Values {
    let of_device = |other: &Edit| other.device == edit.device && other.place() < edit.claimed();
    merge_of(edits.iter().filter(|other| other.version <= edit.base || of_device(other))).values
}

/// The same with what stands under the edit's id: what its author had before him when he was done.
pub fn values_after(edits: &[Edit], edit: &Edit) -> Values {
    let of_device = |other: &Edit| other.device == edit.device && other.place() <= edit.claimed();
    merge_of(edits.iter().filter(|other| other.version <= edit.base || of_device(other))).values
}

fn heads_of<'a>(edits: impl Iterator<Item = &'a Edit>) -> BTreeMap<&'a str, Vec<&'a Edit>> {
    let mut fields: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in once_each(edits) {
        fields.entry(edit.path.as_str()).or_default().push(edit);
    }
    fields.values_mut().for_each(keep_heads);
    fields
}

/// An edit that was taken in twice counts where it came first.
fn once_each<'a>(edits: impl Iterator<Item = &'a Edit>) -> Vec<&'a Edit> {
    let mut first: BTreeMap<(Uuid, &str), &Edit> = BTreeMap::new();
    for edit in edits {
        match first.entry((edit.id, edit.path.as_str())) {
            Entry::Vacant(free) => {
                free.insert(edit);
            }
            Entry::Occupied(mut kept) if rank(edit) < rank(kept.get()) => {
                kept.insert(edit);
            }
            Entry::Occupied(_) => {}
        }
    }
    first.into_values().collect()
}

/// An order of everything that an edit says, so that even one id with two contents, which the store refuses, is read
/// alike by all.
fn rank(edit: &Edit) -> (i64, i64, i64, i64, Uuid, Uuid, String) {
    (edit.version, edit.base, edit.counter, edit.at, edit.device, edit.by, edit.value.to_string())
}

/// Leaves the heads of one field, the one shown first.
fn keep_heads(edits: &mut Vec<&Edit>) {
    // Superseded is what a base covers, and what is not the last of its device.
    let seen = edits.iter().map(|edit| edit.seen()).max().unwrap_or_default();
    let mut last: BTreeMap<Uuid, &Edit> = BTreeMap::new();
    for edit in edits.iter().copied() {
        let kept = last.entry(edit.device).or_insert(edit);
        if kept.place() < edit.place() {
            *kept = edit;
        }
    }
    *edits = last.into_values().filter(|edit| edit.version > seen).collect();
    edits.sort_unstable_by_key(|edit| std::cmp::Reverse((edit.at, edit.id)));
}

fn merge_of<'a>(edits: impl Iterator<Item = &'a Edit>) -> Merged<'a> {
    let fields = heads_of(edits);
    let mut merged = Merged::default();
    for (path, heads) in &fields {
        let Some(shown) = heads.first() else { continue };
        if heads.iter().any(|head| head.value != shown.value) {
            merged.conflicts.insert((*path).to_owned(), heads.clone());
        }
        if shown.value.is_null() {
            merged.emptied.insert((*path).to_owned());
            continue;
        }
        if let Some(entry) = removed_entry(path, &shown.value) {
            let unseen = unseen_by_remover(&fields, entry, heads);
            if !unseen.is_empty() {
                merged.removals.insert(entry.to_owned(), unseen);
                continue;
            }
        }
        merged.values.insert((*path).to_owned(), shown.value.clone());
    }
    merged
}

/// The entry that this field hides.
fn removed_entry<'p>(path: &'p str, value: &Value) -> Option<&'p str> {
    entry_of(path).filter(|_| path.ends_with("/removed") && *value == Value::Bool(true))
}

/// The filled fields of an entry that no remover had seen, and whose authors had seen no removal.
fn unseen_by_remover<'a>(fields: &BTreeMap<&'a str, Vec<&'a Edit>>, entry: &str, flags: &[&'a Edit]) -> Vec<&'a Edit> {
    let removers: Vec<&Edit> = flags.iter().copied().filter(|flag| flag.value == Value::Bool(true)).collect();
    let of_entry = fields.iter().filter(|(path, _)| entry_of(path) == Some(entry) && !path.ends_with("/removed"));
    of_entry
        .flat_map(|(_, heads)| heads.iter().copied())
        .filter(|head| !head.value.is_null() && removers.iter().all(|remover| remover.is_apart_from(head)))
        .collect()
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "merge_sim.rs"]
mod sim;
