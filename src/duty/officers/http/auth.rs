//! Sign-in, refresh, log-out, socket tickets, public keys.

use actix_web::http::header::USER_AGENT;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::duty::officers::auth::{Auth, ctx_of, peer_address, signed_by};
use crate::duty::officers::service::{self, Grant, LoginBody, LoginOrigin};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::http::Body;
use crate::platform::http::body::{self, BODY_MAX};
use crate::words::error::{Code, Error, Result};

/// A refresh token handed back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    pub refresh_token: String,
}

/// Log-out; the refresh token serves when the access token has expired.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogoutBody {
    pub refresh_token: Option<String>,
}

/// A one-time ticket for `GET /ws?ticket=…`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Ticket {
    pub ticket: String,
    /// Seconds it can be redeemed, once.
    pub expires_in: i64,
}

/// Signs in; without an enrolled device a browser device is made, or the one described in `device`.
///
/// Permissions: anybody.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = LoginBody, security(()),
    responses((status = 200, body = Grant), (status = 401), (status = 403), (status = 429), (status = 503)))]
pub async fn login(request: HttpRequest, core: Data<Core>, raw: Bytes) -> Result<HttpResponse> {
    let core = core.into_inner();
    let body: LoginBody = strict(&request, &raw)?;
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let origin = LoginOrigin {
        address: peer_address(&request, &core),
        user_agent: header(USER_AGENT.as_str()).unwrap_or_default(),
        repeat_key: header("Idempotency-Key").filter(|key| (1..=200).contains(&key.len())),
        signed: signed_by(&request, &raw)?,
    };
    Ok(HttpResponse::Ok().json(service::login(&core, body, origin).await?))
}

/// Exchanges a refresh token; the same one again answers the same successor until that was used.
///
/// Permissions: the holder of the token. An enrolled device may sign the request with its key.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = RefreshBody, security(()),
    responses((status = 200, body = Grant), (status = 401)))]
pub async fn refresh(request: HttpRequest, core: Data<Core>, raw: Bytes) -> Result<HttpResponse> {
    let body: RefreshBody = strict(&request, &raw)?;
    let signed = signed_by(&request, &raw)?;
    let core = core.into_inner();
    Ok(HttpResponse::Ok().json(service::refresh_session(&core, &body.refresh_token, signed).await?))
}

/// Ends the session; dead on every node within a second.
///
/// Permissions: one's own session, by access token or by refresh token.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body(content = LogoutBody),
    responses((status = 204), (status = 401)))]
pub async fn logout(request: HttpRequest, core: Data<Core>, raw: Bytes) -> Result<HttpResponse> {
    let body: LogoutBody = strict(&request, &raw)?;
    match body.refresh_token {
        Some(token) => service::logout_by_refresh(&core.into_inner(), &token).await?,
        None => service::logout(&ctx_of(&request).await?).await?,
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a one-time socket ticket, for clients that cannot send headers on a socket.
///
/// Permissions: anybody signed in.
#[utoipa::path(post, path = "/api/v1/ws-tickets", tag = "auth",
    responses((status = 201, body = Ticket), (status = 401)))]
pub async fn ticket(ctx: Ctx, _body: Body<body::Empty>) -> Result<HttpResponse> {
    let (ticket, expires_in) = service::ticket_make(&ctx).await?;
    Ok(HttpResponse::Created().json(Ticket { ticket, expires_in }))
}

/// The public keys that verify access tokens (RFC 7517).
///
/// Permissions: anybody.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", security(()), responses((status = 200)))]
pub async fn jwks(core: Data<Core>) -> Result<HttpResponse> {
    let keys = core.part::<Auth>()?.ring().jwks(core.clock.now());
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(keys))
}

/// A strict JSON body whose raw bytes are needed as well (for the device's signature).
fn strict<T: serde::de::DeserializeOwned>(request: &HttpRequest, raw: &[u8]) -> Result<T> {
    use actix_web::HttpMessage as _;
    if request.headers().contains_key("content-type") && request.content_type() != "application/json" {
        return Err(Error::new(Code::UnsupportedMediaType));
    }
    if raw.len() > BODY_MAX {
        return Err(Error::new(Code::PayloadTooLarge));
    }
    body::parse(raw)
}
