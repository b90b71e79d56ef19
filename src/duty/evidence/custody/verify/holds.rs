//! Holds against the log: who set which and when, and who lifted it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use crate::duty::evidence::store::custody::raw::{self, RawEntry, RawHold};
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// Holds read at once.
const PAGE: i64 = 1_024;

/// What the log says about holds.
#[derive(Default)]
pub struct Holds {
    set: BTreeMap<String, Said>,
    lifted: BTreeMap<String, Said>,
}

/// One entry about a hold.
struct Said {
    by: Option<String>,
    at: Timestamp,
    incident: Option<String>,
    evidence: Option<String>,
    reason: Option<String>,
}

impl Holds {
    /// Takes what an entry says about a hold, if it is about one.
    pub fn note(&mut self, row: &RawEntry, detail: &str) {
        let holds = match row.kind.as_str() {
            "hold_set" => &mut self.set,
            "hold_lifted" => &mut self.lifted,
            _ => return,
        };
        let Ok(detail) = serde_json::from_str::<Value>(detail) else { return };
        let text = |key: &str| detail.get(key).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = text("hold_id") else { return };
        let incident = text("incident_id");
        // The hold of an incident is told in the custody of each of its items too.
        let evidence = if incident.is_none() { row.evidence_id.clone() } else { None };
        let said = Said { by: row.actor_id.clone(), at: row.at, incident, evidence, reason: text("reason") };
        holds.entry(id).or_insert(said);
    }

    /// Every row against what was said, and the other way round.
    pub fn check(&self, conn: &mut Conn, findings: &mut Findings) -> Result<()> {
        let (mut after, mut missing) = (String::new(), self.set.keys().collect::<BTreeSet<_>>());
        loop {
            let rows = raw::holds_after(conn, &after, PAGE)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                missing.remove(&row.id);
                self.check_row(conn, row, findings)?;
            }
        }
        missing.into_iter().for_each(|id| findings.add(format!("hold {id} is in the log and has no row")));
        Ok(())
    }

    fn check_row(&self, conn: &mut Conn, row: &RawHold, findings: &mut Findings) -> Result<()> {
        let Some(set) = self.set.get(&row.id) else {
            // What was said about a deleted item was erased.
            let erased = match &row.evidence_id {
                Some(item) => raw::is_deleted_after(conn, item, Some(i64::MIN))?,
                None => false,
            };
            if !erased {
                findings.add(format!("hold {} is not in the log", row.id));
            }
            return Ok(());
        };
        let lifted = self.lifted.get(&row.id);
        let same = set.by.as_ref() == Some(&row.set_by)
            && set.at == row.set_at
            && set.incident == row.incident_id
            && set.evidence == row.evidence_id
            && set.reason.as_ref().is_none_or(|reason| *reason == row.reason)
            && lifted.map(|said| said.at) == row.lifted_at
            && lifted.and_then(|said| said.by.clone()) == row.lifted_by;
        if !same {
            findings.add(format!("hold {} is not as the log says", row.id));
        }
        Ok(())
    }
}
