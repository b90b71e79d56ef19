//! Devices: codes, enrolment, list, revocation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};

use crate::duty::officers::service::{self, EnrolBody, EnrolmentCodeNew, unit_visible};
use crate::duty::officers::{DeviceRow, DeviceStatus, store};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId};
use crate::platform::policy::{Actor, DeviceKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// A device as shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceView {
    pub id: DeviceId,
    pub kind: DeviceKind,
    pub name: String,
    pub serial_no: Option<String>,
    pub status: DeviceStatus,
    pub enrolled: bool,
    /// Whether it can prove itself by a key of its own.
    pub has_key: bool,
    pub unit_id: Option<UnitId>,
    /// Who signed in on it last.
    pub person_id: Option<PersonId>,
    pub created_at: Timestamp,
    pub last_login_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A page of devices, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeviceList {
    pub items: Vec<DeviceView>,
    pub next_cursor: Option<String>,
}

/// A one-time code; shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EnrolmentCode {
    pub code: String,
    pub kind: DeviceKind,
    pub unit_id: UnitId,
    pub expires_at: Timestamp,
}

/// What an enrolled device learns of itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Enrolled {
    pub device_id: DeviceId,
    #[serde(flatten)]
    pub device: DeviceView,
}

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeviceQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
    /// Browsers are listed only when asked for by kind.
    pub kind: Option<DeviceKind>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// Why a device is revoked.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RevokeBody {
    pub reason: Option<String>,
}

fn view(row: DeviceRow) -> DeviceView {
    DeviceView {
        id: row.id,
        kind: row.kind,
        name: row.name,
        serial_no: row.serial_no,
        status: row.status,
        enrolled: row.enrolled,
        has_key: row.public_key.is_some(),
        unit_id: row.unit_id,
        person_id: row.person_id,
        created_at: row.created_at,
        last_login_at: row.last_login_at,
        revoked_at: row.revoked_at,
    }
}

/// Rooms see the devices of their subtree; others only what they last signed in on.
fn devices_watch(actor: &Actor) -> Result<()> {
    if actor.kind.is_watching() { Ok(()) } else { Err(Error::forbidden("command rooms only")) }
}

async fn shown(ctx: &Ctx, id: DeviceId) -> Result<DeviceView> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let row = ctx
        .db
        .read(move |conn| {
            let row = store::device_fetch(conn, &id)?;
            let own = row.id == actor.device || row.person_id == Some(actor.person);
            let path = match row.unit_id {
                Some(unit_id) => store::unit_fetch(conn, &unit_id)?.path,
                None => String::new(),
            };
            if own || (actor.kind.is_watching() && actor.commands(&path)) {
                Ok(row)
            } else {
                Err(Error::not_found("device"))
            }
        })
        .await?;
    Ok(view(row))
}

/// The devices of a subtree.
///
/// Permissions: dispatchers, supervisors and administrators of the subtree.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(DeviceQuery),
    responses((status = 200, body = DeviceList), (status = 403)))]
pub async fn list(ctx: Ctx, Params(query): Params<DeviceQuery>) -> Result<HttpResponse> {
    devices_watch(&ctx.actor)?;
    let limit = page::limit(query.limit)?;
    let after: Option<DeviceId> = query
        .cursor
        .as_deref()
        .map(page::decode)
        .transpose()?
        .map(|c| c.parse().map_err(|_bad| Error::new(Code::InvalidCursor)))
        .transpose()?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let asked = query.unit_id.map(|id| unit_visible(conn, &actor, &id)).transpose()?.map(|unit| unit.path);
            let path = asked.filter(|path| actor.commands(path)).unwrap_or_else(|| actor.unit_path.clone());
            store::devices_page(conn, &path, query.kind, after, limit + 1)
        })
        .await?;
    let Items { items, next_cursor } = Items::from_rows(rows, limit, |row| row.id.to_string());
    Ok(HttpResponse::Ok().json(Items { items: items.into_iter().map(view).collect(), next_cursor }))
}

/// One device.
///
/// Permissions: who signed in on it last, and rooms of its subtree.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = DeviceId, Path)),
    responses((status = 200, body = DeviceView), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<DeviceId>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}

/// Makes a one-time enrolment code.
///
/// Permissions: administrators, for a unit of their subtree.
#[utoipa::path(post, path = "/api/v1/devices/enrolment-codes", tag = "devices", request_body = EnrolmentCodeNew,
    responses((status = 201, body = EnrolmentCode), (status = 403), (status = 404)))]
pub async fn code(ctx: Ctx, body: Body<EnrolmentCodeNew>) -> Result<HttpResponse> {
    let (code, row) = service::enrolment_code_make(&ctx, &body.meta, body.value).await?;
    Ok(HttpResponse::Created().json(EnrolmentCode {
        code,
        kind: row.kind,
        unit_id: row.unit_id,
        expires_at: row.expires_at,
    }))
}

/// Enrols a device with its public key; the same code and key again answer the same device.
///
/// Permissions: the holder of an unused code.
#[utoipa::path(post, path = "/api/v1/devices/enrol", tag = "devices", request_body = EnrolBody, security(()),
    responses((status = 201, body = Enrolled), (status = 404)))]
pub async fn enrol(core: Data<Core>, body: Body<EnrolBody>) -> Result<HttpResponse> {
    let row = service::device_enrol(&core.into_inner(), body.value).await?;
    Ok(HttpResponse::Created().json(Enrolled { device_id: row.id, device: view(row) }))
}

/// Revokes a lost device: sessions, sockets and its key are dead within a second.
///
/// Permissions: administrators of its unit's subtree.
#[utoipa::path(post, path = "/api/v1/devices/{id}/revoke", tag = "devices", params(("id" = DeviceId, Path)), request_body(content = RevokeBody),
    responses((status = 200, body = DeviceView), (status = 403), (status = 404)))]
pub async fn revoke(ctx: Ctx, PathId(id): PathId<DeviceId>, body: Body<RevokeBody>) -> Result<HttpResponse> {
    service::device_revoke(&ctx, &body.meta, id, body.value.reason).await?;
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}
