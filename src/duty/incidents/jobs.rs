//! Each source's feed, pushed to its webhook.

use serde_json::json;

use super::store::feed;
use super::trail;
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::db::{Conn, Tx};
use crate::platform::push::outbox::Subject;
use crate::platform::webhook::{Feed, Letter, Outlet, Progress};
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// The feeds of sources; the key is the source.
pub struct Sources;

impl Feed for Sources {
    const NAME: &'static str = "webhooks";

    fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<Outlet>> {
        let outlet = |row: feed::WebhookRow| Outlet {
            key: row.source,
            url: row.url,
            secret_sealed: row.secret_sealed,
            delivered_seq: row.delivered_seq,
            attempts: row.attempts,
        };
        Ok(feed::webhooks_due(conn, now)?.into_iter().map(outlet).collect())
    }

    fn lease(conn: &mut Conn, source: &str, now: Timestamp, until: Timestamp) -> Result<Option<i64>> {
        feed::webhook_lease(conn, source, now, until)
    }

    fn letters(conn: &mut Conn, source: &str, after: i64, limit: i64) -> Result<Vec<Letter>> {
        let rows = feed::feed_list(conn, source, after, limit)?;
        rows.iter()
            .map(|row| {
                let body = trail::feed_view(row)?.to_string();
                Ok(Letter { seq: row.seq, delivery: format!("{}:{}", row.source, row.seq), body })
            })
            .collect()
    }

    fn progress(tx: &mut Tx<'_>, source: &str, lease: i64, progress: &Progress, until: Timestamp) -> Result<bool> {
        let kept = feed::webhook_progress(tx.conn(), source, lease, progress, until)?;
        if progress.ok_at.is_some() {
            cards::close(tx, &card_key(source), None)?;
        }
        Ok(kept)
    }

    /// A feed that is refused again and again is the room's to look at.
    fn refused(tx: &mut Tx<'_>, outlet: &Outlet, seq: i64, attempts: i32) -> Result<()> {
        let source = &outlet.key;
        let hook = feed::webhook_fetch(tx.conn(), source)?.ok_or_else(|| Error::not_found("webhook"))?;
        let owner = officers::person_fetch(tx.conn(), &hook.updated_by)?;
        let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &owner.unit_id)?;
        let draw = Draw {
            unit_id,
            recipients: &seats,
            kind: "webhook.refused",
            subject: Subject::new("integration", source),
            data: json!({ "source": source, "seq": seq, "attempts": attempts }),
            key: card_key(source),
            urgent: false,
        };
        cards::raise(tx, &draw).map(drop)
    }
}

fn card_key(source: &str) -> String {
    format!("webhook:{source}")
}
