//! Figures of work orders, by agency or by kind of agency. Drills are never counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::rules::State;
use super::store::{self, Counted};
use crate::duty::officers::service as people;
use crate::platform::ctx::Ctx;
use crate::platform::http::report::{self, Format};
use crate::platform::http::{Params, problem};
use crate::text_enum;
use crate::words::error::Result;
use crate::words::ids::{AgencyId, IncidentId, UnitId};

text_enum! {
    /// By what figures are told apart.
    pub enum TasksBy { Agency = "agency", Kind = "kind" }
}

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/reports/tasks").route(get().to(figures)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(figures))]
pub struct Api;

/// What is reported on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TaskReportQuery {
    /// A unit with everything below it; one's own unless told.
    pub unit_id: Option<UnitId>,
    /// First day in China on which orders were sent.
    #[param(value_type = String, format = Date)]
    pub from: Date,
    /// Last day, at most a year later.
    #[param(value_type = String, format = Date)]
    pub to: Date,
    /// `agency` unless told.
    #[param(inline)]
    pub by: Option<TasksBy>,
    #[param(inline)]
    pub format: Option<Format>,
}

/// One group's figures.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct TaskFigures {
    /// An agency's id, or a kind.
    pub key: String,
    pub name: String,
    pub sent: u32,
    /// Ever.
    pub accepted: u32,
    pub returned: u32,
    /// Returned although the same agency had returned one of the same incident before.
    pub bounced: u32,
    pub closed: u32,
    pub withdrawn: u32,
    /// Neither closed nor returned nor withdrawn.
    pub open: u32,
    /// Of those sent the share that is closed or still open there; none of none.
    pub diversion_rate: Option<f64>,
    /// From sent to accepted; none while none was.
    pub median_accept_s: Option<f64>,
    #[serde(skip)]
    waits: Vec<f64>,
    #[serde(skip)]
    came_back: BTreeSet<(IncidentId, AgencyId)>,
}

/// Figures of a period.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskReport {
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    #[schema(inline)]
    pub by: TasksBy,
    pub items: Vec<TaskFigures>,
    pub total: TaskFigures,
}

/// Figures of work orders sent in a period, drills left out.
///
/// Permissions: rooms, supervisors and custodians, of their subtree.
#[utoipa::path(get, path = "/api/v1/reports/tasks", tag = "partners", params(TaskReportQuery),
    responses((status = 200, body = TaskReport, description = "With `format=csv` as text/csv"), (status = 403),
        (status = 404), (status = 422)))]
pub async fn figures(ctx: Ctx, Params(query): Params<TaskReportQuery>, request: HttpRequest) -> Result<HttpResponse> {
    let (from, until) = report::period(query.from, query.to)?;
    let (actor, unit) = (Arc::clone(&ctx.actor), query.unit_id);
    let rows = ctx
        .db
        .snapshot(move |conn| {
            let units = people::units_reported(conn, &actor, unit.as_ref())?;
            let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
            store::tasks_counted(conn, &ids, from, until)
        })
        .await?;
    let by = query.by.unwrap_or(TasksBy::Agency);
    let (items, total) = counted(&rows, by);
    let told = TaskReport { from: query.from, to: query.to, by, items, total };
    if query.format == Some(Format::Csv) {
        return Ok(report::csv_answer("tasks.csv", csv(&told, problem::request_reads_chinese(&request))));
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(told))
}

/// Orders in the order of sending, into groups and their sum.
fn counted(rows: &[Counted], by: TasksBy) -> (Vec<TaskFigures>, TaskFigures) {
    let mut groups: BTreeMap<String, TaskFigures> = BTreeMap::new();
    let mut total = TaskFigures::default();
    for row in rows {
        let (key, name) = match by {
            TasksBy::Agency => (row.agency_id.to_string(), row.agency_name.clone()),
            TasksBy::Kind => (row.agency_kind.to_string(), row.agency_kind.to_string()),
        };
        let named = || TaskFigures { key: key.clone(), name, ..TaskFigures::default() };
        groups.entry(key.clone()).or_insert_with(named).add(row);
        total.add(row);
    }
    (groups.into_values().map(TaskFigures::shared).collect(), total.shared())
}

impl TaskFigures {
    fn add(&mut self, row: &Counted) {
        self.sent += 1;
        if let Some(at) = row.accepted_at {
            self.accepted += 1;
            self.waits.push(at.secs_since(row.sent_at));
        }
        match row.state {
            State::Closed => self.closed += 1,
            State::Withdrawn => self.withdrawn += 1,
            State::Returned => {
                self.returned += 1;
                let first = self.came_back.insert((row.incident_id, row.agency_id));
                self.bounced += u32::from(!first);
            }
            State::Sent | State::Signed | State::Accepted | State::Arrived => self.open += 1,
        }
    }

    fn shared(mut self) -> Self {
        self.diversion_rate = report::share(self.closed + self.open, self.sent);
        self.median_accept_s = median(std::mem::take(&mut self.waits));
        self
    }
}

/// To a tenth of a second; the mean of the two in the middle where there are two.
fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    let low = all.get(all.len().checked_sub(1)? / 2)?;
    let high = all.get(all.len() / 2)?;
    Some((f64::midpoint(*low, *high) * 10.0).round() / 10.0)
}

const HEADS: [(&str, &str); 11] = [
    ("组别", "group"),
    ("名称", "name"),
    ("派出", "sent"),
    ("接受", "accepted"),
    ("退回", "returned"),
    ("再次退回", "bounced"),
    ("办结", "closed"),
    ("撤回", "withdrawn"),
    ("在办", "open"),
    ("分流率", "diversion rate"),
    ("接受用时中位数（秒）", "median seconds to accept"),
];

fn csv(told: &TaskReport, chinese: bool) -> String {
    let mut text = report::csv_begin();
    let heads: Vec<String> = HEADS.iter().map(|(zh, en)| if chinese { *zh } else { *en }.to_owned()).collect();
    report::csv_line(&mut text, &heads);
    let total = TaskFigures { key: if chinese { "合计" } else { "total" }.to_owned(), ..told.total.clone() };
    for row in told.items.iter().chain([&total]) {
        let counts = [row.sent, row.accepted, row.returned, row.bounced, row.closed, row.withdrawn, row.open];
        let mut cells = vec![row.key.clone(), row.name.clone()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(row.diversion_rate.map(|rate| format!("{:.1}%", rate * 100.0)).unwrap_or_default());
        cells.push(row.median_accept_s.map(|seconds| format!("{seconds:.1}")).unwrap_or_default());
        report::csv_line(&mut text, &cells);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }
}
