//! Signing in, refreshing, logging out, socket tickets.

use serde::{Deserialize, Serialize};

use crate::duty::officers::auth::jwt::Claims;
use crate::duty::officers::auth::refresh::{self, Step};
use crate::duty::officers::auth::throttle::{Attempt, Verdict};
use crate::duty::officers::auth::{Auth, Signed, actor_load};
use crate::duty::officers::{DeviceRow, DeviceStatus, PersonRow, PersonStatus, SessionRow, rules, store};
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::keys::{random_secret, sha256_hex};
use crate::platform::policy::{Actor, DeviceKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId, UnitId};
use serde_json::json;

/// What a client sends to sign in.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    pub username: String,
    pub password: String,
    /// A device that is known already: enrolled, or from an earlier sign-in.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// A device to make; without either a browser is made.
    #[serde(default)]
    pub device: Option<NewDevice>,
}

/// A device that introduces itself at its first sign-in.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    pub kind: DeviceKind,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub serial_no: Option<String>,
}

/// Where a sign-in comes from.
#[derive(Clone, Debug)]
pub struct LoginOrigin {
    pub address: String,
    pub user_agent: String,
    /// The `Idempotency-Key`: a repeated sign-in finds the device it made before.
    pub repeat_key: Option<String>,
    pub signed: Option<Signed>,
}

/// Tokens of a session and whose they are.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Grant {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds the access token lives.
    pub expires_in: i64,
    pub refresh_token: String,
    pub session_id: SessionId,
    pub device_id: DeviceId,
    pub person: GrantPerson,
}

/// The signed-in person in short.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GrantPerson {
    pub id: PersonId,
    pub username: String,
    pub name: String,
    pub kind: crate::platform::policy::PersonKind,
    pub unit_id: UnitId,
}

/// Signs in. Errors: `bad_credentials`, `too_many_attempts` with `Retry-After`,
/// `device_not_enrolled`, `not_found` for an unknown device, `forbidden` for a disabled person.
pub async fn login(core: &Core, body: LoginBody, origin: LoginOrigin) -> Result<Grant> {
    let auth = core.part::<Auth>()?.clone();
    let wrong = || Error::new(Code::BadCredentials);
    let Ok(username) = rules::username(&body.username) else { return Err(wrong()) };
    if let Some(device) = &body.device {
        new_device_check(core, device)?;
    }
    let found = {
        let (username, address, device_id) = (username.clone(), origin.address.clone(), body.device_id);
        core.db
            .read(move |conn| {
                let Some(person) = store::person_by_username(conn, &username)? else { return Ok(None) };
                let hash = store::password_hash_fetch(conn, &person.id)?;
                let known_device = match device_id {
                    Some(id) => store::session_latest_of(conn, &person.id, &id)?.map(|_| id.to_string()),
                    None => None,
                };
                let familiar = match known_device {
                    Some(device) => Some(device),
                    None => store::address_familiar(conn, &person.id, &address)?.then_some(address),
                };
                Ok(Some((person, hash, familiar)))
            })
            .await?
    };
    let (person, hash, familiar) = match found {
        Some((person, hash, familiar)) => (Some(person), hash, familiar),
        None => (None, None, None),
    };
    let attempt = Attempt { account: username, address: origin.address.clone(), familiar };
    match auth.throttle().judge(&attempt, core.clock.now().as_micros()) {
        Verdict::Wait(seconds) => return Err(too_many(seconds)),
        Verdict::Check(delay) if delay.is_zero() => {}
        Verdict::Check(delay) => tokio::time::sleep(delay).await,
    }
    let fits =
        rules::password_plausible(&body.password) && auth.passwords().verify(body.password.clone(), hash).await?;
    let (true, Some(person)) = (fits, person) else {
        let wait = auth.throttle().failed(&attempt, core.clock.now().as_micros());
        return Err(if wait > 0 { wrong().retry_after(u32::try_from(wait).unwrap_or(1)) } else { wrong() });
    };
    auth.throttle().succeeded(&attempt);
    if person.status != PersonStatus::Active {
        return Err(Error::forbidden("the account is disabled"));
    }
    session_open(core, &auth, person, body.device_id, body.device, origin).await
}

fn too_many(seconds: i64) -> Error {
    let seconds = u32::try_from(seconds).unwrap_or(1).max(1);
    Error::new(Code::TooManyAttempts).retry_after(seconds).detail(format!("wait {seconds} s"))
}

fn new_device_check(core: &Core, device: &NewDevice) -> Result<()> {
    rules::name_opt("device.name", device.name.as_deref())?;
    rules::name_opt("device.serial_no", device.serial_no.as_deref())?;
    if device.kind != DeviceKind::Browser && core.config.auth.require_enrolled_devices {
        return Err(Error::new(Code::DeviceNotEnrolled).detail("enrol it with a code first"));
    }
    Ok(())
}

