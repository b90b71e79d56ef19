//! Batches of deletions.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use super::super::batch::{self, BatchView};
use super::super::deletion::{self, DeletionView};
use super::{Refusal, listed};
use crate::duty::evidence::Kind;
use crate::duty::evidence::store::{self as items, EvidenceRow, deletions as store};
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Done, Items, Page, Params, PathId, page};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{BatchId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

/// A list is being made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchAsked {
    pub id: BatchId,
}

/// A page of batches, named for the description.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchList {
    /// The latest first.
    pub items: Vec<BatchView>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// One item on the list of a batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchItem {
    #[serde(flatten)]
    pub deletion: DeletionView,
    // Said here, since an inline schema with a description is no longer a text.
    #[schema(inline)]
    pub kind: Kind,
    pub filename: String,
    pub size: i64,
    pub author_id: PersonId,
    pub captured_at: Timestamp,
    pub keep_until: Option<Timestamp>,
}

/// A batch and a page of its list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchDetail {
    #[serde(flatten)]
    pub batch: BatchView,
    /// By the id of the item.
    pub items: Vec<BatchItem>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: BatchId = done.id()?;
    let value = ctx
        .db
        .read(move |conn| {
            let row = store::batch_fetch(conn, &id)?;
            batch::view(conn, row)
        })
        .await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}

/// Has a list made of everything in one's subtree that has run out and that nothing keeps. It is `gathering` at first,
/// `proposed` when it stands, `empty` when there is nothing.
///
/// Permissions: custodians. By itself the server makes one a month for each unit with a custodian.
#[utoipa::path(post, path = "/api/v1/deletions/batches", tag = "keeping",
    responses((status = 202, body = BatchAsked), (status = 403)))]
pub async fn propose(ctx: Ctx, body: Body<Empty>) -> Result<HttpResponse> {
    let done = batch::propose(&ctx, &body.meta).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(BatchAsked { id: done.id()? }))
}

/// Batches of one's own subtree.
///
/// Permissions: custodians, supervisors and administrators.
#[utoipa::path(get, path = "/api/v1/deletions/batches", tag = "keeping", params(Page),
    responses((status = 200, body = BatchList), (status = 403)))]
pub async fn list(ctx: Ctx, Params(query): Params<Page>) -> Result<HttpResponse> {
    listed(&ctx, &query, |conn, units, before, limit| {
        let rows = store::batches_list(conn, units, before, limit + 1)?;
        let page = Items::from_rows(rows, limit, |row| page::place(row.proposed_at, row.id));
        let items = page.items.into_iter().map(|row| batch::view(conn, row)).collect::<Result<_>>()?;
        Ok(BatchList { items, next_cursor: page.next_cursor })
    })
    .await
}

/// A batch with its list: what is to go, and what dropped out and why.
///
/// Permissions: custodians, supervisors and administrators above its unit. Others: 404.
#[utoipa::path(get, path = "/api/v1/deletions/batches/{id}", tag = "keeping", params(("id" = BatchId, Path), Page),
    responses((status = 200, body = BatchDetail), (status = 403), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<BatchId>, Params(query): Params<Page>) -> Result<HttpResponse> {
    let limit = query.limit()?;
    let after: Option<EvidenceId> =
        query.after()?.map(|text| text.parse().map_err(|_parse: Error| Error::new(Code::InvalidCursor))).transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let value = ctx
        .db
        .read(move |conn| {
            let row = batch::fetch(conn, &actor, &id)?;
            detail(conn, row, after, limit)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}

fn detail(conn: &mut Conn, row: store::BatchRow, after: Option<EvidenceId>, limit: i64) -> Result<BatchDetail> {
    let votes = store::votes_of(conn, &row.id.to_string())?;
    let rows = store::deletions_of_batch(conn, &row.id, after, limit + 1)?;
    let page = Items::from_rows(rows, limit, |row| row.evidence_id.to_string());
    let ids: Vec<EvidenceId> = page.items.iter().map(|row| row.evidence_id).collect();
    let mut known: HashMap<EvidenceId, EvidenceRow> =
        items::evidence_by_ids(conn, &ids)?.into_iter().map(|row| (row.id, row)).collect();
    let mut listed = Vec::new();
    for deletion in page.items {
        let item = known.remove(&deletion.evidence_id).ok_or_else(|| Error::internal("an item without a row"))?;
        listed.push(BatchItem {
            deletion: deletion::view(deletion, &votes),
            kind: item.kind,
            filename: item.filename,
            size: item.size,
            author_id: item.author_id,
            captured_at: item.captured_at,
            keep_until: item.keep_until,
        });
    }
    Ok(BatchDetail { batch: batch::view(conn, row)?, items: listed, next_cursor: page.next_cursor })
}

/// Agrees to a batch. With the second agreement its items are deleted from `not_before` on; until then, and for each item
/// up to its turn, a hold wins.
///
/// Permissions: custodians, supervisors and administrators above its unit; not whoever proposed it, nobody twice, and
/// nobody who recorded something on it.
#[utoipa::path(post, path = "/api/v1/deletions/batches/{id}/approve", tag = "keeping",
    params(("id" = BatchId, Path)), responses((status = 200, body = BatchView),
        (status = 403, description = "`other_person_required`"), (status = 404), (status = 409)))]
pub async fn approve(ctx: Ctx, PathId(id): PathId<BatchId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = batch::approve(&ctx, &body.meta, id).await?;
    shown(&ctx, &done).await
}

/// Refuses a batch, or takes an approved one back: what of it has not been deleted stays.
///
/// Permissions: custodians, supervisors and administrators above its unit.
#[utoipa::path(post, path = "/api/v1/deletions/batches/{id}/refuse", tag = "keeping",
    params(("id" = BatchId, Path)), request_body = Refusal,
    responses((status = 200, body = BatchView), (status = 403), (status = 404), (status = 409)))]
pub async fn refuse(ctx: Ctx, PathId(id): PathId<BatchId>, body: Body<Refusal>) -> Result<HttpResponse> {
    let done = batch::refuse(&ctx, &body.meta, id, body.value.reason).await?;
    shown(&ctx, &done).await
}
