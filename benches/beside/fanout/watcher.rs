//! One watcher: counts what arrives; a probe reads every record and compares it with when it was due.

use std::rc::Rc;
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::{Field, Phase, RING, Target, add};
use crate::Result;
use crate::records;
use crate::socket::{self, Link, number_after};

/// Head, name and record of `suixing.v1.bin`, bytes.
const HEAD: usize = 23;
const NAME: usize = 21;
const RECORD: usize = 16;

/// Connects and subscribes; returns when the first picture, still empty, is there.
pub async fn open(
    target: Target,
    root: &str,
    token: Option<&String>,
    unit: Option<&str>,
    window: (usize, usize),
) -> Result<Link> {
    let protocol = if target == Target::Binary { "suixing.v1.bin" } else { "suixing.v1.json" };
    let mut link = match (target, token) {
        (Target::Ws, _) => return socket::dial(root, "/watch", None, socket::BUSY).await,
        (Target::Socketio, _) => {
            let mut link = socket::dial_socketio(root, socket::BUSY).await?;
            socket::say(&mut link, r#"42["watch"]"#.to_owned()).await?;
            return Ok(link);
        }
        (_, Some(token)) => socket::dial_ours(root, token, protocol, socket::BUSY).await?,
        (_, None) => return Err("a token is missing".into()),
    };
    let (unit, bbox) = (unit.unwrap_or_default(), records::viewport(window.0, window.1));
    let subscribe = format!(r#"{{"type":"subscribe","request_id":"live","unit_id":"{unit}","bbox":{bbox}}}"#);
    socket::say(&mut link, subscribe).await?;
    // An empty picture needs its receipt like any other, or a credit is lost.
    loop {
        match link.next().await.ok_or("the server ended the connection")?? {
            Message::Text(text) if text.contains("live_snapshot") => {
                socket::say(&mut link, ack(number_after(&text, "\"version\":").unwrap_or_default())).await?;
                return Ok(link);
            }
            Message::Text(text) if text.contains("\"type\":\"error\"") => return Err(text.as_str().into()),
            Message::Binary(bytes) => {
                socket::say(&mut link, ack(version(&bytes))).await?;
                return Ok(link);
            }
            _ => {}
        }
    }
}

fn ack(version: u64) -> String {
    format!(r#"{{"type":"live_ack","version":{version}}}"#)
}

fn version(bytes: &[u8]) -> u64 {
    bytes.get(1..9).map_or(0, |eight| u64::from_le_bytes(eight.try_into().unwrap()))
}

/// Counts until told to stop.
pub async fn watch(field: Rc<Field>, mut link: Link, probe: bool, mut phases: watch::Receiver<Phase>) {
    let mut probe = probe.then(|| Probe { field: Rc::clone(&field), newest: vec![None; field.officers] });
    let mut beat = tokio::time::interval(socket::BEAT);
    loop {
        let said = tokio::select! {
            _ = phases.changed() => {
                if *phases.borrow() == Phase::Over { break }
                None
            }
            _ = beat.tick(), if field.target.is_ours() => Some(r#"{"type":"ping"}"#.to_owned()),
            heard = link.next() => match heard {
                Some(Ok(Message::Binary(bytes))) => binary(&field, &mut probe, &bytes),
                Some(Ok(Message::Text(frame))) => text(&field, &mut probe, &frame),
                Some(Ok(_)) => None,
                _ => { add(&field.closed, 1); break }
            },
        };
        if let Some(said) = said
            && link.send(Message::text(said)).await.is_err()
        {
            add(&field.closed, 1);
            break;
        }
    }
}

fn count(field: &Field, records: u64, bytes: usize) {
    add(&field.records, records);
    add(&field.frames, 1);
    add(&field.bytes, bytes as u64);
    if records > 0 {
        field.last_receipt.set(Instant::now());
    }
}

fn binary(field: &Field, probe: &mut Option<Probe>, bytes: &[u8]) -> Option<String> {
    if !field.counting.get() {
        return Some(ack(version(bytes)));
    }
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let (names, records) = (number(17), number(19));
    count(field, records as u64, bytes.len());
    if let Some(probe) = probe {
        let from = HEAD + names * NAME;
        for record in bytes[from..from + records * RECORD].as_chunks::<RECORD>().0 {
            let degrees = |at: usize| i32::from_le_bytes(record[at..at + 4].try_into().unwrap());
            probe.saw(records::of_e7(degrees(4), degrees(8)));
        }
    }
    Some(ack(version(bytes)))
}

/// A place in any peer's JSON.
#[derive(Deserialize)]
struct Place {
    lon: f64,
    lat: f64,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default, alias = "people")]
    changed: Vec<Place>,
}

fn text(field: &Field, probe: &mut Option<Probe>, frame: &str) -> Option<String> {
    // Records are flat, so their number is that of the opening braces less the frame's own.
    let braces = frame.bytes().filter(|byte| *byte == b'{').count() as u64;
    let (records, said, places): (u64, _, Vec<Place>) = match field.target {
        Target::Binary | Target::Json => {
            if !frame.starts_with(r#"{"type":"live_"#) {
                return None;
            }
            let delta = probe.as_ref().map(|_| serde_json::from_str::<Delta>(frame).unwrap().changed);
            let said = ack(number_after(frame, "\"version\":").unwrap_or_default());
            (braces - 1, Some(said), delta.unwrap_or_default())
        }
        Target::Ws => (braces, None, probe.as_ref().map(|_| serde_json::from_str(frame).unwrap()).unwrap_or_default()),
        Target::Socketio => {
            let Some(body) = frame.strip_prefix(r#"42["fix","#).and_then(|rest| rest.strip_suffix(']')) else {
                return (frame == "2").then(|| "3".to_owned());
            };
            (1, None, probe.as_ref().map(|_| vec![serde_json::from_str(body).unwrap()]).unwrap_or_default())
        }
    };
    if !field.counting.get() {
        return said;
    }
    count(field, records, frame.len());
    if let Some(probe) = probe {
        places.iter().for_each(|place| probe.saw(records::of_degrees(place.lon, place.lat)));
    }
    said
}

/// A watcher who reads whole records.
struct Probe {
    field: Rc<Field>,
    newest: Vec<Option<u32>>,
}

impl Probe {
    fn saw(&mut self, (officer, report): (usize, u32)) {
        let field = &self.field;
        let Some(newest) = self.newest.get_mut(officer) else { return };
        let next = newest.map_or(0, |newest| newest + 1);
        if report < next {
            return add(&field.again, 1);
        }
        add(&field.missed, u64::from(report - next));
        *newest = Some(report);
        if report >= field.warm_reports
            && let Some(due) = field.due_at[officer * RING + report as usize % RING].get()
        {
            field.delays.borrow_mut().since(due);
        }
    }
}
