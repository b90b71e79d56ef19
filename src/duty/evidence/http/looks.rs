//! Who looked at an item.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::access::{self, Look};
use super::super::custody::TouchKind;
use super::super::custody::log::{self, EntryView};
use super::super::rules::PURPOSE_MAX;
use super::items::PurposeQuery;
use crate::duty::inquiries::view::InquiryTold;
use crate::duty::inquiries::{self, State};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::{Params, PathId, body};
use crate::platform::policy::{Action, Actor};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

/// Looks under inquiries in one answer; those of one item are few.
const UNDER_INQUIRY_MAX: i64 = 500;

/// One look at the item.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LookLine {
    pub at: Timestamp,
    pub viewer_id: PersonId,
    pub viewer_name: String,
    pub device_id: Option<DeviceId>,
    /// `metadata`, `preview`, `content`, `custody`, `looks`, `bundle`, `dossier`.
    pub what: String,
    pub purpose: Option<String>,
    /// The inquiry under which it was; told when that has ended.
    pub inquiry: Option<InquiryTold>,
}

/// The looks at an item, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LookList {
    /// Latest first.
    pub items: Vec<LookLine>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// Who else looked at the item, when and to what end. Reading this is itself an entry of its custody, each time.
///
/// Permissions: who made it or wore the camera, custodians above it. Looks under an inquiry are told to the former when it
/// has ended, with its number.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/looks", tag = "evidence",
    params(("id" = EvidenceId, Path), PurposeQuery),
    responses((status = 200, body = LookList), (status = 403), (status = 404)))]
pub async fn looks(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<PurposeQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (_, sight) = access::seen(&ctx, id, Action::LooksRead).await?;
    access::record_each(&ctx, None, Some(id), Look::Looks, query.purpose, json!({})).await?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let items = ctx.db.read(move |conn| told(conn, &actor, sight.own, &id, now)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(LookList { items, next_cursor: None }))
}

fn told(conn: &mut Conn, actor: &Actor, own: bool, id: &EvidenceId, now: Timestamp) -> Result<Vec<LookLine>> {
    let mut lines: Vec<LookLine> = log::entries_of(conn, id)?.into_iter().filter_map(line).collect();
    for (look, inquiry) in inquiries::store::looks_of_evidence(conn, id, UNDER_INQUIRY_MAX)? {
        let open = inquiry.state(now) == State::Open;
        if open && (own || inquiries::access::is_subject(conn, &inquiry, &actor.person)?) {
            continue;
        }
        lines.push(LookLine {
            at: look.at,
            viewer_id: look.viewer_id,
            viewer_name: String::new(),
            device_id: Some(look.device_id),
            what: look.what,
            purpose: look.purpose,
            inquiry: Some(InquiryTold::of(&inquiry, now)),
        });
    }
    // One's own are nobody's news.
    lines.retain(|line| line.viewer_id != actor.person);
    lines.sort_by_key(|line| Reverse(line.at));
    let mut people: Vec<PersonId> = lines.iter().map(|line| line.viewer_id).collect();
    people.sort_unstable();
    people.dedup();
    let names: HashMap<PersonId, String> =
        officers::people_fetch(conn, &people)?.into_iter().map(|person| (person.id, person.name)).collect();
    for line in &mut lines {
        line.viewer_name = names.get(&line.viewer_id).cloned().unwrap_or_default();
    }
    Ok(lines)
}

/// An entry as a look; none when nobody looked. Looks under inquiries are told by their own rows.
fn line(entry: EntryView) -> Option<LookLine> {
    let looked = matches!(
        entry.kind,
        TouchKind::Viewed | TouchKind::Downloaded | TouchKind::Exported | TouchKind::Shared | TouchKind::LogRead
    );
    let viewer_id = entry.actor_id.filter(|_| looked)?;
    let word = |key: &str| entry.detail.as_ref()?.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(LookLine {
        at: entry.at,
        viewer_id,
        viewer_name: String::new(),
        device_id: entry.device_id,
        what: word("what").unwrap_or_else(|| entry.kind.to_string()),
        purpose: word("purpose"),
        inquiry: None,
    })
}
