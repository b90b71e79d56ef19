//! What was promised and what arrived: the memory of a load run.
//!
//! An assignment's answer and its arrival on the device race each other, so both sides write here
//! and whoever is second takes the measurement. Called by the driver and the terminals.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{Session, now_micros};
use super::stats::Stats;

#[derive(Default)]
struct Entry {
    due: Option<Instant>,
    terminal: Option<usize>,
    received: u32,
    first_at: Option<Instant>,
}

#[derive(Default)]
struct Alarm {
    due: Option<Instant>,
    alerts: Vec<Instant>,
    measured: usize,
}

/// The deadline that is measured: nobody has looked at the offer.
pub const LOOKED_AT: &str = "viewed";

/// A room is told of a missed deadline within this, or the run is not sound.
const TOLD_WITHIN_US: i64 = 5_000_000;

/// When the room must be told and when it was, server time in µs.
#[derive(Default)]
struct Clock {
    due: Option<i64>,
    told: Option<i64>,
}

#[derive(Default)]
struct Pages {
    assignments: HashMap<String, Entry>,
    deadlines: HashMap<String, Clock>,
    outstanding: HashMap<usize, usize>,
    alarms: HashMap<String, Alarm>,
}

/// Shared by every task of a run.
#[derive(Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
}

impl Ledger {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server said 201 to an assignment that was due then, for this terminal.
    pub fn promised(&self, stats: &Stats, assignment: &str, due: Instant, terminal: usize) {
        let mut pages = self.pages();
        let entry = pages.assignments.entry(assignment.to_owned()).or_default();
        entry.due = Some(due);
        entry.terminal = Some(terminal);
        match entry.first_at {
            Some(at) => stats.took("assignment_due_to_device", at.saturating_duration_since(due)),
            None => *pages.outstanding.entry(terminal).or_default() += 1,
        }
    }

    /// An offer arrived on a device.
    pub fn received(&self, stats: &Stats, assignment: &str, terminal: usize) {
        let now = Instant::now();
        let mut pages = self.pages();
        let entry = pages.assignments.entry(assignment.to_owned()).or_default();
        entry.received += 1;
        if entry.received > 1 {
            return;
        }
        entry.first_at = Some(now);
        if let Some(due) = entry.due {
            stats.took("assignment_due_to_device", now.saturating_duration_since(due));
            if let Some(open) = pages.outstanding.get_mut(&terminal) {
                *open = open.saturating_sub(1);
            }
        }
    }

    /// Offers promised to this terminal that it does not have yet.
    pub fn outstanding(&self, terminal: usize) -> usize {
        self.pages().outstanding.get(&terminal).copied().unwrap_or_default()
    }

    /// Offers promised to anybody that have not arrived.
    pub fn outstanding_all(&self) -> usize {
        self.pages().outstanding.values().sum()
    }

    /// The server said 201 to a press that was due then.
    pub fn pressed(&self, stats: &Stats, backup: &str, due: Instant) {
        let mut pages = self.pages();
        let alarm = pages.alarms.entry(backup.to_owned()).or_default();
        alarm.due = Some(due);
        measure(stats, alarm);
    }

    /// An alert arrived on a device.
    pub fn alerted(&self, stats: &Stats, backup: &str) {
        let mut pages = self.pages();
        let alarm = pages.alarms.entry(backup.to_owned()).or_default();
        alarm.alerts.push(Instant::now());
        measure(stats, alarm);
    }

    /// Nobody looks at this assignment, so the room must be told then (server time, µs).
    pub fn deadline(&self, stats: &Stats, assignment: &str, due: i64) {
        self.clock(stats, assignment, |clock| clock.due.get_or_insert(due));
    }

    /// A seat was told that a deadline of this assignment is missed (server time, µs).
    pub fn told(&self, stats: &Stats, assignment: &str, at: i64) {
        self.clock(stats, assignment, |clock| clock.told.get_or_insert(at));
    }

    /// Whoever of the two is second takes the measurement.
    fn clock(&self, stats: &Stats, assignment: &str, note: impl FnOnce(&mut Clock) -> &mut i64) {
        let mut pages = self.pages();
        let clock = pages.deadlines.entry(assignment.to_owned()).or_default();
        let whole = clock.due.is_some() && clock.told.is_some();
        note(clock);
        if let (false, Some(due), Some(told)) = (whole, clock.due, clock.told) {
            let late = u64::try_from(told - due).unwrap_or_default();
            stats.took("deadline_due_to_room", Duration::from_micros(late));
        }
    }

    /// What was promised, what arrived, what did not.
    pub fn report(&self) -> Value {
        let pages = self.pages();
        let due = pages.deadlines.values().filter_map(|clock| clock.due.map(|due| (due, clock.told)));
        let missed = due.filter(|(due, _)| *due < now_micros() - TOLD_WITHIN_US);
        let promised = pages.assignments.values().filter(|e| e.due.is_some());
        let (mut made, mut lost, mut doubled) = (0u64, 0u64, 0u64);
        for entry in promised {
            made += 1;
            lost += u64::from(entry.received == 0);
            doubled += u64::from(entry.received > 1);
        }
        let pressed = pages.alarms.values().filter(|a| a.due.is_some());
        json!({
            "assignments": made,
            "assignments_lost": lost,
            "assignments_doubled": doubled,
            "deadlines": missed.clone().count(),
            "deadlines_untold": missed.filter(|(_, told)| told.is_none()).count(),
            "backups": pressed.clone().count(),
            "backups_without_alert": pressed.filter(|a| a.alerts.is_empty()).count(),
        })
    }
}

