//! What an agency with software is told of its orders: one ordered feed, read from the inbox and pushed to its webhook.

use serde::Serialize;
use serde_json::json;

use super::store::agencies::{self, AgencyRow};
use super::store::outlet::{self as feeds, FeedRow};
use super::store::{self, TaskRow};
use super::view::AgencyTask;
use super::{Channel, service, view};
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::db::{Conn, Hot, Tx};
use crate::platform::push::outbox::Subject;
use crate::platform::webhook::{Feed, Letter, Outlet, Progress};
use crate::words::error::Result;
use crate::words::ids::AgencyId;
use crate::words::time::Timestamp;

/// One change, in the inbox and on the webhook alike.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// From 1, without gaps.
    pub seq: i64,
    pub at: Timestamp,
    /// `task.sent`, `task.withdrawn`, `task.updated` (the place), and what became of it otherwise.
    pub kind: String,
    /// The order as it was then.
    pub task: AgencyTask,
}

impl Change {
    pub fn of(row: &FeedRow) -> Result<Self> {
        Ok(Self { seq: row.seq, at: row.at, kind: row.kind.clone(), task: serde_json::from_str(&row.data)? })
    }
}

/// Adds a change to the feed of the order's agency, if it reads one; numbered at the end of the transaction.
pub fn append(tx: &mut Tx<'_>, row: &TaskRow, what: &str) -> Result<()> {
    let agency = agencies::agency_fetch(tx.conn(), &row.agency_id)?;
    if agency.channel == Channel::Software {
        number(tx, row, what);
    }
    Ok(())
}

/// Its open orders, told to an agency that has software from now on.
pub fn begin(tx: &mut Tx<'_>, agency: &AgencyRow) -> Result<()> {
    for row in store::tasks_open_of_agency(tx.conn(), &agency.id)? {
        number(tx, &row, "sent");
    }
    Ok(())
}

fn number(tx: &mut Tx<'_>, row: &TaskRow, what: &str) {
    let (agency_id, task_id, kind) = (row.agency_id, row.id, format!("task.{what}"));
    tx.at_end(Hot::Feed(format!("agency:{agency_id}")), move |tx| {
        let row = store::task_fetch(tx.conn(), &task_id)?;
        let data = serde_json::to_string(&view::for_agency(tx.conn(), &row)?)?;
        let seq = feeds::seq_take(tx.conn(), &agency_id)?;
        let at = tx.now;
        feeds::feed_insert(tx.conn(), &FeedRow { agency_id, seq, at, kind, task_id, data })
    });
}

/// The feeds of agencies; the key is the agency's id.
pub struct Agencies;

impl Feed for Agencies {
    const NAME: &'static str = "agencies";

    fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<Outlet>> {
        let outlet = |(row, url, secret_sealed): (feeds::OutletRow, String, Vec<u8>)| Outlet {
            key: row.agency_id.to_string(),
            url,
            secret_sealed,
            delivered_seq: row.delivered_seq,
            attempts: row.attempts,
        };
        Ok(feeds::outlets_due(conn, now)?.into_iter().map(outlet).collect())
    }

    fn lease(conn: &mut Conn, key: &str, now: Timestamp, until: Timestamp) -> Result<Option<i64>> {
        feeds::outlet_lease(conn, &key.parse()?, now, until)
    }

    fn letters(conn: &mut Conn, key: &str, after: i64, limit: i64) -> Result<Vec<Letter>> {
        let rows = feeds::feed_list(conn, &key.parse()?, after, limit)?;
        rows.iter()
            .map(|row| {
                let body = serde_json::to_string(&Change::of(row)?)?;
                Ok(Letter { seq: row.seq, delivery: format!("{key}:{}", row.seq), body })
            })
            .collect()
    }

    fn progress(tx: &mut Tx<'_>, key: &str, lease: i64, progress: &Progress, until: Timestamp) -> Result<bool> {
        let agency: AgencyId = key.parse()?;
        let kept = feeds::outlet_progress(tx.conn(), &agency, lease, progress, until)?;
        if progress.ok_at.is_some() {
            cards::close(tx, &card_key(&agency), None)?;
            service::taken(tx, &agency, progress.delivered_seq)?;
        }
        Ok(kept)
    }

    /// Its orders do not reach it: the room telephones.
    fn refused(tx: &mut Tx<'_>, outlet: &Outlet, seq: i64, attempts: i32) -> Result<()> {
        let agency = agencies::agency_fetch(tx.conn(), &outlet.key.parse()?)?;
        let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &agency.unit_id)?;
        let draw = Draw {
            unit_id,
            recipients: &seats,
            kind: "webhook.refused",
            subject: Subject::new("agency", agency.id),
            data: json!({ "agency_id": agency.id, "seq": seq, "attempts": attempts }),
            key: card_key(&agency.id),
            urgent: false,
        };
        cards::raise(tx, &draw).map(drop)
    }
}

fn card_key(agency: &AgencyId) -> String {
    format!("webhook:agency:{agency}")
}
