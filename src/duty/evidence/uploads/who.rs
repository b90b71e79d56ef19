//! Who asks about an upload: the person of a session, or an enrolled device that signed with its key.

use std::sync::Arc;

use actix_web::{HttpRequest, web};

use super::tus;
use crate::duty::backup::service::device_presser;
use crate::duty::crews::store as crews;
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::officers::auth;
use crate::platform::ctx::{Core, Ctx};
use crate::words::error::{Code, Error, Result};

/// Who asks, and how he proved it.
#[derive(Clone)]
pub struct Asker {
    pub ctx: Ctx,
    /// Without a session: the device's key stands for whoever holds it, or held it last.
    pub by_key: bool,
    /// The device is good, was given to the actor and is still his; what he captures needs no session.
    pub carries: bool,
}

impl Asker {
    /// A person's uploads are his, on whatever device; a device by its key goes on with those that began on it.
    pub fn owns(&self, row: &UploadRow) -> bool {
        let actor = &self.ctx.actor;
        if self.by_key { row.device_id == actor.device } else { row.owner_id == actor.person }
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
    let refused = match auth::ctx_of(request).await {
        Ok(ctx) => return Ok(Asker { ctx, by_key: false, carries: true }),
        Err(error) if error.code().status() == 401 || error.is(Code::Busy) => error,
        Err(error) => return Err(error),
    };
    let path = request.uri().path_and_query().map_or_else(|| request.path().to_owned(), ToString::to_string);
    let covered = tus::signed_text(request.headers());
    let method = request.method().as_str();
    let Some(signed) = auth::read_headers(request.headers(), method, &path, covered.as_bytes())? else {
        return Err(refused);
    };
    let core = request
        .app_data::<web::Data<Core>>()
        .map(|data| Arc::clone(data))
        .ok_or_else(|| Error::internal("the core is not wired"))?;
    // Nobody need be there when a device delivers: this is no sign of life of its holder.
    let (actor, carries) = core
        .db
        .read(move |conn| {
            // What a revoked device brings is put aside for the custodian.
            let device = auth::device_actor_late(conn, &signed)?;
            let actor = device_presser(conn, &device)?;
            let holder = crews::device_holder(conn, &device.device.id)?;
            let carries = device.device.is_active() && holder == Some(actor.person);
            Ok((actor, carries))
        })
        .await?;
    Ok(Asker { ctx: Ctx::new(core, actor), by_key: true, carries })
}
