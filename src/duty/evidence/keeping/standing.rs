//! What keeps an item now. Asked before a deletion is proposed and agreed to, and again under the locks of the recipe
//! that deletes.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::super::Retention;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::store::deletions::{self, DeletionRow};
use super::super::store::{self, EvidenceRow, HoldRow, frozen};
use super::terms::is_permanent;
use super::{DeletionState, Terms};
use crate::duty::incidents::store as incidents;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::Actor;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{EvidenceId, IncidentId};
use crate::words::time::Timestamp;

/// Why an item may not go.
#[derive(Clone, Debug)]
pub enum Keeps {
    /// It is gone already.
    Gone,
    /// The custodian has not decided yet whether it is what it seems.
    Quarantined,
    Held(Vec<HoldRow>),
    /// Its class, or that of an incident of it, is kept for ever.
    Class(Retention),
    Term(Timestamp),
}

impl Keeps {
    /// One word for it, as a deletion that fell through says it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Quarantined => "quarantined",
            Self::Held(_) => "held",
            Self::Class(_) => "class",
            Self::Term(_) => "term",
        }
    }

    /// The refusal: `gone`, `conflict`, `held` with the holds, `retention_running` with the class and until when.
    pub fn refusal(self) -> Error {
        match self {
            Self::Gone => Error::new(Code::Gone).detail("the item is deleted"),
            Self::Quarantined => Error::conflict("the item is in quarantine"),
            Self::Held(holds) => {
                let ids: Vec<_> = holds.iter().map(|hold| hold.id).collect();
                Error::new(Code::Held).detail("a hold keeps the item").with("holds", json!(ids))
            }
            Self::Class(class) => Error::new(Code::RetentionRunning)
                .detail("items of this class are kept for ever")
                .with("category", json!(class))
                .with("keep_until", Value::Null),
            Self::Term(until) => Error::new(Code::RetentionRunning)
                .detail(format!("the item is kept until {until}"))
                .with("keep_until", json!(until)),
        }
    }
}

/// The incidents of an item and those they were merged into, in ascending order.
pub fn about(conn: &mut Conn, id: &EvidenceId) -> Result<Vec<IncidentId>> {
    let linked = store::incidents_of(conn, id)?;
    let mains = frozen::mains(conn, &linked)?;
    Ok(above(&linked, &mains))
}

/// These incidents and those they were merged into, by what is known of mergers.
pub fn above(incidents: &[IncidentId], mains: &HashMap<IncidentId, IncidentId>) -> Vec<IncidentId> {
    let mut all: BTreeSet<IncidentId> = BTreeSet::new();
    for incident in incidents {
        let mut next = Some(*incident);
        while let Some(id) = next.filter(|id| all.insert(*id)) {
            next = mains.get(&id).copied();
        }
    }
    all.into_iter().collect()
}

/// Locks an item with its incidents, these first: nobody holds, links or deletes it until the transaction ends.
///
/// Errors: `not_found`; one that asks for a repetition when it was linked to another incident just now.
pub fn lock(tx: &mut Tx<'_>, id: &EvidenceId) -> Result<(EvidenceRow, Vec<IncidentId>)> {
    let before = about(tx.conn(), id)?;
    for incident in &before {
        incidents::incident_lock(tx.conn(), incident)?;
    }
    let row = store::evidence_lock(tx.conn(), id)?;
    if about(tx.conn(), id)? != before {
        return Err(Error::internal("the item was linked to another incident meanwhile").repeatable());
    }
    Ok((row, before))
}

