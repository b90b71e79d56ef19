//! Work orders: sent from an incident, answered by the agency or written down by the room.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use serde::{Deserialize, Serialize};

use super::super::access::{self, Side};
use super::super::outlet::Change;
use super::super::service::{self, NewMove, NewTask};
use super::super::store;
use super::super::store::outlet as feeds;
use super::super::view::{self, AgencyTask, TaskView};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::{Body, Done, Params, PathId, page};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, TaskId};

/// Orders of an incident, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TaskList {
    /// In the order in which they were sent.
    pub items: Vec<TaskView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

/// An order as whoever asks may see it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TaskSeen {
    House(Box<TaskView>),
    Agency(Box<AgencyTask>),
}

/// Where to read on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InboxQuery {
    /// The last `seq` that is stored there; 0 unless told. It counts as the machine's receipt of everything up to it.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// 1 to 500; 50 unless told.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
}

/// Changes of an agency's orders.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TaskInbox {
    pub items: Vec<Change>,
    /// Null when there is no more.
    pub next_cursor: Option<String>,
    /// For `after`.
    pub next_after: i64,
    pub last_seq: i64,
}

/// The order as the answer to a write or a read.
async fn shown(ctx: &Ctx, id: TaskId, status: u16) -> Result<HttpResponse> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let (version, seen) = ctx
        .db
        .snapshot(move |conn| {
            let (row, side) = access::fetch(conn, &actor, &id)?;
            let version = row.version;
            if side == Side::Agency {
                return Ok((version, TaskSeen::Agency(Box::new(view::for_agency(conn, &row)?))));
            }
            let found = view::tasks(conn, vec![row], now)?.into_iter().next();
            let found = found.ok_or_else(|| Error::not_found("task"))?;
            Ok((version, TaskSeen::House(Box::new(found))))
        })
        .await?;
    let status = StatusCode::from_u16(status).map_err(Error::internal)?;
    let version = (ETAG, format!("\"{version}\""));
    Ok(HttpResponse::build(status).insert_header(version).insert_header((CACHE_CONTROL, "no-store")).json(seen))
}

async fn answer(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    shown(ctx, done.id()?, done.status).await
}

/// The board of an incident (联动工单): who was called, who has signed, who is there, since when, and how late.
///
/// Permissions: who may see the incident, but no system.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/tasks", tag = "partners", params(("id" = IncidentId, Path)),
    responses((status = 200, body = TaskList), (status = 404)))]
pub async fn board(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let items = ctx
        .db
        .snapshot(move |conn| {
            let incident = incidents::incident_fetch(conn, &id)?;
            calls::sight(conn, &actor, &incident)?.check(&actor, Action::TaskRead)?;
            let rows = store::tasks_of_incident(conn, &id)?;
            view::tasks(conn, rows, now)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TaskList { items, next_cursor: None }))
}

/// Hands a work order to a linked body. One with software gets it over its webhook and in its inbox; one without is
/// telephoned, and what is said is written down with `POST /tasks/{id}/events`.
///
/// Permissions: dispatchers, supervisors and administrators in command of the incident; who is or was sent to it, who
/// started it.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/tasks", tag = "partners", params(("id" = IncidentId, Path)),
    request_body = NewTask,
    responses((status = 201, body = TaskView), (status = 200, body = TaskView, description = "The same again"),
        (status = 403), (status = 404),
        (status = 409, description = "`conflict`: the agency takes none, or the incident has ended"), (status = 422)))]
pub async fn send(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<NewTask>) -> Result<HttpResponse> {
    let done = service::send(&ctx, &body.meta, id, body.value).await?;
    answer(&ctx, &done).await
}

/// One order: to us with every move of it, to its agency without caller, parties and notes.
///
/// Permissions: who may see the incident; the account of the agency it was handed to.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "partners", params(("id" = TaskId, Path)),
    responses((status = 200, body = TaskSeen), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<TaskId>) -> Result<HttpResponse> {
    shown(&ctx, id, StatusCode::OK.as_u16()).await
}

/// What happened to an order: `sign`, `accept`, `arrive`, `close` with the result, `return` with the reason, `withdraw`.
///
/// The agency says so under its account, naming the human; a seat writes down what it was told, by whom and when, which
/// is kept apart as `recorded_by_room`. No rung is left out.
///
/// Permissions: the account of its agency; dispatchers, supervisors and administrators in command of the incident; to
/// withdraw it also whoever sent it.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/events", tag = "partners", params(("id" = TaskId, Path)),
    request_body = NewMove,
    responses((status = 201, body = TaskSeen), (status = 200, body = TaskSeen, description = "The same again"),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: not in this state"), (status = 412),
        (status = 422)))]
pub async fn record(ctx: Ctx, PathId(id): PathId<TaskId>, body: Body<NewMove>) -> Result<HttpResponse> {
    let done = service::record(&ctx, &body.meta, id, body.value).await?;
    answer(&ctx, &done).await
}

/// The durable ordered feed of an agency's orders: the same that its webhook is sent.
///
/// Permissions: the account of a linked body.
#[utoipa::path(get, path = "/api/v1/inbox/tasks", tag = "partners", params(InboxQuery),
    responses((status = 200, body = TaskInbox), (status = 403)))]
pub async fn inbox(ctx: Ctx, Params(query): Params<InboxQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let after = query.after.unwrap_or(0);
    if after < 0 {
        return Err(Error::field("after", "must not be negative"));
    }
    let actor = Arc::clone(&ctx.actor);
    let (agency, rows, last, unknown) = ctx
        .db
        .snapshot(move |conn| {
            let agency = access::own_agency(conn, &actor)?.id;
            let rows = feeds::feed_list(conn, &agency, after, limit)?;
            let last = feeds::outlet_find(conn, &agency)?.map_or(0, |outlet| outlet.last_seq);
            Ok((agency, rows, last, !feeds::tasks_taken(conn, &agency, after)?.is_empty()))
        })
        .await?;
    if unknown {
        ctx.db.write(Priority::Receipt, move |tx| service::taken(tx, &agency, after)).await?;
    }
    let next = rows.last().map_or(after, |row| row.seq);
    let items = rows.iter().map(Change::of).collect::<Result<Vec<_>>>()?;
    let more = (next < last).then(|| next.to_string());
    let inbox = TaskInbox { items, next_cursor: more, next_after: next, last_seq: last };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(inbox))
}
