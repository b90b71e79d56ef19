//! Endpoints of serial numbers.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, get, post, resource};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::rules::{NumberState, Run, Series};
use super::service::{self, BlockReturn, NewNumberBlock, Preprinted, VoidNumber};
use super::store::{self, NumberFilter, NumberRow};
use super::view::{NumberBlock, NumberRun, NumberView, PrintedForms};
use crate::platform::ctx::Ctx;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Done, Params, PathId};
use crate::platform::policy::Action;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{NumberBlockId, UnitId};

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/units/{id}/number-blocks").route(post().to(lease)))
        .service(resource("/number-blocks/{id}/return").route(post().to(give_back)))
        .service(resource("/units/{id}/numbers").route(get().to(list)))
        .service(resource("/units/{id}/numbers/summary").route(get().to(summary)))
        .service(resource("/units/{id}/numbers/preprinted").route(post().to(preprinted)))
        .service(resource("/units/{id}/numbers/void").route(post().to(void)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(lease, give_back, list, summary, preprinted, void))]
pub struct Api;

/// Narrows the register.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NumberQuery {
    #[param(inline)]
    pub series: Option<Series>,
    /// Of pre-printed forms: when they were registered.
    pub year: Option<i32>,
    #[param(inline)]
    pub state: Option<NumberState>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// Narrows the counts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SummaryQuery {
    #[param(inline)]
    pub series: Option<Series>,
    /// Without the pre-printed forms, which have none.
    pub year: Option<i32>,
}

/// A page of the register, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NumberList {
    pub items: Vec<NumberView>,
    pub next_cursor: Option<String>,
}

/// How every series of a unit stands.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NumberSummary {
    pub items: Vec<NumberRun>,
}

async fn block(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: NumberBlockId = done.id()?;
    let shown = ctx.db.read(move |conn| NumberBlock::fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(shown))
}

/// Leases some numbers of a unit to the device that asks, for documents that are made away from the server. What came
/// back is given again before new ones.
///
/// Permissions: police officers, auxiliaries, mediators, grid chiefs and grid workers of the unit; its rooms.
#[utoipa::path(post, path = "/api/v1/units/{id}/number-blocks", tag = "mediation", params(("id" = UnitId, Path)),
    request_body = NewNumberBlock, responses((status = 201, body = NumberBlock), (status = 403), (status = 404),
        (status = 409, description = "`conflict`: the device holds too many unspent numbers (`held`, `limit`)"),
        (status = 422)))]
pub async fn lease(ctx: Ctx, PathId(id): PathId<UnitId>, body: Body<NewNumberBlock>) -> Result<HttpResponse> {
    let done = service::lease(&ctx, &body.meta, id, body.value).await?;
    block(&ctx, &done).await
}

/// Gives a block back: its numbers are void with a reason where one is named, else free again. Also when its time is
/// over, and by the room for a terminal that will not come back.
///
/// Permissions: whoever asked for it or has the device; rooms, supervisors and administrators of the unit.
#[utoipa::path(post, path = "/api/v1/number-blocks/{id}/return", tag = "mediation",
    params(("id" = NumberBlockId, Path)), request_body = BlockReturn,
    responses((status = 200, body = NumberBlock), (status = 403), (status = 404),
        (status = 409, description = "`already_exists`: a number to be voided stands on `mediation_id`"),
        (status = 422)))]
pub async fn give_back(ctx: Ctx, PathId(id): PathId<NumberBlockId>, body: Body<BlockReturn>) -> Result<HttpResponse> {
    let done = service::give_back(&ctx, &body.meta, id, body.value).await?;
    block(&ctx, &done).await
}

/// The register of a unit: every number with how it stands and on which document, by series, year and number.
///
/// Permissions: people of the unit; rooms, supervisors, custodians and administrators above it.
#[utoipa::path(get, path = "/api/v1/units/{id}/numbers", tag = "mediation",
    params(("id" = UnitId, Path), NumberQuery), responses((status = 200, body = NumberList), (status = 404)))]
pub async fn list(ctx: Ctx, PathId(id): PathId<UnitId>, Params(query): Params<NumberQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(placed).transpose()?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let page = ctx
        .db
        .read(move |conn| {
            let unit = service::unit_for(conn, &actor, &id, Action::NumberRead)?.id;
            let NumberQuery { series, year, state, .. } = query;
            let filter = NumberFilter { unit, series, year, state, after, limit: limit + 1 };
            Ok(Items::from_rows(store::numbers_page(conn, &filter, now)?, limit, place))
        })
        .await?;
    let items = page.items.into_iter().map(|row| NumberView::of(row, now)).collect();
    Ok(HttpResponse::Ok().json(NumberList { items, next_cursor: page.next_cursor }))
}

