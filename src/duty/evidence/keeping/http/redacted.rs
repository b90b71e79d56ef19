//! Redacted copies, by the photo door; other files come by the resumable one with `redacts` in their metadata.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::duty::evidence::photos::http::{PhotoForm, take};
use crate::duty::evidence::service::view::EvidenceView;
use crate::duty::officers::auth;
use crate::words::error::Result;
use crate::words::ids::EvidenceId;

/// A redacted copy of a photo: a new item that points to its original, with its incidents and its class. The original
/// stays as it is. Of films and documents: by `/uploads` with `redacts` in the metadata.
///
/// Permissions: whoever may read the original, signed in.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/redacted", tag = "keeping", params(("id" = EvidenceId, Path)),
    request_body(content = PhotoForm, content_type = "multipart/form-data"), responses(
    (status = 201, description = "Stored, or stored before: the same item again", body = EvidenceView),
    (status = 403), (status = 404),
    (status = 409, description = "The original is a copy itself"),
    (status = 410, description = "`erased`: the original was lawfully deleted"),
    (status = 413, description = "Larger than 64 MiB: use the resumable way"),
    (status = 422, description = "No picture, the very same bytes, or a field that is wrong"),
))]
pub async fn redacted(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    // Who asks is looked at before what he asks; a device's key alone makes no copies.
    auth::ctx_of(&request).await?;
    let id: EvidenceId = request.match_info().get("id").unwrap_or_default().parse()?;
    take(request, payload, Some(id)).await
}
