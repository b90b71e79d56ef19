//! The deletion of single items.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use super::super::deletion::{self, DeletionView, NewDeletion};
use super::{Refusal, listed};
use crate::duty::evidence::access;
use crate::duty::evidence::store::deletions as store;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Done, Items, Page, Params, PathId, page};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeletionId, EvidenceId};

/// A page of deletions, named for the description.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeletionList {
    /// The oldest first.
    pub items: Vec<DeletionView>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: DeletionId = done.id()?;
    let value = ctx.db.read(move |conn| deletion::fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}

/// The deletion of an item: who asked, who agreed, what became of it.
///
/// Permissions: custodians, supervisors and administrators above it.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/deletion", tag = "keeping", params(("id" = EvidenceId, Path)),
    responses((status = 200, body = DeletionView), (status = 403),
        (status = 404, description = "no such item, or nobody asked for its deletion")))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<EvidenceId>) -> Result<HttpResponse> {
    access::seen(&ctx, id, Action::EvidenceDispose).await?;
    let value = ctx.db.read(move |conn| deletion::last_of(conn, &id)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}

/// Asks for the deletion of one item whose term is over. Two others have to agree.
///
/// Permissions: custodians above it.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/deletion", tag = "keeping", params(("id" = EvidenceId, Path)),
    request_body = NewDeletion, responses((status = 201, body = DeletionView), (status = 403), (status = 404),
        (status = 409, description = "`held` with the holds, `retention_running` with the class and until when, \
            `already_exists` while one is open"),
        (status = 410, description = "`erased`")))]
pub async fn ask(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<NewDeletion>) -> Result<HttpResponse> {
    let done = deletion::ask(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Agrees to a deletion. With the second agreement it is set for `not_before`; until then a hold wins, and it can be
/// taken back.
///
/// Permissions: custodians, supervisors and administrators above it; not whoever asked, nobody twice, and nobody for what
/// he recorded.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/deletion/approve", tag = "keeping",
    params(("id" = EvidenceId, Path)), responses((status = 200, body = DeletionView),
        (status = 403, description = "`other_person_required`"), (status = 404),
        (status = 409, description = "`held`, `retention_running`, `conflict`"),
        (status = 410, description = "`erased`")))]
pub async fn approve(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = deletion::approve(&ctx, &body.meta, id).await?;
    shown(&ctx, &done).await
}

/// Refuses a deletion, or takes back one that was asked for or approved and has not been carried out.
///
/// Permissions: custodians, supervisors and administrators above it.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/deletion/refuse", tag = "keeping",
    params(("id" = EvidenceId, Path)), request_body = Refusal,
    responses((status = 200, body = DeletionView), (status = 403), (status = 404), (status = 409),
        (status = 410, description = "`erased`")))]
pub async fn refuse(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<Refusal>) -> Result<HttpResponse> {
    let done = deletion::refuse(&ctx, &body.meta, id, body.value.reason).await?;
    shown(&ctx, &done).await
}

/// Single deletions that are open, of one's own subtree.
///
/// Permissions: custodians, supervisors and administrators.
#[utoipa::path(get, path = "/api/v1/deletions", tag = "keeping", params(Page),
    responses((status = 200, body = DeletionList), (status = 403)))]
pub async fn list(ctx: Ctx, Params(query): Params<Page>) -> Result<HttpResponse> {
    listed(&ctx, &query, |conn, units, after, limit| {
        let rows = store::deletions_open(conn, units, after, limit + 1)?;
        let page = Items::from_rows(rows, limit, |row| page::place(row.asked_at, row.id));
        let items = page.items.into_iter().map(|row| {
            let votes = store::votes_of(conn, &row.id.to_string())?;
            Ok(deletion::view(row, &votes))
        });
        Ok(DeletionList { items: items.collect::<Result<_>>()?, next_cursor: page.next_cursor })
    })
    .await
}
