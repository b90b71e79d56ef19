//! Crews: formed, listed, changed mid-shift.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use crate::duty::crews::service::{
    self, CrewNew, CrewPatch, CrewSplit, CrewView, crew_view, crew_view_of, crew_visible,
};
use crate::duty::crews::{CrewRole, CrewStatus, Member, store};
use crate::duty::officers::service::unit_visible;
use crate::platform::ctx::Ctx;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Done, Params, PathId};
use crate::platform::policy::{Action, Facts, may};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{CrewId, PersonId, UnitId};

/// A page of crews, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CrewList {
    pub items: Vec<CrewView>,
    pub next_cursor: Option<String>,
}

/// Narrows the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CrewQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
    /// Active when absent.
    pub status: Option<CrewStatus>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// Who joins, and as what; oneself as assisting when absent.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JoinBody {
    pub person_id: Option<PersonId>,
    pub role: Option<CrewRole>,
}

/// Who leaves; oneself when absent.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeaveBody {
    pub person_id: Option<PersonId>,
}

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: CrewId = done.id()?;
    let view = ctx.db.read(move |conn| crew_view(conn, &id)).await?;
    let mut response = if done.status == 201 { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.insert_header(("ETag", format!("\"{}\"", view.version))).json(view))
}

/// The crews of a subtree.
///
/// Permissions: people of the subtree.
#[utoipa::path(get, path = "/api/v1/crews", tag = "duty", params(CrewQuery), responses((status = 200, body = CrewList)))]
pub async fn list(ctx: Ctx, Params(query): Params<CrewQuery>) -> Result<HttpResponse> {
    may(&ctx.actor, Action::OrgRead, &Facts::default()).check("crew")?;
    let limit = page::limit(query.limit)?;
    let after: Option<CrewId> = query
        .cursor
        .as_deref()
        .map(page::decode)
        .transpose()?
        .map(|c| c.parse().map_err(|_bad| Error::new(Code::InvalidCursor)))
        .transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let (rows, members) = ctx
        .db
        .read(move |conn| {
            let asked = query.unit_id.map(|id| unit_visible(conn, &actor, &id)).transpose()?.map(|unit| unit.path);
            let path = asked.filter(|path| actor.commands(path)).unwrap_or_else(|| actor.unit_path.clone());
            let status = Some(query.status.unwrap_or(CrewStatus::Active));
            let rows = store::crews_page(conn, &path, status, after, limit + 1)?;
            let ids: Vec<CrewId> = rows.iter().map(|row| row.id).collect();
            let members = store::crews_members(conn, &ids)?;
            Ok((rows, members))
        })
        .await?;
    let mut by_crew: HashMap<CrewId, Vec<Member>> = HashMap::new();
    for row in members {
        by_crew.entry(row.crew_id).or_default().push(Member { person_id: row.person_id, role: row.role });
    }
    let Items { items, next_cursor } = Items::from_rows(rows, limit, |row| row.id.to_string());
    let items = items
        .into_iter()
        .map(|row| {
            let mut members = by_crew.remove(&row.id).unwrap_or_default();
            members.sort_by_key(|m| m.role);
            crew_view_of(row, members)
        })
        .collect();
    Ok(HttpResponse::Ok().json(CrewList { items, next_cursor }))
}

/// Forms a crew; members leave the crews they were in.
///
/// Permissions: dispatchers and administrators of the subtree; field people who are in it themselves.
#[utoipa::path(post, path = "/api/v1/crews", tag = "duty", request_body = CrewNew,
    responses((status = 201, body = CrewView), (status = 403), (status = 404), (status = 409)))]
pub async fn create(ctx: Ctx, body: Body<CrewNew>) -> Result<HttpResponse> {
    let done = service::crew_create(&ctx, &body.meta, body.value).await?;
    shown(&ctx, &done).await
}

/// One crew.
///
/// Permissions: its members, and people of the subtree.
#[utoipa::path(get, path = "/api/v1/crews/{id}", tag = "duty", params(("id" = CrewId, Path)),
    responses((status = 200, body = CrewView), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<CrewId>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    ctx.db.read(move |conn| crew_visible(conn, &actor, &id).map(drop)).await?;
    shown(&ctx, &Done::new(200, id.to_string())).await
}

/// Changes call sign, vehicle, grid or the whole list of members.
///
/// Permissions: its members, and dispatchers and administrators of the subtree.
#[utoipa::path(patch, path = "/api/v1/crews/{id}", tag = "duty", params(("id" = CrewId, Path)), request_body = CrewPatch,
    responses((status = 200, body = CrewView), (status = 403), (status = 404), (status = 409), (status = 412)))]
pub async fn change(ctx: Ctx, PathId(id): PathId<CrewId>, body: Body<CrewPatch>) -> Result<HttpResponse> {
    let done = service::crew_change(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Joins a crew.
///
/// Permissions: oneself; its members and the room for others.
#[utoipa::path(post, path = "/api/v1/crews/{id}/join", tag = "duty", params(("id" = CrewId, Path)), request_body(content = JoinBody),
    responses((status = 200, body = CrewView), (status = 403), (status = 404), (status = 409)))]
pub async fn join(ctx: Ctx, PathId(id): PathId<CrewId>, body: Body<JoinBody>) -> Result<HttpResponse> {
    let member = Member {
        person_id: body.value.person_id.unwrap_or(ctx.actor.person),
        role: body.value.role.unwrap_or(CrewRole::Assist),
    };
    let done = service::crew_join(&ctx, &body.meta, id, member).await?;
    shown(&ctx, &done).await
}

/// Leaves a crew; the last one out ends it.
///
/// Permissions: oneself; the room for others.
#[utoipa::path(post, path = "/api/v1/crews/{id}/leave", tag = "duty", params(("id" = CrewId, Path)), request_body(content = LeaveBody),
    responses((status = 200, body = CrewView), (status = 403), (status = 404)))]
pub async fn leave(ctx: Ctx, PathId(id): PathId<CrewId>, body: Body<LeaveBody>) -> Result<HttpResponse> {
    let person = body.value.person_id.unwrap_or(ctx.actor.person);
    let done = service::crew_leave(&ctx, &body.meta, id, person).await?;
    shown(&ctx, &done).await
}

/// Splits members off into a crew of their own; answers the new crew.
///
/// Permissions: its members, and dispatchers and administrators of the subtree.
#[utoipa::path(post, path = "/api/v1/crews/{id}/split", tag = "duty", params(("id" = CrewId, Path)), request_body = CrewSplit,
    responses((status = 201, body = CrewView), (status = 403), (status = 404), (status = 409)))]
pub async fn split(ctx: Ctx, PathId(id): PathId<CrewId>, body: Body<CrewSplit>) -> Result<HttpResponse> {
    let done = service::crew_split(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}
