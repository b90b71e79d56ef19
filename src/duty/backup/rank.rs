//! Who is alerted: a pure ranking of response units, called by `plan.rs` for the first wave and every wider one.
//!
//! A unit is a crew or a lone person, never one of two people in a car. Only proven reach counts: an open socket
//! first, a recent call second. Whoever is looked at gets exactly one verdict with its reason, chosen or not.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{AlertRole, Capability, Force, Kind, Reach, Reason, UnitKey, capability};
use crate::words::ids::{CrewId, PersonId};

/// What one person is bound to at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Free,
    /// Accepted, on the way or on the scene of an incident of this priority (1 is the highest).
    Incident(u8),
    /// Coming to, or arrived at, another open backup.
    Backup,
    /// Someone else's backup is about this very person.
    InTrouble,
}

/// The last good position of a person as seen from the destination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    pub fresh: bool,
    pub age_s: f64,
    pub distance_m: f64,
    pub eta_s: f64,
}

/// One person who might come, with every fact the ranking needs.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub person: PersonId,
    pub force: Force,
    pub crew: Option<CrewId>,
    pub on_duty: bool,
    pub reach: Reach,
    pub fix: Option<Fix>,
    pub held: Held,
    pub grid: Option<String>,
    /// On the scene of the caller's own incident, or standing where help is needed.
    pub there: bool,
}

/// What is asked of one wave.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    pub kind: Kind,
    pub requester: PersonId,
    pub for_person: PersonId,
    pub own_crew: Option<CrewId>,
    /// The grid the destination belongs to; it is never stripped by sending its own people there.
    pub grid: Option<&'a str>,
    /// People this request has spoken to before: they are not alerted twice.
    pub already: &'a HashSet<PersonId>,
    /// Acceptances still missing (units).
    pub missing: usize,
    /// Units offered beyond the missing ones.
    pub spare: usize,
    /// Units on duty per grid, the candidates included.
    pub strength: &'a HashMap<String, usize>,
    /// Units that must stay in a grid while anybody else can come.
    pub keep: &'a HashMap<String, usize>,
}

/// The verdict about one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub person: PersonId,
    pub unit: UnitKey,
    /// `None`: skipped.
    pub role: Option<AlertRole>,
    pub reason: Reason,
    pub reach: Reach,
    pub fix: Option<Fix>,
}

/// The outcome of one wave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    pub verdicts: Vec<Verdict>,
    /// Response units offered the call; informed people and perimeter posts are not among them.
    pub units: usize,
}

impl Choice {
    /// Verdicts of people who get a message, alerted or informed.
    pub fn told(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.role.is_some())
    }
}

struct Unit {
    key: UnitKey,
    members: Vec<Candidate>,
    reach: Reach,
    eta_s: f64,
    grid: Option<String>,
}

/// Ranks the candidates and picks the units of this wave; the order of the input does not matter.
pub fn choose(ask: &Ask<'_>, candidates: Vec<Candidate>) -> Choice {
    let mut choice = Choice::default();
    let mut units: BTreeMap<UnitKey, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        let key = candidate.crew.map_or(UnitKey::Person(candidate.person), UnitKey::Crew);
        units.entry(key).or_default().push(candidate);
    }

    let mut responders = Vec::new();
    let mut perimeter = Vec::new();
    for (key, mut members) in units {
        members.sort_by_key(|member| member.person);
        members.dedup_by_key(|member| member.person);
        if settle_bystanders(ask, key, &members, &mut choice) {
            continue;
        }
        match judge(ask, &members) {
            Ok((capability, unit)) => {
                let unit = Unit { key, members, ..unit };
                match capability {
                    Capability::Respond => responders.push(unit),
                    _ => perimeter.push(unit),
                }
            }
            Err(reason) => skip(&mut choice, key, &members, reason),
        }
    }

    let first =
        |a: &Unit, b: &Unit| b.reach.cmp(&a.reach).then(a.eta_s.total_cmp(&b.eta_s)).then_with(|| a.key.cmp(&b.key));
    responders.sort_by(first);
    perimeter.sort_by(first);

    pick(ask, responders, perimeter, &mut choice);
    choice.verdicts.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
    choice
}

fn order(verdict: &Verdict) -> (u8, f64, PersonId) {
    let rank = match verdict.role {
        Some(AlertRole::Respond) => 0,
        Some(AlertRole::Perimeter) => 1,
        Some(AlertRole::Informed) => 2,
        None => 3,
    };
    (rank, verdict.fix.map_or(f64::INFINITY, |fix| fix.eta_s), verdict.person)
}

