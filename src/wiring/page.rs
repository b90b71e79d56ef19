//! The page at `/`: static files carried in the binary, nothing from elsewhere.
//!
//! The network of a police station is closed, so every byte comes from here and the content policy
//! says so. Called by the router; the demo puts its accounts here for the log-in form.

use std::sync::OnceLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;
use serde_json::Value;

use crate::words::error::{Code, Error, Result};

/// Own scripts, styles and sockets only; nobody may frame the page. Pictures that need the token come as blobs.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; connect-src 'self' ws: wss:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

static DEMO_ACCOUNTS: OnceLock<Value> = OnceLock::new();

/// Offer these accounts in the log-in form; the demo calls it once, before serving.
pub fn offer_demo_accounts(accounts: Value) {
    // A second demo in one process keeps the first one's accounts.
    let _ = DEMO_ACCOUNTS.set(accounts);
}

/// `/`, its files, and `/demo.json` while a demo runs.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(index))
        .route("/demo.json", web::get().to(demo_accounts))
        .route("/{file:[a-z]+\\.(?:css|svg)}", web::get().to(file))
        .route("/{file:js/[a-z]+\\.js}", web::get().to(file));
}

async fn index(request: HttpRequest) -> Result<HttpResponse> {
    serve(&request, "index.html")
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse> {
    serve(&request, &name)
}

async fn demo_accounts() -> Result<HttpResponse> {
    let accounts = DEMO_ACCOUNTS.get().ok_or_else(|| Error::new(Code::NotFound))?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(accounts))
}

fn serve(request: &HttpRequest, name: &str) -> Result<HttpResponse> {
    let found = Files::get(name).ok_or_else(|| Error::new(Code::NotFound))?;
    let hash = found.metadata.sha256_hash();
    let tag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((ETAG, tag))
        .insert_header((CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    if known {
        return Ok(answer.finish());
    }
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok(answer.insert_header((CONTENT_TYPE, kind)).body(found.data.into_owned()))
}