/// The last positions every terminal reported, to tell the age of a binary frame, which carries
/// whole seconds only.
#[derive(Default)]
pub struct Recent(HashMap<Uuid, Mutex<Places>>);

/// Longitude and latitude × 10⁷, time in µs.
type Places = VecDeque<(i32, i32, i64)>;

/// Positions remembered of one terminal.
const REMEMBERED: usize = 16;

impl Recent {
    /// Room for these terminals.
    pub fn of(terminals: &[Session]) -> Self {
        Self(terminals.iter().filter_map(|t| Some((t.person_id.parse().ok()?, Mutex::default()))).collect())
    }

    /// A terminal reported a position at this time (µs).
    pub fn note(&self, person: &str, lon: f64, lat: f64, at: i64) {
        let Some(places) = person.parse().ok().and_then(|id: Uuid| self.0.get(&id)) else { return };
        let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() == REMEMBERED {
            places.pop_front();
        }
        places.push_back((e7(lon), e7(lat), at));
    }

    /// When this position was reported (µs), if it was lately.
    pub fn time_of(&self, person: &Uuid, lon_e7: i32, lat_e7: i32) -> Option<i64> {
        let places = self.0.get(person)?.lock().unwrap_or_else(PoisonError::into_inner);
        places.iter().rev().find(|(lon, lat, _)| (*lon, *lat) == (lon_e7, lat_e7)).map(|(.., at)| *at)
    }
}

/// Degrees × 10⁷.
fn e7(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

fn measure(stats: &Stats, alarm: &mut Alarm) {
    let Some(due) = alarm.due else { return };
    while let Some(at) = alarm.alerts.get(alarm.measured) {
        let took = at.saturating_duration_since(due);
        match alarm.measured {
            0 => stats.took("backup_tap_to_first_alert", took),
            2 => stats.took("backup_tap_to_third_alert", took),
            _ => {}
        }
        alarm.measured += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_order_is_measured_once() {
        let (stats, ledger) = (Stats::new(), Ledger::default());
        let due = Instant::now();
        ledger.promised(&stats, "a", due, 1);
        assert_eq!(ledger.outstanding(1), 1);
        ledger.received(&stats, "a", 1);
        ledger.received(&stats, "b", 1);
        ledger.promised(&stats, "b", due, 1);
        assert_eq!((ledger.outstanding(1), ledger.outstanding_all()), (0, 0));
        assert_eq!(stats.report()["latency_ms"]["assignment_due_to_device"]["n"], 2);
    }

    #[test]
    fn lost_and_doubled_are_told() {
        let (stats, ledger) = (Stats::new(), Ledger::default());
        ledger.promised(&stats, "lost", Instant::now(), 1);
        ledger.promised(&stats, "twice", Instant::now(), 2);
        ledger.received(&stats, "twice", 2);
        ledger.received(&stats, "twice", 2);
        let report = ledger.report();
        assert_eq!(report["assignments"], 2);
        assert_eq!(report["assignments_lost"], 1);
        assert_eq!(report["assignments_doubled"], 1);
    }

    #[test]
    fn a_deadline_is_measured_whoever_comes_first_and_an_untold_one_is_told() {
        let (stats, ledger) = (Stats::new(), Ledger::default());
        let long_ago = now_micros() - 60_000_000;
        ledger.told(&stats, "a", long_ago + 2_000);
        ledger.deadline(&stats, "a", long_ago);
        ledger.deadline(&stats, "b", long_ago);
        ledger.told(&stats, "b", long_ago + 3_000);
        ledger.told(&stats, "b", long_ago + 9_000_000);
        ledger.deadline(&stats, "nobody", long_ago);
        ledger.deadline(&stats, "not yet", now_micros());
        let (latency, report) = (stats.report(), ledger.report());
        assert_eq!(latency["latency_ms"]["deadline_due_to_room"]["n"], 2);
        assert_eq!(latency["latency_ms"]["deadline_due_to_room"]["max"], 3.0);
        assert_eq!((report["deadlines"].as_u64(), report["deadlines_untold"].as_u64()), (Some(3), Some(1)));
    }

    #[test]
    fn first_and_third_alert_are_measured() {
        let (stats, ledger) = (Stats::new(), Ledger::default());
        for _ in 0..2 {
            ledger.alerted(&stats, "x");
        }
        ledger.pressed(&stats, "x", Instant::now());
        ledger.alerted(&stats, "x");
        let report = stats.report();
        assert_eq!(report["latency_ms"]["backup_tap_to_first_alert"]["n"], 1);
        assert_eq!(report["latency_ms"]["backup_tap_to_third_alert"]["n"], 1);
    }
}
