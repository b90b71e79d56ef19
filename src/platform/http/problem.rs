//! `Error` → RFC 9457 problem document, in the language the caller asked for.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_LANGUAGE, ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use crate::words::error::{Code, Error};

/// Media type of every error body.
const PROBLEM_JSON: &str = "application/problem+json";

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        respond(self, true)
    }
}

/// The problem as a response.
pub fn respond(error: &Error, chinese: bool) -> HttpResponse {
    if error.is(Code::Internal) {
        // Logged once, here, where it leaves the house; the cause is never sent.
        tracing::error!(%error, "internal error");
    }
    metrics::counter!("suixing_problems_total", "code" => error.code().as_str()).increment(1);
    let mut response =
        HttpResponse::build(StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
    if let Some(seconds) = error.retry_after_s() {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if error.code().status() == 401 {
        response.insert_header((WWW_AUTHENTICATE, "Bearer"));
    }
    response.body(error.problem(chinese).to_string())
}

/// Whether the caller reads Chinese (the default) rather than English.
pub fn reads_chinese(header: Option<&HeaderValue>) -> bool {
    let Some(text) = header.and_then(|value| value.to_str().ok()) else { return true };
    for language in text.split(',') {
        let tag = language.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if tag.starts_with("zh") {
            return true;
        }
        if tag.starts_with("en") {
            return false;
        }
    }
    true
}

/// [`reads_chinese`] for a request.
pub fn request_reads_chinese(request: &HttpRequest) -> bool {
    reads_chinese(request.headers().get(ACCEPT_LANGUAGE))
}

/// Middleware: every failure leaves as a problem document in the asked
/// language, also those that the framework makes by itself (no route, wrong
/// method, unreadable path).
pub async fn localise(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let chinese = reads_chinese(request.headers().get(ACCEPT_LANGUAGE));
    let response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => return Err(translate(error, chinese)),
    };
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    if let Some(error) = response.response().error()
        && let Some(ours) = error.as_error::<Error>()
    {
        let body = respond(ours, chinese);
        return Ok(response.into_response(body).map_into_boxed_body());
    }
    let is_problem =
        response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    if is_problem {
        return Ok(response);
    }
    let mut body = respond(&Error::new(code_of(status)), chinese);
    if let Some(methods) = response.headers().get(ALLOW) {
        body.headers_mut().insert(ALLOW, methods.clone());
    }
    Ok(response.into_response(body).map_into_boxed_body())
}

fn translate(error: actix_web::Error, chinese: bool) -> actix_web::Error {
    let response = match error.as_error::<Error>() {
        Some(ours) => respond(ours, chinese),
        None => respond(&Error::new(code_of(error.as_response_error().status_code())), chinese),
    };
    actix_web::error::InternalError::from_response("problem", response).into()
}

/// The code for a failure that the framework made.
fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        429 => Code::RateLimited,
        503 => Code::Busy,
        400..=499 => Code::BadRequest,
        _ => Code::Internal,
    }
}
