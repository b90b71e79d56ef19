//! Figures of mediations: by unit, mediator, category, kind or month. Drills are never counted. Every figure opens into
//! its records: a row names the query of the list that shows exactly what it counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::Kind;
use super::rules::State;
use super::rules::calendar::date_of;
use super::store::{self, Counted};
use crate::duty::officers::service as people_service;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::report::{self, Format};
use crate::platform::http::{Params, problem};
use crate::text_enum;
use crate::words::error::Result;
use crate::words::ids::UnitId;

text_enum! {
    /// By what figures are told apart.
    pub enum By {
        Unit = "unit",
        /// Who leads.
        Mediator = "mediator",
        /// Of the incident.
        Category = "category",
        Kind = "kind",
        /// Of the record's making, in China.
        Month = "month",
    }
}

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/reports/mediations").route(get().to(report)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(report))]
pub struct Api;

/// What is reported on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportQuery {
    /// A unit with everything below it; one's own unless told.
    pub unit_id: Option<UnitId>,
    /// First day in China of the records' making.
    #[param(value_type = String, format = Date)]
    pub from: Date,
    /// Last day, at most a year later.
    #[param(value_type = String, format = Date)]
    pub to: Date,
    /// `kind` unless told.
    #[param(inline)]
    pub by: Option<By>,
    #[param(inline)]
    pub format: Option<Format>,
}

/// One group's figures.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct ReportRow {
    /// An id, a category, a kind or `YYYY-MM`.
    pub key: String,
    pub name: String,
    pub count: u32,
    /// An agreement took effect, and no later one took its place.
    pub reached: u32,
    /// It ended without one, or was handed over after a session that brought none.
    pub failed: u32,
    /// Of those that ended the share that was reached; none while none has ended.
    pub success_rate: Option<f64>,
    /// Everything promised was done.
    pub performed: u32,
    /// Of those reached.
    pub performed_share: Option<f64>,
    /// Was ever said not to be kept.
    pub defaults: u32,
    /// Settled on the spot.
    pub on_scene: u32,
    /// Of all of the police that were reached.
    pub on_scene_rate: Option<f64>,
    pub second_rounds: u32,
    pub referred: u32,
    /// Fields that stand filled in those that are final …
    pub fields: u32,
    /// … of them those that nobody typed …
    pub not_typed: u32,
    /// … and their share.
    pub not_typed_share: Option<f64>,
    /// The query of `GET /mediations` that shows what `count` counts; with `&figure=reached` and so on what that figure
    /// counts.
    pub records: String,
    #[serde(skip)]
    police: u32,
}

/// Figures of a period.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Report {
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    #[schema(inline)]
    pub by: By,
    pub items: Vec<ReportRow>,
    pub total: ReportRow,
}

/// Figures of mediations of a period, drills left out.
///
/// Permissions: rooms, supervisors and custodians, of their subtree.
#[utoipa::path(get, path = "/api/v1/reports/mediations", tag = "mediation", params(ReportQuery),
    responses((status = 200, body = Report, description = "With `format=csv` as text/csv"), (status = 403), (status = 404), (status = 422)))]
pub async fn report(ctx: Ctx, Params(query): Params<ReportQuery>, request: HttpRequest) -> Result<HttpResponse> {
    let (from, to) = report::period(query.from, query.to)?;
    let actor = Arc::clone(&ctx.actor);
    let by = query.by.unwrap_or(By::Kind);
    let figures = ctx
        .db
        .snapshot(move |conn| {
            let units = people_service::units_reported(conn, &actor, query.unit_id.as_ref())?;
            let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
            let rows = store::mediations_counted(conn, &ids, from, to)?;
            let mut names: BTreeMap<String, String> =
                units.into_iter().map(|unit| (unit.id.to_string(), unit.name)).collect();
            let leaders: Vec<_> = rows.iter().filter_map(|row| row.leader_id).collect();
            for person in officers::people_fetch(conn, &leaders)? {
                names.insert(person.id.to_string(), person.name);
            }
            let of_unit = query.unit_id.unwrap_or(actor.unit);
            Ok(counted(&rows, &names, by, of_unit, query.from, query.to))
        })
        .await?;
    if query.format == Some(Format::Csv) {
        let text = csv(&figures, problem::request_reads_chinese(&request));
        return Ok(report::csv_answer("mediations.csv", text));
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(figures))
}

