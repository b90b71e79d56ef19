//! Items, their receipts and who touched them.

use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::access::{self, Look};
use super::super::custody::ReceiptKind;
use super::super::custody::log::{self, EntryView};
use super::super::custody::receipt::{self, Receipt};
use super::super::rules::PURPOSE_MAX;
use super::super::service::view::{self, EvidenceLine, EvidenceView};
use super::super::store::{self, ListFilter};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::page::{self, Items};
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Params, PathId, body};
use crate::platform::policy::{Action, PersonKind};
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, IncidentId, PersonId};
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
/// of their subtree and of its incidents. Somebody else's items in the answer leave an entry in the log.
#[utoipa::path(get, path = "/api/v1/evidence", tag = "evidence", params(ListQuery),
    responses((status = 200, body = EvidenceList)))]
pub async fn list(ctx: Ctx, Params(query): Params<ListQuery>) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(page::placed).transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let keeps = actor.kind == PersonKind::Custodian;
    let (incident, person, from, to) = (query.incident_id, query.person_id, query.from, query.to);
    let (lines, next_cursor) = ctx
        .db
        .read(move |conn| {
            let units = if keeps || actor.kind.is_watching() {
                officers::units_in_subtree(conn, &actor.unit_path)?.iter().map(|unit| unit.id).collect()
            } else {
                Vec::new()
            };
            let viewer = actor.person;
            let filter =
                ListFilter { viewer, units, withheld: keeps, incident, person, from, to, before, limit: limit + 1 };
            let rows = store::evidence_list(conn, &filter)?;
            let page = Items::from_rows(rows, limit, |row| page::place(row.received_at, row.id));
            Ok((view::lines(conn, page.items)?, page.next_cursor))
        })
        .await?;
    let me = ctx.actor.person;
    let others = lines.iter().filter(|line| line.author_id != me && line.wearer_id != Some(me)).count();
    if others > 0 {
        let detail = json!({ "items": others, "incident_id": incident, "person_id": person });
        access::record(&ctx, None, Look::List(incident, person), query.purpose, detail).await?;
    }
    Ok(HttpResponse::Ok().json(EvidenceList { items: lines, next_cursor }))
}

/// One item: what it is, what was found, previews, marks, where it lies, how long it is kept.
///
/// Permissions: who made it or wore the camera, people sent to an incident of it, rooms, supervisors and custodians
/// above it. Others: 404. A look at somebody else's leaves an entry in its custody.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", tag = "evidence", params(("id" = EvidenceId, Path), PurposeQuery),
    responses((status = 200, body = EvidenceView), (status = 404)))]
pub async fn fetch(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<PurposeQuery>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (row, sight) = access::seen(&ctx, id, Action::EvidenceRead).await?;
    if !sight.own {
        access::record(&ctx, Some(id), Look::Metadata, query.purpose, json!({})).await?;
    }
    let english = !request_reads_chinese(&request);
    let value = ctx.db.read(move |conn| view::full(conn, row, english)).await?;
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

/// Who touched the item, when and to what end. Reading this is itself an entry.
///
/// Permissions: who made it or wore the camera, rooms, supervisors and custodians above it.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/custody", tag = "evidence",
    params(("id" = EvidenceId, Path), PurposeQuery),
    responses((status = 200, body = TouchList), (status = 403), (status = 404)))]
pub async fn touches(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<PurposeQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    access::seen(&ctx, id, Action::CustodyRead).await?;
    access::record(&ctx, Some(id), Look::Custody, query.purpose, json!({})).await?;
    let items = ctx.db.read(move |conn| log::entries_of(conn, &id)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TouchList { items, next_cursor: None }))
}
