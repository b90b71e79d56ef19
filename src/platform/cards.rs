//! Room cards: things a human in a command room must look at (an unanswered
//! assignment, a silent area, a refused webhook). One open card per key.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::db::schema::card;
use super::db::{Conn, Tx, kept};
use super::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::{CardId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// A card to raise; `data` holds ids, enums and counts only.
pub struct Draw<'a> {
    /// The room that owns it.
    pub unit_id: UnitId,
    /// The seats that are told.
    pub recipients: &'a [PersonId],
    /// e.g. `assignment.undelivered`, `area.silent`, `backup.unreachable`.
    pub kind: &'a str,
    pub subject: Subject,
    pub data: Value,
    /// A second card with the same key while one is open updates that one.
    pub key: String,
    pub urgent: bool,
}

/// A card as stored.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = card)]
pub struct CardRow {
    pub id: CardId,
    pub unit_id: UnitId,
    pub kind: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub data: String,
    pub dedup_key: String,
    pub open: bool,
    pub raised_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    pub snoozed_until: Option<Timestamp>,
    pub snooze_reason: Option<String>,
}

/// Raises a card and tells the seats; an open card with the same key is updated instead.
pub fn raise(tx: &mut Tx<'_>, draw: &Draw<'_>) -> Result<CardId> {
    let now = tx.now;
    let open: Option<CardId> = card::table
        .filter(card::dedup_key.eq(&draw.key))
        .filter(card::open.eq(true))
        .select(card::id)
        .first(tx.conn())
        .optional()?;
    if let Some(id) = open {
        diesel::update(card::table.filter(card::id.eq(id)))
            .set((card::data.eq(draw.data.to_string()), card::unit_id.eq(draw.unit_id)))
            .execute(tx.conn())?;
        return Ok(id);
    }
    let id = CardId::new();
    diesel::insert_into(card::table)
        .values((
            card::id.eq(id),
            card::unit_id.eq(draw.unit_id),
            card::kind.eq(draw.kind),
            card::subject_kind.eq(draw.subject.kind.as_ref()),
            card::subject_id.eq(&draw.subject.id),
            card::data.eq(draw.data.to_string()),
            card::dedup_key.eq(&draw.key),
            card::open.eq(true),
            card::raised_at.eq(now),
        ))
        .execute(tx.conn())?;
    if !draw.recipients.is_empty() {
        outbox::send(
            tx,
            draw.recipients,
            &Draft {
                kind: "card.raised",
                subject: Subject::new("card", id),
                version: 0,
                args: json!({ "card_id": id, "kind": draw.kind, "subject_kind": draw.subject.kind, "subject_id": draw.subject.id }),
                urgent: draw.urgent,
            },
        )?;
    }
    Ok(id)
}

/// Closes the open card with this key, if any; tells whether there was one.
pub fn close(tx: &mut Tx<'_>, key: &str, by: Option<PersonId>) -> Result<bool> {
    let now = tx.now;
    let open = card::table.filter(card::dedup_key.eq(key)).filter(card::open.eq(true));
    let closed = (card::open.eq(false), card::closed_at.eq(now), card::closed_by.eq(by));
    Ok(kept::execute(tx.conn(), diesel::update(open).set(closed))? > 0)
}

/// The same for two keys in one statement: on the path of every rung.
pub fn close_both(tx: &mut Tx<'_>, keys: [&str; 2], by: Option<PersonId>) -> Result<bool> {
    let now = tx.now;
    let [one, other] = keys;
    let ours = card::dedup_key.eq(one).or(card::dedup_key.eq(other));
    let open = card::table.filter(ours).filter(card::open.eq(true));
    let closed = (card::open.eq(false), card::closed_at.eq(now), card::closed_by.eq(by));
    Ok(kept::execute(tx.conn(), diesel::update(open).set(closed))? > 0)
}

/// One card.
pub fn card_fetch(conn: &mut Conn, id: &CardId) -> Result<CardRow> {
    Ok(card::table.filter(card::id.eq(id)).select(card::all_columns).first(conn)?)
}

/// Open cards of these units, oldest first.
pub fn cards_open(conn: &mut Conn, units: &[UnitId], limit: i64) -> Result<Vec<CardRow>> {
    Ok(card::table
        .filter(card::unit_id.eq_any(units))
        .filter(card::open.eq(true))
        .order(card::raised_at.asc())
        .limit(limit)
        .select(card::all_columns)
        .load(conn)?)
}
