//! What every answer of the tus door has in common, and what makes a creation repeatable.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::evidence::uploads::{State, tus};
use crate::platform::http::{RequestMeta, problem};
use crate::words::error::{Code, Result};

/// What every answer about an upload says beside its offset.
pub(super) fn describe(response: &mut HttpResponseBuilder, row: &UploadRow) {
    response.insert_header(("Suixing-State", row.state.as_str()));
    if matches!(row.state, State::Receiving | State::Whole) {
        response.insert_header(("Upload-Expires", tus::http_date(row.expires_at)));
    }
    if let Some(evidence) = row.evidence_id {
        response
            .insert_header(("Suixing-Evidence-Id", evidence.to_string()))
            .insert_header(("Suixing-Receipt", format!("/api/v1/evidence/{evidence}/receipt")));
    }
}

/// An answer as the protocol wants it. Problems are made here and not by the framework, which would drop the headers.
pub(super) fn answer(request: &HttpRequest, outcome: Result<HttpResponse>) -> HttpResponse {
    let response = outcome.unwrap_or_else(|error| {
        let mut response = problem::respond(&error, problem::request_reads_chinese(request));
        let headers = response.headers_mut();
        let member = |name: &str| error.members().get(name);
        if let Some(offset) = member("offset").and_then(Value::as_i64) {
            headers.insert(HeaderName::from_static("upload-offset"), HeaderValue::from(offset));
        }
        if let Some(Ok(state)) = member("state").and_then(Value::as_str).map(HeaderValue::from_str) {
            headers.insert(HeaderName::from_static("suixing-state"), state);
        }
        if error.is(Code::UnsupportedVersion) {
            headers.insert(HeaderName::from_static("tus-version"), HeaderValue::from_static(tus::VERSION));
        }
        response
    });
    spoken(response)
}

pub(super) fn spoken(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("tus-resumable"), HeaderValue::from_static(tus::VERSION));
    headers.insert(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
    response
}

/// What makes a creation repeatable. Its body is not part of it: how much of that arrived is asked for by `HEAD`.
pub(super) fn meta(request: &HttpRequest) -> Result<RequestMeta> {
    let headers = request.headers();
    let covered = ["upload-length", "upload-metadata", "upload-concat"]
        .map(|name| tus::text(headers, name).unwrap_or_default())
        .join("\n");
    RequestMeta::read(request, covered.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use crate::words::error::Error;

    #[test]
    fn what_is_refused_is_a_problem_in_the_words_of_the_protocol() {
        let request = TestRequest::default().insert_header(("accept-language", "en")).to_http_request();
        let header = |response: &HttpResponse, name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let other = answer(&request, Err(Error::conflict("the offset is 5").with("offset", 5.into())));
        assert_eq!(other.status(), StatusCode::CONFLICT);
        assert_eq!(header(&other, "upload-offset").as_deref(), Some("5"));
        assert_eq!(header(&other, "tus-resumable").as_deref(), Some("1.0.0"));
        assert_eq!(header(&other, "content-type").as_deref(), Some("application/problem+json"));
        let version = answer(&request, tus::check_version(request.headers()).map(|()| HttpResponse::Ok().finish()));
        assert_eq!(version.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(header(&version, "tus-version").as_deref(), Some("1.0.0"));
        let sum = answer(&request, Err(Error::new(Code::ChecksumMismatch)));
        assert_eq!(sum.status().as_u16(), 460);
        let gone = answer(&request, Err(Error::new(Code::Gone).with("state", "expired".into())));
        assert_eq!((gone.status(), header(&gone, "suixing-state").as_deref()), (StatusCode::GONE, Some("expired")));
    }

    #[test]
    fn a_repeated_creation_is_told_by_its_headers() {
        let of = |length: &str| {
            let request =
                TestRequest::post().uri("/api/v1/uploads").insert_header(("upload-length", length.to_owned()));
            meta(&request.insert_header(("idempotency-key", "k")).to_http_request()).unwrap()
        };
        assert_eq!(of("5").hash, of("5").hash);
        assert_ne!(of("5").hash, of("6").hash);
        assert_eq!(of("5").key.as_deref(), Some("k"));
        let long = TestRequest::post().insert_header(("idempotency-key", "k".repeat(201))).to_http_request();
        assert!(meta(&long).unwrap_err().is(Code::InvalidField));
    }
}
