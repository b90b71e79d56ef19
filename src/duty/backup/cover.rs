//! "Who could reach me now": what a press would find, asked before it. Called by `GET /me/cover`.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::facts::{self, Around, Call};
use super::{AlertRole, Kind, Reach, Reason, UnitKey};
use crate::platform::config;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Units counted at most; beyond it the answer is "plenty".
const COUNTED_MAX: usize = 64;

/// Response units that could come, at this moment.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CoverView {
    pub at: Timestamp,
    /// False when the server does not know where the person is: then nothing is counted.
    pub located: bool,
    pub within_s: f64,
    /// Units within that time by estimate, reachable or not.
    pub units: usize,
    /// Of these, proven reachable: an open socket, or a call within the last minute.
    pub reachable: usize,
    pub by_socket: usize,
    /// Estimated arrival of the nearest reachable unit, seconds.
    pub nearest_s: Option<f64>,
}

/// Counts the units a press for plain help would find.
pub fn cover(conn: &mut Conn, around: &Around, person: &PersonId, settings: &config::Backup) -> Result<CoverView> {
    let mut view = CoverView {
        at: around.now,
        located: false,
        within_s: settings.cover_within_s,
        units: 0,
        reachable: 0,
        by_socket: 0,
        nearest_s: None,
    };
    let Some((marker, _)) = around.marker(person) else { return Ok(view) };
    view.located = true;
    let choice = facts::rank_around(
        conn,
        around,
        &Call {
            requester: *person,
            for_person: *person,
            kind: Kind::Help,
            place: marker.position,
            already: HashSet::new(),
            missing: COUNTED_MAX,
            spare: 0,
            within_m: settings.within_m,
        },
    )?;
    let mut units: BTreeMap<UnitKey, (Reach, f64)> = BTreeMap::new();
    for verdict in &choice.verdicts {
        let could = verdict.role == Some(AlertRole::Respond) || verdict.reason == Reason::Unreachable;
        let Some(fix) = verdict.fix.filter(|fix| could && fix.fresh) else { continue };
        let unit = units.entry(verdict.unit).or_insert((Reach::None, f64::INFINITY));
        unit.0 = unit.0.max(verdict.reach);
        unit.1 = unit.1.min(fix.eta_s);
    }
    for (reach, eta_s) in units.into_values() {
        if reach > Reach::None {
            view.nearest_s = Some(view.nearest_s.map_or(eta_s, |best| best.min(eta_s)));
        }
        if eta_s <= settings.cover_within_s {
            view.units += 1;
            view.reachable += usize::from(reach > Reach::None);
            view.by_socket += usize::from(reach == Reach::Socket);
        }
    }
    Ok(view)
}
