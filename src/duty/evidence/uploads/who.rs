//! Who asks about an upload: the person of a session, or an enrolled device that signed with its key.

use actix_web::HttpRequest;

use super::tus;
use crate::duty::evidence::deliver::{Deliverer, device_deliverer};
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::officers::auth;
use crate::platform::ctx::Ctx;
use crate::words::error::Result;

/// Who asks, and how he proved it.
#[derive(Clone)]
pub struct Asker {
    pub ctx: Ctx,
    pub by: Deliverer,
}

impl Asker {
    /// A dock delivers by its key what it has announced; nobody carries it.
    pub fn is_dock(&self) -> bool {
        self.by == Deliverer::Dock
    }

    /// A person's uploads are his, on whatever device; a device by its key goes on with those that began on it.
    pub fn owns(&self, row: &UploadRow) -> bool {
        let actor = &self.ctx.actor;
        if self.by.is_device() { row.device_id == actor.device } else { row.owner_id == actor.person }
    }
}

/// The session's person; without a valid token, the holder of the enrolled device that signed.
///
/// An officer who is off duty, or whose token has expired in the middle of a recording, still delivers what he
/// captured: the device sends the three headers of `officers/auth/device_signature.rs`. The body streams and cannot be
/// signed before it is sent; in its place the signature covers [`tus::signed_text`], which names metadata, offset and
/// checksum. The file's own hash is in the metadata, so what is delivered is signed with it.
///
/// Errors: those of the token; `bad_signature`, `forbidden` when nobody has held the device.
pub async fn asker(request: &HttpRequest) -> Result<Asker> {
    let refused = match auth::ctx_or_refusal(request).await? {
        Ok(ctx) => return Ok(Asker { ctx, by: Deliverer::Session }),
        Err(refused) => refused,
    };
    let covered = tus::signed_text(request.headers());
    let signed = auth::signed_by(request, covered.as_bytes())?.ok_or(refused)?;
    let core = auth::core_of(request)?;
    let (actor, by) = core.db.read(move |conn| device_deliverer(conn, &signed)).await?;
    Ok(Asker { ctx: Ctx::new(core, actor), by })
}
