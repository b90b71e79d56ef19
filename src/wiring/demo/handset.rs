//! A pretended terminal with a human behind it: reports its place, answers what it is sent after
//! human delays, goes dark now and then and catches up when it returns.
//!
//! One task per device. Called by the play.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answers::Act;
use super::desk::Desk;
use super::play::Play;
use super::tracks::Spot;
use crate::wiring::simulate::client::{Session, first_text, stamp, text};
use crate::wiring::simulate::wire::{Cursor, Incoming, Wire, hear};
use crate::words::dice::Dice;

/// Fixes kept while dark; at one per 10 s more than two hours.
const BACKLOG_MAX: usize = 1_000;
/// Most fixes in one frame on return.
const BATCH_MAX: usize = 200;
/// Mean seconds between two outages of one terminal.
const OUTAGE_EVERY_S: f64 = 2_400.0;

/// What sort of device a task pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Handheld of whoever answers first: the lead, or somebody alone.
    First,
    /// Handheld of the partner, who answers only if the lead does not.
    Second,
    /// Unit built into the car: reports and receives, nobody taps on it.
    Vehicle,
}

/// One device and its holder.
pub struct Handset {
    pub(super) play: Arc<Play>,
    pub(super) session: Session,
    pub(super) desk: Arc<Desk>,
    pub(super) sort: Sort,
    pub(super) dice: Dice,
    cursor: Cursor,
    pub(super) plan: Vec<(Instant, Act)>,
    pub(super) outbox: VecDeque<Value>,
    unsent: VecDeque<Value>,
    in_flight: VecDeque<(u64, Vec<Value>)>,
    counter: u64,
    interval: Duration,
    battery: f64,
}

impl Handset {
    /// A device that is logged in and not yet connected.
    pub fn new(play: Arc<Play>, session: Session, desk: Arc<Desk>, sort: Sort, mut dice: Dice) -> Self {
        let battery = dice.between(35.0, 100.0);
        Self {
            play,
            session,
            desk,
            sort,
            dice,
            cursor: Cursor::default(),
            plan: Vec::new(),
            outbox: VecDeque::new(),
            unsent: VecDeque::new(),
            in_flight: VecDeque::new(),
            counter: 0,
            interval: Duration::from_secs(10),
            battery,
        }
    }

    /// Live until the process ends.
    pub async fn run(mut self) {
        let mut wire: Option<Wire> = None;
        let mut dial_at = Instant::now();
        let mut fix_at = Instant::now() + self.wait(0.0, 10.0);
        let mut dark_at = Instant::now() + Duration::from_secs_f64(60.0 + self.dice.gap(OUTAGE_EVERY_S));
        let mut ping_at = Instant::now();
        let mut tries: i32 = 0;
        loop {
            let next_act = self.plan.iter().map(|(due, _)| *due).min();
            let link = if wire.is_some() { dark_at.min(ping_at) } else { dial_at };
            let due = [Some(fix_at), Some(link), next_act].into_iter().flatten().min().unwrap_or(fix_at);
            let heard = tokio::select! {
                incoming = hear(&mut wire) => Some(incoming),
                () = tokio::time::sleep_until(due.into()) => None,
            };
            let now = Instant::now();
            match heard {
                Some(Incoming::Json(frame)) => self.read(&frame),
                Some(Incoming::Binary(_)) | None => {}
                Some(Incoming::Closed(code, _)) => {
                    wire = None;
                    if matches!(code, Some(4003)) {
                        return;
                    }
                    dial_at = now + self.wait(0.5, 4.0);
                }
            }
            if wire.is_some() && now >= dark_at {
                wire = None;
                dial_at = now + self.wait(25.0, 150.0);
                dark_at = dial_at + Duration::from_secs_f64(self.dice.gap(OUTAGE_EVERY_S));
                self.play.count("outages");
            }
            if wire.is_none() && now >= dial_at {
                match self.dial().await {
                    Ok((open, heartbeat)) => {
                        wire = Some(open);
                        tries = 0;
                        ping_at = Instant::now() + heartbeat;
                    }
                    Err(_) => {
                        tries += 1;
                        dial_at = Instant::now() + self.wait(0.5, 1.0) * (1 << tries.min(5));
                    }
                }
            }
            if now >= fix_at {
                self.take_fix();
                fix_at = now + self.interval;
            }
            while let Some(at) = self.plan.iter().position(|(due, _)| *due <= now) {
                let (_, act) = self.plan.swap_remove(at);
                self.act(act);
            }
            if let Some(open) = wire.as_mut() {
                if now >= ping_at {
                    self.outbox.push_back(json!({"type": "ping"}));
                    ping_at = now + Duration::from_secs(12);
                }
                if self.flush(open).await.is_err() {
                    wire = None;
                    dial_at = Instant::now() + self.wait(0.5, 4.0);
                }
            }
        }
    }

    fn wait(&mut self, low: f64, high: f64) -> Duration {
        Duration::from_secs_f64(self.dice.between(low, high))
    }

