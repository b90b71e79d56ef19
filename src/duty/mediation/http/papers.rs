//! Papers: to be read by who signs them, to be printed, and to be verified by anybody who holds one.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::documents::compose::CONTENT_DIGITS;
use super::super::paper::Sheet;
use super::super::rules::State;
use super::super::store::MediationRow;
use super::super::store::acts;
use super::super::{Kind, PaperName, access, documents, store};
use crate::duty::evidence::access::{Look, record};
use crate::duty::evidence::http::content::{guarded, original};
use crate::duty::evidence::http::headers::disposition;
use crate::duty::evidence::store as evidence;
use crate::duty::officers::store as officers;
use crate::duty::partners::access as lent;
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Priority;
use crate::platform::http::{Params, PathId, body};
use crate::platform::policy::Action;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::MediationId;
use crate::words::time::Timestamp;

/// Seconds after which a paper that is being made is there: tens of milliseconds of work behind a short queue.
const MADE_AFTER_S: u32 = 1;

/// Why, and what of.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PaperQuery {
    /// Kept in the paper's custody.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
    /// Of a slip, the paper of its printer in millimetres: 80 or 58; 80 unless told.
    #[param(inline)]
    pub width: Option<u16>,
}

/// One paper as PDF/A: `agreement`, `minutes`, `volume`, `receipt-1`, `delivery-1`, and so on as the record's `documents`
/// name them; of several editions the latest, or `agreement-1`. Of a record that is not final the agreement as a draft
/// while it may still be signed, and the minutes of each session that brought no agreement.
/// `slip` is the strip of a receipt printer, drawn when it is asked for; its code leads to the verification.
///
/// Permissions: whoever may write into the record; of a final one also who supervises or keeps it, and the account of a
/// linked body to which an order hands that paper. A look at a draft or a slip is in the audit, one at what somebody else
/// made in its custody.
#[utoipa::path(get, path = "/api/v1/mediations/{id}/documents/{kind}.pdf", tag = "mediation",
    params(("id" = MediationId, Path), ("kind" = String, Path, description = "Its name, and a number where there are several"), PaperQuery),
    responses((status = 200, description = "application/pdf"), (status = 403), (status = 404),
        (status = 409, description = "`conflict`: it cannot be made, and why"),
        (status = 503, description = "`busy`: it is being made")))]
pub async fn paper(
    ctx: Ctx,
    path: actix_web::web::Path<(String, String)>,
    Params(query): Params<PaperQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), 200)?;
    let (id, kind) = path.into_inner();
    let id: MediationId = id.parse()?;
    let (kind, number) = named(&kind)?;
    let sheet = match (query.width, kind) {
        (None | Some(80), PaperName::Slip) => Sheet::Slip80,
        (Some(58), PaperName::Slip) => Sheet::Slip58,
        (None, _) => Sheet::A4,
        (Some(_), PaperName::Slip) => return Err(Error::field("width", "must be 80 or 58")),
        (Some(_), _) => return Err(Error::field("width", "is that of a slip")),
    };
    let actor = Arc::clone(&ctx.actor);
    let row = ctx
        .db
        .read(move |conn| {
            if lent::is_lent(conn, &actor, &id, kind.as_str())? {
                return store::mediation_fetch(conn, &id);
            }
            access::fetch(conn, &actor, &id, Action::MediationPapers)
        })
        .await?;
    if row.finalized_at.is_none() && kind != PaperName::Minutes {
        if kind != PaperName::Agreement || number.is_some() {
            return Err(Error::not_found("document"));
        }
        // Nobody signs any more: a sheet that could be signed would only be mistaken for an agreement.
        if !row.state.is_open() {
            return Err(Error::conflict("it cannot be signed as it stands").with("state", json!(row.state)));
        }
        let pdf = documents::draft(&ctx.core, &row).await?;
        looked(&ctx, &row, Action::MediationWrite, "mediation.draft_read", query.purpose).await?;
        return Ok(drawn(pdf, "draft.pdf"));
    }
    if kind == PaperName::Slip {
        if row.state == State::Void {
            return Err(Error::conflict("the record is void").with("state", json!(row.state)));
        }
        let pdf = documents::slip(&ctx.core, &row, sheet).await?;
        looked(&ctx, &row, Action::MediationPapers, "mediation.slip_read", query.purpose).await?;
        return Ok(drawn(pdf, "slip.pdf"));
    }
    let item = ctx
        .db
        .read(move |conn| {
            let paper = acts::document_fetch(conn, &id, kind, number)?;
            match (paper.evidence_id, paper.problem) {
                (Some(evidence), _) => evidence::evidence_fetch(conn, &evidence),
                (None, Some(problem)) => Err(Error::conflict(problem)),
                (None, None) => Err(Error::new(Code::Busy).retry_after(MADE_AFTER_S).detail("the paper is being made")),
            }
        })
        .await?;
    let file = original(&ctx, &item).await?;
    let size = u64::try_from(item.size).map_err(Error::internal)?;
    if item.author_id != ctx.actor.person {
        let detail = json!({ "from": 0, "to": size, "size": size });
        record(&ctx, Some(item.id), Look::Content, query.purpose, detail).await?;
    }
    let mut answer = HttpResponse::Ok();
    guarded(&mut answer, "application/pdf");
    answer
        .insert_header((ETAG, format!("\"{}\"", item.sha256)))
        .insert_header((CONTENT_DISPOSITION, disposition(&item.filename)));
    Ok(answer.body(actix_web::body::SizedStream::new(size, file.pieces(0, size))))
}

