//! The play: calls come in, rooms send crews, crews answer, backup is called now and then.
//!
//! Everything goes through the public interface, as somebody else's clients would. Called by the
//! demo once the district is seeded and everybody is logged in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::calls::{self, Call};
use super::desk::Desk;
use super::district::District;
use super::handset::locked;
use crate::wiring::simulate::client::{Session, Trouble, first_text, stamp, text};
use crate::wiring::simulate::wire::{Cursor, Incoming, Wire};
use crate::words::dice::Dice;

/// Mean seconds between two presses of the backup button in the whole district.
const BACKUP_EVERY_S: f64 = 210.0;
/// Mean seconds between two lines about how the play goes.
const NEWS_EVERY: Duration = Duration::from_secs(60);
/// How often a room looks for somebody free before it leaves the call to the visitor.
const SENDING_TRIES: usize = 6;
/// A refusal is logged the first few times only; the counters keep the rest.
const REFUSALS_LOGGED: u64 = 3;

/// What the field tells the rooms outside the protocol: by voice.
pub enum News {
    /// "We are there", said on the radio: the room records it.
    SaysOnScene {
        /// Assignment.
        assignment: String,
        /// Who says so.
        person: String,
        /// Room of the crew.
        room: usize,
    },
    /// The final feedback was given.
    FedBack {
        /// Incident.
        incident: String,
        /// Room of the crew.
        room: usize,
    },
}

/// Shared by every task of the play.
pub struct Play {
    started: Instant,
    news: mpsc::UnboundedSender<News>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Play {
    /// A play that begins now, and where its news arrive.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<News>) {
        let (news, heard) = mpsc::unbounded_channel();
        (Arc::new(Self { started: Instant::now(), news, counts: Mutex::default() }), heard)
    }