fn counted(
    rows: &[Counted],
    names: &BTreeMap<String, String>,
    by: By,
    of_unit: UnitId,
    from: Date,
    to: Date,
) -> Report {
    let period = format!("unit_id={of_unit}&from={from}&to={to}&drill=false");
    let mut groups: BTreeMap<String, ReportRow> = BTreeMap::new();
    let mut total = ReportRow { records: period.clone(), ..ReportRow::default() };
    for row in rows {
        let key = key_of(row, by);
        let group = groups.entry(key.clone()).or_insert_with(|| ReportRow {
            name: names.get(&key).cloned().unwrap_or_else(|| key.clone()),
            records: opens(&period, by, &key, from, to),
            key,
            ..ReportRow::default()
        });
        group.add(row);
        total.add(row);
    }
    let items = groups.into_values().map(ReportRow::shared).collect();
    Report { from, to, by, items, total: total.shared() }
}

fn key_of(row: &Counted, by: By) -> String {
    match by {
        By::Unit => row.unit_id.to_string(),
        By::Mediator => row.leader_id.map(|id| id.to_string()).unwrap_or_default(),
        By::Category => row.category.clone(),
        By::Kind => row.kind.to_string(),
        By::Month => date_of(row.created_at).to_string().chars().take(7).collect(),
    }
}

/// The list's query for one group.
fn opens(period: &str, by: By, key: &str, from: Date, to: Date) -> String {
    match by {
        // Exactly this unit, not what lies below it.
        By::Unit => period.split_once('&').map(|(_, rest)| format!("only_unit_id={key}&{rest}")).unwrap_or_default(),
        By::Mediator if key.is_empty() => format!("{period}&no_leader=true"),
        By::Mediator => format!("{period}&leader_id={key}"),
        By::Category => format!("{period}&category={key}"),
        By::Kind => format!("{period}&kind={key}"),
        By::Month => {
            let first: Option<Date> = format!("{key}-01").parse().ok();
            let Some(first) = first else { return period.to_owned() };
            let (head, _) = period.split_once("&from=").unwrap_or((period, ""));
            format!("{head}&from={}&to={}&drill=false", first.max(from), first.last_of_month().min(to))
        }
    }
}

impl ReportRow {
    fn add(&mut self, row: &Counted) {
        // Of an agreement that was amended the one counts that took its place.
        let reached = row.effective_at.is_some() && row.state != State::Amended;
        self.count += 1;
        self.reached += u32::from(reached);
        // Handed over after a session that brought none it has failed here, whatever the other body makes of it.
        let failed = row.broke_off && row.effective_at.is_none() && store::ENDED_WITHOUT.contains(&row.state);
        self.failed += u32::from(failed);
        self.performed += u32::from(row.state == State::Performed);
        self.defaults += u32::from(row.defaulted);
        self.on_scene += u32::from(reached && row.kind == Kind::PoliceOnScene);
        self.police += u32::from(reached && row.kind != Kind::People);
        self.second_rounds += u32::from(row.round > 1);
        self.referred += u32::from(row.state == State::Referred);
        self.fields += row.fields;
        self.not_typed += row.not_typed;
    }

    fn shared(mut self) -> Self {
        self.success_rate = report::share(self.reached, self.reached + self.failed);
        self.performed_share = report::share(self.performed, self.reached);
        self.on_scene_rate = report::share(self.on_scene, self.police);
        self.not_typed_share = report::share(self.not_typed, self.fields);
        self
    }
}

const HEADS: [(&str, &str); 14] = [
    ("组别", "group"),
    ("名称", "name"),
    ("件数", "count"),
    ("达成生效", "reached"),
    ("未达成", "failed"),
    ("成功率", "success rate"),
    ("已履行", "performed"),
    ("履行率", "performed share"),
    ("违约", "defaults"),
    ("现场调处", "on scene"),
    ("现场调处率", "on-scene rate"),
    ("二次调解", "second rounds"),
    ("移交", "referred"),
    ("免录入率", "not typed"),
];

fn csv(report: &Report, chinese: bool) -> String {
    let mut text = report::csv_begin();
    let heads: Vec<&str> = HEADS.iter().map(|(zh, en)| if chinese { *zh } else { *en }).collect();
    report::csv_line(&mut text, &heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>());
    let total = ReportRow { key: if chinese { "合计" } else { "total" }.to_owned(), ..report.total.clone() };
    for row in report.items.iter().chain([&total]) {
        let rate = |rate: Option<f64>| rate.map(|rate| format!("{:.1}%", rate * 100.0)).unwrap_or_default();
        report::csv_line(
            &mut text,
            &[
                row.key.clone(),
                row.name.clone(),
                row.count.to_string(),
                row.reached.to_string(),
                row.failed.to_string(),
                rate(row.success_rate),
                row.performed.to_string(),
                rate(row.performed_share),
                row.defaults.to_string(),
                row.on_scene.to_string(),
                rate(row.on_scene_rate),
                row.second_rounds.to_string(),
                row.referred.to_string(),
                rate(row.not_typed_share),
            ],
        );
    }
    text
}