/// `receipt-2` is the second receipt, `agreement` the latest. Errors: `not_found` for what no paper is called.
fn named(name: &str) -> Result<(PaperName, Option<i32>)> {
    let unknown = || Error::not_found("document");
    let Some((kind, number)) = name.rsplit_once('-') else {
        return name.parse().map(|kind| (kind, None)).map_err(|_unknown| unknown());
    };
    let kind: PaperName = kind.parse().map_err(|_unknown| unknown())?;
    // One name for one paper: no `receipt-01`.
    let number = number.parse().ok().filter(|n: &i32| *n > 0 && n.to_string() == number);
    if kind == PaperName::Slip {
        return Err(unknown());
    }
    number.map(|number| (kind, Some(number))).ok_or_else(unknown)
}

fn drawn(pdf: Vec<u8>, filename: &str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    guarded(&mut answer, "application/pdf");
    answer.insert_header((CONTENT_DISPOSITION, disposition(filename))).body(pdf)
}

/// A paper that is not kept has no custody: the look at it is in the audit before it leaves.
async fn looked(
    ctx: &Ctx,
    row: &MediationRow,
    action: Action,
    look: &'static str,
    purpose: Option<String>,
) -> Result<()> {
    let (actor, id) = (Arc::clone(&ctx.actor), row.id);
    ctx.db
        .write(Priority::Normal, move |tx| {
            let row = access::fetch(tx.conn(), &actor, &id, action)?;
            let detail = json!({ "version": row.version, "purpose": purpose });
            audit::record(tx, Some(&actor), look, "mediation", &id.to_string(), &detail)
        })
        .await
}

/// What anybody learns who scans the code on a paper: whether there is such a document, and nothing about people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Verified {
    pub serial_no: String,
    #[schema(inline)]
    pub kind: Kind,
    #[schema(inline)]
    pub state: State,
    /// The mediating body.
    pub unit: String,
    pub finalized_at: Timestamp,
    /// Whether what the paper's code says was signed is what stands; none where the address brought nothing along.
    pub content_matches: Option<bool>,
    /// A later document changes it.
    pub amended_by: Option<String>,
    pub drill: bool,
}

/// What the code on a paper brings along.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// The first 32 digits of the hash of what was signed, or all of it, in hex.
    pub content: Option<String>,
}

/// Verifies a paper by the address in its code. No sign-in: whoever holds the paper may ask. A page for a browser, JSON
/// for who asks for that.
#[utoipa::path(get, path = "/api/v1/verify/{id}", tag = "mediation", params(("id" = MediationId, Path), VerifyQuery), security(()),
    responses((status = 200, body = Verified), (status = 404)))]
pub async fn verify(
    core: Data<Core>,
    PathId(id): PathId<MediationId>,
    Params(query): Params<VerifyQuery>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse> {
    if query.content.as_deref().is_some_and(|content| content.len() < CONTENT_DIGITS) {
        return Err(Error::field("content", "must be 32 to 64 hexadecimal digits"));
    }
    let offices = core.config.documents.clone();
    let verified = core
        .db
        .read(move |conn| {
            let row = store::mediation_fetch(conn, &id)?;
            let (Some(serial_no), Some(finalized_at)) = (row.serial_no, row.finalized_at) else {
                return Err(Error::not_found("document"));
            };
            let unit = officers::unit_fetch(conn, &row.unit_id)?;
            let unit = offices.office(&unit.id.to_string(), &unit.name, row.kind == Kind::People).to_owned();
            let amended_by = store::amended_by(conn, &id)?;
            Ok(Verified {
                serial_no,
                kind: row.kind,
                state: row.state,
                unit,
                finalized_at,
                content_matches: query
                    .content
                    .map(|content| row.content_hash.starts_with(&content.to_ascii_lowercase())),
                amended_by,
                drill: row.drill,
            })
        })
        .await?;
    let accepts = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(verified));
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(page(&verified)))
}

/// Chinese first, then English. Everything in it comes from the server's own records and is written as text.
fn page(verified: &Verified) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (title, valid) = match verified.kind {
        Kind::PoliceOnScene => ("现场治安调解协议书", verified.state),
        Kind::Police => ("治安调解协议书", verified.state),
        Kind::People => ("人民调解协议书", verified.state),
    };
    let standing = if verified.drill {
        "演练文书，无效力 · drill, without effect"
    } else if valid == State::Void {
        "已作废 · void"
    } else if valid == State::Amended || verified.amended_by.is_some() {
        "已变更 · amended by a later document"
    } else if valid.is_in_effect() || valid == State::Referred {
        "已生效 · in effect"
    } else {
        "尚未生效 · not in effect yet"
    };
    let amended = verified.amended_by.as_deref().map(|by| format!("<p>变更文书 · amended by {}</p>", escape(by)));
    let content = match verified.content_matches {
        Some(true) => "<p>纸面所载内容与登记内容一致 · the content is the one that was signed</p>",
        Some(false) => "<p><b>纸面所载内容与登记内容不一致 · the content is NOT the one that was signed</b></p>",
        None => "<p>请扫描纸面二维码核对内容 · scan the code on the paper to compare its content</p>",
    };
    format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>文书核验</title><style>body{{font:16px/1.6 sans-serif;max-width:34em;margin:2em auto;padding:0 1em}}\
         </style><h1>{title}</h1><p><b>{}</b></p><p>{}</p><p>{standing}</p>{}{content}</html>",
        escape(&verified.serial_no),
        escape(&verified.unit),
        amended.unwrap_or_default(),
    )
}
