//! Endpoints of records of mediation.

mod acts;
mod papers;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::{ServiceConfig, get, patch, post, put, resource};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::access;
use super::history;
use super::rules::State;
use super::service::{self, Disclosed, Filled, Particulars, PatchMediation, Prefill, PutMediation};
use super::store::{self, Narrow, Scope};
use super::view::{MediationLine, MediationView, Written};
use super::{Figure, Kind};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Done, Page, Params, PathId, report};
use crate::platform::policy::{Action, Decision, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{IncidentId, MediationId, PersonId, UnitId};

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/mediations").route(get().to(list)))
        .service(resource("/mediations/{id}").route(put().to(replace)).route(patch().to(change)).route(get().to(fetch)))
        .service(resource("/mediations/{id}/edits").route(get().to(edits)))
        .service(resource("/mediations/{id}/particulars").route(post().to(particulars)))
        .service(resource("/mediations/{id}/consents").route(post().to(acts::consent)))
        .service(resource("/mediations/{id}/signatures").route(post().to(acts::sign)))
        .service(resource("/mediations/{id}/finalize").route(post().to(acts::finalize)))
        .service(resource("/mediations/{id}/steps").route(post().to(acts::step)))
        .service(resource("/mediations/{id}/copies").route(post().to(acts::copy)))
        .service(resource("/mediations/{id}/performances").route(post().to(acts::perform)))
        .service(resource("/mediations/{id}/documents/{kind}.pdf").route(get().to(papers::paper)))
        .service(resource("/mediations/{id}/referrals").route(post().to(acts::refer)))
        .service(resource("/mediations/{id}/prefill").route(post().to(prefill)))
        .service(resource("/incidents/{id}/mediation-history").route(get().to(history::fetch)))
        .service(resource("/verify/{id}").route(get().to(papers::verify)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    list,
    replace,
    change,
    fetch,
    edits,
    particulars,
    acts::consent,
    acts::sign,
    acts::finalize,
    acts::step,
    acts::copy,
    acts::perform,
    papers::paper,
    papers::verify,
    prefill,
    history::fetch,
    acts::refer,
))]
pub struct Api;

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub incident_id: Option<IncidentId>,
    /// A unit with everything below it.
    pub unit_id: Option<UnitId>,
    #[param(inline)]
    pub kind: Option<Kind>,
    #[param(inline)]
    pub state: Option<State>,
    /// Exactly this unit.
    pub only_unit_id: Option<UnitId>,
    pub leader_id: Option<PersonId>,
    /// Those that name nobody who leads.
    pub no_leader: Option<bool>,
    /// Category of the incident.
    pub category: Option<String>,
    /// First day in China of the records' making.
    #[param(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// Last day.
    #[param(value_type = Option<String>, format = Date)]
    pub to: Option<Date>,
    /// Drills alone, or none.
    pub drill: Option<bool>,
    /// What a figure of the report counts, by its name there.
    #[param(inline)]
    pub figure: Option<Figure>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// A page of records, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MediationList {
    pub items: Vec<MediationLine>,
    pub next_cursor: Option<String>,
}

/// A page of edits, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct EditList {
    /// In the order in which they were taken in.
    pub items: Vec<Written>,
    pub next_cursor: Option<String>,
}

/// The record as it is after a write.
async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    answer(ctx, done.id()?, StatusCode::from_u16(done.status).map_err(Error::internal)?).await
}

async fn answer(ctx: &Ctx, id: MediationId, status: StatusCode) -> Result<HttpResponse> {
    let view = view(ctx, id).await?;
    let version = (ETAG, format!("\"{}\"", view.line.version));
    Ok(HttpResponse::build(status).insert_header(version).insert_header((CACHE_CONTROL, "no-store")).json(view))
}