    /// Seconds since the beginning.
    pub fn clock(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Count an event; returns how often it happened so far.
    pub fn count(&self, what: &str) -> u64 {
        let mut counts = locked(&self.counts);
        let count = counts.entry(what.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// Something was not answered or refused.
    pub fn trouble(&self, what: &str, trouble: &Trouble) {
        if self.count(&format!("{what}:{}", trouble.label())) <= REFUSALS_LOGGED {
            tracing::warn!(what, %trouble, "demo");
        }
    }

    /// A refusal on the socket.
    pub fn refused(&self, code: &str, detail: &str) {
        if self.count(&format!("socket:{code}")) <= REFUSALS_LOGGED {
            tracing::warn!(code, detail, "demo: refused on the socket");
        }
    }

    /// Say something to the rooms.
    pub fn tell(&self, news: News) {
        // The rooms listen as long as the process lives; after that nobody needs to hear it.
        let _ = self.news.send(news);
    }
}

/// Everybody who acts in the play.
pub struct Cast {
    /// The district.
    pub district: District,
    /// The room's own second seat, in the district's order; the first is left to the visitor.
    pub seats: Vec<Session>,
    /// Unit ids of the rooms.
    pub room_ids: Vec<String>,
    /// The 110 system.
    pub intake: Session,
    /// Crew id, lead's session and shared desk of every crew.
    pub crews: Vec<(String, Session, Arc<Desk>)>,
}

/// Run until the process ends; one call every `call_every_s` seconds on average.
pub async fn run(
    play: Arc<Play>,
    mut heard: mpsc::UnboundedReceiver<News>,
    cast: Arc<Cast>,
    mut dice: Dice,
    call_every_s: f64,
) {
    for seat in &cast.seats {
        tokio::spawn(listen(play.clone(), seat.clone()));
    }
    let mut serial: u64 = 0;
    let mut call_at = Instant::now() + Duration::from_secs(2);
    let mut backup_at = Instant::now() + Duration::from_secs_f64(20.0 + dice.gap(30.0));
    let mut news_at = Instant::now() + NEWS_EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(call_at.into()) => {
                serial += 1;
                let room = dice.below(cast.district.rooms.len());
                tokio::spawn(one_call(play.clone(), cast.clone(), room, serial, dice.fork(serial)));
                call_at = Instant::now() + Duration::from_secs_f64(dice.gap(call_every_s).clamp(1.0, 60.0));
            }
            () = tokio::time::sleep_until(backup_at.into()) => {
                serial += 1;
                tokio::spawn(one_backup(play.clone(), cast.clone(), dice.fork(serial)));
                backup_at = Instant::now() + Duration::from_secs_f64(dice.gap(BACKUP_EVERY_S).max(20.0));
            }
            () = tokio::time::sleep_until(news_at.into()) => {
                tracing::info!(so_far = ?locked(&play.counts), "demo");
                news_at = Instant::now() + NEWS_EVERY;
            }
            news = heard.recv() => {
                let Some(news) = news else { return };
                serial += 1;
                tokio::spawn(room_hears(play.clone(), cast.clone(), news, dice.fork(serial)));
            }
        }
    }
}

/// A seat's own socket: what reaches the room is received there.
async fn listen(play: Arc<Play>, seat: Session) {
    let mut cursor = Cursor::default();
    loop {
        let mut wire = match Wire::open(&seat, "suixing.v1.json", &mut cursor).await {
            Ok((wire, _)) => wire,
            Err(trouble) => {
                play.trouble("seat", &trouble);
                tokio::time::sleep(Duration::from_secs(5)).await;
                continue;
            }
        };
        loop {
            let heard = tokio::time::timeout(Duration::from_secs(12), wire.next()).await;
            let sent = match heard {
                Err(_quiet) => wire.ping().await,
                Ok(Incoming::Json(frame)) if text(&frame, "type") == "message" => {
                    let seq = frame.get("seq").and_then(Value::as_u64).unwrap_or_default();
                    cursor.last_seq = seq;
                    cursor.last_id = frame.get("id").and_then(Value::as_str).map(str::to_owned);
                    wire.send(&json!({"type": "ack", "seq": seq})).await
                }
                Ok(Incoming::Closed(..)) => break,
                Ok(_) => Ok(()),
            };
            if sent.is_err() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn pause(dice: &mut Dice, low: f64, high: f64) {
    tokio::time::sleep(Duration::from_secs_f64(dice.human(low, high))).await;
}

fn body_of(call: &Call, number: &str, revision: u32, unit_id: &str) -> Value {
    let (lon, lat) = call.spot.lon_lat();
    let description =
        if revision == 1 { call.description.to_owned() } else { format!("{}{}", call.description, call.later) };
    json!({
        "source": "110",
        "external_no": number,
        "revision": revision,
        "category": call.category,
        "priority": call.priority,
        "title": call.title,
        "description": description,
        "location": {"lon": (lon * 1e6).round() / 1e6, "lat": (lat * 1e6).round() / 1e6},
        "address": call.address,
        "reporter": {"name": call.caller, "phone": call.phone},
        "called_at": stamp(),
        "unit_id": unit_id,
    })
}

/// One call from the first ring to the crew being sent.
async fn one_call(play: Arc<Play>, cast: Arc<Cast>, room: usize, serial: u64, mut dice: Dice) {
    let (Some(place), Some(unit_id), Some(seat)) =
        (cast.district.rooms.get(room), cast.room_ids.get(room), cast.seats.get(room))
    else {
        return;
    };
    let call = calls::invent(&mut dice, place.spot);
    let number = format!("{}{serial:05}", stamp().chars().filter(char::is_ascii_digit).take(12).collect::<String>());
    let first = body_of(&call, &number, 1, unit_id);
    let incident = match cast.intake.post("/incidents", &first).await {
        Ok(made) => text(&made, "id").to_owned(),
        Err(trouble) => return play.trouble("intake", &trouble),
    };
    play.count("calls");
    if dice.chance(0.3) {
        let mut again = body_of(&call, &number, 2, unit_id);
        if let (Some(again), Some(called)) = (again.as_object_mut(), first.get("called_at")) {
            again.insert("called_at".to_owned(), called.clone());
        }
        let (intake, play, mut dice) = (cast.intake.clone(), play.clone(), dice.fork(1));
        tokio::spawn(async move {
            pause(&mut dice, 25.0, 90.0).await;
            match intake.post("/incidents", &again).await {
                Ok(_) => _ = play.count("revisions"),
                Err(trouble) => play.trouble("revision", &trouble),
            }
        });
    }
    pause(&mut dice, 3.0, 10.0).await;
    if let Err(trouble) = sign(seat, &incident).await {
        play.trouble("sign", &trouble);
    }
    pause(&mut dice, 4.0, 14.0).await;
    for _ in 0..SENDING_TRIES {
        match send(&cast, seat, room, &incident, call.priority, &mut dice).await {
            Ok(_) => {
                play.count("assigned");
                return;
            }
            Err(trouble) if trouble.is_status(409) => {
                play.count("nobody_free");
            }
            Err(trouble) => return play.trouble("assign", &trouble),
        }
        pause(&mut dice, 20.0, 45.0).await;
    }
}

/// A crew of the room's own that is free, or the nearest of all.
async fn send(
    cast: &Cast,
    seat: &Session,
    room: usize,
    incident: &str,
    priority: u8,
    dice: &mut Dice,
) -> Result<Value, Trouble> {
    let path = format!("/incidents/{incident}/assignments");
    let nearest = json!({"nearest": {"k": if priority == 1 { 2 } else { 1 }}});
    let free = cast.crews.iter().filter(|(_, _, desk)| desk.room == room && !desk.is_busy());
    let free: Vec<&String> = free.map(|(id, ..)| id).collect();
    match dice.pick(&free) {
        Some(crew) if priority > 1 && dice.chance(0.4) => match seat.post(&path, &json!({"crew_ids": [crew]})).await {
            Err(_refused) => seat.post(&path, &nearest).await,
            sent => sent,
        },
        _ => seat.post(&path, &nearest).await,
    }
}

/// A seat signs for the call in the name of its station.
async fn sign(seat: &Session, incident: &str) -> Result<(), Trouble> {
    for assignment in seat.whole(&format!("/incidents/{incident}/assignments")).await? {
        if first_text(&assignment, &["/assignee/kind"]) == "unit" {
            let path = format!("/assignments/{}/events", text(&assignment, "id"));
            seat.post(&path, &json!({"event": "signed", "at": stamp()})).await?;
        }
    }
    Ok(())
}

/// The room reacts to what it was told.
async fn room_hears(play: Arc<Play>, cast: Arc<Cast>, news: News, mut dice: Dice) {
    let room = match &news {
        News::SaysOnScene { room, .. } | News::FedBack { room, .. } => *room,
    };
    let Some(seat) = cast.seats.get(room) else { return };
    let (what, done) = match news {
        News::SaysOnScene { assignment, person, .. } => {
            pause(&mut dice, 3.0, 9.0).await;
            let body = json!({
                "event": "on_scene", "at": stamp(), "via": "radio", "on_behalf_of": person, "reason": "电台报告到场",
            });
            ("voice", seat.post(&format!("/assignments/{assignment}/events"), &body).await)
        }
        News::FedBack { incident, .. } => {
            pause(&mut dice, 12.0, 45.0).await;
            ("close", seat.post(&format!("/incidents/{incident}/close"), &json!({})).await)
        }
    };
    match done {
        Ok(_) => _ = play.count(what),
        Err(trouble) => play.trouble(what, &trouble),
    }
}

/// One press of the button, taken by the room and ended by it.
async fn one_backup(play: Arc<Play>, cast: Arc<Cast>, mut dice: Dice) {
    let Some((_, lead, desk)) = dice.pick(&cast.crews) else { return };
    let kinds = ["help", "help", "help", "weapon", "crowd", "pursuit", "officer_down"];
    let kind = dice.pick(&kinds).copied().unwrap_or("help");
    let (lon, lat) = desk.pose(play.clock()).spot.lon_lat();
    let raised = match lead.post("/backups", &json!({"kind": kind, "location": {"lon": lon, "lat": lat}})).await {
        Ok(raised) => raised,
        Err(trouble) => return play.trouble("backup", &trouble),
    };
    play.count("backups");
    let id = first_text(&raised, &["/id", "/backup/id"]);
    let Some(seat) = cast.seats.get(desk.room) else { return };
    pause(&mut dice, 5.0, 11.0).await;
    if let Err(trouble) = seat.post(&format!("/backups/{id}/take"), &json!({})).await {
        play.trouble("take", &trouble);
    }
    pause(&mut dice, 70.0, 150.0).await;
    let reason = if dice.chance(0.1) { "false_alarm" } else { "resolved" };
    if let Err(trouble) = seat.post(&format!("/backups/{id}/close"), &json!({"reason": reason})).await {
        play.trouble("stand_down", &trouble);
    }
}
