//! People: made, listed, changed, disabled; passwords.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::duty::officers::service::{self, PersonNew, PersonPatch, secrets_open, unit_visible};
use crate::duty::officers::store::{self, PeopleFilter};
use crate::duty::officers::{PersonRow, PersonStatus, rules};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority};
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId};
use crate::platform::policy::{Action, Actor, Decision, Facts, PersonKind, may};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{PersonId, UnitId};
use crate::words::time::Timestamp;

/// A person as shown; personal numbers only to those who may read them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PersonView {
    pub id: PersonId,
    pub username: String,
    pub name: String,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    pub badge_no: Option<String>,
    pub status: PersonStatus,
    pub certificate: Option<CertificateView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_no: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A mediator's certificate.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateView {
    pub number: String,
    pub issuer: Option<String>,
    /// `YYYY-MM-DD`
    pub expires_on: Option<String>,
}

/// A page of people, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PersonList {
    pub items: Vec<PersonView>,
    pub next_cursor: Option<String>,
}

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PeopleQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
    pub kind: Option<PersonKind>,
    /// Part of name, username or badge.
    pub q: Option<String>,
    /// A whole telephone number; administrators only.
    pub phone: Option<String>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// A new password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    pub password: String,
}

/// One's own new password, proved by the old one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MyPasswordBody {
    pub old_password: String,
    pub new_password: String,
}

/// The public face of a row, without personal numbers.
pub fn person_view(row: PersonRow) -> PersonView {
    PersonView {
        id: row.id,
        username: row.username,
        name: row.name,
        kind: row.kind,
        unit_id: row.unit_id,
        badge_no: row.badge_no,
        status: row.status,
        certificate: row.mediator_no.map(|number| CertificateView {
            number,
            issuer: row.mediator_issuer,
            expires_on: row.mediator_expires,
        }),
        source: row.source,
        phone: None,
        identity_no: None,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The row, if the actor may know of this person: himself, or somebody of his subtree.
fn person_visible(conn: &mut Conn, actor: &Actor, id: &PersonId) -> Result<(PersonRow, String)> {
    let row = store::person_fetch(conn, id)?;
    let unit = store::unit_fetch(conn, &row.unit_id)?;
    let colleague = actor.kind != PersonKind::ServiceAccount && actor.commands(&unit.path);
    if row.id == actor.person || colleague { Ok((row, unit.path)) } else { Err(Error::not_found("person")) }
}

async fn shown(ctx: &Ctx, id: PersonId) -> Result<PersonView> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let core = std::sync::Arc::clone(&ctx.core);
    let (view, opened) = ctx
        .db
        .read(move |conn| {
            let (row, path) = person_visible(conn, &actor, &id)?;
            let facts = Facts { unit_path: Some(&path), own: row.id == actor.person, ..Facts::default() };
            let allowed = may(&actor, Action::PersonalRead, &facts) == Decision::Allow;
            let own = row.id == actor.person;
            let mut view = person_view(row);
            if allowed {
                for (field, plain) in secrets_open(&core, conn, &id)? {
                    match field.as_str() {
                        "phone" => view.phone = Some(plain),
                        _ => view.identity_no = Some(plain),
                    }
                }
            }
            let opened = !own && (view.phone.is_some() || view.identity_no.is_some());
            Ok((view, opened))
        })
        .await?;
    if opened {
        let actor = std::sync::Arc::clone(&ctx.actor);
        ctx.db
            .write(Priority::Background, move |tx| {
                audit::record(tx, Some(&actor), "person.personal_read", "person", &id.to_string(), &json!({}))
            })
            .await?;
    }
    Ok(view)
}

fn etag(view: &PersonView) -> (&'static str, String) {
    ("ETag", format!("\"{}\"", view.version))
}

/// People of a subtree by name.
///
/// Permissions: people of the subtree; search by telephone number: administrators.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", params(PeopleQuery), responses((status = 200, body = PersonList), (status = 403)))]
pub async fn list(ctx: Ctx, Params(query): Params<PeopleQuery>) -> Result<HttpResponse> {
    may(&ctx.actor, Action::OrgRead, &Facts::default()).check("person")?;
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::decode).transpose()?.map(|c| cursor_read(&c)).transpose()?;
    if query.phone.is_some() {
        service::admin_only(&ctx.actor)?;
    }
    let phone_index =
        query.phone.as_deref().map(rules::phone).transpose()?.map(|phone| ctx.keys.blind_index("phone", &phone));
    let text = rules::name_opt("q", query.q.as_deref())?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let asked = query.unit_id.map(|id| unit_visible(conn, &actor, &id)).transpose()?.map(|unit| unit.path);
            let path = asked.filter(|path| actor.commands(path)).unwrap_or_else(|| actor.unit_path.clone());
            store::people_page(
                conn,
                &PeopleFilter { path, kind: query.kind, text, phone_index, after, limit: limit + 1 },
            )
        })
        .await?;
    let items = Items::from_rows(rows, limit, |row| format!("{} {}", row.id, row.name));
    let Items { items, next_cursor } = items;
    Ok(HttpResponse::Ok().json(Items { items: items.into_iter().map(person_view).collect(), next_cursor }))
}

