//! `Ctx` from a request: the bearer token, and whether the call is one of those that go on even
//! when revocations cannot be checked (backup, one's own inbox).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};

use super::Auth;
use crate::platform::ctx::{Core, Ctx};
use crate::words::error::{Code, Error, Result};

/// The token of an `Authorization: Bearer …` header.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The client's address without port; a forwarded one only from a trusted proxy.
pub fn peer_address(request: &HttpRequest, core: &Core) -> String {
    let peer = request.peer_addr().map_or_else(|| "unknown".to_owned(), |a| a.ip().to_string());
    if core.config.server.trusted_proxies.contains(&peer)
        && let Some(forwarded) = request.headers().get("x-forwarded-for").and_then(|v| v.to_str().ok())
        && let Some(last) = forwarded.rsplit(',').map(str::trim).find(|a| !a.is_empty())
    {
        return last.chars().take(64).collect();
    }
    peer
}

/// Paths that are honoured even when this node cannot hear of revocations.
fn is_vital(path: &str) -> bool {
    path.contains("/backups") || path.ends_with("/me/inbox")
}

/// The core that wiring gave to every request.
pub fn core_of(request: &HttpRequest) -> Result<Arc<Core>> {
    let core = request.app_data::<web::Data<Core>>().ok_or_else(|| Error::internal("the core is not wired"))?;
    Ok(Arc::clone(core))
}

/// The verified context of a request. Errors: as [`Auth::authenticate`].
pub async fn ctx_of(request: &HttpRequest) -> Result<Ctx> {
    let core = core_of(request)?;
    let token = bearer_token(request.headers())
        .ok_or_else(|| Error::new(Code::Unauthenticated).detail("send Authorization: Bearer <access token>"))?;
    let auth = core.part::<Auth>()?.clone();
    let actor = auth.authenticate(&core, token, is_vital(request.path())).await?;
    core.hub.touch_rest(actor.person, actor.device, core.clock.now());
    Ok(Ctx { core, actor })
}

/// The verified context, or the refusal for which an enrolled device's own key may stand in: there is no valid token, or
/// nobody can tell now. Errors: every other refusal.
pub async fn ctx_or_refusal(request: &HttpRequest) -> Result<Result<Ctx>> {
    match ctx_of(request).await {
        Err(error) if error.code().status() != 401 && !error.is(Code::Busy) => Err(error),
        other => Ok(other),
    }
}

impl FromRequest for Ctx {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { ctx_of(&request).await })
    }
}
