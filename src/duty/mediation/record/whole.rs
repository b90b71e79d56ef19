//! A whole record says something of every field, also of those that it leaves as they were. A writing of the same device
//! that was made before it and comes in after it finds its fields spoken for.

use std::collections::BTreeSet;

use super::fields::entry_of;
use super::merge::{Edit, values_after, values_before};
use super::tree::removed_entries;
use super::{Values, diff};
use crate::words::error::Result;

/// What the whole records of a device, come in before, set against `late`, which was written before them: the edits that each
/// would have made had all come in order, under its id. `known` is what came in before `late`; of the whole records path,
/// value and version do not matter, nor does their order here.
///
/// Errors: none that [`diff()`] did not have for the whole record itself.
pub fn overtaken(known: &[Edit], late: &[Edit], wholes: &[Edit]) -> Result<Vec<Edit>> {
    let mut following: Vec<&Edit> =
        wholes.iter().filter(|whole| late.iter().any(|late| follows(whole, late))).collect();
    following.sort_unstable_by_key(|whole| whole.claimed());
    let mut all: Vec<Edit> = known.iter().chain(late).cloned().collect();
    let mut said = Vec::new();
    for whole in following {
        let mut wanted: Values = values_after(known, whole);
        // A removed entry is shown to nobody, and so in no whole record.
        let hidden: BTreeSet<String> = removed_entries(&wanted).into_iter().map(str::to_owned).collect();
        wanted.retain(|path, _| entry_of(path).is_none_or(|entry| !hidden.contains(entry)));
        for (path, value) in diff(&values_before(&all, whole), &wanted)? {
            if known.iter().any(|edit| edit.id == whole.id && edit.path == path) {
                continue;
            }
            let version = late.first().map_or(0, |late| late.version);
            said.push(Edit { path, value, version, ..whole.clone() });
            all.extend(said.last().cloned());
        }
    }
    Ok(said)
}

/// Whether a whole record was written after this edit on the same device. A terminal that counts some of its writings
/// and not others says nothing of their order.
fn follows(whole: &Edit, late: &Edit) -> bool {
    let comparable = late.counter > 0 || whole.counter == 0;
    whole.device == late.device && comparable && late.claimed() < whole.claimed()
}

#[cfg(test)]
#[path = "whole_sim.rs"]
mod sim;