async fn view(ctx: &Ctx, id: MediationId) -> Result<MediationView> {
    let (core, actor, now) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor), ctx.clock.now());
    ctx.db
        .snapshot(move |conn| {
            let row = store::mediation_fetch(conn, &id)?;
            // Of a hash that covers particulars the hidden digits could be found by trying.
            let writes = access::decide(conn, &actor, &row, Action::MediationWrite)? == Decision::Allow;
            MediationView::of(conn, &core, row, writes, now)
        })
        .await
}

/// Records, the latest made first.
///
/// Permissions: everybody his own and those of incidents he is or was sent to; rooms, supervisors and custodians those of
/// their subtree.
#[utoipa::path(get, path = "/api/v1/mediations", tag = "mediation", params(ListQuery),
    responses((status = 200, body = MediationList), (status = 404)))]
pub async fn list(ctx: Ctx, Params(query): Params<ListQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(page::placed).transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let (from, until) = report::bounds(query.from, query.to);
    let narrow = Narrow {
        kind: query.kind,
        state: query.state,
        unit: query.only_unit_id,
        leader: query.leader_id,
        no_leader: query.no_leader == Some(true),
        from,
        until,
        drill: query.drill,
        category: query.category.clone(),
        figure: query.figure,
    };
    let page = ctx
        .db
        .read(move |conn| {
            let keeps = actor.kind.is_watching() || actor.kind == PersonKind::Custodian;
            let units = match &query.unit_id {
                None => None,
                Some(_) if !keeps => return Err(Error::new(Code::Forbidden)),
                Some(unit) => {
                    let path = officers::unit_fetch(conn, unit)?.path;
                    if !actor.commands(&path) {
                        return Err(Error::not_found("unit"));
                    }
                    Some(units_below(conn, &path)?)
                }
            };
            let scope = if let Some(id) = &query.incident_id {
                let incident = incidents::incident_fetch(conn, id)?;
                calls::sight(conn, &actor, &incident)?.check(&actor, Action::MediationRead)?;
                Scope::Incident(*id, units)
            } else if keeps {
                Scope::Units(units.map_or_else(|| units_below(conn, &actor.unit_path), Ok)?)
            } else if actor.kind == PersonKind::ServiceAccount {
                return Err(Error::new(Code::Forbidden));
            } else {
                Scope::Own(actor.person)
            };
            let rows = store::mediations_page(conn, &scope, &narrow, before, limit + 1)?;
            Ok(Items::from_rows(rows, limit, |row| page::place(row.created_at, row.id)))
        })
        .await?;
    let items = page.items.into_iter().map(MediationLine::from).collect();
    let list = MediationList { items, next_cursor: page.next_cursor };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(list))
}

fn units_below(conn: &mut Conn, path: &str) -> Result<Vec<UnitId>> {
    Ok(officers::units_in_subtree(conn, path)?.iter().map(|unit| unit.id).collect())
}

/// Makes a record under the client's own id, or brings a whole one into it: what differs from the version named in
/// `If-Match` is what its author wrote.
///
/// An older version is merged, field by field; what two wrote apart stands in `conflicts` until somebody decides.
///
/// Permissions: whoever is or was sent to the incident or made it, and its rooms.
#[utoipa::path(put, path = "/api/v1/mediations/{id}", tag = "mediation",
    params(("id" = MediationId, Path), ("If-Match" = Option<String>, Header, description = "The version that was seen; needed once the record exists")),
    request_body = PutMediation, responses((status = 200, body = MediationView), (status = 201, body = MediationView),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: it is of another incident or kind"),
        (status = 412, description = "`stale`: there is no such version yet"), (status = 422)))]
pub async fn replace(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<PutMediation>) -> Result<HttpResponse> {
    let done = service::put(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Writes single fields, by their paths; merged as a whole record is.
///
/// Permissions: whoever is or was sent to the incident or made it, and its rooms.
#[utoipa::path(patch, path = "/api/v1/mediations/{id}", tag = "mediation",
    params(("id" = MediationId, Path), ("If-Match" = String, Header, description = "The version that was seen")),
    request_body = PatchMediation, responses((status = 200, body = MediationView), (status = 403), (status = 404),
        (status = 412, description = "`stale`: there is no such version yet"), (status = 422)))]
