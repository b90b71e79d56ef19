//! What is asked of a writing before it is taken in: numbers that are ones, items of this call, and that nobody's
//! signature falls by surprise.

use serde_json::{Value, json};

use super::super::facts;
use super::super::record::fields::entry_of;
use super::super::record::{self, Values};
use super::super::rules::{IdentityKind, calendar, identity};
use super::super::store::MediationRow;
use super::super::store::acts;
use super::proof;
use crate::platform::db::Tx;
use crate::words::error::{Code, Error, Result};
use crate::words::time::Timestamp;

/// Whether the numbers of documents that were just written are ones; of a document whose type nobody has said anything
/// goes for now.
pub(super) fn identities(values: &Values, written: &[String], now: Timestamp) -> Result<()> {
    for path in written.iter().filter(|path| path.ends_with("/id_number")) {
        let Some(number) = values.get(path).and_then(Value::as_str) else { continue };
        let kind = entry_of(path).and_then(|entry| values.get(&format!("{entry}/id_type")));
        let Some(kind) = kind.and_then(Value::as_str).and_then(|kind| kind.parse::<IdentityKind>().ok()) else {
            continue;
        };
        identity::check(kind, number, calendar::date_of(now))
            .map_err(|error| Error::field(path, error.detail_text().to_owned()))?;
    }
    Ok(())
}

/// Whether the items of evidence that were just named are of this call, and are as long as is said of them.
pub(super) fn shown(tx: &mut Tx<'_>, row: &MediationRow, values: &Values, written: &[String]) -> Result<()> {
    for path in written.iter().filter(|path| path.starts_with("evidence/")) {
        let Some(entry) = entry_of(path) else { continue };
        // Taken out of the record it is asked nothing.
        if values.get(&format!("{entry}/removed")).and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let item = entry.rsplit('/').next().and_then(|id| id.parse().ok());
        let upto = values.get(&format!("{entry}/to_ms")).and_then(Value::as_i64);
        proof::of_call(tx.conn(), row, path, item, upto)?;
    }
    Ok(())
}

/// Nobody's signature falls by surprise: who writes says that he knows.
pub(super) fn signatures_stand(tx: &mut Tx<'_>, row: &MediationRow, before: &Values, after: &Values) -> Result<()> {
    let changes = record::content_changes(before, after);
    if changes.is_empty() {
        return Ok(());
    }
    let signatures = acts::signatures_of(tx.conn(), &row.id)?;
    let hash = facts::hash(row.kind, before);
    let falling: Vec<_> = signatures.iter().filter(|one| one.content_hash == hash && one.status.is_given()).collect();
    if falling.is_empty() {
        return Ok(());
    }
    let signers: Vec<_> = falling.iter().map(|one| one.signer_id).collect();
    Err(Error::new(Code::SignaturesFall)
        .detail("what was signed changes: send it with `confirm_signatures_fall`, and ask for them again")
        .with("changes", json!(changes))
        .with("signers", json!(signers)))
}
