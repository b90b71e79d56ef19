//! A copy is made and handed out. What leaves is written down before its first byte does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ab_glyph::FontVec;
use serde_json::{Value, json};

use super::super::super::access;
use super::super::super::custody::bundle::Bundle;
use super::super::super::http::content::original;
use super::super::super::photos::Gate;
use super::super::super::photos::decode::FILE_MAX;
use super::super::super::photos::gate::Ran;
use super::super::super::store::shares::{self, ShareRow};
use super::super::super::store::{self, EvidenceRow};
use super::super::{Bytes, ShareForm};
use super::{Fonts, concerned, fetch, good, locked, package, said, watermark};
use crate::platform::blobs::{Blobs, Local, Original};
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::disk::blocking;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::ShareId;

/// For a picture of the most pixels that are decoded, on a slow core.
const WITHIN: Duration = Duration::from_secs(30);
/// What a decoder that notices the end of its time has for saying so.
const GRACE: Duration = Duration::from_secs(2);

/// What is handed out.
pub enum Copy {
    /// A JPEG.
    Picture(Vec<u8>),
    /// An archive around the original, which is streamed.
    Package(Bundle, Original),
}

/// A font with the letters of a text. Errors: `watermark_impossible`.
pub async fn letters(ctx: &Ctx, text: String) -> Result<Arc<FontVec>> {
    let core = Arc::clone(&ctx.core);
    blocking(move || core.part::<Fonts>()?.with(&text)).await?
}

/// Makes the copy and writes down that it was handed out, to whom and by whom.
///
/// Errors: `not_found`, `forbidden`, `erased`, `gone` when it was taken back or its time is over, `conflict` while nobody
/// has agreed, `watermark_impossible`, `busy`.
pub async fn hand_out(ctx: &Ctx, id: ShareId) -> Result<(ShareRow, EvidenceRow, Copy)> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let (share, item) = ctx
        .db
        .read(move |conn| {
            let share = fetch(conn, &actor, &id)?;
            concerned(conn, &actor, &share)?;
            let item = store::evidence_fetch(conn, &share.evidence_id)?;
            access::whole(conn, &item)?;
            good(&share, now)?;
            Ok((share, item))
        })
        .await?;
    // The bytes stay until they have been opened, or fetched.
    let reading = ctx.part::<Bytes>()?.shared(&item.sha256).await;
    let file = original(ctx, &item).await?;
    match share.form {
        ShareForm::Watermarked => {
            let (blobs, key) = (ctx.part::<Blobs>()?.clone(), item.sha256.clone());
            let local = blocking(move || blobs.local(&key, FILE_MAX)).await??;
            drop(reading);
            let local = local.ok_or_else(|| {
                Error::new(Code::WatermarkImpossible).detail(format!("a picture of more than {FILE_MAX} bytes"))
            })?;
            let picture = draw(ctx, local, &share).await?;
            let detail = json!({ "sha256": sha256_hex(&picture) });
            let (share, _) = noted(ctx, &share, &item, detail).await?;
            Ok((share, item, Copy::Picture(picture)))
        }
        ShareForm::Package => {
            let (share, bundle) = noted(ctx, &share, &item, json!({ "sha256": item.sha256 })).await?;
            Ok((share, item, Copy::Package(bundle, file)))
        }
    }
}

/// The text over a picture: the receiver, the day, and by which the copy can be found again.
fn text_of(share: &ShareRow, day: &str) -> String {
    let id = share.id.to_string();
    let short: String = id.chars().skip(id.len().saturating_sub(8)).collect();
    format!("{} {day} {short}", share.receiver)
}

async fn draw(ctx: &Ctx, local: Local, share: &ShareRow) -> Result<Vec<u8>> {
    let day: String = ctx.clock.now().to_string().chars().take(10).collect();
    let text = text_of(share, &day);
    let font = letters(ctx, text.clone()).await?;
    let comment = json!({
        "share_id": share.id, "receiver": share.receiver, "purpose": share.purpose, "expires_at": share.expires_at,
        "evidence_id": share.evidence_id, "handed_out_on": day,
    })
    .to_string();
    let work = move || watermark::copy(&local.open()?, &font, &text, &comment, Instant::now() + WITHIN);
    match ctx.part::<Gate>()?.run(WITHIN + GRACE, work).await {
        Ran::Done(made) => made,
        Ran::Panicked => Err(Error::new(Code::WatermarkImpossible).detail("the decoder gave up on the picture")),
        Ran::TookTooLong => Err(Error::busy(2).detail("the picture was not done in its time")),
    }
}

/// Writes a copy down, if it may still leave; packs it in the same recipe, so that what is signed is what is noted.
async fn noted(ctx: &Ctx, share: &ShareRow, item: &EvidenceRow, detail: Value) -> Result<(ShareRow, Bundle)> {
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let (id, item) = (share.id, item.clone());
    ctx.db
        .write(Priority::Normal, move |tx| {
            locked(tx, &item.id)?;
            let row = shares::share_lock(tx.conn(), &id)?;
            let now = tx.now;
            good(&row, now)?;
            let row = ShareRow { fetches: row.fetches + 1, ..row };
            shares::share_save(tx.conn(), &row)?;
            said(tx, &actor, &row, "handed_out", detail.clone())?;
            let bundle = match row.form {
                ShareForm::Package => package::pack(tx, &core.keys, &row, &item, actor.person)?,
                ShareForm::Watermarked => Bundle { before: Vec::new(), original: None, after: Vec::new() },
            };
            Ok((row, bundle))
        })
        .await
}
