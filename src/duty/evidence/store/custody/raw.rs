//! What `suixing verify` reads: rows as they are, without a rule of ours that damage could break, within one snapshot.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use super::NodeRow;
use crate::platform::db::schema::{
    custody_entry as entry, custody_node as node, evidence, evidence_finding, evidence_incident, evidence_mark,
    evidence_media, evidence_preview, hold, receipt,
};
use crate::platform::db::{Conn, batch};
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// The tables that are checked.
pub const TABLES: [&str; 12] = [
    "meta",
    "custody_entry",
    "custody_node",
    "custody_head",
    "receipt",
    "evidence",
    "evidence_incident",
    "evidence_mark",
    "evidence_preview",
    "evidence_finding",
    "evidence_media",
    "hold",
];

/// A touch as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawEntry {
    pub id: String,
    pub evidence_id: Option<String>,
    pub kind: String,
    pub actor_id: Option<String>,
    pub device_id: Option<String>,
    pub at: Timestamp,
    pub detail: Option<String>,
    pub salt: Option<Vec<u8>>,
    pub leaf: Vec<u8>,
    pub n: Option<i64>,
}

/// An item as it is stored; as JSON, its columns by name.
#[derive(Clone, Debug, Queryable, Serialize)]
pub struct RawEvidence {
    pub id: String,
    pub kind: String,
    pub filename: String,
    pub media_type: String,
    pub size: i64,
    pub sha256: String,
    pub sm3: Option<String>,
    pub place: String,
    pub quarantined: bool,
    pub author_id: String,
    pub wearer_id: Option<String>,
    pub device_id: String,
    pub session_id: Option<String>,
    pub unit_id: String,
    pub assignment_id: Option<String>,
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    pub device_signature: Option<String>,
    pub duration_ms: Option<i64>,
    pub codec: Option<String>,
    pub previewed: String,
    pub redacted_of: Option<String>,
    pub retention: String,
    pub keep_until: Option<Timestamp>,
    pub gone_at: Option<Timestamp>,
    pub version: i64,
}

/// A receipt as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawReceipt {
    pub evidence_id: String,
    pub kind: String,
    pub body: String,
    pub key_id: String,
    pub signature: Vec<u8>,
    pub at: Timestamp,
}

/// Which incident an item belongs to.
#[derive(Clone, Debug, Queryable)]
pub struct RawLink {
    pub incident_id: String,
    pub evidence_id: String,
    pub linked_by: String,
    pub linked_at: Timestamp,
}

/// A mark as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawMark {
    pub id: String,
    pub evidence_id: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub text: String,
    pub by_person_id: String,
    pub at: Timestamp,
}

/// A preview as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawPreview {
    pub evidence_id: String,
    pub px: i32,
    pub width: i32,
    pub height: i32,
    pub size: i64,
    pub made_at: Timestamp,
}

/// A finding as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawFinding {
    pub evidence_id: String,
    pub code: String,
    pub detail: String,
    pub at: Timestamp,
}

/// A hold as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct RawHold {
    pub id: String,
    pub incident_id: Option<String>,
    pub evidence_id: Option<String>,
    pub reason: String,
    pub set_by: String,
    pub set_at: Timestamp,
    pub lifted_by: Option<String>,
    pub lifted_at: Option<Timestamp>,
}

/// An original that must be there: hash, item, length, the second hash.
pub type RawFile = (String, String, i64, Option<String>);

