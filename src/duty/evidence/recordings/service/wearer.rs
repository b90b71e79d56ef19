//! Who wore the camera, where the issue log does not say: a proposal with its reason, and the decision of a named person.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::rules::{self, Line};
use super::super::store::{self, RecordingRow};
use super::super::view::{self, RecordingLine};
use super::super::{EventKind, WearerBy, access};
use super::{event, linked};
use crate::duty::evidence::custody::{Touch, TouchKind, touch};
use crate::duty::evidence::rules::REASON_MAX;
use crate::duty::evidence::store as items;
use crate::duty::incidents::trail;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, PersonId, RecordingId};
use crate::words::time::Timestamp;

/// Seconds between two recordings of one camera within which it has hardly changed hands: a break.
const NEIGHBOUR_S: i64 = 1_800;
/// Seconds after its return within which whoever had a camera last is still asked: a shift.
const LAST_HOLDER_S: i64 = 43_200;

/// Who wore the camera, and how that is known.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WearerBody {
    pub person_id: PersonId,
    /// 1 to 500 characters.
    pub reason: String,
}

text_enum! {
    /// What a proposal rests on.
    pub enum Basis {
        /// Of several to whom it was issued meanwhile, he had it longest.
        IssueLog = "issue_log",
        /// He wore it in a recording shortly before or after.
        Neighbour = "neighbour",
        /// He had returned it shortly before.
        LastHolder = "last_holder",
    }
}

/// Who it may have been. No more than that: somebody has to decide.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Proposal {
    pub person_id: PersonId,
    #[schema(inline)]
    pub basis: Basis,
    /// In words, in the reader's language.
    pub reason: String,
}

/// A recording that is nobody's yet.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnclaimedLine {
    #[serde(flatten)]
    pub line: RecordingLine,
    pub proposal: Option<Proposal>,
}

/// The lines of a page with their proposals: two questions more, however many there are.
pub fn unclaimed(
    conn: &mut Conn,
    rows: Vec<RecordingRow>,
    now: Timestamp,
    english: bool,
) -> Result<Vec<UnclaimedLine>> {
    let (Some(from), Some(to)) =
        (rows.iter().map(|row| row.started_at).min(), rows.iter().map(|row| row.ended_at).max())
    else {
        return Ok(Vec::new());
    };
    let mut cameras: Vec<DeviceId> = rows.iter().map(|row| row.camera_id).collect();
    cameras.sort_unstable();
    cameras.dedup();
    let log = store::issues_of_all(conn, &cameras, from.plus_secs(-LAST_HOLDER_S), to)?;
    let near = store::recordings_neighbouring(conn, &cameras, from.plus_secs(-NEIGHBOUR_S), to.plus_secs(NEIGHBOUR_S))?;
    let proposals: Vec<Option<Proposal>> = rows
        .iter()
        .map(|row| {
            let lines: Vec<Line> =
                log.iter().filter(|(camera, _)| *camera == row.camera_id).map(|(_, line)| *line).collect();
            proposed(row, &lines, &near, english)
        })
        .collect();
    let lines = view::lines(conn, rows, now)?;
    Ok(lines.into_iter().zip(proposals).map(|(line, proposal)| UnclaimedLine { line, proposal }).collect())
}

