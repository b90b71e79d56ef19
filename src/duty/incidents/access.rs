//! Who stands how to an incident: the facts for `policy`, loaded once.

use super::store::{self, IncidentRow};
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// An actor's standing towards one incident.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// A unit of the incident inside the actor's subtree.
    watched_path: Option<String>,
    /// The same, counting only units that are in charge now.
    command_path: Option<String>,
    own: bool,
    /// Is or was sent to it.
    pub assigned: bool,
    /// Has accepted (or gone by himself) at some time.
    pub accepted: bool,
    source: String,
}

/// Loads the facts.
pub fn sight(conn: &mut Conn, actor: &Actor, row: &IncidentRow) -> Result<Sight> {
    let paths = store::unit_paths(conn, &row.id)?;
    let watched_path = paths.iter().find(|(path, _)| actor.commands(path)).map(|(path, _)| path.clone());
    let command_path =
        paths.iter().find(|(path, active)| *active && actor.commands(path)).map(|(path, _)| path.clone());
    let parties = store::parties_of_person(conn, &row.id, &actor.person)?;
    Ok(Sight {
        watched_path,
        command_path,
        own: row.created_by == Some(actor.person),
        assigned: !parties.is_empty(),
        accepted: parties.iter().any(|party| party.accepted_at.is_some()),
        source: row.source.clone(),
    })
}

impl Sight {
    /// Asks the policy.
    pub fn decide(&self, actor: &Actor, action: Action) -> Decision {
        self.decide_in_window(actor, action, false)
    }

    /// Asks the policy with a time-limited right judged by the caller.
    pub fn decide_in_window(&self, actor: &Actor, action: Action, window_open: bool) -> Decision {
        let commanding =
            matches!(action, Action::IncidentCommand | Action::CallerRead | Action::TaskSend | Action::TaskRecord);
        let path = if commanding { self.command_path.as_deref() } else { self.watched_path.as_deref() };
        let facts = Facts {
            unit_path: path,
            own: self.own,
            assigned: self.assigned,
            source: Some(&self.source),
            window_open,
            // Who may still look at what he handed over is told "forbidden", not "not found".
            shared: commanding && path.is_none() && self.watched_path.is_some() && actor.kind.is_watching(),
            ..Facts::default()
        };
        policy::may(actor, action, &facts)
    }

    /// Errors: `not_found` or `forbidden`.
    pub fn check(&self, actor: &Actor, action: Action) -> Result<()> {
        self.decide(actor, action).check("incident")
    }

    /// The caller's number: from acceptance until `hours` after the final feedback; of a call that ended
    /// without one, after its last change.
    pub fn caller_window(&self, row: &IncidentRow, now: Timestamp, hours: u32) -> bool {
        let ended = row.final_at.or_else(|| row.state.is_over().then_some(row.updated_at));
        let open = ended.is_none_or(|at| now <= at.plus_secs(i64::from(hours) * 3600));
        self.accepted && open
    }
}
