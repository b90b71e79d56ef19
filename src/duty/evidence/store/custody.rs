//! The log of touches: entries, full subtrees, signed heads, who numbers; receipts; the signing keys.

pub mod raw;

use diesel::prelude::*;

use crate::duty::evidence::custody::{ReceiptKind, TouchKind};
use crate::per_backend;
use crate::platform::db::schema::{custody_entry, custody_head, custody_lease, custody_node, meta, receipt};
use crate::platform::db::{Conn, kept, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{CustodyId, DeviceId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

/// Rows of one insert; bounds the bind parameters of a statement.
const BATCH: usize = 500;

/// Beginning of the names of the signing keys among the settings; what follows is their number.
const KEY_PREFIX: &str = "custody.key.";

/// One touch. `detail` and `salt` are blank once it was erased; `n` is none until it has its number.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = custody_entry, treat_none_as_default_value = false)]
pub struct EntryRow {
    pub id: CustodyId,
    pub evidence_id: Option<EvidenceId>,
    pub kind: TouchKind,
    pub actor_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub at: Timestamp,
    pub detail: Option<String>,
    pub salt: Option<Vec<u8>>,
    pub leaf: Vec<u8>,
    pub n: Option<i64>,
}

/// A full subtree over 2^level leaves; the leaves themselves stand with their entries.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = custody_node, treat_none_as_default_value = false)]
pub struct NodeRow {
    pub level: i32,
    pub n: i64,
    pub hash: Vec<u8>,
}

/// A signed root.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = custody_head)]
pub struct HeadRow {
    pub size: i64,
    pub root: Vec<u8>,
    pub at: Timestamp,
    pub key_id: String,
    pub signature: Vec<u8>,
}

/// A signed receipt; `body` is the exact text that was signed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = receipt)]
pub struct ReceiptRow {
    pub evidence_id: EvidenceId,
    pub kind: ReceiptKind,
    pub body: String,
    pub key_id: String,
    pub signature: Vec<u8>,
    pub at: Timestamp,
}

pub fn entry_insert(conn: &mut Conn, row: &EntryRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(custody_entry::table).values(row))?;
    Ok(())
}

/// Errors: `not_found`.
pub fn entry_fetch(conn: &mut Conn, id: &CustodyId) -> Result<EntryRow> {
    straight::one(conn, custody_entry::table.find(id))?.ok_or_else(|| Error::not_found("custody entry"))
}

/// Every touch of an item, oldest first.
pub fn entries_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<EntryRow>> {
    Ok(custody_entry::table
        .filter(custody_entry::evidence_id.eq(evidence))
        .order((custody_entry::at.asc(), custody_entry::id.asc()))
        .load(conn)?)
}

/// Committed entries without a number, in the order in which they get one: id and leaf.
pub fn entries_waiting(conn: &mut Conn, limit: i64) -> Result<Vec<(CustodyId, Vec<u8>)>> {
    Ok(custody_entry::table
        .filter(custody_entry::n.is_null())
        .order((custody_entry::at.asc(), custody_entry::id.asc()))
        .limit(limit)
        .select((custody_entry::id, custody_entry::leaf))
        .load(conn)?)
}

/// Whether an entry waits for its number.
pub fn entry_waits(conn: &mut Conn) -> Result<bool> {
    let first: Option<CustodyId> =
        custody_entry::table.filter(custody_entry::n.is_null()).select(custody_entry::id).first(conn).optional()?;
    Ok(first.is_some())
}

/// Gives an entry its number; false when it has one.
pub fn entry_number(conn: &mut Conn, id: &CustodyId, n: i64) -> Result<bool> {
    let waiting = custody_entry::table.find(id).filter(custody_entry::n.is_null());
    Ok(kept::execute(conn, diesel::update(waiting).set(custody_entry::n.eq(Some(n))))? > 0)
}

/// Entries that have a number; the next one.
pub fn log_size(conn: &mut Conn) -> Result<i64> {
    let last: Option<Option<i64>> = custody_entry::table
        .filter(custody_entry::n.is_not_null())
        .order(custody_entry::n.desc())
        .select(custody_entry::n)
        .first(conn)
        .optional()?;
    Ok(last.flatten().map_or(0, |n| n + 1))
}

/// Blanks what the entries of an item said before the one that deleted it. Returns how many.
pub fn entries_blank(conn: &mut Conn, evidence: &EvidenceId, at: Timestamp, id: &CustodyId) -> Result<usize> {
    let before = custody_entry::table
        .filter(custody_entry::evidence_id.eq(evidence))
        .filter(custody_entry::at.lt(at).or(custody_entry::at.eq(at).and(custody_entry::id.lt(id))));
    Ok(diesel::update(before)
        .set((custody_entry::detail.eq(None::<String>), custody_entry::salt.eq(None::<Vec<u8>>)))
        .execute(conn)?)
}

/// The hash of a full subtree; level 0 are the leaves.
pub fn node_fetch(conn: &mut Conn, level: i32, n: i64) -> Result<Option<Vec<u8>>> {
    if level == 0 {
        let leaf = custody_entry::table.filter(custody_entry::n.eq(n)).select(custody_entry::leaf);
        return Ok(straight::one(conn, leaf)?);
    }
    Ok(straight::one(conn, custody_node::table.find((level, n)).select(custody_node::hash))?)
}

pub fn nodes_insert(conn: &mut Conn, rows: &[NodeRow]) -> Result<()> {
    for chunk in rows.chunks(BATCH) {
        per_backend!(conn, |c| diesel::insert_into(custody_node::table).values(chunk).execute(c))?;
    }
    Ok(())
}

pub fn head_insert(conn: &mut Conn, row: &HeadRow) -> Result<()> {
    diesel::insert_into(custody_head::table).values(row).execute(conn)?;
    Ok(())
}

/// The head over the largest tree.
pub fn head_last(conn: &mut Conn) -> Result<Option<HeadRow>> {
    Ok(custody_head::table.order(custody_head::size.desc()).first(conn).optional()?)
}

/// The head over exactly so many entries.
pub fn head_of_size(conn: &mut Conn, size: i64) -> Result<Option<HeadRow>> {
    Ok(custody_head::table.find(size).first(conn).optional()?)
}

/// The first head that the entry with this number is under.
pub fn head_over(conn: &mut Conn, n: i64) -> Result<Option<HeadRow>> {
    Ok(custody_head::table.filter(custody_head::size.gt(n)).order(custody_head::size.asc()).first(conn).optional()?)
}

/// Heads over trees larger than `size`, the smallest first.
pub fn heads_after(conn: &mut Conn, size: i64, limit: i64) -> Result<Vec<HeadRow>> {
    Ok(custody_head::table
        .filter(custody_head::size.gt(size))
        .order(custody_head::size.asc())
        .limit(limit)
        .load(conn)?)
}

/// Heads over trees smaller than `size`, the largest first.
pub fn heads_before(conn: &mut Conn, size: i64, limit: i64) -> Result<Vec<HeadRow>> {
    Ok(custody_head::table
        .filter(custody_head::size.lt(size))
        .order(custody_head::size.desc())
        .limit(limit)
        .load(conn)?)
}

/// Takes or keeps a lease; false while somebody else has it. The row stays locked until the transaction ends, so on
/// PostgreSQL no second holder acts in between, whatever the clocks say.
pub fn lease_take(conn: &mut Conn, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
    let free =
        custody_lease::table.find(name).filter(custody_lease::holder.eq(holder).or(custody_lease::until.le(now)));
    let held =
        diesel::update(free).set((custody_lease::holder.eq(holder), custody_lease::until.eq(until))).execute(conn)?;
    if held > 0 {
        return Ok(true);
    }
    let row = (custody_lease::name.eq(name), custody_lease::holder.eq(holder), custody_lease::until.eq(until));
    let made = per_backend!(conn, |c| diesel::insert_into(custody_lease::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(made > 0)
}

/// Errors: `already_exists`.
pub fn receipt_insert(conn: &mut Conn, row: &ReceiptRow) -> Result<()> {
    diesel::insert_into(receipt::table).values(row).execute(conn)?;
    Ok(())
}

pub fn receipt_find(conn: &mut Conn, evidence: &EvidenceId, kind: ReceiptKind) -> Result<Option<ReceiptRow>> {
    Ok(receipt::table.find((evidence, kind)).first(conn).optional()?)
}

/// What was stored of the signing keys, the oldest first.
pub fn keys_all(conn: &mut Conn) -> Result<Vec<String>> {
    Ok(meta::table
        .filter(meta::key.like(format!("{KEY_PREFIX}%")))
        .order(meta::key.asc())
        .select(meta::value)
        .load(conn)?)
}

/// Stores the signing key with this number; false when another node was faster.
pub fn key_add(conn: &mut Conn, number: usize, value: &str) -> Result<bool> {
    let row = (meta::key.eq(format!("{KEY_PREFIX}{number:06}")), meta::value.eq(value));
    let made =
        per_backend!(conn, |c| diesel::insert_into(meta::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(made > 0)
}

/// The last touch of a kind of an item.
pub fn entry_last(conn: &mut Conn, evidence: &EvidenceId, kind: TouchKind) -> Result<Option<EntryRow>> {
    Ok(custody_entry::table
        .filter(custody_entry::evidence_id.eq(evidence))
        .filter(custody_entry::kind.eq(kind))
        .order((custody_entry::at.desc(), custody_entry::id.desc()))
        .first(conn)
        .optional()?)
}

/// The highest number among these entries; none while one of them has none.
pub fn entries_last(conn: &mut Conn, ids: &[CustodyId]) -> Result<Option<i64>> {
    let mut last = None;
    for chunk in ids.chunks(BATCH) {
        let numbers: Vec<Option<i64>> =
            custody_entry::table.filter(custody_entry::id.eq_any(chunk)).select(custody_entry::n).load(conn)?;
        if numbers.len() < chunk.len() || numbers.iter().any(Option::is_none) {
            return Ok(None);
        }
        last = last.max(numbers.into_iter().flatten().max());
    }
    Ok(last)
}
