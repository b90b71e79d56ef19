//! A final feedback filled in from what the ladder knows already, so that
//! nobody types twice.

use serde_json::{Value, json};

use super::ladder::Rung;
use super::store;
use crate::duty::incidents::IncidentRow;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// Times, people and a sentence; the officer corrects and sends it.
pub fn proposal(conn: &mut Conn, incident: &IncidentRow) -> Result<Value> {
    let mut first: Vec<(Rung, Timestamp)> = Vec::new();
    let mut people = Vec::new();
    let rows = store::assignments_of_incident(conn, &incident.id)?;
    for row in rows.iter().filter(|row| !row.is_unit() && row.round == incident.round) {
        for rung in store::rungs_list(conn, &row.id)? {
            // Whoever reports late still says when it was.
            let at = rung.device_at.map_or(rung.at, |said| said.min(rung.at));
            match first.iter_mut().find(|(step, _)| *step == rung.step) {
                Some((_, earliest)) => *earliest = (*earliest).min(at),
                None => first.push((rung.step, at)),
            }
        }
        people.extend(store::members_of(conn, &row.id)?.into_iter().map(|member| member.person_id));
    }
    people.sort_unstable();
    people.dedup();
    let when = |step: Rung| first.iter().find(|(had, _)| *had == step).map(|(_, at)| *at);
    let arrived = when(Rung::OnScene);
    let text = match (arrived, when(Rung::Cleared)) {
        (Some(arrived), Some(cleared)) => format!("民警于{arrived}到场，{cleared}处警完毕。"),
        (Some(arrived), None) => format!("民警于{arrived}到场，正在处置。"),
        _ => String::new(),
    };
    Ok(json!({
        "stage": if when(Rung::Cleared).is_some() { "final" } else { "first" },
        "category_found": incident.category_found.as_ref().unwrap_or(&incident.category),
        "resolved_on_scene": arrived.is_some().then_some(true),
        "text": text,
        "officers": people,
        "accepted_at": when(Rung::Accepted),
        "en_route_at": when(Rung::EnRoute),
        "on_scene_at": arrived,
        "cleared_at": when(Rung::Cleared),
    }))
}