/// How many numbers of each series stand how, and whether every one from 1 to the highest is accounted for.
///
/// Permissions: people of the unit; rooms, supervisors, custodians and administrators above it.
#[utoipa::path(get, path = "/api/v1/units/{id}/numbers/summary", tag = "mediation",
    params(("id" = UnitId, Path), SummaryQuery), responses((status = 200, body = NumberSummary), (status = 404)))]
pub async fn summary(
    ctx: Ctx,
    PathId(id): PathId<UnitId>,
    Params(query): Params<SummaryQuery>,
) -> Result<HttpResponse> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let items = ctx
        .db
        .read(move |conn| {
            let unit = service::unit_for(conn, &actor, &id, Action::NumberRead)?.id;
            let asked = |series: Series, book: &str| {
                query.series.is_none_or(|only| only == series)
                    && query.year.is_none_or(|only| book == Run::of_year(unit, series, only).book)
            };
            let counters = store::counters_of(conn, &unit)?;
            let asked = counters.iter().filter(|row| asked(row.series, &row.book));
            asked.map(|row| NumberRun::count(conn, row, now)).collect::<Result<Vec<_>>>()
        })
        .await?;
    Ok(HttpResponse::Ok().json(NumberSummary { items }))
}

/// Registers pre-printed forms, one or a booklet, so that each of them is accounted for. A document made on one takes
/// its number.
///
/// Permissions: police officers, auxiliaries, mediators, grid chiefs and grid workers of the unit; its rooms.
#[utoipa::path(post, path = "/api/v1/units/{id}/numbers/preprinted", tag = "mediation",
    params(("id" = UnitId, Path)), request_body = Preprinted,
    responses((status = 201, body = PrintedForms), (status = 403), (status = 404),
        (status = 409, description = "`already_exists`: one of them is known (`number`, `state`, `mediation_id`)"),
        (status = 422)))]
pub async fn preprinted(ctx: Ctx, PathId(id): PathId<UnitId>, body: Body<Preprinted>) -> Result<HttpResponse> {
    let (first, count) = body.value.forms()?;
    let shown = PrintedForms {
        unit_id: id,
        series: body.value.series,
        first: first.text(),
        last: first.with(first.n + count - 1).text(),
        count,
    };
    service::preprinted(&ctx, &body.meta, id, body.value).await?;
    Ok(HttpResponse::Created().json(shown))
}

/// Voids a number that stands on no document, such as a spoilt form's or a lost terminal's. It keeps its place.
///
/// Permissions: rooms, supervisors and administrators of the unit.
#[utoipa::path(post, path = "/api/v1/units/{id}/numbers/void", tag = "mediation", params(("id" = UnitId, Path)),
    request_body = VoidNumber, responses((status = 200, body = NumberView), (status = 403), (status = 404),
        (status = 409, description = "`already_exists`: it stands on `mediation_id`"), (status = 422)))]
pub async fn void(ctx: Ctx, PathId(id): PathId<UnitId>, body: Body<VoidNumber>) -> Result<HttpResponse> {
    #[derive(Deserialize)]
    struct Which {
        series: Series,
        book: String,
        n: i64,
    }
    let done = service::void(&ctx, &body.meta, id, body.value).await?;
    let Which { series, book, n } = serde_json::from_value(done.resource)?;
    let run = Run { unit: id, series, book };
    let now = ctx.clock.now();
    let row = ctx.db.read(move |conn| store::number_find(conn, &run, n)).await?;
    let row = row.ok_or_else(|| Error::not_found("number"))?;
    Ok(HttpResponse::Ok().json(NumberView::of(row, now)))
}

/// The place of a number in the register.
fn place(row: &NumberRow) -> String {
    format!("{}:{}:{}", row.series, row.n, row.book)
}

/// Reads [`place`].
fn placed(position: &str) -> Result<(Series, String, i64)> {
    let read = || {
        let mut parts = position.splitn(3, ':');
        let (series, n, book) = (parts.next()?, parts.next()?, parts.next()?);
        Some((series.parse().ok()?, book.to_owned(), n.parse().ok()?))
    };
    read().ok_or_else(|| Error::new(Code::InvalidCursor))
}