/// The caller's side and people already there: told, never counted. True when the whole unit is settled.
fn settle_bystanders(ask: &Ask<'_>, key: UnitKey, members: &[Candidate], choice: &mut Choice) -> bool {
    let own = matches!(key, UnitKey::Crew(crew) if Some(crew) == ask.own_crew);
    let there = members.iter().any(|member| member.there);
    let caller = |member: &Candidate| member.person == ask.for_person || member.person == ask.requester;
    if !own && !there && !members.iter().any(caller) {
        return false;
    }
    for member in members {
        let (role, reason) = if caller(member) {
            (None, Reason::Caller)
        } else if ask.already.contains(&member.person) {
            (None, Reason::AlreadyAlerted)
        } else if own || !there {
            (Some(AlertRole::Informed), Reason::OwnCrew)
        } else {
            (Some(AlertRole::Informed), Reason::AlreadyThere)
        };
        choice.verdicts.push(verdict(key, member, role, reason));
    }
    true
}

/// Whether this unit can be offered the call, else the first reason why not.
fn judge(ask: &Ask<'_>, members: &[Candidate]) -> Result<(Capability, Unit), Reason> {
    if members.iter().any(|member| ask.already.contains(&member.person)) {
        return Err(Reason::AlreadyAlerted);
    }
    let on_duty: Vec<&Candidate> = members.iter().filter(|member| member.on_duty).collect();
    if on_duty.is_empty() {
        return Err(Reason::OffDuty);
    }
    let can = on_duty.iter().map(|member| capability(member.force, ask.kind)).max().unwrap_or(Capability::Nothing);
    if can == Capability::Nothing {
        return Err(Reason::KindNotAllowed);
    }
    for member in &on_duty {
        match member.held {
            Held::InTrouble => return Err(Reason::InTrouble),
            Held::Backup => return Err(Reason::OnOtherBackup),
            Held::Incident(priority) if priority < ask.kind.rank() => return Err(Reason::HigherPriority),
            Held::Incident(_) | Held::Free => {}
        }
    }
    let reach = on_duty.iter().map(|member| member.reach).max().unwrap_or(Reach::None);
    if reach == Reach::None {
        return Err(Reason::Unreachable);
    }
    let fixes: Vec<Fix> = on_duty.iter().filter_map(|member| member.fix).collect();
    if fixes.is_empty() {
        return Err(Reason::NoFix);
    }
    let eta_s = fixes.iter().filter(|fix| fix.fresh).map(|fix| fix.eta_s).fold(f64::INFINITY, f64::min);
    if !eta_s.is_finite() {
        return Err(Reason::StaleFix);
    }
    let grid = on_duty.iter().find_map(|member| member.grid.clone());
    Ok((can, Unit { key: UnitKey::Person(ask.requester), members: Vec::new(), reach, eta_s, grid }))
}

fn pick(ask: &Ask<'_>, responders: Vec<Unit>, perimeter: Vec<Unit>, choice: &mut Choice) {
    let offered = ask.missing.saturating_add(ask.spare);
    let mut strength = ask.strength.clone();
    let mut kept = Vec::new();
    for unit in responders {
        if choice.units >= offered {
            skip(choice, unit.key, &unit.members, Reason::Farther);
            continue;
        }
        let strips =
            unit.grid.as_deref().filter(|grid| Some(*grid) != ask.grid).is_some_and(|grid| {
                strength.get(grid).copied().unwrap_or(1) <= ask.keep.get(grid).copied().unwrap_or(0)
            });
        if strips {
            kept.push(unit);
            continue;
        }
        if let Some(left) = unit.grid.as_deref().and_then(|grid| strength.get_mut(grid)) {
            *left = left.saturating_sub(1);
        }
        let reason = if unit.reach == Reach::Socket { Reason::Nearest } else { Reason::NearestRecent };
        offer(choice, &unit, AlertRole::Respond, reason);
    }
    for unit in kept {
        if choice.units < ask.missing {
            offer(choice, &unit, AlertRole::Respond, Reason::GridDrawn);
        } else {
            skip(choice, unit.key, &unit.members, Reason::KeptForGrid);
        }
    }
    let mut posts = ask.missing.saturating_sub(choice.units);
    for unit in perimeter {
        if posts > 0 {
            posts -= 1;
            offer(choice, &unit, AlertRole::Perimeter, Reason::Perimeter);
        } else {
            skip(choice, unit.key, &unit.members, Reason::KindNotAllowed);
        }
    }
}

fn offer(choice: &mut Choice, unit: &Unit, role: AlertRole, reason: Reason) {
    if role == AlertRole::Respond {
        choice.units += 1;
    }
    for member in &unit.members {
        // A crew's member who has signed off is not called back by it.
        let (role, reason) = if member.on_duty { (Some(role), reason) } else { (None, Reason::OffDuty) };
        choice.verdicts.push(verdict(unit.key, member, role, reason));
    }
}

fn skip(choice: &mut Choice, key: UnitKey, members: &[Candidate], reason: Reason) {
    for member in members {
        choice.verdicts.push(verdict(key, member, None, reason));
    }
}

fn verdict(unit: UnitKey, member: &Candidate, role: Option<AlertRole>, reason: Reason) -> Verdict {
    Verdict { person: member.person, unit, role, reason, reach: member.reach, fix: member.fix }
}

#[cfg(test)]
#[path = "rank_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "rank_sim.rs"]
mod sim;
