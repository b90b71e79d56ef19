//! The schedule of a load run: who is sent where and who presses, each at its due time.
//!
//! Open loop: the next operation is due whether or not the last one was answered. Called by
//! `simulate::run`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Session, first_text, stamp, text};
use super::ledger;
use super::run::Run;
use super::terminal::Handle;
use crate::words::dice::Dice;
use crate::words::time::Timestamp;

/// The incident is made this long before its assignment is due, so that only the assignment counts.
const INCIDENT_AHEAD: Duration = Duration::from_millis(1_500);
/// A backup is closed this long after the press.
const BACKUP_LASTS: Duration = Duration::from_secs(4);

/// Send assignments at `rate` per second until `until`.
pub async fn assignments(
    run: Arc<Run>,
    terminals: Arc<Vec<Handle>>,
    dispatchers: Vec<Session>,
    rate: f64,
    until: Instant,
    mut dice: Dice,
) {
    if rate <= 0.0 || dispatchers.is_empty() {
        return;
    }
    let mut due = Instant::now() + INCIDENT_AHEAD;
    let mut serial = 0usize;
    while let Some(next) = after(due, rate, until, &mut dice) {
        due = next;
        tokio::time::sleep_until((due - INCIDENT_AHEAD).into()).await;
        let (Some(seat), Some(target)) =
            (dispatchers.get(serial % dispatchers.len()).cloned(), some_terminal(&terminals, &mut dice))
        else {
            continue;
        };
        serial += 1;
        tokio::spawn(one_assignment(run.clone(), terminals.clone(), seat, target, due));
    }
}

/// When the next is due, if before `until`: at a low rate it may lie far beyond.
fn after(due: Instant, rate: f64, until: Instant, dice: &mut Dice) -> Option<Instant> {
    let next = due + Duration::from_secs_f64(dice.gap(1.0 / rate));
    (next < until).then_some(next)
}

fn some_terminal(terminals: &[Handle], dice: &mut Dice) -> Option<usize> {
    (!terminals.is_empty()).then(|| dice.below(terminals.len()))
}

async fn one_assignment(run: Arc<Run>, terminals: Arc<Vec<Handle>>, seat: Session, target: usize, due: Instant) {
    let Some(terminal) = terminals.get(target) else { return };
    let incident = json!({
        "category": "assistance",
        "priority": 3,
        "title": "Load test",
        "location": {"lon": run.centre.0, "lat": run.centre.1},
        "called_at": stamp(),
    });
    let asked = Instant::now();
    let incident = match seat.post("/incidents", &incident).await {
        Ok(made) => text(&made, "id").to_owned(),
        Err(trouble) => return run.stats.count(&format!("refused_incident_{}", trouble.label())),
    };
    run.stats.since_due("incident_created", asked);
    tokio::time::sleep_until(due.into()).await;
    let body = json!({"person_ids": [&*terminal.session.person_id]});
    match seat.post(&format!("/incidents/{incident}/assignments"), &body).await {
        Ok(made) => {
            run.stats.since_due("assignment_reply", due);
            for assignment in made.get("assignments").and_then(Value::as_array).into_iter().flatten() {
                let id = text(assignment, "id");
                run.ledger.promised(&run.stats, id, due, target);
                if run.faults.mute > 0.0 {
                    note_deadline(&run, &seat, id).await;
                }
            }
        }
        Err(trouble) => run.stats.count(&format!("refused_assignment_{}", trouble.label())),
    }
}

/// Asks when the room must be told that nobody has looked at it.
async fn note_deadline(run: &Run, seat: &Session, assignment: &str) {
    let Ok(now) = seat.get(&format!("/assignments/{assignment}")).await else {
        return run.stats.count("deadline_not_read");
    };
    let clocks = now.get("deadlines").and_then(Value::as_array).into_iter().flatten();
    for clock in clocks.filter(|clock| text(clock, "limit") == ledger::LOOKED_AT) {
        if let Ok(due) = Timestamp::parse(text(clock, "due_at")) {
            run.ledger.deadline(&run.stats, assignment, due.as_micros());
        }
    }
}

/// Press the button somewhere at `rate` per second until `until`.
pub async fn backups(
    run: Arc<Run>,
    terminals: Arc<Vec<Handle>>,
    seat: Option<Session>,
    rate: f64,
    until: Instant,
    mut dice: Dice,
) {
    if rate <= 0.0 {
        return;
    }
    let mut due = Instant::now();
    while let Some(next) = after(due, rate, until, &mut dice) {
        due = next;
        tokio::time::sleep_until(due.into()).await;
        let up = |n: &usize| terminals.get(*n).is_some_and(|t| t.up.load(Ordering::Relaxed));
        let chosen = (0..8).filter_map(|_| some_terminal(&terminals, &mut dice)).find(up);
        match chosen.and_then(|n| terminals.get(n)) {
            Some(terminal) if terminal.press.send(due).is_ok() => {
                tokio::spawn(close_later(run.clone(), terminal.session.clone(), seat.clone()));
            }
            _ => run.stats.count("backup_nobody_connected"),
        }
    }
}

/// The room ends the presser's open requests, so that the next press is a new one.
async fn close_later(run: Arc<Run>, presser: Session, seat: Option<Session>) {
    tokio::time::sleep(BACKUP_LASTS).await;
    let Ok(open) = presser.get("/backups?state=open").await else { return };
    for backup in open.get("items").and_then(Value::as_array).into_iter().flatten() {
        if first_text(backup, &["/requester/person_id", "/requester/id"]) != &*presser.person_id {
            continue;
        }
        let path = format!("/backups/{}/close", text(backup, "id"));
        let closer = seat.as_ref().unwrap_or(&presser);
        if let Err(trouble) = closer.post(&path, &json!({"reason": "resolved"})).await {
            run.stats.count(&format!("refused_close_{}", trouble.label()));
        }
    }
}