/// What keeps the item, the strongest reason first. `incidents`: [`about`] it.
pub fn keeps(
    conn: &mut Conn,
    terms: &Terms,
    row: &EvidenceRow,
    incidents: &[IncidentId],
    now: Timestamp,
) -> Result<Option<Keeps>> {
    if row.gone_at.is_some() {
        return Ok(Some(Keeps::Gone));
    }
    let holds = store::holds_standing(conn, &[row.id], incidents)?;
    if !holds.is_empty() {
        return Ok(Some(Keeps::Held(holds)));
    }
    if row.quarantined {
        return Ok(Some(Keeps::Quarantined));
    }
    if is_permanent(row.retention) {
        return Ok(Some(Keeps::Class(row.retention)));
    }
    // What was found on the scene since the item arrived counts too.
    let proposed = proposed(conn, terms, incidents)?;
    if is_permanent(proposed) {
        return Ok(Some(Keeps::Class(proposed)));
    }
    Ok(match row.keep_until {
        Some(until) if until <= now => None,
        Some(until) => Some(Keeps::Term(until)),
        None => Some(Keeps::Class(row.retention)),
    })
}

/// The class that these incidents ask for, by their category as reported and as found.
pub fn proposed(conn: &mut Conn, terms: &Terms, incidents: &[IncidentId]) -> Result<Retention> {
    let mut categories = Vec::new();
    for id in incidents {
        let row = incidents::incident_fetch(conn, id)?;
        categories.push(row.category);
        categories.extend(row.category_found);
    }
    Ok(terms.propose(categories.iter().map(String::as_str)))
}

/// Puts an item into the class its incidents ask for when that is kept for ever and its own is not: by the rule, nobody
/// need decide it. The caller holds the item's lock.
pub fn raise(tx: &mut Tx<'_>, terms: &Terms, row: &EvidenceRow) -> Result<()> {
    let incidents = about(tx.conn(), &row.id)?;
    let class = proposed(tx.conn(), terms, &incidents)?;
    if is_permanent(row.retention) || !is_permanent(class) {
        return Ok(());
    }
    store::evidence_retain(tx.conn(), &row.id, class, None)?;
    let detail = json!({ "retention": class, "keep_until": null, "reason": "incident_category" });
    touch(tx, Touch { evidence: Some(&row.id), kind: TouchKind::RetentionChanged, actor: None, device: None, detail })?;
    drop_open(tx, None, &row.id, "class")
}

/// Lets every open deletion of an item fall through, visibly. The caller holds the item's lock, or its incident's.
pub fn drop_open(tx: &mut Tx<'_>, actor: Option<&Actor>, id: &EvidenceId, why: &str) -> Result<()> {
    for open in deletions::deletions_open_of(tx.conn(), id)? {
        let row = deletions::deletion_lock(tx.conn(), &open.id)?;
        if row.state.is_open() {
            ended(tx, actor, row, DeletionState::Dropped, why)?;
        }
    }
    Ok(())
}

/// Ends a deletion that is not carried out, and writes it down. The caller holds the row's lock.
pub fn ended(tx: &mut Tx<'_>, actor: Option<&Actor>, row: DeletionRow, state: DeletionState, why: &str) -> Result<()> {
    let (id, evidence, batch) = (row.id, row.evidence_id, row.batch_id);
    let row = DeletionRow {
        state,
        ended_by: actor.map(|actor| actor.person),
        ended_at: Some(tx.now),
        why: Some(why.to_owned()),
        ..row
    };
    deletions::deletion_save(tx.conn(), &row)?;
    touch(
        tx,
        Touch {
            evidence: Some(&evidence),
            kind: TouchKind::DeletionEnded,
            actor: actor.map(|actor| actor.person),
            device: actor.map(|actor| actor.device),
            detail: json!({ "deletion_id": id, "batch_id": batch, "outcome": state, "why": why }),
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_merged_is_about_the_main_incident_too() {
        let [a, b, c, d] = [IncidentId::new(), IncidentId::new(), IncidentId::new(), IncidentId::new()];
        let mains = HashMap::from([(a, b), (b, c)]);
        let mut expected = vec![a, b, c];
        expected.sort_unstable();
        assert_eq!(above(&[a], &mains), expected);
        assert_eq!(above(&[d], &mains), [d]);
        assert_eq!(above(&[], &mains), []);
        // Damage does not make it run for ever.
        assert_eq!(above(&[a], &HashMap::from([(a, b), (b, a)])).len(), 2);
    }
}
