//! Who looked at one person, put together from where looks are: memory, segments, and the rows of older servers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::bytes;
use crate::duty::location::store::{self, AccessRow};
use crate::platform::db::Conn;
use crate::words::error::{Error, Result};
use crate::words::ids::{AccessId, PersonId};
use crate::words::time::Timestamp;

/// Latest first; a look that was sealed since memory was read, or twice, is there once.
type Found = BTreeMap<(Reverse<Timestamp>, AccessId), AccessRow>;

/// Looks of others that named the person, latest first, `most` at most. `open`: those in memory, read before this.
pub(in crate::duty::location) fn naming(
    conn: &mut Conn,
    person: &PersonId,
    open: Vec<AccessRow>,
    from: Timestamp,
    to: Timestamp,
    most: i64,
) -> Result<Vec<AccessRow>> {
    let wanted = usize::try_from(most).unwrap_or(0);
    let mut found = Found::new();
    add(&mut found, open);
    add(&mut found, store::accesses_naming(conn, person, from, to, most)?);
    // Each has several looks as a rule, so one page is mostly enough.
    let page = (most / 5).max(1);
    let mut skip = 0;
    loop {
        let segments = store::look_segments(conn, person, from, to, skip, page)?;
        for segment in &segments {
            let looks = bytes::decode(&segment.body).map_err(Error::internal)?;
            let rows = looks.into_iter().map(|look| look.row);
            add(&mut found, rows.filter(|row| (from..=to).contains(&row.from_at)));
        }
        let Some(last) = segments.last() else { break };
        // What is not read yet ended before this one: with enough later ones, none of it is among the latest.
        let enough = found.keys().nth(wanted.saturating_sub(1)).is_some_and(|(Reverse(at), _)| *at > last.to_at);
        if enough || (segments.len() as i64) < page {
            break;
        }
        skip += page;
    }
    Ok(found.into_values().take(wanted).collect())
}

fn add(found: &mut Found, rows: impl IntoIterator<Item = AccessRow>) {
    found.extend(rows.into_iter().map(|row| ((Reverse(row.from_at), row.id), row)));
}
