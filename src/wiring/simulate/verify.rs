//! After a load run: is everything that was acknowledged really there, once?
//!
//! Reads stored tracks back through the public interface. Called by `simulate::run`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::client::{Session, Trouble, text};
use crate::words::time::Timestamp;

/// Tracks read back; all of them would be a load of its own.
const SAMPLE: usize = 40;

/// One terminal's acknowledged fix times (µs), and who reads its track back.
pub struct Track {
    /// The terminal's session.
    pub session: Session,
    /// Times of acknowledged fixes.
    pub acked: Vec<i64>,
}

/// Compare acknowledged fixes with the stored tracks of a sample.
pub async fn fixes(reader: &Session, tracks: &[Track]) -> Result<Value, Trouble> {
    let step = (tracks.len() / SAMPLE).max(1);
    let (mut checked, mut lost, mut doubled, mut read) = (0u64, 0u64, 0u64, 0u64);
    for track in tracks.iter().step_by(step).filter(|t| !t.acked.is_empty()) {
        let (Some(from), Some(to)) = (track.acked.iter().min(), track.acked.iter().max()) else { continue };
        let stored = stored_times(reader, &track.session.person_id, *from, *to).await?;
        read += 1;
        for at in &track.acked {
            checked += 1;
            match stored.get(at) {
                None => lost += 1,
                Some(1) => {}
                Some(_) => doubled += 1,
            }
        }
    }
    Ok(json!({"tracks_read": read, "fixes_checked": checked, "fixes_lost": lost, "fixes_doubled": doubled}))
}

async fn stored_times(reader: &Session, person: &str, from: i64, to: i64) -> Result<HashMap<i64, u32>, Trouble> {
    let mut times = HashMap::new();
    let mut cursor = String::new();
    loop {
        let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to).plus_secs(1));
        let path = format!("/people/{person}/track?from={from}&to={to}{cursor}");
        let page = reader.get(&path).await?;
        for fix in page.get("fixes").and_then(Value::as_array).into_iter().flatten() {
            if let Ok(at) = Timestamp::parse(text(fix, "at")) {
                *times.entry(at.as_micros()).or_default() += 1;
            }
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) if !next.is_empty() => cursor = format!("&cursor={next}"),
            _ => return Ok(times),
        }
    }
}
