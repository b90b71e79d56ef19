//! What is known of recordings from their containers.

use diesel::prelude::*;

use crate::duty::evidence::media::facts::Container;
use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::{evidence, evidence_media as media};
use crate::words::error::Result;
use crate::words::ids::EvidenceId;
use crate::words::time::Timestamp;

/// A recording that was looked at; what is none is not known.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = media, treat_none_as_default_value = false)]
pub struct MediaRow {
    pub evidence_id: EvidenceId,
    pub container: Container,
    pub duration_ms: Option<i64>,
    pub started_at: Option<Timestamp>,
    pub codec: Option<String>,
    pub audio_codec: Option<String>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    /// When it was looked at.
    pub at: Timestamp,
}

/// False when it had been looked at before, by a worker that was faster.
pub fn media_insert(conn: &mut Conn, row: &MediaRow) -> Result<bool> {
    let rows =
        per_backend!(conn, |c| diesel::insert_into(media::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

pub fn media_find(conn: &mut Conn, id: &EvidenceId) -> Result<Option<MediaRow>> {
    Ok(media::table.find(id).first(conn).optional()?)
}

/// Notes on the item what lists show and marks are bounded by.
pub fn evidence_measured(
    conn: &mut Conn,
    id: &EvidenceId,
    duration_ms: Option<i64>,
    codec: Option<&str>,
) -> Result<()> {
    diesel::update(evidence::table.find(id))
        .set((
            evidence::duration_ms.eq(duration_ms),
            evidence::codec.eq(codec),
            evidence::version.eq(evidence::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}