/// From here on the connection sees one state, whatever is written meanwhile.
pub fn begin(conn: &mut Conn) -> Result<()> {
    let sql = match conn {
        Conn::Sqlite(_) => "BEGIN",
        Conn::Pg(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    batch(conn, sql)
}

/// What SQLite itself finds wrong with a table and its indexes. PostgreSQL has no such question.
pub fn damage(conn: &mut Conn, table: &str) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let Conn::Sqlite(conn) = conn else { return Ok(Vec::new()) };
    let lines: Vec<Line> = diesel::sql_query(format!("PRAGMA integrity_check('{table}')")).load(conn)?;
    Ok(lines.into_iter().map(|line| line.integrity_check).filter(|line| line != "ok").collect())
}

macro_rules! counts {
    ($( $name:ident = $table:ident; )+) => { $(
        #[doc = concat!("Rows of `", stringify!($table), "`.")]
        pub fn $name(conn: &mut Conn) -> Result<i64> {
            Ok($table::table.count().get_result(conn)?)
        }
    )+ };
}

counts! {
    nodes_count = node;
    receipts_count = receipt;
    links_count = evidence_incident;
    marks_count = evidence_mark;
    previews_count = evidence_preview;
    findings_count = evidence_finding;
    media_count = evidence_media;
}

/// Entries with numbers above `after`, in their order.
pub fn entries_after(conn: &mut Conn, after: i64, limit: i64) -> Result<Vec<RawEntry>> {
    Ok(entry::table.filter(entry::n.gt(after)).order(entry::n.asc()).limit(limit).load(conn)?)
}

/// Entries that wait for a number, by id.
pub fn entries_unnumbered(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<RawEntry>> {
    Ok(entry::table
        .filter(entry::n.is_null())
        .filter(entry::id.gt(after))
        .order(entry::id.asc())
        .limit(limit)
        .load(conn)?)
}

/// Every touch of an item: the numbered ones in their order, then those that wait.
pub fn entries_about(conn: &mut Conn, item: &str) -> Result<Vec<RawEntry>> {
    let mut rows: Vec<RawEntry> = entry::table.filter(entry::evidence_id.eq(item)).load(conn)?;
    rows.sort_by(|one, other| {
        let key = |row: &RawEntry| (row.n.is_none(), row.n, row.at);
        key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
    });
    Ok(rows)
}

/// Whether an entry after number `n` says that the item was deleted, and says it in words that can be checked.
pub fn is_deleted_after(conn: &mut Conn, item: &str, n: Option<i64>) -> Result<bool> {
    let deletions: Vec<Option<i64>> = entry::table
        .filter(entry::evidence_id.eq(item))
        .filter(entry::kind.eq("deleted"))
        .filter(entry::detail.is_not_null())
        .filter(entry::salt.is_not_null())
        .select(entry::n)
        .load(conn)?;
    // What waits for its number comes after everything that has one.
    Ok(deletions.into_iter().any(|deletion| match (n, deletion) {
        (Some(n), Some(deletion)) => deletion > n,
        (_, None) => true,
        (None, Some(_)) => false,
    }))
}

/// Stored subtrees of one level between two numbers, both included.
pub fn nodes_between(conn: &mut Conn, level: i32, from: i64, to: i64) -> Result<Vec<NodeRow>> {
    Ok(node::table.filter(node::level.eq(level)).filter(node::n.between(from, to)).order(node::n.asc()).load(conn)?)
}

/// Those of these items that have a row.
pub fn evidence_known(conn: &mut Conn, items: &[String]) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for chunk in items.chunks(500) {
        let found: Vec<String> = evidence::table.filter(evidence::id.eq_any(chunk)).select(evidence::id).load(conn)?;
        known.extend(found);
    }
    Ok(known)
}

/// Items by id.
pub fn evidence_after(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<RawEvidence>> {
    Ok(evidence::table.filter(evidence::id.gt(after)).order(evidence::id.asc()).limit(limit).load(conn)?)
}

/// Originals that must be there, by hash.
pub fn files_after(conn: &mut Conn, sha256: &str, item: &str, limit: i64) -> Result<Vec<RawFile>> {
    let beyond = evidence::sha256.gt(sha256).or(evidence::sha256.eq(sha256).and(evidence::id.gt(item)));
    Ok(evidence::table
        .filter(beyond)
        .filter(evidence::place.eq("stored"))
        .filter(evidence::gone_at.is_null())
        .order((evidence::sha256.asc(), evidence::id.asc()))
        .limit(limit)
        .select((evidence::sha256, evidence::id, evidence::size, evidence::sm3))
        .load(conn)?)
}

pub fn receipts_about(conn: &mut Conn, item: &str) -> Result<Vec<RawReceipt>> {
    Ok(receipt::table.filter(receipt::evidence_id.eq(item)).order(receipt::kind.asc()).load(conn)?)
}

pub fn links_about(conn: &mut Conn, item: &str) -> Result<Vec<RawLink>> {
    Ok(evidence_incident::table.filter(evidence_incident::evidence_id.eq(item)).load(conn)?)
}

pub fn marks_about(conn: &mut Conn, item: &str) -> Result<Vec<RawMark>> {
    Ok(evidence_mark::table.filter(evidence_mark::evidence_id.eq(item)).load(conn)?)
}

pub fn previews_about(conn: &mut Conn, item: &str) -> Result<Vec<RawPreview>> {
    Ok(evidence_preview::table.filter(evidence_preview::evidence_id.eq(item)).load(conn)?)
}

pub fn findings_about(conn: &mut Conn, item: &str) -> Result<Vec<RawFinding>> {
    Ok(evidence_finding::table.filter(evidence_finding::evidence_id.eq(item)).load(conn)?)
}

/// Holds by id.
pub fn holds_after(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<RawHold>> {
    Ok(hold::table.filter(hold::id.gt(after)).order(hold::id.asc()).limit(limit).load(conn)?)
}

/// What is known of a recording, as it is stored; as JSON, its columns by name.
#[derive(Clone, Debug, Queryable, Serialize)]
pub struct RawMedia {
    pub evidence_id: String,
    pub container: String,
    pub duration_ms: Option<i64>,
    pub started_at: Option<Timestamp>,
    pub codec: Option<String>,
    pub audio_codec: Option<String>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub at: Timestamp,
}

pub fn media_about(conn: &mut Conn, item: &str) -> Result<Option<RawMedia>> {
    Ok(evidence_media::table.find(item).first(conn).optional()?)
}