/// The first of the three rules that has somebody to name.
fn proposed(row: &RecordingRow, log: &[Line], near: &[RecordingRow], english: bool) -> Option<Proposal> {
    let (from, to) = (row.started_at, row.ended_at);
    if let Some((person_id, share_ms)) = rules::longest(log, from, to) {
        let (minutes, of) = (share_ms / 60_000, to.millis_since(from) / 60_000);
        let reason = if english {
            format!(
                "the camera was issued to this person for {minutes} of its {of} minutes, longer than to anybody else"
            )
        } else {
            format!("领用记录：{of} 分钟中由其领用 {minutes} 分钟，时间最长")
        };
        return Some(Proposal { person_id, basis: Basis::IssueLog, reason });
    }
    let apart = |other: &RecordingRow| {
        let before = from.millis_since(other.ended_at);
        let after = other.started_at.millis_since(to);
        before.max(after).max(0)
    };
    let neighbour = near
        .iter()
        .filter(|other| other.camera_id == row.camera_id && other.id != row.id)
        .filter_map(|other| Some((apart(other), other.wearer_id?)))
        .filter(|(apart, _)| *apart <= NEIGHBOUR_S * 1_000)
        .min();
    if let Some((apart, person_id)) = neighbour {
        let minutes = apart / 60_000;
        let reason = if english {
            format!("wore this camera in a recording {minutes} minutes apart")
        } else {
            format!("同一设备前后相隔 {minutes} 分钟的录像由其佩戴")
        };
        return Some(Proposal { person_id, basis: Basis::Neighbour, reason });
    }
    let last = log
        .iter()
        .filter_map(|line| Some((line.to?, line.person)))
        .filter(|(end, _)| *end <= from && from.millis_since(*end) <= LAST_HOLDER_S * 1_000)
        .max_by_key(|(end, _)| *end)?;
    let minutes = from.millis_since(last.0) / 60_000;
    let reason = if english {
        format!("returned the camera {minutes} minutes before it began")
    } else {
        format!("录像开始前 {minutes} 分钟由其归还该设备")
    };
    Some(Proposal { person_id: last.1, basis: Basis::LastHolder, reason })
}

/// Decides who wore the camera, for this segment and for every other of its recording that is nobody's yet. The same
/// again changes nothing; another decision stands beside the first in the trail.
///
/// Errors: `invalid_field`, `not_found` for either, `forbidden`.
pub async fn decide(ctx: &Ctx, meta: &RequestMeta, id: RecordingId, asked: WearerBody) -> Result<Done> {
    body::text("reason", &asked.reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (named, _) = access::fetch(tx.conn(), &actor, &id, Action::WearerDecide)?;
        let person = officers::person_fetch(tx.conn(), &asked.person_id)?;
        if !person.kind.is_field() {
            return Err(Error::field("person_id", "must be somebody who works in the field"));
        }
        for segment in store::group_of(tx.conn(), &named.group_id)? {
            if segment.id == id || segment.wearer_id.is_none() {
                decided(tx, &actor, segment.id, &person.id, &asked.reason)?;
            }
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

fn decided(tx: &mut Tx<'_>, actor: &Actor, id: RecordingId, person: &PersonId, reason: &str) -> Result<()> {
    let now = tx.now;
    let row = store::recording_lock(tx.conn(), &id)?;
    if row.wearer_id == Some(*person) && row.wearer_by == WearerBy::Decision {
        return Ok(());
    }
    let data = json!({
        "person_id": person, "reason": reason, "before_id": row.wearer_id, "before_by": row.wearer_by,
    });
    let row = RecordingRow { wearer_id: Some(*person), wearer_by: WearerBy::Decision, version: row.version + 1, ..row };
    store::recording_save(tx.conn(), &row)?;
    let line = event(id, now, EventKind::Wearer, Some(actor.person), Some(actor.device), &data);
    store::event_insert(tx.conn(), &line)?;
    let Some(evidence) = row.evidence_id else { return Ok(()) };
    let item = items::evidence_fetch(tx.conn(), &evidence)?;
    // The item names a wearer where he is not its author.
    let wearer = Some(*person).filter(|wearer| *wearer != item.author_id);
    items::evidence_wearer(tx.conn(), &evidence, wearer)?;
    let detail = json!({ "wearer_id": wearer, "person_id": person, "recording_id": id, "reason": reason });
    touch(tx, Touch::by(actor, Some(&evidence), TouchKind::WearerDecided, detail))?;
    for incident in linked(tx, &row, &evidence, actor.person, actor.device)? {
        if !item.quarantined {
            trail::entry(tx, &incident, "evidence.linked", Some(actor.person), json!({ "evidence_id": evidence }))?;
        }
    }
    Ok(())
}
