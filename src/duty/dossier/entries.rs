//! Rows become lines. Pure: nothing is judged here, only told, each with whose word it is and both its times.

use serde_json::{Value, json};

use super::gather::{Called, Facts, Item, Sent};
use super::{Entry, Word};
use crate::duty::assignments::ladder::Truth;
use crate::duty::crews::IssueRow;
use crate::duty::evidence::store::HoldRow;
use crate::duty::incidents::feedback;
use crate::duty::incidents::store::RevisionRow;
use crate::duty::location::fix::Fix;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, PersonId};
use crate::words::time::Timestamp;

/// Lines of the incident's own timeline that are told better by the rows they stand for.
const TOLD_ELSEWHERE: [&str; 8] = [
    "assignment.rung",
    "feedback.given",
    "feedback.confirmed",
    "evidence.received",
    "evidence.linked",
    "incident.note",
    "hold.set",
    "hold.lifted",
];

/// The instants a source tells of a call, and what each is called.
const SOURCE_TIMES: [(&str, &str); 3] =
    [("called_at", "incident.called"), ("answered_at", "incident.answered"), ("dispatched_at", "incident.dispatched")];

/// Every line but those of the tracks, in no order.
pub fn all(facts: &Facts) -> Result<Vec<Entry>> {
    let mut lines = Vec::new();
    revisions(&facts.revisions, &mut lines)?;
    for row in facts.trail.iter().filter(|row| !TOLD_ELSEWHERE.contains(&row.kind.as_str())) {
        let word = if row.actor.is_some() { Word::Human } else { Word::Server };
        lines.push(Entry::new(word, row.kind.as_str(), row.at, parsed(&row.data)?).by(row.actor));
    }
    for note in &facts.notes {
        let data = json!({ "note_id": note.id, "text": note.text, "links": parsed(&note.links)? });
        lines.push(Entry::new(Word::Human, "incident.note", note.at, data).by(Some(note.author)));
    }
    for row in &facts.feedbacks {
        let given = Entry::new(Word::Human, "feedback.given", row.at, feedback::view(row)?);
        lines.push(given.observed(row.device_at).by(Some(row.author)));
        if let Some(at) = row.confirmed_at {
            let data = json!({ "feedback_id": row.id });
            lines.push(Entry::new(Word::Human, "feedback.confirmed", at, data).by(row.confirmed_by));
        }
    }
    facts.sent.iter().for_each(|one| ladder(one, &mut lines));
    for one in &facts.called {
        alarm(one, &mut lines)?;
    }
    for item in &facts.items {
        captured(item, &mut lines)?;
    }
    facts.holds.iter().for_each(|row| hold(row, &mut lines));
    // The issue log tells of devices.
    for row in facts.duty.iter().filter(|row| !row.change.starts_with("device_")) {
        let data = json!({ "change": row.change, "by_person_id": row.by_person_id, "data": parsed(&row.data)? });
        let line = Entry::new(Word::Human, format!("duty.{}", row.change), row.at, data);
        lines.push(line.by(Some(row.person_id)).on(row.by_device_id));
    }
    facts.issues.iter().for_each(|row| carried(row, &mut lines));
    Ok(lines)
}

/// The lines of one person's track.
pub fn track<'a>(person: PersonId, fixes: impl Iterator<Item = &'a (DeviceId, Fix)>) -> impl Iterator<Item = Entry> {
    fixes.map(move |(device, fix)| {
        let place = fix.position();
        let data = json!({
            "lon": place.lon,
            "lat": place.lat,
            "accuracy_m": fix.accuracy_m(),
            "speed_mps": fix.speed_mps(),
            "flags": fix.flags.names().collect::<Vec<_>>(),
        });
        let line = Entry::new(Word::Machine, "position", fix.received(), data).observed(Some(fix.at()));
        line.by(Some(person)).on(Some(*device))
    })
}

/// What the source said, each time it said it; when the call was made and answered, by its own clock.
fn revisions(rows: &[RevisionRow], lines: &mut Vec<Entry>) -> Result<()> {
    let mut told: [Option<Timestamp>; SOURCE_TIMES.len()] = [None; SOURCE_TIMES.len()];
    for row in rows {
        let body = parsed(&row.body)?;
        for ((key, kind), told) in SOURCE_TIMES.iter().zip(&mut told) {
            let at = body.get(key).and_then(Value::as_str).map(Timestamp::parse).transpose()?;
            if at.is_some() && at != *told {
                *told = at;
                let data = json!({ "revision": row.revision });
                lines.push(Entry::new(Word::Source, *kind, row.received_at, data).observed(at));
            }
        }
        let data = json!({ "revision": row.revision, "applied": row.applied, "body": body });
        lines.push(Entry::new(Word::Source, "incident.revision", row.received_at, data).by(row.received_by));
    }
    Ok(())
}

