//! Feedback rows: content given in stages.

use diesel::prelude::*;

use crate::platform::db::Conn;
use crate::platform::db::schema::feedback;
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, FeedbackId, IncidentId, PersonId};
use crate::words::time::Timestamp;

use super::super::feedback::Stage;

/// One feedback (反馈) as given.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = feedback, treat_none_as_default_value = false)]
pub struct FeedbackRow {
    pub id: FeedbackId,
    pub incident_id: IncidentId,
    pub assignment_id: Option<AssignmentId>,
    pub round: i32,
    pub stage: Stage,
    pub result_code: Option<String>,
    pub resolved_on_scene: Option<bool>,
    pub text: Option<String>,
    pub people: String,
    pub author: PersonId,
    pub confirmed_by: Option<PersonId>,
    pub confirmed_at: Option<Timestamp>,
    pub device_at: Option<Timestamp>,
    pub at: Timestamp,
    pub hash: String,
}

pub fn feedback_insert(conn: &mut Conn, row: &FeedbackRow) -> Result<()> {
    diesel::insert_into(feedback::table).values(row).execute(conn)?;
    Ok(())
}

pub fn feedback_find(conn: &mut Conn, id: &FeedbackId) -> Result<Option<FeedbackRow>> {
    Ok(feedback::table.find(id).first(conn).optional()?)
}

/// Errors: `not_found`.
pub fn feedback_fetch(conn: &mut Conn, id: &FeedbackId) -> Result<FeedbackRow> {
    feedback_find(conn, id)?.ok_or_else(|| Error::not_found("feedback"))
}

pub fn feedbacks_list(conn: &mut Conn, id: &IncidentId) -> Result<Vec<FeedbackRow>> {
    Ok(feedback::table
        .filter(feedback::incident_id.eq(id))
        .order((feedback::at.asc(), feedback::id.asc()))
        .limit(500)
        .load(conn)?)
}

pub fn feedback_confirm(conn: &mut Conn, id: &FeedbackId, by: &PersonId, now: Timestamp) -> Result<()> {
    diesel::update(feedback::table.find(id).filter(feedback::confirmed_at.is_null()))
        .set((feedback::confirmed_by.eq(Some(by)), feedback::confirmed_at.eq(Some(now))))
        .execute(conn)?;
    Ok(())
}
