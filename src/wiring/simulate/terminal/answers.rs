//! What a terminal of a load run makes of a frame: what it notes, and what its bearer does next.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::client::{first_text, now_micros, stamp, text};
use super::Terminal;
use crate::words::time::Timestamp;

/// What an answering human of the load run does after an offer, seconds after it arrived.
const ANSWERS: [(f64, &str); 5] =
    [(0.2, "viewed"), (0.5, "accepted"), (1.0, "en_route"), (1.6, "on_scene"), (2.2, "cleared")];

/// How many of the answers are given, when the last is the one called so.
pub fn answers_until(last: &str) -> Result<usize, String> {
    let found = ANSWERS.iter().position(|(_, event)| *event == last).map(|at| at + 1);
    found.ok_or_else(|| format!("{last} is none of {}", ANSWERS.map(|(_, event)| event).join(", ")))
}

/// Fixes whose time is remembered for the check against the stored track.
const REMEMBERED: usize = 20_000;

impl Terminal {
    /// Handle one frame; the acknowledgement to send back, if any.
    pub(super) fn read(&mut self, frame: &Value) -> Option<Value> {
        match text(frame, "type") {
            "fixes_ack" => self.fixes_acked(frame),
            "reply" | "error" => self.answered(frame),
            "message" => return self.message(frame),
            _ => {}
        }
        None
    }

    fn fixes_acked(&mut self, frame: &Value) {
        let up_to = frame.get("up_to").and_then(Value::as_u64).unwrap_or_default();
        let rejected: BTreeMap<u64, u64> = frame.get("rejected").and_then(Value::as_array).into_iter().flatten().fold(
            BTreeMap::new(),
            |mut counts, r| {
                *counts.entry(r.get("n").and_then(Value::as_u64).unwrap_or_default()).or_default() += 1;
                counts
            },
        );
        while self.in_flight.front().is_some_and(|(n, _)| *n <= up_to) {
            let Some((n, fixes)) = self.in_flight.pop_front() else { break };
            if let Some(count) = rejected.get(&n) {
                self.run.stats.add("fixes_rejected", *count);
                continue;
            }
            self.run.stats.add("fixes_acked", fixes.len() as u64);
            if self.acked.is_empty() && !fixes.is_empty() {
                self.run.placed.fetch_add(1, Ordering::Relaxed);
            }
            for fix in fixes {
                self.run.stats.since_due(if fix.late { "fix_ack_after_outage" } else { "fix_ack" }, fix.due);
                if self.acked.len() < REMEMBERED {
                    self.acked.push(fix.at);
                }
            }
        }
    }

    fn answered(&mut self, frame: &Value) {
        let Some((due, name)) = self.asked.remove(text(frame, "request_id")) else {
            if text(frame, "type") == "error" {
                self.run.stats.count(&format!("error_{}", text(frame, "code")));
            }
            return;
        };
        if text(frame, "type") == "error" {
            self.run.stats.count(&format!("refused_{name}_{}", text(frame, "code")));
            return;
        }
        self.run.stats.since_due(name, due);
        if name == "backup_reply"
            && let Some(id) = frame.pointer("/body/id").and_then(Value::as_str)
        {
            self.run.ledger.pressed(&self.run.stats, id, due);
        }
    }

    fn message(&mut self, frame: &Value) -> Option<Value> {
        let seq = frame.get("seq").and_then(Value::as_u64)?;
        if seq <= self.cursor.last_seq {
            self.run.stats.count("messages_doubled");
            return Some(json!({"type": "ack", "seq": self.cursor.last_seq}));
        }
        if seq > self.cursor.last_seq + 1 {
            self.run.stats.add("messages_missing", seq - self.cursor.last_seq - 1);
        }
        self.cursor.last_seq = seq;
        self.cursor.last_id = frame.get("id").and_then(Value::as_str).map(str::to_owned);
        self.run.stats.count("messages");
        let data = frame.get("data").unwrap_or(&Value::Null);
        match text(frame, "kind") {
            "assignment.offered" => self.offered(frame, data),
            "backup.alert" => {
                let id = first_text(data, &["/backup_id", "/backup/id", "/id"]);
                self.run.ledger.alerted(&self.run.stats, id);
                self.later(
                    0.5,
                    json!({"type": "backup_response", "backup_id": id, "answer": "coming"}),
                    "backup_response",
                );
            }
            _ => {}
        }
        Some(json!({"type": "ack", "seq": seq}))
    }

    fn offered(&mut self, frame: &Value, data: &Value) {
        let id = first_text(data, &["/assignment_id", "/assignment/id", "/id"]).to_owned();
        if let Ok(sent) = Timestamp::parse(text(frame, "sent_at")) {
            let took = now_micros() + self.offset_us - sent.as_micros();
            self.run
                .stats
                .took("assignment_sent_to_device", Duration::from_micros(u64::try_from(took).unwrap_or_default()));
        }
        self.run.ledger.received(&self.run.stats, &id, self.number);
        self.caught_up();
        if self.mute {
            return;
        }
        for (after, event) in ANSWERS.into_iter().take(self.run.answers) {
            let frame = json!({"type": "assignment_event", "assignment_id": id, "event": event, "at": stamp()});
            self.later(after, frame, "event_reply");
        }
    }

    pub(super) fn press(&mut self, due: Instant) {
        self.plan.push((due, json!({"type": "backup", "request_id": request_id()}), "backup_reply"));
    }

    fn later(&mut self, seconds: f64, mut frame: Value, name: &'static str) {
        if let Some(frame) = frame.as_object_mut() {
            frame.insert("request_id".to_owned(), json!(request_id()));
        }
        self.plan.push((Instant::now() + Duration::from_secs_f64(seconds), frame, name));
    }
}

fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
