//! One terminal of a load run: fixes on schedule, every message acknowledged and answered, faults.
//!
//! Every operation has its due time and its latency counts from there, also when the terminal was
//! late itself: a stalled server cannot slow the schedule down. Called by `simulate::run`.

mod answers;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::client::{Session, now_micros, text};
use super::run::{Order, Run};
use super::wire::{Cursor, Incoming, Wire, hear};
use crate::words::dice::Dice;
use crate::words::time::Timestamp;

pub use answers::answers_until;

/// Most fixes in one frame after an outage.
const BATCH_MAX: usize = 500;

/// Everybody who was sent away dials within this long.
const RETURN_WITHIN_S: f64 = 1.0;

/// What the driver keeps of a terminal.
pub struct Handle {
    /// Who.
    pub session: Session,
    /// Press the backup button; the instant is when it is due.
    pub press: mpsc::UnboundedSender<Instant>,
    /// Connected now.
    pub up: Arc<AtomicBool>,
    /// Ends with the acknowledged fix times.
    pub task: tokio::task::JoinHandle<Vec<i64>>,
}

struct Fix {
    due: Instant,
    at: i64,
    body: Value,
    late: bool,
}

struct Terminal {
    run: Arc<Run>,
    number: usize,
    session: Session,
    dice: Dice,
    up: Arc<AtomicBool>,
    cursor: Cursor,
    offset_us: i64,
    lon: f64,
    lat: f64,
    waiting: VecDeque<Fix>,
    in_flight: VecDeque<(u64, Vec<Fix>)>,
    counter: u64,
    acked: Vec<i64>,
    plan: Vec<(Instant, Value, &'static str)>,
    asked: HashMap<String, (Instant, &'static str)>,
    returning: Option<Instant>,
    /// Something was promised while it was away.
    missed: bool,
    mute: bool,
}

/// Start a terminal; it runs until an order to stop.
pub fn start(run: Arc<Run>, number: usize, session: Session, mut dice: Dice, orders: watch::Receiver<Order>) -> Handle {
    let (press, pressed) = mpsc::unbounded_channel();
    let up = Arc::new(AtomicBool::new(false));
    let (angle, far) = (dice.between(0.0, std::f64::consts::TAU), 0.08 * dice.unit().sqrt());
    let mut terminal = Terminal {
        number,
        session: session.clone(),
        up: up.clone(),
        lon: run.centre.0 + far * angle.cos(),
        lat: run.centre.1 + far * angle.sin(),
        run,
        dice,
        cursor: Cursor::default(),
        offset_us: 0,
        waiting: VecDeque::new(),
        in_flight: VecDeque::new(),
        counter: 0,
        acked: Vec::new(),
        plan: Vec::new(),
        asked: HashMap::new(),
        returning: None,
        missed: false,
        mute: false,
    };
    let mute = terminal.run.faults.mute;
    terminal.mute = mute > 0.0 && terminal.dice.chance(mute);
    Handle { session, press, up, task: tokio::spawn(terminal.live(pressed, orders)) }
}

impl Terminal {
    async fn live(
        mut self,
        mut pressed: mpsc::UnboundedReceiver<Instant>,
        mut orders: watch::Receiver<Order>,
    ) -> Vec<i64> {
        // Says where it is as soon as it is connected, and then in its own time.
        self.take_fix(Instant::now(), false);
        let phase = self.run.fix_every_s * self.dice.between(0.3, 1.3);
        let every = Duration::from_secs_f64(self.run.fix_every_s);
        let mut fix_at = Instant::now() + Duration::from_secs_f64(phase);
        let (cut, kill) = (self.run.faults.cut_every_s(), self.run.faults.kill_every_s());
        let mut cut_at = self.next_fault(cut);
        let mut kill_at = self.next_fault(kill);
        let mut ping_at = Instant::now() + Duration::from_secs(10);
        let mut dial_at = Instant::now();
        let mut wire: Option<Wire> = None;
        loop {
            let act = self.plan.iter().map(|(due, ..)| *due).min();
            let link = if wire.is_some() { Some(ping_at) } else { Some(dial_at) };
            let fault = if wire.is_some() { [cut_at, kill_at].into_iter().flatten().min() } else { None };
            let due = [Some(fix_at), link, act.filter(|_| wire.is_some()), fault].into_iter().flatten().min();
            let heard = tokio::select! {
                incoming = hear(&mut wire) => Some(incoming),
                Some(due) = pressed.recv() => {
                    self.press(due);
                    None
                }
                changed = orders.changed() => {
                    match *orders.borrow_and_update() {
                        Order::Away(back) if changed.is_ok() => {
                            (wire, self.returning) = (None, None);
                            dial_at = back + Duration::from_secs_f64(self.dice.between(0.0, RETURN_WITHIN_S));
                        }
                        Order::Work if changed.is_ok() => {}
                        _ => break,
                    }
                    None
                }
                () = tokio::time::sleep_until(due.unwrap_or(fix_at).into()) => None,
            };
            let now = Instant::now();
            match heard {
                Some(Incoming::Json(frame)) => {
                    if let Some(answer) = self.read(&frame)
                        && let Some(open) = wire.as_mut()
                        && open.send(&answer).await.is_err()
                    {
                        // The link is gone: dial again, as after a close.
                        self.run.stats.count("unsent");
                        (wire, dial_at) = (None, now + Duration::from_secs_f64(self.dice.between(0.1, 1.0)));
                    }
                }
                Some(Incoming::Closed(code, why)) => {
                    self.run
                        .stats
                        .count(&format!("closed_{}", code.map_or_else(|| "link".to_owned(), |c| c.to_string())));
                    tracing::debug!(terminal = self.number, ?code, why, "socket closed");
                    wire = None;
                    dial_at = now + Duration::from_secs_f64(self.dice.between(0.1, 1.0));
                }
                Some(Incoming::Binary(_)) | None => {}
            }
            let killed = wire.is_some() && kill_at.is_some_and(|at| now >= at);
            if killed || (wire.is_some() && cut_at.is_some_and(|at| now >= at)) {
                (wire, self.returning) = (None, None);
                self.run.stats.count(if killed { "killed" } else { "cut" });
                dial_at = now + Duration::from_secs_f64(self.dice.between(0.5, if killed { 10.0 } else { 4.0 }));
                if killed {
                    self.forget();
                }
                (cut_at, kill_at) = (self.next_fault(cut), self.next_fault(kill));
            }
            if wire.is_none() {
                self.up.store(false, Ordering::Relaxed);
                if now >= dial_at {
                    match self.dial().await {
                        Some(open) => wire = Some(open),
                        None => dial_at = Instant::now() + Duration::from_secs_f64(self.dice.between(0.5, 3.0)),
                    }
                }
            }
            while Instant::now() >= fix_at {
                self.take_fix(fix_at, wire.is_none());
                fix_at += every;
            }
            if let Some(open) = wire.as_mut()
                && self.flush(open, &mut ping_at).await.is_none()
            {
                wire = None;
                dial_at = Instant::now() + Duration::from_secs_f64(self.dice.between(0.1, 1.0));
            }
        }
        if let Some(wire) = wire {
            wire.close().await;
        }
        self.acked
    }

    fn next_fault(&mut self, every_s: Option<f64>) -> Option<Instant> {
        every_s.map(|mean| Instant::now() + Duration::from_secs_f64(self.dice.gap(mean)))
    }

    /// The app was killed: what was not acknowledged is gone, the cursor is on disk.
    fn forget(&mut self) {
        self.waiting.clear();
        self.in_flight.clear();
        self.plan.clear();
        self.asked.clear();
    }

    async fn dial(&mut self) -> Option<Wire> {
        let started = Instant::now();
        let first = self.cursor.epoch.is_none();
        if !first {
            self.missed = self.run.ledger.outstanding(self.number) > 0;
            // A dial that fails does not start the time anew.
            self.returning.get_or_insert(started);
        }
        match Wire::open(&self.session, "suixing.v1.json", &mut self.cursor).await {
            Ok((wire, welcome)) => {
                self.run.stats.since_due(if first { "connect" } else { "reconnect_welcome" }, started);
                if !first && !welcome.recovered {
                    self.run.stats.count(&format!("not_recovered_{}", welcome.reason));
                }
                self.offset_us = welcome.server_us.map_or(0, |at| at - now_micros());
                self.counter = 0;
                for (_, fixes) in std::mem::take(&mut self.in_flight).into_iter().rev() {
                    for fix in fixes.into_iter().rev() {
                        self.waiting.push_front(Fix { late: true, ..fix });
                    }
                }
                self.asked.clear();
                self.up.store(true, Ordering::Relaxed);
                self.caught_up();
                Some(wire)
            }
            Err(trouble) => {
                self.run.stats.count(&format!("dial_{}", trouble.label()));
                None
            }
        }
    }

    /// Back after an absence, and everything promised meanwhile has arrived.
    fn caught_up(&mut self) {
        if let Some(started) = self.returning
            && self.run.ledger.outstanding(self.number) == 0
        {
            self.run.stats.since_due("reconnect_caught_up", started);
            if self.missed {
                self.run.stats.since_due("reconnect_caught_up_after_missing", started);
            }
            self.run.returned.fetch_add(1, Ordering::Relaxed);
            self.returning = None;
        }
    }

    fn take_fix(&mut self, due: Instant, late: bool) {
        let step = |place: f64, by: f64| ((place + by) * 1e6).round() / 1e6;
        self.lon = step(self.lon, self.dice.between(-3e-4, 3e-4));
        self.lat = step(self.lat, self.dice.between(-3e-4, 3e-4));
        let at = now_micros() - i64::try_from(due.elapsed().as_micros()).unwrap_or_default();
        let body = json!({
            "at": Timestamp::from_micros(at).to_string(),
            "lon": self.lon,
            "lat": self.lat,
            "accuracy_m": 6.0,
            "speed_mps": 3.0,
            "next_within_s": (self.run.fix_every_s * 1.5).ceil().max(1.0) as u64,
        });
        // What waits for the link is as old as the absence, not as the server is slow.
        if !late {
            self.run.recent.note(&self.session.person_id, self.lon, self.lat, at);
        }
        self.waiting.push_back(Fix { due, at, body, late });
    }

    async fn flush(&mut self, wire: &mut Wire, ping_at: &mut Instant) -> Option<()> {
        while !self.waiting.is_empty() {
            let fixes: Vec<Fix> = self.waiting.drain(..self.waiting.len().min(BATCH_MAX)).collect();
            self.counter += 1;
            let bodies: Vec<&Value> = fixes.iter().map(|fix| &fix.body).collect();
            let frame = json!({"type": "fixes", "n": self.counter, "fixes": bodies});
            self.run.stats.add("fixes_sent", fixes.len() as u64);
            self.in_flight.push_back((self.counter, fixes));
            wire.send(&frame).await.ok()?;
        }
        let now = Instant::now();
        while let Some(at) = self.plan.iter().position(|(due, ..)| *due <= now) {
            let (due, frame, name) = self.plan.swap_remove(at);
            self.asked.insert(text(&frame, "request_id").to_owned(), (due, name));
            wire.send(&frame).await.ok()?;
        }
        if now >= *ping_at {
            *ping_at = now + Duration::from_secs(12);
            wire.ping().await.ok()?;
        }
        Some(())
    }
}
