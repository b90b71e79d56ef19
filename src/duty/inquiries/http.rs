//! Endpoints of inquiries.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, post, resource};
use serde::Serialize;
use utoipa::OpenApi;

use super::service::{self, Approval, NewInquiry};
use super::store;
use super::view::{InquiryFull, InquiryView};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Done, Items, Page, Params, PathId, page};
use crate::platform::policy::{Action, Decision, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::InquiryId;

/// Looks shown with an inquiry.
const LOOKS_MAX: i64 = 500;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/inquiries").route(get().to(list)).route(post().to(request)))
        .service(resource("/inquiries/{id}").route(get().to(fetch)))
        .service(resource("/inquiries/{id}/approve").route(post().to(approve)))
        .service(resource("/inquiries/{id}/close").route(post().to(close)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(list, request, fetch, approve, close))]
pub struct Api;

/// A page of inquiries, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct InquiryList {
    pub items: Vec<InquiryView>,
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let (id, now): (InquiryId, _) = (done.id()?, ctx.clock.now());
    let inquiry = ctx.db.read(move |conn| store::inquiry_fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(InquiryView::of(inquiry, now)))
}

/// Inquiries one has to do with, the latest first: asked for, approved, named in; and those that wait for one's decision.
///
/// Permissions: everybody; whom an inquiry is about does not find it here.
#[utoipa::path(get, path = "/api/v1/inquiries", tag = "inquiries", params(Page),
    responses((status = 200, body = InquiryList)))]
pub async fn list(ctx: Ctx, Params(query): Params<Page>) -> Result<HttpResponse> {
    let limit = query.limit()?;
    let before = query.after()?.as_deref().map(page::placed).transpose()?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let page = ctx
        .db
        .read(move |conn| {
            let inspects = matches!(actor.kind, PersonKind::Supervisor | PersonKind::Administrator);
            let units = if inspects {
                officers::units_in_subtree(conn, &actor.unit_path)?.iter().map(|unit| unit.id).collect()
            } else {
                Vec::new()
            };
            let rows = store::inquiries_page(conn, &actor.person, &units, before, limit + 1)?;
            let mut page = Items::from_rows(rows, limit, |one| page::place(one.row.requested_at, one.row.id));
            let mut known = Vec::new();
            for inquiry in std::mem::take(&mut page.items) {
                let sight = super::access::sight(conn, &actor, &inquiry)?;
                if sight.decide(&actor, Action::InquiryRead) == Decision::Allow {
                    known.push(InquiryView::of(inquiry, now));
                }
            }
            Ok(InquiryList { items: known, next_cursor: page.next_cursor })
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(page))
}

/// Asks for an inquiry. It opens nothing until somebody else has approved it.
///
/// Permissions: supervisors and administrators.
#[utoipa::path(post, path = "/api/v1/inquiries", tag = "inquiries", request_body = NewInquiry,
    responses((status = 201, body = InquiryView), (status = 403), (status = 409, description = "`already_exists`")))]
pub async fn request(ctx: Ctx, body: Body<NewInquiry>) -> Result<HttpResponse> {
    let done = service::request(&ctx, &body.meta, body.value).await?;
    shown(&ctx, &done).await
}

/// One inquiry with the looks under it. Reading this is noted in the audit.
///
/// Permissions: who asked, who approved, its investigators, supervisors and administrators above everything it reaches
/// into. For whom it is about it is not there.
#[utoipa::path(get, path = "/api/v1/inquiries/{id}", tag = "inquiries", params(("id" = InquiryId, Path)),
    responses((status = 200, body = InquiryFull), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<InquiryId>) -> Result<HttpResponse> {
    let inquiry = service::read(&ctx, id).await?;
    let looks = ctx.db.read(move |conn| store::looks_of_inquiry(conn, &id, LOOKS_MAX)).await?;
    let inquiry = InquiryView::of(inquiry, ctx.clock.now());
    let full = InquiryFull { inquiry, looks: looks.into_iter().map(Into::into).collect() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(full))
}

/// Approves it: from now on its investigators may look, until its term is over or it is closed.
///
/// Permissions: supervisors and administrators above the unit that asked and everything it reaches into, but neither who
/// asked nor an investigator nor whom it is about.
#[utoipa::path(post, path = "/api/v1/inquiries/{id}/approve", tag = "inquiries", params(("id" = InquiryId, Path)),
    request_body = Approval, responses((status = 200, body = InquiryView), (status = 403), (status = 404),
        (status = 409), (status = 410, description = "`gone`: it has ended")))]
pub async fn approve(ctx: Ctx, PathId(id): PathId<InquiryId>, body: Body<Approval>) -> Result<HttpResponse> {
    let done = service::approve(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Closes it: nobody looks under it any more, and whom its looks concern is told of them.
///
/// Permissions: who asked, who approved, supervisors and administrators above everything it reaches into.
#[utoipa::path(post, path = "/api/v1/inquiries/{id}/close", tag = "inquiries", params(("id" = InquiryId, Path)),
    responses((status = 200, body = InquiryView), (status = 403), (status = 404)))]
pub async fn close(ctx: Ctx, PathId(id): PathId<InquiryId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = service::close(&ctx, &body.meta, id).await?;
    shown(&ctx, &done).await
}