/// Rungs as they were recorded, and how each person was tried.
fn ladder(sent: &Sent, lines: &mut Vec<Entry>) {
    let id = sent.row.id;
    for rung in &sent.rungs {
        let word = match rung.truth {
            // The server's own step is nobody's receipt.
            Truth::Machine if rung.device_id.is_none() => Word::Server,
            Truth::Machine => Word::Machine,
            Truth::Human => Word::Human,
        };
        let data = json!({
            "assignment_id": id,
            "rung": rung.step,
            "via": rung.via,
            "recorded_by": rung.recorded_by,
            "reason": rung.reason,
            "applied": rung.applied,
            "counts": rung.counts,
            "state_after": rung.state_after,
        });
        let line = Entry::new(word, format!("rung.{}", rung.step), rung.at, data).observed(rung.device_at);
        lines.push(line.by(rung.person_id).on(rung.device_id));
    }
    for attempt in &sent.attempts {
        let data = json!({
            "assignment_id": id,
            "limit": attempt.limit_kind,
            "attempt": attempt.attempt,
            "channel": attempt.channel,
        });
        let tried = Entry::new(Word::Server, "channel.tried", attempt.at, data);
        lines.push(tried.by(Some(attempt.person_id)));
        if let Some(at) = attempt.outcome_at {
            let data = json!({
                "assignment_id": id,
                "channel": attempt.channel,
                "outcome": attempt.outcome,
                "detail": attempt.detail,
            });
            let word = if attempt.truth == Some(Truth::Human) { Word::Human } else { Word::Machine };
            let outcome = Entry::new(word, "channel.outcome", at, data);
            lines.push(outcome.by(Some(attempt.person_id)).on(attempt.device_id));
        }
    }
}

/// A call for help: presses and answers are human, receipts a machine's, the rest the server's.
fn alarm(called: &Called, lines: &mut Vec<Entry>) -> Result<()> {
    let id = called.row.id;
    for press in &called.presses {
        let data = json!({ "backup_id": id, "for_person_id": called.row.for_person_id, "via": press.via });
        let line = Entry::new(Word::Human, "backup.pressed", press.received_at, data).observed(Some(press.pressed_at));
        lines.push(line.by(Some(press.person_id)).on(press.device_id));
    }
    for alert in &called.alerts {
        let data = json!({
            "backup_id": id,
            "role": alert.role,
            "reason": alert.reason,
            "reach": alert.reach,
            "wave": alert.wave,
            "distance_m": alert.distance_m,
            "eta_s": alert.eta_s,
        });
        lines.push(Entry::new(Word::Server, "backup.alerted", alert.alerted_at, data).by(Some(alert.person_id)));
    }
    for event in &called.events {
        let word = match event.kind.as_str() {
            "received" => Word::Machine,
            "answered" | "taken" | "changed" | "says" | "closed" => Word::Human,
            _ => Word::Server,
        };
        let mut data = parsed(&event.data)?;
        if let Value::Object(map) = &mut data {
            map.insert("backup_id".to_owned(), json!(id));
        }
        let line = Entry::new(word, format!("backup.{}", event.kind), event.at, data);
        lines.push(line.by(event.person_id).on(event.device_id));
    }
    Ok(())
}

/// An item, what was found about it, what was said of it.
fn captured(item: &Item, lines: &mut Vec<Entry>) -> Result<()> {
    let row = &item.row;
    let data = json!({
        "evidence_id": row.id,
        "kind": row.kind,
        "filename": row.filename,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "wearer_id": row.wearer_id,
        "assignment_id": row.assignment_id,
    });
    let line = Entry::new(Word::Machine, "evidence.received", row.received_at, data).observed(Some(row.captured_at));
    lines.push(line.by(Some(row.wearer_id.unwrap_or(row.author_id))).on(Some(row.device_id)));
    if item.link.linked_at > row.received_at {
        let data = json!({ "evidence_id": row.id });
        let linked = Entry::new(Word::Human, "evidence.linked", item.link.linked_at, data);
        lines.push(linked.by(Some(item.link.linked_by)));
    }
    for found in &item.findings {
        let data = json!({ "evidence_id": row.id, "code": found.code, "detail": parsed(&found.detail)? });
        lines.push(Entry::new(Word::Server, "evidence.finding", found.at, data));
    }
    for mark in &item.marks {
        let data = json!({ "evidence_id": row.id, "from_ms": mark.from_ms, "to_ms": mark.to_ms, "text": mark.text });
        lines.push(Entry::new(Word::Human, "evidence.marked", mark.at, data).by(Some(mark.by_person_id)));
    }
    Ok(())
}

fn hold(row: &HoldRow, lines: &mut Vec<Entry>) {
    let data = json!({
        "hold_id": row.id,
        "incident_id": row.incident_id,
        "evidence_id": row.evidence_id,
        "reason": row.reason,
    });
    lines.push(Entry::new(Word::Human, "hold.set", row.set_at, data).by(Some(row.set_by)));
    if let Some(at) = row.lifted_at {
        let data = json!({ "hold_id": row.id });
        lines.push(Entry::new(Word::Human, "hold.lifted", at, data).by(row.lifted_by));
    }
}

fn carried(row: &IssueRow, lines: &mut Vec<Entry>) {
    let line = |kind: &str, at: Timestamp, data: Value| {
        Entry::new(Word::Human, kind, at, data).by(Some(row.person_id)).on(Some(row.device_id))
    };
    lines.push(line("device.issued", row.issued_at, json!({})));
    if let Some(at) = row.returned_at {
        lines.push(line("device.returned", at, json!({ "reason": row.return_reason })));
    }
}

fn parsed(text: &str) -> Result<Value> {
    Ok(serde_json::from_str(text)?)
}