pub async fn change(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<PatchMediation>) -> Result<HttpResponse> {
    let done = service::patch(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// One record, the particulars of its parties masked.
///
/// Permissions: whoever is or was sent to the incident or made it; rooms, supervisors and custodians above it.
#[utoipa::path(get, path = "/api/v1/mediations/{id}", tag = "mediation", params(("id" = MediationId, Path)),
    responses((status = 200, body = MediationView), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<MediationId>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    ctx.db.read(move |conn| access::fetch(conn, &actor, &id, Action::MediationRead).map(drop)).await?;
    answer(&ctx, id, StatusCode::OK).await
}

/// Every writing of every field, in the order in which they were taken in.
///
/// Permissions: as for the record.
#[utoipa::path(get, path = "/api/v1/mediations/{id}/edits", tag = "mediation",
    params(("id" = MediationId, Path), Page), responses((status = 200, body = EditList), (status = 404)))]
pub async fn edits(ctx: Ctx, PathId(id): PathId<MediationId>, Params(query): Params<Page>) -> Result<HttpResponse> {
    let limit = query.limit()?;
    let after: usize = match query.after()? {
        Some(text) => text.parse().map_err(|_bad| Error::new(Code::InvalidCursor))?,
        None => 0,
    };
    let (actor, core) = (Arc::clone(&ctx.actor), Arc::clone(&ctx.core));
    let all = ctx
        .db
        .snapshot(move |conn| {
            access::fetch(conn, &actor, &id, Action::MediationRead)?;
            store::edits_of(conn, &core.keys, &id)
        })
        .await?;
    // Edits are only ever added, at the end: a place in the list stays what it was.
    let limit = usize::try_from(limit).map_err(Error::internal)?;
    let items: Vec<Written> = all.iter().skip(after).take(limit).map(Written::from).collect();
    let upto = after.saturating_add(items.len());
    let next_cursor = (upto < all.len()).then(|| page::encode(&upto.to_string()));
    let list = EditList { items, next_cursor };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(list))
}

/// What was filled in, and the record as it is after that.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Prefilled {
    /// The fields that this request filled.
    pub prefilled: Vec<Filled>,
    #[serde(flatten)]
    pub mediation: MediationView,
}

/// Fills in what is known already of fields that nobody filled: from the call, who is on it and since when, recordings,
/// the numbers of documents, and earlier records of the same parties. Says which fields and whence.
///
/// Permissions: whoever is or was sent to the incident or made it, and its rooms.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/prefill", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = Prefill,
    responses((status = 200, body = Prefilled), (status = 403), (status = 404),
        (status = 409, description = "`conflict`: it is final; `signatures_fall`"), (status = 422)))]
pub async fn prefill(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<Prefill>) -> Result<HttpResponse> {
    let done = service::prefill(&ctx, &body.meta, id, body.value).await?;
    let prefilled = serde_json::from_value(done.resource.get("filled").cloned().unwrap_or_default())?;
    let mediation = view(&ctx, id).await?;
    let version = (ETAG, format!("\"{}\"", mediation.line.version));
    let shown = Prefilled { prefilled, mediation };
    Ok(HttpResponse::Ok().insert_header(version).insert_header((CACHE_CONTROL, "no-store")).json(shown))
}

/// Particulars in clear: numbers of documents, telephone numbers, addresses, dates of birth. Each such question is in the
/// audit, with its purpose, before the answer leaves.
///
/// Permissions: whoever may write into the record.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/particulars", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = Particulars,
    responses((status = 200, body = Disclosed), (status = 403), (status = 404), (status = 422)))]
pub async fn particulars(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<Particulars>) -> Result<HttpResponse> {
    let disclosed = service::disclose(&ctx, id, body.value).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(disclosed))
}