fn cursor_read(cursor: &str) -> Result<(String, PersonId)> {
    let wrong = || Error::new(Code::InvalidCursor);
    let (id, name) = cursor.split_once(' ').ok_or_else(wrong)?;
    Ok((name.to_owned(), id.parse().map_err(|_bad| wrong())?))
}

/// Makes a person.
///
/// Permissions: administrators, in a unit of their subtree.
#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = PersonNew,
    responses((status = 201, body = PersonView), (status = 403), (status = 404), (status = 409)))]
pub async fn create(ctx: Ctx, body: Body<PersonNew>) -> Result<HttpResponse> {
    let done = service::person_create(&ctx, &body.meta, body.value).await?;
    Ok(HttpResponse::Created().json(shown(&ctx, done.id()?).await?))
}

/// One person; personal numbers to himself and to administrators of the subtree, which is recorded.
///
/// Permissions: oneself, and people of the subtree.
#[utoipa::path(get, path = "/api/v1/people/{id}", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = PersonView), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<PersonId>) -> Result<HttpResponse> {
    let view = shown(&ctx, id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(&view)).json(view))
}

/// Changes a person.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(patch, path = "/api/v1/people/{id}", tag = "people", params(("id" = PersonId, Path)), request_body = PersonPatch,
    responses((status = 200, body = PersonView), (status = 403), (status = 404), (status = 412)))]
pub async fn change(ctx: Ctx, PathId(id): PathId<PersonId>, body: Body<PersonPatch>) -> Result<HttpResponse> {
    service::person_change(&ctx, &body.meta, id, body.value).await?;
    let view = shown(&ctx, id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(&view)).json(view))
}

/// Disables an account; its sessions end within a second.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(post, path = "/api/v1/people/{id}/disable", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = PersonView), (status = 403), (status = 404)))]
pub async fn disable(
    ctx: Ctx,
    PathId(id): PathId<PersonId>,
    body: Body<crate::platform::http::body::Empty>,
) -> Result<HttpResponse> {
    service::person_status_set(&ctx, &body.meta, id, PersonStatus::Disabled).await?;
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}

/// Enables an account again.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(post, path = "/api/v1/people/{id}/enable", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = PersonView), (status = 403), (status = 404)))]
pub async fn enable(
    ctx: Ctx,
    PathId(id): PathId<PersonId>,
    body: Body<crate::platform::http::body::Empty>,
) -> Result<HttpResponse> {
    service::person_status_set(&ctx, &body.meta, id, PersonStatus::Active).await?;
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}

/// Sets somebody's password; every session of theirs ends.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(put, path = "/api/v1/people/{id}/password", tag = "people", params(("id" = PersonId, Path)), request_body = PasswordBody,
    responses((status = 204), (status = 403), (status = 404)))]
pub async fn password(ctx: Ctx, PathId(id): PathId<PersonId>, body: Body<PasswordBody>) -> Result<HttpResponse> {
    service::password_reset(&ctx, id, body.value.password).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes one's own password; every session ends, this one too.
///
/// Permissions: oneself.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "people", request_body = MyPasswordBody,
    responses((status = 204), (status = 401)))]
pub async fn my_password(ctx: Ctx, body: Body<MyPasswordBody>) -> Result<HttpResponse> {
    let MyPasswordBody { old_password, new_password } = body.value;
    service::password_change(&ctx, old_password, new_password).await?;
    Ok(HttpResponse::NoContent().finish())
}
