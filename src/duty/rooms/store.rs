//! Queries of the desk.

use diesel::prelude::*;

use crate::platform::cards::CardRow;
use crate::platform::db::Conn;
use crate::platform::db::schema::{card, unit};
use crate::words::error::Result;
use crate::words::ids::CardId;
use crate::words::time::Timestamp;

/// Open cards of every unit whose path starts with `prefix`, oldest first.
pub fn cards_of_subtree(
    conn: &mut Conn,
    prefix: &str,
    awake_at: Timestamp,
    after: Option<(Timestamp, CardId)>,
    limit: i64,
) -> Result<Vec<CardRow>> {
    let mut query = card::table
        .inner_join(unit::table.on(unit::id.eq(card::unit_id)))
        .filter(unit::path.like(format!("{prefix}%")))
        .filter(card::open.eq(true))
        .filter(card::snoozed_until.is_null().or(card::snoozed_until.le(awake_at)))
        .select(card::all_columns)
        .order((card::raised_at.asc(), card::id.asc()))
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = after {
        query = query.filter(card::raised_at.gt(at).or(card::raised_at.eq(at).and(card::id.gt(id))));
    }
    Ok(query.load(conn)?)
}

/// Puts a card to sleep.
pub fn card_snooze(conn: &mut Conn, id: &CardId, until: Timestamp, reason: &str) -> Result<()> {
    diesel::update(card::table.filter(card::id.eq(id)))
        .set((card::snoozed_until.eq(until), card::snooze_reason.eq(reason)))
        .execute(conn)?;
    Ok(())
}
