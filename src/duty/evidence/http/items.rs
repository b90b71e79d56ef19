//! Items, their receipts and who touched them.

use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::access::{self, Look, Under};
use super::super::custody::ReceiptKind;
use super::super::custody::log::{self, EntryView};
use super::super::custody::receipt::{self, Receipt};
use super::super::rules::PURPOSE_MAX;
use super::super::service::view::{self, EvidenceLine, EvidenceView};
use super::super::store::{self, ListFilter, Scope};
use crate::duty::inquiries;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::page::{self, Items};
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Params, PathId, body};
use crate::platform::policy::{Action, PersonKind};
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, IncidentId, InquiryId, PersonId};
use crate::words::time::Timestamp;

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub incident_id: Option<IncidentId>,
    /// Who made it or wore the camera.
    pub person_id: Option<PersonId>,
    /// Captured at or after.
    #[param(value_type = Option<String>)]
    pub from: Option<Timestamp>,
    /// Captured before.
    #[param(value_type = Option<String>)]
    pub to: Option<Timestamp>,
    /// Why; kept in the log.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
    /// An open inquiry of one's own: what it covers, and nothing else.
    pub inquiry: Option<InquiryId>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// A page of items, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct EvidenceList {
    pub items: Vec<EvidenceLine>,
    pub next_cursor: Option<String>,
}

/// Why one looks.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PurposeQuery {
    /// Why; kept in the item's custody.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
}

/// Why one looks, and by which right.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LookQuery {
    /// Why; kept in the item's custody.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
    /// An open inquiry of one's own that covers the item; then no other right counts, and the look is told when it ends.
    pub inquiry: Option<InquiryId>,
}

/// The touches of an item, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TouchList {
    /// Oldest first.
    pub items: Vec<EntryView>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// Items, latest arrivals first.
///
/// Permissions: everybody his own and those of incidents he is or was sent to; rooms, supervisors and custodians those
/// of their subtree and of its incidents; investigators of an open inquiry that is named what it covers. Somebody else's
/// items in the answer leave an entry in the log.
#[utoipa::path(get, path = "/api/v1/evidence", tag = "evidence", params(ListQuery),
    responses((status = 200, body = EvidenceList)))]
pub async fn list(ctx: Ctx, Params(query): Params<ListQuery>) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(page::placed).transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let keeps = actor.kind == PersonKind::Custodian;
    let (incident, person, from, to) = (query.incident_id, query.person_id, query.from, query.to);
    let (inquiry, now) = (query.inquiry, ctx.clock.now());
    let (lines, next_cursor, under) = ctx
        .db
        .read(move |conn| {
            let inquiry = match inquiry {
                Some(id) => Some(inquiries::access::open_for(conn, &actor, &id, now)?),
                None => None,
            };
            let scope = match &inquiry {
                Some(inquiry) => Some(Scope {
                    person: inquiry.row.person_id,
                    incidents: inquiry.incidents.clone(),
                    units: inquiries::store::units_below(conn, &inquiry.unit_paths)?,
                    from: inquiry.row.from_at,
                    to: inquiry.row.to_at,
                }),
                None => None,
            };
            let units = if keeps || actor.kind.is_watching() {
                officers::units_in_subtree(conn, &actor.unit_path)?.iter().map(|unit| unit.id).collect()
            } else {
                Vec::new()
            };
            let (viewer, withheld, limit_more) = (actor.person, keeps && scope.is_none(), limit + 1);
            let filter =
                ListFilter { viewer, units, scope, withheld, incident, person, from, to, before, limit: limit_more };
            let rows = store::evidence_list(conn, &filter)?;
            let page = Items::from_rows(rows, limit, |row| page::place(row.received_at, row.id));
            Ok((view::lines(conn, page.items)?, page.next_cursor, inquiry.as_ref().map(Under::of)))
        })
        .await?;
    let me = ctx.actor.person;
    let others = lines.iter().filter(|line| line.author_id != me && line.wearer_id != Some(me)).count();
    if others > 0 || under.is_some() {
        let detail = json!({ "items": others, "incident_id": incident, "person_id": person });
        let look = Look::List(incident, person);
        access::record_under(&ctx, under.as_ref(), None, look, query.purpose, detail).await?;
    }
    Ok(HttpResponse::Ok().json(EvidenceList { items: lines, next_cursor }))
}

/// One item: what it is, what was found, previews, marks, where it lies, how long it is kept.
///
/// Permissions: who made it or wore the camera, people sent to an incident of it, rooms, supervisors and custodians
/// above it, investigators of an inquiry that covers it and is named. Others: 404. A look at somebody else's leaves an
/// entry in its custody; under an inquiry, when that has ended.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", tag = "evidence", params(("id" = EvidenceId, Path), LookQuery),
    responses((status = 200, body = EvidenceView), (status = 404),
        (status = 410, description = "`erased`: lawfully deleted; when, why, by which law, who asked and who agreed")))]
pub async fn fetch(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<LookQuery>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (_, sight) = access::seen_whole(&ctx, id, Action::EvidenceRead, query.inquiry).await?;
    if !sight.own {
        let under = sight.under.as_ref();
        access::record_under(&ctx, under, Some(id), Look::Metadata, query.purpose, json!({})).await?;
    }
    let english = !request_reads_chinese(&request);
    // The row again: what was read to decide may be older than what the view reads with it.
    let seen = move |conn: &mut Conn| {
        let row = store::evidence_fetch(conn, &id)?;
        view::full(conn, row, english)
    };
    let value = ctx.db.snapshot(seen).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}

/// The signed receipt, its entry in the log, and the proof that it is there.
///
/// Permissions: who may see the item, and whoever delivered it from the device he holds: it may be deleted there only
/// against this.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/receipt", tag = "evidence", params(("id" = EvidenceId, Path)),
    responses((status = 200, body = Receipt), (status = 404)))]
pub async fn receipt(ctx: Ctx, PathId(id): PathId<EvidenceId>) -> Result<HttpResponse> {
    access::seen(&ctx, id, Action::ReceiptRead).await?;
    let value = ctx.db.read(move |conn| receipt::fetch(conn, &id, ReceiptKind::Stored)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}

/// Who touched the item, when and to what end. Reading this is itself an entry, each time.
///
/// Permissions: who made it or wore the camera, rooms, supervisors and custodians above it, investigators of an inquiry
/// that covers it and is named. Looks under an inquiry stand here when that has ended.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/custody", tag = "evidence",
    params(("id" = EvidenceId, Path), LookQuery),
    responses((status = 200, body = TouchList), (status = 403), (status = 404)))]
pub async fn touches(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<LookQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (_, sight) = access::seen_under(&ctx, id, Action::CustodyRead, query.inquiry).await?;
    let under = sight.under.as_ref();
    access::record_each(&ctx, under, Some(id), Look::Custody, query.purpose, json!({})).await?;
    let items = ctx.db.read(move |conn| log::entries_of(conn, &id)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TouchList { items, next_cursor: None }))
}