    pub(super) fn later(&mut self, low: f64, high: f64, act: Act) {
        let due = Instant::now() + Duration::from_secs_f64(self.dice.human(low, high));
        self.plan.push((due, act));
    }

    async fn dial(&mut self) -> Result<(Wire, Duration), ()> {
        let opened = Wire::open(&self.session, "suixing.v1.json", &mut self.cursor).await;
        let (wire, welcome) = opened.map_err(|trouble| self.play.trouble("socket", &trouble))?;
        for (_, fixes) in std::mem::take(&mut self.in_flight).into_iter().rev() {
            for fix in fixes.into_iter().rev() {
                self.unsent.push_front(fix);
            }
        }
        self.counter = 0;
        if !welcome.recovered && self.sort != Sort::Vehicle {
            for mut assignment in self.session.whole("/me/assignments").await.unwrap_or_default() {
                let incident = format!("/incidents/{}", text(&assignment, "incident_id"));
                if let (Some(fields), Ok(found)) = (assignment.as_object_mut(), self.session.get(&incident).await) {
                    fields.insert("incident".to_owned(), found);
                }
                self.offered(&assignment);
            }
        }
        Ok((wire, welcome.heartbeat))
    }

    fn take_fix(&mut self) {
        let pose = self.desk.pose(self.play.clock());
        let (lon, lat) = pose.spot.lon_lat();
        self.battery = (self.battery - 0.01).max(6.0);
        let rounded = |value: f64, scale: f64| (value * scale).round() / scale;
        let fix = json!({
            "at": stamp(),
            "lon": rounded(lon, 1e6),
            "lat": rounded(lat, 1e6),
            "accuracy_m": rounded(self.dice.between(3.0, 12.0), 10.0),
            "speed_mps": rounded(pose.speed, 10.0),
            "heading_deg": rounded(pose.heading, 1.0).rem_euclid(360.0),
            "battery_pct": rounded(self.battery, 1.0),
            "next_within_s": self.interval.as_secs() + 5,
        });
        if self.unsent.len() >= BACKLOG_MAX {
            self.unsent.pop_front();
        }
        self.unsent.push_back(fix);
    }

    async fn flush(&mut self, wire: &mut Wire) -> Result<(), ()> {
        while !self.unsent.is_empty() {
            let fixes: Vec<Value> = self.unsent.drain(..self.unsent.len().min(BATCH_MAX)).collect();
            self.counter += 1;
            let frame = json!({"type": "fixes", "n": self.counter, "fixes": fixes});
            self.in_flight.push_back((self.counter, fixes));
            wire.send(&frame).await.map_err(|_broken| ())?;
        }
        while let Some(frame) = self.outbox.front() {
            wire.send(frame).await.map_err(|_broken| ())?;
            self.outbox.pop_front();
        }
        Ok(())
    }

    fn read(&mut self, frame: &Value) {
        match text(frame, "type") {
            "fixes_ack" => {
                let up_to = frame.get("up_to").and_then(Value::as_u64).unwrap_or_default();
                while self.in_flight.front().is_some_and(|(n, _)| *n <= up_to) {
                    self.in_flight.pop_front();
                }
            }
            "message" => {
                let data = frame.get("data").cloned().unwrap_or_default();
                self.message(text(frame, "kind"), &data);
                if let Some(seq) = frame.get("seq").and_then(Value::as_u64) {
                    self.cursor.last_seq = seq;
                    self.cursor.last_id = frame.get("id").and_then(Value::as_str).map(str::to_owned);
                    self.outbox.push_back(json!({"type": "ack", "seq": seq}));
                }
            }
            "error" => self.play.refused(text(frame, "code"), text(frame, "detail")),
            _ => {}
        }
    }

    fn message(&mut self, kind: &str, data: &Value) {
        if kind == "reporting.policy" {
            let seconds = ["interval_s", "every_s"].into_iter().find_map(|n| data.get(n).and_then(Value::as_f64));
            self.interval = Duration::from_secs_f64(seconds.unwrap_or(10.0).clamp(2.0, 30.0));
        }
        if self.sort == Sort::Vehicle {
            return;
        }
        let id = first_text(data, &["/assignment_id", "/assignment/id", "/id"]);
        match kind {
            "assignment.offered" => self.offered(data),
            "assignment.cancelled" | "assignment.reassigned" => {
                if kind == "assignment.cancelled" && self.sort == Sort::First {
                    self.later(3.0, 9.0, Act::Rung(id.to_owned(), "cancel_confirmed", None));
                }
                if self.desk.drop_job(id) {
                    self.later(4.0, 12.0, Act::Home);
                }
            }
            "backup.alert" => self.alerted(data),
            "backup.stand_down" => self.later(3.0, 8.0, Act::Home),
            _ => {}
        }
    }
}

/// The place in a JSON object with `lon` and `lat`.
pub fn place_of(value: &Value) -> Option<Spot> {
    Some(Spot::at(value.get("lon")?.as_f64()?, value.get("lat")?.as_f64()?))
}

/// Lock that goes on after a task died holding it: the play must not stop for one of its figures.
pub fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
