//! Items of evidence that people name beside what they say and do.

use super::super::store::MediationRow;
use crate::duty::evidence::Kind as ItemKind;
use crate::duty::evidence::store::{evidence_find, frozen, incidents_of};
use crate::platform::db::Conn;
use crate::words::error::{Error, Result};
use crate::words::ids::EvidenceId;

/// Refuses an item that is here and of another call than the record's; calls that were merged are one. Of a `clip` it must
/// be a recording, as long as the clip says. What is not here yet is on its way: it was named at the scene, where its
/// upload may still wait for a network. A camera knows of no call: what it recorded is of none until somebody says so.
///
/// Errors: `invalid_field` of that name.
pub fn of_call(
    conn: &mut Conn,
    row: &MediationRow,
    field: &str,
    item: Option<EvidenceId>,
    clip: Option<i64>,
) -> Result<()> {
    let Some(id) = item else { return Ok(()) };
    let Some(item) = evidence_find(conn, &id)? else { return Ok(()) };
    let calls = incidents_of(conn, &id)?;
    let mains = frozen::mains(conn, &calls)?;
    let ours = frozen::mains(conn, &[row.incident_id])?;
    let main_of = |of: &std::collections::HashMap<_, _>, mut call| {
        while let Some(main) = of.get(&call) {
            call = *main;
        }
        call
    };
    let call = main_of(&ours, row.incident_id);
    if !calls.is_empty() && !calls.iter().any(|one| main_of(&mains, *one) == call) {
        return Err(Error::field(field, "is an item that does not belong to this call"));
    }
    let Some(upto_ms) = clip else { return Ok(()) };
    if !matches!(item.kind, ItemKind::Video | ItemKind::Audio) {
        return Err(Error::field(field, "is no recording"));
    }
    // Its length is known once it was looked into.
    if item.duration_ms.is_some_and(|whole| upto_ms > whole) {
        return Err(Error::field(field, "ends after the recording"));
    }
    Ok(())
}
