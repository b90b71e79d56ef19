//! One watcher of a load run: a command room's screen that follows the live view.
//!
//! The delay of a frame is counted from the time inside each fix, which the same generator stamped.
//! Called by `simulate::run`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::{Session, now_micros, text};
use super::dice::Dice;
use super::terminal::Run;
use super::wire::{Cursor, Incoming, Wire};
use crate::words::time::Timestamp;

/// How long a slow watcher does not read.
const SLOW_FOR: Duration = Duration::from_secs(60);

/// Follow the live view of a unit until told to stop; a slow one never reads its frames.
pub async fn watch_live(
    run: Arc<Run>,
    session: Session,
    unit_id: Option<String>,
    slow: bool,
    mut dice: Dice,
    mut stop: watch::Receiver<bool>,
) {
    let mut cursor = Cursor::default();
    while !*stop.borrow() {
        let Ok((mut wire, _)) = Wire::open(&session, "suixing.v1.json", &mut cursor).await else {
            run.stats.count("watcher_dial_failed");
            tokio::time::sleep(Duration::from_secs_f64(dice.between(0.5, 3.0))).await;
            continue;
        };
        let mut subscribe = json!({"type": "subscribe", "request_id": "live"});
        if let (Some(subscribe), Some(unit)) = (subscribe.as_object_mut(), &unit_id) {
            subscribe.insert("unit_id".to_owned(), json!(unit));
        }
        if wire.send(&subscribe).await.is_err() {
            continue;
        }
        if slow {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(SLOW_FOR) => {}
            }
        }
        loop {
            let incoming = tokio::select! {
                _ = stop.changed() => return wire.close().await,
                incoming = tokio::time::timeout(Duration::from_secs(12), wire.next()) => incoming,
            };
            let sent = match incoming {
                Err(_quiet) => wire.ping().await,
                Ok(Incoming::Json(frame)) => match answer(&run, &frame, &mut cursor) {
                    Some(answer) => wire.send(&answer).await,
                    None => Ok(()),
                },
                Ok(Incoming::Binary(_)) => Ok(()),
                Ok(Incoming::Closed(code, _)) => {
                    run.stats.count(&format!("watcher_closed_{}", code.unwrap_or_default()));
                    break;
                }
            };
            if sent.is_err() {
                break;
            }
        }
    }
}

fn answer(run: &Run, frame: &Value, cursor: &mut Cursor) -> Option<Value> {
    match text(frame, "type") {
        "live_snapshot" => {
            run.stats.count("live_snapshots");
            Some(json!({"type": "live_ack", "version": frame.get("version")}))
        }
        "live_delta" => {
            run.stats.count("live_frames");
            let now = now_micros();
            for person in frame.get("changed").and_then(Value::as_array).into_iter().flatten() {
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
