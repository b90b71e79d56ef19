//! One watcher of a load run: a command room's screen that follows the live view.
//!
//! The delay of a frame is counted from the time inside each fix, which the same generator stamped.
//! Called by `simulate::run`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::{Session, first_text, now_micros, text};
use super::frames::Reader;
use super::ledger::LOOKED_AT;
use super::run::Run;
use super::wire::{Cursor, Incoming, Wire};
use crate::words::dice::Dice;
use crate::words::time::Timestamp;

/// How long a slow watcher does not read.
const SLOW_FOR: Duration = Duration::from_secs(60);

/// One watcher: who, of what, and how it reads.
pub struct Screen {
    /// Who.
    pub session: Session,
    /// The unit followed; all that may be seen when absent.
    pub unit_id: Option<String>,
    /// Never reads its frames.
    pub slow: bool,
    /// Binary frames instead of JSON.
    pub binary: bool,
    /// Looks anew this often; how long the whole picture takes is measured each time.
    pub look_every: Option<Duration>,
}

impl Screen {
    fn subscribe(&self) -> Value {
        let mut subscribe = json!({"type": "subscribe", "request_id": "live"});
        if let (Some(subscribe), Some(unit)) = (subscribe.as_object_mut(), &self.unit_id) {
            subscribe.insert("unit_id".to_owned(), json!(unit));
        }
        subscribe
    }
}

/// Something is said at least this often.
const BEAT: Duration = Duration::from_secs(12);

/// Follow the live view until told to stop.
pub async fn watch_live(run: Arc<Run>, screen: Screen, mut dice: Dice, mut stop: watch::Receiver<bool>) {
    let protocol = if screen.binary { "suixing.v1.bin" } else { "suixing.v1.json" };
    let mut cursor = Cursor::default();
    while !*stop.borrow() {
        let Ok((mut wire, welcome)) = Wire::open(&screen.session, protocol, &mut cursor).await else {
            run.stats.count("watcher_dial_failed");
            tokio::time::sleep(Duration::from_secs_f64(dice.between(0.5, 3.0))).await;
            continue;
        };
        let mut picture = Picture::asked(welcome.server_us.map_or(0, |at| at - now_micros()));
        if wire.send(&screen.subscribe()).await.is_err() {
            continue;
        }
        if screen.slow {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(SLOW_FOR) => {}
            }
        }
        let mut reader = Reader::default();
        let first = Duration::from_secs_f64(screen.look_every.unwrap_or(BEAT).as_secs_f64() * dice.between(0.5, 1.5));
        let mut look_at = Instant::now() + first;
        loop {
            let look = screen.look_every.map(|_| look_at);
            let wait = look.map_or(BEAT, |at| at.saturating_duration_since(Instant::now()).min(BEAT));
            let incoming = tokio::select! {
                _ = stop.changed() => return wire.close().await,
                incoming = tokio::time::timeout(wait, wire.next()) => incoming,
            };
            if let (Some(every), true) = (screen.look_every, Instant::now() >= look_at) {
                look_at = Instant::now() + every;
                if picture.whole {
                    picture = Picture::asked(picture.offset_us);
                    if wire.send(&screen.subscribe()).await.is_err() {
                        break;
                    }
                }
            }
            let said = match incoming {
                Err(_quiet) => Some(json!({"type": "ping"})),
                Ok(Incoming::Json(frame)) => answer(&run, &frame, &mut cursor, &mut picture),
                Ok(Incoming::Binary(bytes)) => binary(&run, &mut reader, bytes, &mut picture),
                Ok(Incoming::Closed(code, _)) => {
                    run.stats.count(&format!("watcher_closed_{}", code.unwrap_or_default()));
                    break;
                }
            };
            if let Some(took) = picture.just_whole() {
                let name = if screen.binary { "live_snapshot_binary" } else { "live_snapshot_json" };
                run.stats.took(name, took);
            }
            if let Some(said) = said
                && wire.send(&said).await.is_err()
            {
                break;
            }
        }
    }
}

/// Whether the first picture has arrived whole. What of it comes in later frames is as old as it is, not as late; what
/// comes before it belongs to the look before.
struct Picture {
    begun: bool,
    whole: bool,
    asked: Option<Instant>,
    /// Server's clock minus ours, µs.
    offset_us: i64,
}

