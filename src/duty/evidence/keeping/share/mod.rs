//! A copy for somebody outside (对外提供): asked for with receiver, purpose and end, agreed to by another, handed out until
//! then, each time with an entry in the item's custody. The original itself never leaves by this way unmarked:
//!
//! ```text
//! watermark  a picture, upright, without EXIF, with the receiver's name over all of it      fonts  with which letters
//! package    whatever is no picture of ours to draw on: an archive with a signed statement   hand_out  either of them
//! ```

pub mod fonts;
pub mod hand_out;
pub mod package;
pub mod watermark;

pub use fonts::Fonts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::photos::sniff::Format;
use super::super::rules::PURPOSE_MAX;
use super::super::store::shares::{self, ShareRow};
use super::super::store::{self, EvidenceRow};
use super::super::{Kind, Previewed};
use super::{ShareForm, ShareState};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{EvidenceId, PersonId, ShareId};
use crate::words::time::Timestamp;

/// Characters of a receiver's name: it has to fit on a picture.
pub const RECEIVER_MAX: usize = 60;

/// For whom, to what end, until when.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// Who gets it, as it is drawn over a picture; 1 to 60 characters.
    pub receiver: String,
    /// 1 to 200 characters.
    pub purpose: String,
    /// In the future, and not beyond what the settings allow.
    pub expires_at: Timestamp,
}

/// A copy for somebody outside, as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ShareView {
    pub id: ShareId,
    pub evidence_id: EvidenceId,
    pub receiver: String,
    pub purpose: String,
    // Said here, since an inline schema with a description is no longer a text.
    #[schema(inline)]
    pub form: ShareForm,
    #[schema(inline)]
    pub state: ShareState,
    /// Its time is over.
    pub expired: bool,
    pub asked_by: PersonId,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    pub approved_by: Option<PersonId>,
    pub approved_at: Option<Timestamp>,
    /// Who took it back; null also when the item was deleted.
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Timestamp>,
    /// How often it was handed out.
    pub fetches: i64,
}

/// A copy as it is shown at this instant.
pub fn view(row: ShareRow, now: Timestamp) -> ShareView {
    ShareView {
        id: row.id,
        evidence_id: row.evidence_id,
        receiver: row.receiver,
        purpose: row.purpose,
        form: row.form,
        state: row.state,
        expired: row.expires_at <= now,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        expires_at: row.expires_at,
        approved_by: row.approved_by,
        approved_at: row.approved_at,
        ended_by: row.ended_by,
        ended_at: row.ended_at,
        fetches: row.fetches,
    }
}

/// A copy that the actor may know of: whoever may read the item. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &ShareId) -> Result<ShareRow> {
    let row = shares::share_fetch(conn, id)?;
    // Of an item that is none of his business he learns nothing by a copy of it.
    match access::fetch(conn, actor, &row.evidence_id, Action::EvidenceContent) {
        Err(error) if error.is(Code::NotFound) => Err(Error::not_found("share")),
        Err(error) => Err(error),
        Ok(_) => Ok(row),
    }
}

/// What is made of an item: a picture is marked, everything else is packed.
fn form_of(row: &EvidenceRow) -> ShareForm {
    let shown = Format::ALL
        .iter()
        .any(|format| format.is_shown() && format.media_types().first().is_some_and(|usual| *usual == row.media_type));
    if row.kind == Kind::Photo && shown && row.previewed != Previewed::Impossible {
        ShareForm::Watermarked
    } else {
        ShareForm::Package
    }
}

/// Asks for a copy.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `erased`, `watermark_impossible` when no font has the letters of
/// the receiver's name.
pub async fn ask(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, new: NewShare) -> Result<Done> {
    check(ctx, &new)?;
    let (item, _) = access::seen_whole(ctx, id, Action::EvidenceContent, None).await?;
    let form = form_of(&item);
    if form == ShareForm::Watermarked {
        // Better said now than when the receiver waits.
        hand_out::letters(ctx, new.receiver.clone()).await?;
    }
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceContent)?;
        locked(tx, &id)?;
        let row = ShareRow {
            id: ShareId::new(),
            evidence_id: id,
            receiver: new.receiver.clone(),
            purpose: new.purpose.clone(),
            form,
            state: ShareState::Pending,
            asked_by: actor.person,
            asked_at: tx.now,
            expires_at: new.expires_at,
            approved_by: None,
            approved_at: None,
            ended_by: None,
            ended_at: None,
            fetches: 0,
            version: 1,
        };
        shares::share_insert(tx.conn(), &row)?;
        said(tx, &actor, &row, "asked", json!({}))?;
        Ok(Done::new(201, json!({ "id": row.id })))
    })
    .await
}

