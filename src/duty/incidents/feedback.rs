//! Feedback (反馈): content in stages, back to the source by itself. The final
//! one moves the incident to fed_back; the review closes it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::service::{self, begin, touch};
use super::state::{self, Command};
use super::store::feedbacks::{self, FeedbackRow};
use super::trail;
use super::view::parsed;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body};
use crate::platform::keys::sha256_hex;
use crate::platform::policy::{Action, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AssignmentId, FeedbackId, IncidentId};
use crate::words::time::Timestamp;

crate::text_enum! {
    /// On arrival, under way, with the result.
    pub enum Stage { First = "first", Progress = "progress", Final = "final" }
}

/// People named in one feedback.
const PEOPLE_MAX: usize = 50;
/// Bytes of all people of one feedback.
const PEOPLE_BYTES_MAX: usize = 32 * 1024;
/// How far ahead a terminal's clock may be, seconds.
const AHEAD_MAX_S: i64 = 300;

/// The body of `POST /incidents/{id}/feedbacks`.
#[derive(Clone, Debug, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeedback {
    /// A client's own id, so that it can be written offline.
    #[serde(skip_serializing)]
    pub id: Option<FeedbackId>,
    pub stage: Stage,
    /// 处理结果代码, e.g. of GA/T 2000.152.
    pub result_code: Option<String>,
    /// 现场处结
    pub resolved_on_scene: Option<bool>,
    pub text: Option<String>,
    /// Names or objects, as the source system wants them.
    #[serde(default)]
    pub people: Vec<Value>,
    pub assignment_id: Option<AssignmentId>,
    /// When it was written, by the terminal's clock.
    pub at: Option<Timestamp>,
}

impl NewFeedback {
    /// Errors: `invalid_field`.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if let Some(code) = &self.result_code {
            body::text("result_code", code, 1, 64)?;
        }
        body::text_opt("text", self.text.as_deref(), 8000)?;
        if self.people.len() > PEOPLE_MAX || serde_json::to_vec(&self.people)?.len() > PEOPLE_BYTES_MAX {
            return Err(Error::field("people", format!("must be at most {PEOPLE_MAX} in {PEOPLE_BYTES_MAX} bytes")));
        }
        if self.at.is_some_and(|at| at > now.plus_secs(AHEAD_MAX_S)) {
            return Err(Error::field("at", "lies in the future"));
        }
        Ok(())
    }
}

/// Gives a feedback; the same one again is the same one.
pub fn give(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, new: &NewFeedback) -> Result<Done> {
    let hash = sha256_hex(&serde_json::to_vec(new)?);
    if let Some(feedback) = new.id
        && let Some(had) = feedbacks::feedback_find(tx.conn(), &feedback)?
    {
        let same = had.incident_id == *id && had.hash == hash && had.author == ctx.actor.person;
        return if same { Ok(Done::new(200, json!({ "id": feedback }))) } else { Err(Error::new(Code::AlreadyExists)) };
    }
    let mut row = begin(tx, ctx, id, meta, Action::IncidentContribute)?;
    if ctx.actor.kind == PersonKind::ServiceAccount {
        return Err(Error::forbidden("feedback comes from the scene or the room"));
    }
    let known = feedbacks::feedbacks_list(tx.conn(), id)?;
    let twin = known
        .iter()
        .find(|had| new.at.is_some() && had.hash == hash && had.author == ctx.actor.person && had.round == row.round);
    if let Some(twin) = twin {
        return Ok(Done::new(200, json!({ "id": twin.id })));
    }
    let now = tx.now;
    // An assisting hand's words are confirmed by the lead; an officer's or the room's stand.
    let stands = ctx.actor.kind == PersonKind::PoliceOfficer || ctx.actor.kind.is_room();
    let feedback = FeedbackRow {
        id: new.id.unwrap_or_else(FeedbackId::new),
        incident_id: row.id,
        assignment_id: new.assignment_id,
        round: row.round,
        stage: new.stage,
        result_code: new.result_code.clone(),
        resolved_on_scene: new.resolved_on_scene,
        text: new.text.clone(),
        people: serde_json::to_string(&new.people)?,
        author: ctx.actor.person,
        confirmed_by: stands.then_some(ctx.actor.person),
        confirmed_at: stands.then_some(now),
        device_at: new.at,
        at: now,
        hash,
    };
    feedbacks::feedback_insert(tx.conn(), &feedback)?;
    if new.stage == Stage::Final {
        row.final_at = Some(now);
        if let Ok(Some(to)) = state::next(row.state, Command::FinalFeedback) {
            row.state = to;
        }
        touch(tx, &mut row)?;
    }
    let mut data = view(&feedback)?;
    if let Value::Object(map) = &mut data {
        map.insert("state".into(), json!(row.state));
    }
    trail::entry(
        tx,
        id,
        "feedback.given",
        Some(ctx.actor.person),
        json!({ "feedback_id": feedback.id, "stage": new.stage }),
    )?;
    trail::feed_append(tx, &row, "feedback.given", &data);
    tx.emit(&Event::FeedbackGiven { incident: row.id, feedback: feedback.id, stage: new.stage.to_string() })?;
    Ok(Done::new(201, json!({ "id": feedback.id })))
}

/// The lead or the room confirms what an assisting hand wrote.
pub fn confirm(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, feedback: &FeedbackId) -> Result<Done> {
    let row = begin(tx, ctx, id, meta, Action::IncidentContribute)?;
    let had = feedbacks::feedback_fetch(tx.conn(), feedback)?;
    if had.incident_id != row.id {
        return Err(Error::not_found("feedback"));
    }
    if !(ctx.actor.kind == PersonKind::PoliceOfficer || ctx.actor.kind.is_room()) {
        return Err(Error::forbidden("an officer or the room confirms"));
    }
    if had.confirmed_at.is_none() {
        let now = tx.now;
        feedbacks::feedback_confirm(tx.conn(), feedback, &ctx.actor.person, now)?;
        let data = json!({ "feedback_id": feedback, "by": ctx.actor.person });
        trail::entry(tx, id, "feedback.confirmed", Some(ctx.actor.person), data.clone())?;
        trail::feed_append(tx, &row, "feedback.confirmed", &data);
        service::audit_of(tx, ctx, "feedback.confirm", id, &json!({}))?;
    }
    Ok(Done::new(200, json!({ "id": feedback })))
}

/// On the wire.
pub fn view(row: &FeedbackRow) -> Result<Value> {
    Ok(json!({
        "id": row.id,
        "incident_id": row.incident_id,
        "assignment_id": row.assignment_id,
        "round": row.round,
        "stage": row.stage,
        "result_code": row.result_code,
        "resolved_on_scene": row.resolved_on_scene,
        "text": row.text,
        "people": parsed(&row.people)?,
        "author": row.author,
        "confirmed_by": row.confirmed_by,
        "confirmed_at": row.confirmed_at,
        "device_at": row.device_at,
        "at": row.at,
    }))
}