async fn session_open(
    core: &Core,
    auth: &Auth,
    person: PersonRow,
    device_id: Option<DeviceId>,
    device: Option<NewDevice>,
    origin: LoginOrigin,
) -> Result<Grant> {
    let strict = core.config.auth.require_enrolled_devices;
    let ttl = core.config.auth.refresh_ttl_s;
    let login_key = origin.repeat_key.as_ref().map(|key| sha256_hex(format!("{}\0{key}", person.id).as_bytes()));
    let recipe_auth = auth.clone();
    let owner = person.clone();
    let session = core
        .db
        .write(Priority::Normal, move |tx| {
            let known = match (&device_id, &login_key) {
                (Some(id), _) => Some(device_for_login(tx, id, &owner, origin.signed.as_ref(), strict)?),
                (None, Some(key)) => store::device_by_login_key(tx.conn(), key)?.filter(DeviceRow::is_active),
                (None, None) => None,
            };
            let row = match known {
                Some(row) => row,
                None => device_make(tx, &owner, device.as_ref(), &origin.user_agent, login_key.clone())?,
            };
            if row.kind != DeviceKind::Browser {
                // One holder at a time: whoever was signed in on a shared handheld is signed out.
                super::device_sessions_end(tx, &recipe_auth, &row.id, Some(owner.id), "device_switched")?;
            }
            let now = tx.now;
            store::device_login(tx.conn(), &row.id, &owner.id, now)?;
            let session = SessionRow {
                id: SessionId::new(),
                person_id: owner.id,
                device_id: row.id,
                generation: 0,
                created_at: now,
                last_used_at: now,
                expires_at: now.plus_secs(ttl),
                ended_at: None,
                end_reason: None,
                address: Some(origin.address.clone()),
            };
            store::session_insert(tx.conn(), &session)?;
            audit::record(
                tx,
                None,
                "session.open",
                "session",
                &session.id.to_string(),
                &json!({ "person_id": owner.id, "device_id": row.id }),
            )?;
            Ok(session)
        })
        .await?;
    grant(core, auth, &person, &session)
}

/// The known device of a sign-in, if this person may use it.
fn device_for_login(
    tx: &mut Tx<'_>,
    id: &DeviceId,
    person: &PersonRow,
    signed: Option<&Signed>,
    strict: bool,
) -> Result<DeviceRow> {
    let row = store::device_fetch(tx.conn(), id)?;
    if !row.is_active() {
        return Err(Error::new(Code::TokenRevoked).detail("the device was revoked"));
    }
    let foreign = row.kind == DeviceKind::Browser && row.person_id != Some(person.id);
    if foreign {
        return Err(Error::not_found("device"));
    }
    if strict && row.kind != DeviceKind::Browser {
        if !row.enrolled {
            return Err(Error::new(Code::DeviceNotEnrolled));
        }
        let signed = signed.ok_or_else(|| Error::new(Code::BadSignature).detail("sign in with the device's key"))?;
        if signed.device_id != row.id {
            return Err(Error::new(Code::BadSignature).detail("signed by another device"));
        }
        signed.verify(tx.conn())?;
    }
    Ok(row)
}

fn device_make(
    tx: &mut Tx<'_>,
    person: &PersonRow,
    wanted: Option<&NewDevice>,
    user_agent: &str,
    login_key: Option<String>,
) -> Result<DeviceRow> {
    let kind = wanted.map_or(DeviceKind::Browser, |d| d.kind);
    let fallback = if kind == DeviceKind::Browser && !user_agent.is_empty() { user_agent } else { kind.as_str() };
    let name = wanted
        .and_then(|d| d.name.as_deref())
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .unwrap_or(fallback)
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect();
    let row = DeviceRow {
        id: DeviceId::new(),
        kind,
        name,
        serial_no: wanted.and_then(|d| d.serial_no.clone()),
        status: DeviceStatus::Active,
        enrolled: false,
        public_key: None,
        unit_id: Some(person.unit_id),
        person_id: Some(person.id),
        login_key,
        created_at: tx.now,
        last_login_at: None,
        revoked_at: None,
    };
    store::device_insert(tx.conn(), &row)?;
    Ok(row)
}

fn grant(core: &Core, auth: &Auth, person: &PersonRow, session: &SessionRow) -> Result<Grant> {
    let now = core.clock.now();
    let lifetime = core.config.auth.access_ttl_s;
    let claims = Claims::new(person.id, session.id, session.device_id, now, lifetime);
    Ok(Grant {
        access_token: auth.ring().sign(&claims, now)?,
        token_type: "Bearer",
        expires_in: lifetime,
        refresh_token: refresh::make(&core.keys, session.id, session.generation),
        session_id: session.id,
        device_id: session.device_id,
        person: GrantPerson {
            id: person.id,
            username: person.username.clone(),
            name: person.name.clone(),
            kind: person.kind,
            unit_id: person.unit_id,
        },
    })
}

/// What the refresh recipe found; a reuse is committed before it is refused.
enum Refreshed {
    Granted(Box<(PersonRow, SessionRow)>),
    Reused,
}

