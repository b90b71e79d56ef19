//! One watcher of a load run: a command room's screen that follows the live view.
//!
//! The delay of a frame is counted from the time inside each fix, which the same generator stamped.
//! Called by `simulate::run`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::{Session, now_micros, text};
use super::dice::Dice;
use super::frames::Reader;
use super::terminal::Run;
use super::wire::{Cursor, Incoming, Wire};
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
}

/// Follow the live view until told to stop.
pub async fn watch_live(run: Arc<Run>, screen: Screen, mut dice: Dice, mut stop: watch::Receiver<bool>) {
    let protocol = if screen.binary { "suixing.v1.bin" } else { "suixing.v1.json" };
    let mut cursor = Cursor::default();
    while !*stop.borrow() {
        let Ok((mut wire, _)) = Wire::open(&screen.session, protocol, &mut cursor).await else {
            run.stats.count("watcher_dial_failed");
            tokio::time::sleep(Duration::from_secs_f64(dice.between(0.5, 3.0))).await;
            continue;
        };
        let mut subscribe = json!({"type": "subscribe", "request_id": "live"});
        if let (Some(subscribe), Some(unit)) = (subscribe.as_object_mut(), &screen.unit_id) {
            subscribe.insert("unit_id".to_owned(), json!(unit));
        }
        if wire.send(&subscribe).await.is_err() {
            continue;
        }
        if screen.slow {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(SLOW_FOR) => {}
            }
        }
        let mut reader = Reader::default();
        let mut picture = Picture::default();
        loop {
            let incoming = tokio::select! {
                _ = stop.changed() => return wire.close().await,
                incoming = tokio::time::timeout(Duration::from_secs(12), wire.next()) => incoming,
            };
            let said = match incoming {
                Err(_quiet) => Some(json!({"type": "ping"})),
                Ok(Incoming::Json(frame)) => answer(&run, &frame, &mut cursor, &mut picture),
                Ok(Incoming::Binary(bytes)) => binary(&run, &mut reader, bytes, &mut picture),
                Ok(Incoming::Closed(code, _)) => {
                    run.stats.count(&format!("watcher_closed_{}", code.unwrap_or_default()));
                    break;
                }
            };
            if let Some(said) = said
                && wire.send(&said).await.is_err()
            {
                break;
            }
        }
    }
}

/// Whether the first picture has arrived whole. What of it comes in later frames is as old as it is, not as late.
#[derive(Default)]
struct Picture {
    whole: bool,
}

impl Picture {
    /// Takes a frame; true when it tells of changes after the picture.
    fn news(&mut self, snapshot: bool, more: bool) -> bool {
        let before = self.whole && !snapshot;
        self.whole = if snapshot { !more } else { self.whole || !more };
        before
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
        let mut picture = Picture::default();
        let frames =
            [(true, true), (false, true), (false, false), (false, true), (false, false), (true, false), (false, false)];
        let news: Vec<bool> = frames.iter().map(|(snapshot, more)| picture.news(*snapshot, *more)).collect();
        assert_eq!(news, [false, false, false, true, true, false, true]);
    }
}
