//! Looks under an inquiry: sealed in the log while it is open, told in the custody of their items when it has ended.
//!
//! The entry of such a look stands in the Merkle tree from the beginning, so that it can neither be left out nor be
//! invented later; it only names no item where anybody reads an item's custody. What is told later names that entry.

use std::sync::Arc;

use serde_json::json;

use super::custody::{Touch, TouchKind, touch};
use crate::duty::inquiries::store::{self, LookRow};
use crate::platform::ctx::Core;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::words::error::Result;

/// Looks told in one recipe: some 10 ms of the writer.
const AT_ONCE: i64 = 100;

/// What happened to an inquiry, in the log.
pub fn noted(tx: &mut Tx<'_>, event: &Event) -> Result<()> {
    let Event::InquiryNoted { inquiry, number, what, by, device, about } = event else { return Ok(()) };
    let detail = json!({ "what": what, "inquiry": number, "inquiry_id": inquiry, "person_id": about });
    let (actor, device) = (Some(*by), Some(*device));
    touch(tx, Touch { evidence: None, kind: TouchKind::Inquiry, actor, device, detail }).map(drop)
}

/// Tells the custody of items of the looks under inquiries that have ended, closed or by their term.
pub async fn disclose(core: Arc<Core>) -> Result<()> {
    loop {
        let now = core.clock.now();
        let looks = core.db.read(move |conn| store::looks_to_disclose(conn, now, AT_ONCE)).await?;
        if looks.is_empty() {
            return Ok(());
        }
        let more = looks.len() as i64 == AT_ONCE;
        core.db
            .write(Priority::Background, move |tx| looks.iter().try_for_each(|(look, number)| tell(tx, look, number)))
            .await?;
        if !more {
            return Ok(());
        }
    }
}

fn tell(tx: &mut Tx<'_>, look: &LookRow, number: &str) -> Result<()> {
    let now = tx.now;
    let (true, Some(evidence)) = (store::look_disclosed(tx.conn(), &look.id, now)?, look.evidence_id) else {
        return Ok(());
    };
    let detail = json!({
        "inquiry": number,
        "inquiry_id": look.inquiry_id,
        "what": look.what,
        "purpose": look.purpose,
        "looked_at": look.at,
        "viewer_id": look.viewer_id,
        "viewer_device_id": look.device_id,
        "entry_id": look.entry_id,
    });
    // By the rule, not by a person.
    let kind = TouchKind::Disclosed;
    touch(tx, Touch { evidence: Some(&evidence), kind, actor: None, device: None, detail }).map(drop)
}