impl Picture {
    fn asked(offset_us: i64) -> Self {
        Self { begun: false, whole: false, asked: Some(Instant::now()), offset_us }
    }

    /// Takes a frame; true when it tells of changes after the picture.
    fn news(&mut self, snapshot: bool, more: bool) -> bool {
        if !self.begun && !snapshot {
            return false;
        }
        self.begun = true;
        let before = self.whole && !snapshot;
        self.whole = if snapshot { !more } else { self.whole || !more };
        before
    }

    /// How long it took from the question to the whole picture, once.
    fn just_whole(&mut self) -> Option<Duration> {
        if self.whole { self.asked.take().map(|asked| asked.elapsed()) } else { None }
    }
}

fn binary(run: &Run, reader: &mut Reader, bytes: Bytes, picture: &mut Picture) -> Option<Value> {
    let size = bytes.len() as u64;
    let Ok(frame) = reader.read(bytes) else {
        run.stats.count("live_frames_unreadable");
        return None;
    };
    run.stats.add("live_frame_bytes", size);
    run.stats.count(if frame.snapshot { "live_snapshots" } else { "live_frames" });
    if picture.news(frame.snapshot, frame.more) {
        let now = now_micros();
        for moved in frame.moved.iter().filter(|moved| moved.fresh) {
            if let Some(at) = run.recent.time_of(&moved.id, moved.lon_e7, moved.lat_e7) {
                let age = u64::try_from(now - at).unwrap_or_default();
                run.stats.took("live_frame_delay", Duration::from_micros(age));
            }
        }
    }
    Some(json!({"type": "live_ack", "version": frame.version}))
}

fn answer(run: &Run, frame: &Value, cursor: &mut Cursor, picture: &mut Picture) -> Option<Value> {
    let more = frame.get("more").and_then(Value::as_bool).unwrap_or_default();
    match text(frame, "type") {
        "live_snapshot" => {
            run.stats.count("live_snapshots");
            picture.news(true, more);
            Some(json!({"type": "live_ack", "version": frame.get("version")}))
        }
        "live_delta" => {
            run.stats.count("live_frames");
            let now = now_micros();
            let news = picture.news(false, more).then(|| frame.get("changed").and_then(Value::as_array)).flatten();
            for person in news.into_iter().flatten() {
                let fresh = text(person, "freshness") == "fresh" || person.get("freshness").is_none();
                if let (true, Ok(at)) = (fresh, Timestamp::parse(text(person, "at"))) {
                    let age = u64::try_from(now - at.as_micros()).unwrap_or_default();
                    run.stats.took("live_frame_delay", Duration::from_micros(age));
                }
            }
            Some(json!({"type": "live_ack", "version": frame.get("version")}))
        }
        "message" => {
            let seq = frame.get("seq").and_then(Value::as_u64)?;
            cursor.last_seq = seq;
            cursor.last_id = frame.get("id").and_then(Value::as_str).map(str::to_owned);
            let card = frame.pointer("/data/data").unwrap_or(&Value::Null);
            if text(frame, "kind") == "card.raised" && text(card, "limit") == LOOKED_AT {
                let assignment = first_text(card, &["/assignment_id"]);
                run.ledger.told(&run.stats, assignment, now_micros() + picture.offset_us);
            }
            Some(json!({"type": "ack", "seq": seq}))
        }
        "error" => {
            run.stats.count(&format!("watcher_error_{}", text(frame, "code")));
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_picture_is_no_news() {
        let mut picture = Picture::asked(0);
        assert!(!picture.news(false, false) && picture.just_whole().is_none(), "of the look before");
        let frames =
            [(true, true), (false, true), (false, false), (false, true), (false, false), (true, false), (false, false)];
        let mut whole = 0;
        let mut take = |(snapshot, more): &(bool, bool)| {
            let news = picture.news(*snapshot, *more);
            whole += usize::from(picture.just_whole().is_some());
            news
        };
        let news: Vec<bool> = frames.iter().map(&mut take).collect();
        assert_eq!(news, [false, false, false, true, true, false, true]);
        assert_eq!(whole, 1, "measured once");
    }
}
