//! The record as a JSON tree and as values by path, and how large a whole record may be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Values;
use super::check::{check, is_masked, unknown};
use super::fields::{GROUPS, Shape, entry_of, field_of, is_branch};
use crate::words::error::{Error, Result};

/// Bytes of what stands in a record: some twenty printed pages, several times the longest real one; a terminal with a
/// weak link still sends it whole in a few seconds.
pub const STANDING_MAX: usize = 64 * 1024;
/// With what was removed, which stays: entries per one that may stand, and bytes likewise.
const REMOVED_FACTOR: usize = 4;

/// Reads a whole record, or a part of one: every field by its path, in the form of [`check`].
///
/// `kind` is read by whoever makes the record and is skipped here. Null stays Null: the field is said to be empty. A
/// masked personal value stays as it is, for [`super::diff()`] to compare; [`check`] would refuse it.
///
/// Errors: `invalid_field` with the path of what is unknown, wrong or too much.
pub fn flatten(tree: &Value) -> Result<Values> {
    let mut values = Values::new();
    walk("", tree, &mut values)?;
    bounds(&values)?;
    Ok(values)
}

fn walk(above: &str, tree: &Value, values: &mut Values) -> Result<()> {
    let Some(members) = tree.as_object() else {
        return match (tree, above) {
            (_, "") => Err(Error::field("record", "must be an object")),
            (Value::Null, _) => Ok(()),
            _ => Err(Error::field(above, "must be an object")),
        };
    };
    for (name, member) in members {
        let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
        match field_of(&path) {
            // A path for a name would be a second way to say the same field.
            _ if name.contains('/') => return Err(unknown(&path)),
            Some(field) => {
                let value = if is_masked(field, member) { member.clone() } else { check(&path, member)? };
                values.insert(path, value);
            }
            None if path == "kind" => {}
            None if is_branch(&path) => walk(&path, member, values)?,
            None => return Err(unknown(&path)),
        }
    }
    Ok(())
}

/// The tree of what stands: without empty fields, removed entries and empty maps. `kind` is for the caller to add.
pub fn tree(values: &Values) -> Value {
    nest(standing(values))
}

/// The same tree of the entries that were removed, so that nobody has to wonder where they went.
pub fn removed(values: &Values) -> Value {
    let gone = removed_entries(values);
    nest(values.iter().filter(|(path, value)| {
        !value.is_null() && !is_flag(path) && entry_of(path).is_some_and(|entry| gone.contains(entry))
    }))
}

/// What stands: no empty field, no removed entry, no flag.
pub(super) fn standing(values: &Values) -> impl Iterator<Item = (&String, &Value)> {
    let gone = removed_entries(values);
    values.iter().filter(move |(path, value)| {
        !value.is_null() && !is_flag(path) && entry_of(path).is_none_or(|entry| !gone.contains(entry))
    })
}

/// The entries that are hidden, e.g. `parties/<uuid>`.
pub fn removed_entries(values: &Values) -> BTreeSet<&str> {
    let set = values.iter().filter(|(path, value)| is_flag(path) && **value == Value::Bool(true));
    set.filter_map(|(path, _)| entry_of(path)).collect()
}

fn is_flag(path: &str) -> bool {
    entry_of(path).is_some() && path.ends_with("/removed")
}

/// A tree of values by path.
pub(super) fn nest<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> Value {
    let mut root = Map::new();
    for (path, value) in values {
        put(&mut root, path, value);
    }
    Value::Object(root)
}

fn put(map: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('/') {
        None => {
            map.insert(path.to_owned(), value.clone());
        }
        Some((head, rest)) => {
            let below = map.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

/// Whether a record of these values is still one that a person can read and a terminal can carry. Asked of what is sent
/// and of what the merge makes of it, since several terminals together may say more than each of them.
///
/// Errors: `invalid_field` that names the map, or `record`.
pub fn bounds(values: &Values) -> Result<()> {
    let gone = removed_entries(values);
    let entries: BTreeSet<&str> = values.keys().filter_map(|path| entry_of(path)).collect();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in entries {
        let (group, _) = entry.split_once('/').unwrap_or((entry, ""));
        let (all, stand) = counts.entry(group).or_default();
        *all += 1;
        *stand += usize::from(!gone.contains(entry));
    }
    for (group, most) in GROUPS {
        let (all, stand) = counts.get(group).copied().unwrap_or_default();
        if stand > most {
            return Err(Error::field(group, format!("at most {most} entries")));
        }
        if all > most * REMOVED_FACTOR {
            return Err(Error::field(group, format!("at most {} entries with the removed", most * REMOVED_FACTOR)));
        }
    }
    let stands: usize = standing(values).map(|(_, value)| bytes(value)).sum();
    if stands > STANDING_MAX {
        return Err(Error::field("record", format!("at most {STANDING_MAX} bytes")));
    }
    let all: usize = values.values().map(bytes).sum();
    if all > STANDING_MAX * REMOVED_FACTOR {
        return Err(Error::field(
            "record",
            format!("at most {} bytes with the removed", STANDING_MAX * REMOVED_FACTOR),
        ));
    }
    Ok(())
}

/// Bytes of a value; what is no text counts as a word.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        _ => 8,
    }
}

/// Paths of fields that name a party who does not stand in the record: a debtor who was removed meanwhile. To be asked
/// about before an agreement is printed; no error, because another terminal may still bring the party.
pub fn loose(values: &Values) -> Vec<String> {
    let stand: BTreeSet<&str> = standing(values).filter_map(|(path, _)| entry_of(path)).collect();
    let names_nobody = |value: &Value| {
        let party = value.as_str().map(|id| format!("parties/{id}"));
        !party.is_some_and(|party| stand.contains(party.as_str()))
    };
    standing(values)
        .filter(|(path, _)| field_of(path).is_some_and(|field| field.shape == Shape::Party))
        .filter(|(_, value)| names_nobody(value))
        .map(|(path, _)| path.clone())
        .collect()
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
