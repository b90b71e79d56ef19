//! The record of a mediation (调解): which fields it has, how people who write it apart from each other come together
//! again, and what exactly is signed. Pure; called by the slice's service and store.
//!
//! A *field* is a leaf of the record's tree, named by its path: `place`, `parties/<uuid>/name`. Everything that is ever
//! written is an [`Edit`] of one field; the record is what [`merge()`] makes of all its edits.
//!
//! ```text
//! fields    the table of fields: shapes, limits, what is signed, what is personal      field_of
//! check     one value of one field, in its one form                                    check
//! tree      JSON tree <-> values by path, the bounds of a whole record                 flatten  tree  removed  bounds  loose
//! diff      what a whole record says against the one its author saw                    diff
//! whole     what it says against a writing that it overtook on the way               whole::overtaken
//! merge     edits -> values, conflicts, unsettled removals; the record at a version    heads  merge  values_at  values_before
//! content   the exact text that signatures bind                                        content_text  content_hash
//!                                                                                      touches_content  content_changes
//! prefill   what need not be typed, and how much of it was not                         prefill  share_not_typed
//! ```
//!
//! # What a terminal must do
//!
//! * Give each edit an id (UUIDv7) of its own, and send it again under the same id until it is acknowledged. One id may
//!   stand for the edits of several fields, so (id, path) is what is unique.
//! * Say as `base` the record's version that was on its screen *when the field was written*, 0 for none, and never raise
//!   it afterwards: a base is the claim that its author saw everything up to it.
//! * Count its edits (`counter`, from 1, never back), so that two edits of one field under one base have their order
//!   however its clock is set. Without counters (all 0) their ids decide, which needs a clock that does not step back.
//! * Use one device id per store of edits. Two stores of one device know nothing of each other; and a store that lost
//!   its edits, or came back out of an old copy, starts under a new device id or reads the record anew before it writes.
//! * To resolve a conflict, send the chosen value as an edit, also when it is the one shown, on a base that has all of
//!   the conflict's versions.

pub mod check;
pub mod content;
pub mod diff;
pub mod fields;
pub mod merge;
pub mod prefill;
#[cfg(test)]
mod samples;
pub mod tree;
pub mod whole;

use std::collections::BTreeMap;

use serde_json::Value;

pub use check::check;
pub use content::{CONTENT_FORMAT, content_changes, content_hash, content_text, touches_content};
pub use diff::diff;
pub use fields::{Field, Shape, field_of};
pub use merge::{Edit, Merged, heads, merge, values_after, values_at, values_before};
pub use prefill::{Origin, Source, prefill, share_not_typed};
pub use tree::{bounds, flatten, loose, removed, tree};

/// Values by path, each in the form that [`check()`] gives it. What nobody filled and what was emptied is absent.
pub type Values = BTreeMap<String, Value>;

// The surface:
//
//   fields   field_of(path: &str) -> Option<&'static Field>
//   check    check(path: &str, value: &Value) -> Result<Value>             Null = emptied; refuses masks (`*`) in personal fields
//   tree     flatten(tree: &Value) -> Result<Values>                       may hold Null (said to be empty) and masks of personal fields
//            tree(values: &Values) -> Value                                entries that are removed are left out
//            removed(values: &Values) -> Value                             the same tree of the removed entries alone
//            bounds(values: &Values) -> Result<()>                         of a merged record: entries per map, bytes
//            loose(values: &Values) -> Vec<String>                         fields that name a party or other who is not there
//   diff     diff(base: &Values, wanted: &Values) -> Result<Vec<(String, Value)>>
//   merge    Edit { id, path, value, base, version, device, counter, by, at }
//            heads(edits: &[Edit]) -> BTreeMap<&str, Vec<&Edit>>           [0] is the one shown
//            merge(edits: &[Edit]) -> Merged { values, emptied: BTreeSet<String>, conflicts, removals }
//            Merged::is_settled(&self) -> bool
//            values_at(edits: &[Edit], version: i64) -> Values
//            values_before(edits: &[Edit], edit: &Edit) -> Values          what the author of `edit` had before him: base of a PUT's diff
//            values_after(edits: &[Edit], edit: &Edit) -> Values           the same with what stands under the edit's id
//   whole    overtaken(known: &[Edit], late: &[Edit], wholes: &[Edit]) -> Result<Vec<Edit>>
//   content  content_text(kind: &str, values: &Values) -> String
//            content_hash(kind: &str, values: &Values) -> String
//            touches_content(path: &str) -> bool
//            content_changes(before: &Values, after: &Values) -> Vec<String>   signed fields that differ: exact form of the warning
//   prefill  prefill(values: &Values, emptied: &BTreeSet<String>, offered: Vec<Source>) -> Vec<Source>
//            share_not_typed(values: &Values, filled: &Values) -> (usize, usize)