/// Keeps an item from being deleted until the transaction ends. Errors: `erased` when it is.
fn locked(tx: &mut Tx<'_>, id: &EvidenceId) -> Result<()> {
    let row = store::evidence_lock(tx.conn(), id)?;
    access::whole(tx.conn(), &row)
}

fn check(ctx: &Ctx, new: &NewShare) -> Result<()> {
    body::text("receiver", &new.receiver, 1, RECEIVER_MAX)?;
    if new.receiver.trim().is_empty() || new.receiver.chars().any(char::is_control) {
        return Err(Error::field("receiver", "must be a name on one line"));
    }
    body::text("purpose", &new.purpose, 1, PURPOSE_MAX)?;
    let (now, days) = (ctx.clock.now(), ctx.config.evidence.share_days_max.max(1));
    if new.expires_at <= now || new.expires_at > now.plus_secs(days.saturating_mul(86_400)) {
        return Err(Error::field("expires_at", format!("must lie in the next {days} days")));
    }
    Ok(())
}

/// One entry in the item's custody about a copy of it.
fn said(tx: &mut Tx<'_>, actor: &Actor, row: &ShareRow, what: &str, more: Value) -> Result<()> {
    let mut detail = json!({
        "what": what, "share_id": row.id, "receiver": row.receiver, "purpose": row.purpose, "form": row.form,
        "expires_at": row.expires_at,
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut detail, more) {
        detail.extend(more);
    }
    touch(tx, Touch::by(actor, Some(&row.evidence_id), TouchKind::Shared, detail)).map(drop)
}

/// Agrees to a copy, as another than whoever asked.
///
/// Errors: `not_found`, `forbidden`, `other_person_required`, `conflict`, `gone` when it has ended, `erased`.
pub async fn approve(ctx: &Ctx, meta: &RequestMeta, id: ShareId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let seen = fetch(tx.conn(), &actor, &id)?;
        access::fetch_whole(tx.conn(), &actor, &seen.evidence_id, Action::EvidenceDispose)?;
        locked(tx, &seen.evidence_id)?;
        let row = shares::share_lock(tx.conn(), &id)?;
        if row.asked_by == actor.person {
            return Err(Error::new(Code::OtherPersonRequired).detail("whoever asks does not approve"));
        }
        let now = tx.now;
        ended(&row, now)?;
        if row.state != ShareState::Pending {
            return Err(Error::conflict("it is approved already"));
        }
        let row =
            ShareRow { state: ShareState::Approved, approved_by: Some(actor.person), approved_at: Some(now), ..row };
        shares::share_save(tx.conn(), &row)?;
        said(tx, &actor, &row, "approved", json!({}))?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Takes a copy back, or refuses it: whoever asked, whoever agreed, and whoever may agree. Again changes nothing.
///
/// Errors: `not_found`, `forbidden`.
pub async fn revoke(ctx: &Ctx, meta: &RequestMeta, id: ShareId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let seen = fetch(tx.conn(), &actor, &id)?;
        concerned(tx.conn(), &actor, &seen)?;
        store::evidence_lock(tx.conn(), &seen.evidence_id)?;
        let row = shares::share_lock(tx.conn(), &id)?;
        if row.state != ShareState::Revoked {
            let row =
                ShareRow { state: ShareState::Revoked, ended_by: Some(actor.person), ended_at: Some(tx.now), ..row };
            shares::share_save(tx.conn(), &row)?;
            said(tx, &actor, &row, "revoked", json!({}))?;
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Whoever asked, whoever agreed, and whoever may agree. Errors: `forbidden`.
fn concerned(conn: &mut Conn, actor: &Actor, row: &ShareRow) -> Result<()> {
    if row.asked_by == actor.person || row.approved_by == Some(actor.person) {
        return Ok(());
    }
    let item = store::evidence_fetch(conn, &row.evidence_id)?;
    match access::sight(conn, actor, &item)?.decide(actor, Action::EvidenceDispose) {
        Decision::Allow => Ok(()),
        _ => Err(Error::new(Code::Forbidden)),
    }
}

/// Errors: `gone` when it was taken back or its time is over.
fn ended(row: &ShareRow, now: Timestamp) -> Result<()> {
    let state = if row.state == ShareState::Revoked {
        "revoked"
    } else if row.expires_at <= now {
        "expired"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::Gone).detail(format!("the copy is {state}")).with("state", json!(state)))
}

/// Errors: `gone` when it has ended, `conflict` while nobody has agreed.
fn good(row: &ShareRow, now: Timestamp) -> Result<()> {
    ended(row, now)?;
    if row.state == ShareState::Approved {
        Ok(())
    } else {
        Err(Error::conflict("nobody has approved it yet").with("state", json!(row.state)))
    }
}
