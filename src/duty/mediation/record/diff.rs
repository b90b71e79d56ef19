//! What a whole record says against the one that its author saw: the edits to make of a `PUT`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Values;
use super::check::is_masked;
use super::fields::{entry_of, field_of, flag_of};
use super::tree::removed_entries;
use crate::words::error::{Error, Result};

/// The fields that `wanted` changes, adds or empties (Null) against `base`, sorted by path. `base` is
/// [`super::values_before`] the writing, empty for the first; `wanted` is [`super::flatten`] of what was sent.
///
/// What is not said is emptied; but an entry that is not there at all is removed as a whole and keeps its fields, and one
/// that was removed already is let be, since nobody is shown it. An entry that is there again after it was removed
/// stands again. A masked personal value is what its author could not see and is left as it was.
///
/// What is unchanged is no edit, so a conflict stays open unless its field is written anew.
///
/// Errors: `invalid_field` for a mask of something else than stands there.
pub fn diff(base: &Values, wanted: &Values) -> Result<Vec<(String, Value)>> {
    let said = |path: &str| wanted.get(path).filter(|value| !value.is_null());
    let (was_removed, is_removed) = (removed_entries(base), removed_entries(wanted));
    let there: BTreeSet<&str> =
        wanted.iter().filter(|(_, value)| !value.is_null()).filter_map(|(path, _)| entry_of(path)).collect();
    let mut edits = Values::new();
    for (path, value) in wanted.iter().filter(|(_, value)| !value.is_null()) {
        let was = base.get(path).filter(|was| !was.is_null());
        if field_of(path).is_some_and(|field| is_masked(field, value)) {
            if !was.is_some_and(|was| fits(value, was)) {
                return Err(Error::field(path, "is masked, and not what stands there: send it whole, or leave it out"));
            }
        } else if was != Some(value) {
            edits.insert(path.clone(), value.clone());
        }
    }
    for (path, _) in base.iter().filter(|(path, was)| !was.is_null() && said(path).is_none()) {
        match entry_of(path) {
            Some(entry) if !there.contains(entry) => {
                if !was_removed.contains(entry) {
                    edits.insert(flag_of(entry), Value::from(true));
                }
            }
            Some(entry) if is_removed.contains(entry) => {}
            _ => {
                edits.insert(path.clone(), Value::Null);
            }
        }
    }
    Ok(edits.into_iter().collect())
}

/// Whether a mask can be of this value: what it shows stands in it, in this order. Spaces and hyphens do not count,
/// masks are made without.
fn fits(mask: &Value, value: &Value) -> bool {
    let (Some(mask), Some(value)) = (mask.as_str(), value.as_str()) else { return false };
    let plain = |text: &str| -> String { text.chars().filter(|c| !matches!(c, ' ' | '-')).collect() };
    let (mask, value) = (plain(mask), plain(value));
    let mut rest = value.as_str();
    mask.split('*').all(|piece| match rest.split_once(piece) {
        _ if piece.is_empty() => true,
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