/// Answers new tokens for a refresh token; repeating the same one answers the same successor.
///
/// Errors: `unauthenticated`, `token_expired`, `token_revoked`, `refresh_reused` (the session is
/// then ended), `bad_signature` when the request is signed wrongly.
pub async fn refresh_session(core: &Core, token: &str, signed: Option<Signed>) -> Result<Grant> {
    let auth = core.part::<Auth>()?.clone();
    let presented = refresh::read(&core.keys, token)?;
    let ttl = core.config.auth.refresh_ttl_s;
    let recipe_auth = auth.clone();
    let outcome = core
        .db
        .write(Priority::Normal, move |tx| {
            let session = store::session_fetch(tx.conn(), &presented.session)
                .map_err(|e| if e.is(Code::NotFound) { Error::new(Code::TokenRevoked) } else { e })?;
            let by_own_key = match &signed {
                Some(signed) => {
                    signed.verify(tx.conn())?;
                    if signed.device_id != session.device_id {
                        return Err(Error::new(Code::BadSignature).detail("signed by another device"));
                    }
                    true
                }
                None => false,
            };
            if session.ended_at.is_some() {
                let reused = session.end_reason.as_deref() == Some("refresh_reused");
                return Err(Error::new(if reused { Code::RefreshReused } else { Code::TokenRevoked }));
            }
            if session.expires_at <= tx.now {
                return Err(Error::new(Code::TokenExpired).detail("sign in again"));
            }
            let person = store::person_fetch(tx.conn(), &session.person_id)?;
            let device = store::device_fetch(tx.conn(), &session.device_id)?;
            if person.status != PersonStatus::Active || !device.is_active() {
                return Err(Error::new(Code::TokenRevoked));
            }
            let now = tx.now;
            match refresh::step(presented.generation, session.generation) {
                Step::Advance => {
                    store::session_advance(tx.conn(), &session, now.plus_secs(ttl), now)?;
                    // A faster twin of this request has moved it to the same place.
                    let session = SessionRow { generation: session.generation + 1, ..session };
                    Ok(Refreshed::Granted(Box::new((person, session))))
                }
                Step::Repeat => Ok(Refreshed::Granted(Box::new((person, session)))),
                Step::Reused if by_own_key => Ok(Refreshed::Granted(Box::new((person, session)))),
                Step::Reused => {
                    super::session_end(tx, &recipe_auth, &session.id, "refresh_reused")?;
                    audit::record(
                        tx,
                        None,
                        "session.refresh_reused",
                        "session",
                        &session.id.to_string(),
                        &json!({ "person_id": person.id, "device_id": session.device_id }),
                    )?;
                    Ok(Refreshed::Reused)
                }
                Step::Unknown => Err(Error::new(Code::Unauthenticated).detail("never issued")),
            }
        })
        .await?;
    match outcome {
        Refreshed::Granted(granted) => grant(core, &auth, &granted.0, &granted.1),
        Refreshed::Reused => Err(Error::new(Code::RefreshReused)),
    }
}

/// Ends the session of the asking token, everywhere within a second.
pub async fn logout(ctx: &Ctx) -> Result<()> {
    let auth = ctx.part::<Auth>()?.clone();
    let actor = std::sync::Arc::clone(&ctx.actor);
    ctx.db
        .write(Priority::Normal, move |tx| {
            let Some(session) = actor.session else { return Ok(()) };
            if super::session_end(tx, &auth, &session, "logout")? {
                audit::record(tx, Some(&actor), "session.logout", "session", &session.to_string(), &json!({}))?;
            }
            Ok(())
        })
        .await
}

/// Ends the session a refresh token belongs to; for log-out after the access token expired.
pub async fn logout_by_refresh(core: &Core, token: &str) -> Result<()> {
    let auth = core.part::<Auth>()?.clone();
    let presented = refresh::read(&core.keys, token)?;
    core.db
        .write(Priority::Normal, move |tx| super::session_end(tx, &auth, &presented.session, "logout").map(|_| ()))
        .await
}

/// Makes a one-time socket ticket for the asking session; answers it and its life in seconds.
pub async fn ticket_make(ctx: &Ctx) -> Result<(String, i64)> {
    let ticket = random_secret()?;
    let hash = sha256_hex(ticket.as_bytes());
    let ttl = ctx.config.auth.ticket_ttl_s;
    let session = ctx.actor.session.ok_or_else(|| Error::forbidden("tickets need a session"))?;
    ctx.db
        .write(Priority::Normal, move |tx| {
            let expires = tx.now.plus_secs(ttl);
            store::ticket_insert(tx.conn(), &hash, &session, expires)
        })
        .await?;
    Ok((ticket, ttl))
}

/// Burns a ticket and loads its actor. Errors: `unauthenticated`, `token_revoked`.
pub async fn ticket_redeem(core: &Core, ticket: &str) -> Result<Actor> {
    let hash = sha256_hex(ticket.as_bytes());
    core.db
        .write(Priority::Normal, move |tx| {
            let now = tx.now;
            let session = store::ticket_use(tx.conn(), &hash, now)?
                .ok_or_else(|| Error::new(Code::Unauthenticated).detail("the ticket was used or has expired"))?;
            actor_load(tx.conn(), &session)
        })
        .await
}
