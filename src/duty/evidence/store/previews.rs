//! Previews that are there, findings, and what became of the previewing.

use diesel::prelude::*;

use crate::duty::evidence::Previewed;
use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::{evidence, evidence_finding as finding, evidence_preview as preview};
use crate::words::error::Result;
use crate::words::ids::EvidenceId;
use crate::words::time::Timestamp;

/// A preview that lies in the blobs.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = preview)]
pub struct PreviewRow {
    pub evidence_id: EvidenceId,
    /// The longest side at most.
    pub px: i32,
    pub width: i32,
    pub height: i32,
    pub size: i64,
    pub made_at: Timestamp,
}

/// A finding; an item has each code once.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = finding)]
pub struct FindingRow {
    pub evidence_id: EvidenceId,
    pub code: String,
    /// JSON.
    pub detail: String,
    pub at: Timestamp,
}

/// Notes a preview; one of that size that was there stays.
pub fn preview_insert(conn: &mut Conn, row: &PreviewRow) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(preview::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// Notes a finding; one of that code that was there stays.
pub fn finding_insert(conn: &mut Conn, row: &FindingRow) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(finding::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// The previews of one item, the smallest first.
pub fn previews_of(conn: &mut Conn, id: &EvidenceId) -> Result<Vec<PreviewRow>> {
    Ok(preview::table.filter(preview::evidence_id.eq(id)).order(preview::px.asc()).load(conn)?)
}

/// The findings about one item, oldest first.
pub fn findings_of(conn: &mut Conn, id: &EvidenceId) -> Result<Vec<FindingRow>> {
    Ok(finding::table.filter(finding::evidence_id.eq(id)).order((finding::at.asc(), finding::code.asc())).load(conn)?)
}

/// Notes what became of the previewing; false when it was noted before, by a worker that was faster.
pub fn evidence_previewed(conn: &mut Conn, id: &EvidenceId, outcome: Previewed) -> Result<bool> {
    let waiting = evidence::table.find(id).filter(evidence::previewed.eq(Previewed::Waiting));
    let rows = diesel::update(waiting)
        .set((evidence::previewed.eq(outcome), evidence::version.eq(evidence::version + 1)))
        .execute(conn)?;
    Ok(rows > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::memory::Memory;

    #[test]
    fn the_first_of_each_stays() {
        let mut memory = Memory::open();
        let (id, now) = (EvidenceId::new(), Timestamp::from_micros(5));
        let of = |px, width| PreviewRow { evidence_id: id, px, width, height: 1, size: 2, made_at: now };
        let finding = |code: &str, detail: &str| FindingRow {
            evidence_id: id,
            code: code.into(),
            detail: detail.into(),
            at: now,
        };
        for row in [of(1600, 1600), of(320, 320), of(320, 7)] {
            preview_insert(memory.conn(), &row).unwrap();
        }
        for row in [finding("truncated", "{}"), finding("camera_clock", "{}"), finding("truncated", "[]")] {
            finding_insert(memory.conn(), &row).unwrap();
        }
        let previews = previews_of(memory.conn(), &id).unwrap();
        assert_eq!(previews.iter().map(|row| (row.px, row.width)).collect::<Vec<_>>(), [(320, 320), (1600, 1600)]);
        let findings = findings_of(memory.conn(), &id).unwrap();
        let found: Vec<_> = findings.iter().map(|row| (row.code.as_str(), row.detail.as_str())).collect();
        assert_eq!(found, [("camera_clock", "{}"), ("truncated", "{}")]);
        assert!(!evidence_previewed(memory.conn(), &id, Previewed::Made).unwrap(), "no such item");
    }
}
