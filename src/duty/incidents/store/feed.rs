//! The ordered feed back to each source system and its webhook's position.

use diesel::prelude::*;

use crate::per_backend;
use crate::platform::db::schema::{feed_entry, feed_head, feed_webhook};
use crate::platform::db::{Conn, kept, straight};
use crate::platform::webhook::Progress;
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, PersonId};
use crate::words::time::Timestamp;

/// One change as the source system will read it.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = feed_entry, treat_none_as_default_value = false)]
pub struct FeedRow {
    pub source: String,
    pub seq: i64,
    pub at: Timestamp,
    pub kind: String,
    pub incident_id: IncidentId,
    pub external_no: Option<String>,
    pub data: String,
}

/// Where a source wants its changes pushed, and how far that got.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = feed_webhook, treat_none_as_default_value = false)]
pub struct WebhookRow {
    pub source: String,
    pub url: String,
    pub secret_sealed: Vec<u8>,
    pub enabled: bool,
    pub delivered_seq: i64,
    pub attempts: i32,
    pub next_at: Timestamp,
    pub last_error: Option<String>,
    pub last_ok_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub updated_by: PersonId,
    pub lease_until: Timestamp,
    pub lease_gen: i64,
}

/// Takes the source's next number; the head's row lock orders commits, so the
/// feed is gap-free and readers never see a later number before an earlier one.
pub fn seq_take(conn: &mut Conn, source: &str) -> Result<i64> {
    let row = (feed_head::source.eq(source), feed_head::last_seq.eq(1_i64));
    let next = diesel::insert_into(feed_head::table)
        .values(row)
        .on_conflict(feed_head::source)
        .do_update()
        .set(feed_head::last_seq.eq(feed_head::last_seq + 1_i64))
        .returning(feed_head::last_seq);
    kept::returning(conn, next)?.ok_or_else(|| Error::internal("an upsert returned nothing"))
}

pub fn feed_insert(conn: &mut Conn, row: &FeedRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(feed_entry::table).values(row))?;
    Ok(())
}

pub fn feed_list(conn: &mut Conn, source: &str, after: i64, limit: i64) -> Result<Vec<FeedRow>> {
    Ok(feed_entry::table
        .filter(feed_entry::source.eq(source))
        .filter(feed_entry::seq.gt(after))
        .order(feed_entry::seq.asc())
        .limit(limit)
        .load(conn)?)
}

pub fn feed_last(conn: &mut Conn, source: &str) -> Result<i64> {
    Ok(feed_head::table.find(source).select(feed_head::last_seq).first(conn).optional()?.unwrap_or(0))
}

pub fn webhook_fetch(conn: &mut Conn, source: &str) -> Result<Option<WebhookRow>> {
    Ok(feed_webhook::table.find(source).first(conn).optional()?)
}

pub fn webhook_put(conn: &mut Conn, row: &WebhookRow) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(feed_webhook::table)
        .values(row)
        .on_conflict(feed_webhook::source)
        .do_update()
        .set((
            feed_webhook::url.eq(&row.url),
            feed_webhook::secret_sealed.eq(&row.secret_sealed),
            feed_webhook::enabled.eq(row.enabled),
            feed_webhook::attempts.eq(0),
            feed_webhook::next_at.eq(row.next_at),
            feed_webhook::updated_at.eq(row.updated_at),
            feed_webhook::updated_by.eq(row.updated_by),
        ))
        .execute(c))?;
    Ok(())
}

/// Enabled webhooks with something to send whose waiting time is over.
pub fn webhooks_due(conn: &mut Conn, now: Timestamp) -> Result<Vec<WebhookRow>> {
    Ok(feed_webhook::table
        .inner_join(feed_head::table.on(feed_head::source.eq(feed_webhook::source)))
        .filter(feed_webhook::enabled.eq(true))
        .filter(feed_webhook::next_at.le(now))
        .filter(feed_webhook::lease_until.le(now))
        .filter(feed_head::last_seq.gt(feed_webhook::delivered_seq))
        .select(feed_webhook::all_columns)
        .load(conn)?)
}

/// Takes the right to send for `source`; the new generation, or `None` when another node has it.
pub fn webhook_lease(conn: &mut Conn, source: &str, now: Timestamp, until: Timestamp) -> Result<Option<i64>> {
    Ok(diesel::update(feed_webhook::table.find(source).filter(feed_webhook::lease_until.le(now)))
        .set((feed_webhook::lease_until.eq(until), feed_webhook::lease_gen.eq(feed_webhook::lease_gen + 1_i64)))
        .returning(feed_webhook::lease_gen)
        .get_result(conn)
        .optional()?)
}

/// Records the turn and until when the lease is kept; writes nothing when it was lost meanwhile.
pub fn webhook_progress(
    conn: &mut Conn,
    source: &str,
    lease: i64,
    progress: &Progress,
    lease_until: Timestamp,
) -> Result<bool> {
    let mine = feed_webhook::table.find(source).filter(feed_webhook::lease_gen.eq(lease));
    let rows = diesel::update(mine)
        .set((
            feed_webhook::delivered_seq.eq(progress.delivered_seq),
            feed_webhook::attempts.eq(progress.attempts),
            feed_webhook::next_at.eq(progress.next_at),
            feed_webhook::last_error.eq(progress.error.as_deref()),
            feed_webhook::lease_until.eq(lease_until),
        ))
        .execute(conn)?;
    if rows > 0
        && let Some(at) = progress.ok_at
    {
        diesel::update(feed_webhook::table.find(source)).set(feed_webhook::last_ok_at.eq(Some(at))).execute(conn)?;
    }
    Ok(rows > 0)
}
