//! People: made, changed, disabled; passwords.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{admin_only, auth_changed, org_write, person_sessions_end, unit_writable};
use crate::duty::officers::auth::{Auth, AuthChange};
use crate::duty::officers::{PersonRow, PersonStatus, rules, store};
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Actor, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{PersonId, UnitId};
use crate::words::time::Timestamp;

/// A mediator's certificate (调解资格证).
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub number: String,
    #[serde(default)]
    pub issuer: Option<String>,
    /// Last valid day, `YYYY-MM-DD`.
    #[serde(default)]
    pub expires_on: Option<String>,
}

/// A new person of any kind.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonNew {
    pub username: String,
    pub password: String,
    pub name: String,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    #[serde(default)]
    pub badge_no: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub identity_no: Option<String>,
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// For a service account: the source it speaks for; any when absent.
    #[serde(default)]
    pub source: Option<String>,
}

/// What can be changed about a person; `null` erases an optional field.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonPatch {
    pub name: Option<String>,
    pub kind: Option<PersonKind>,
    pub unit_id: Option<UnitId>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub badge_no: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub identity_no: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Certificate>)]
    pub certificate: Option<Option<Certificate>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub source: Option<Option<String>>,
}

/// Tells `null` (erase) from absence (keep).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A field to seal, normalised; `None` erases it.
type Secret = (&'static str, Option<String>);

fn secret_of(field: &'static str, value: Option<&str>) -> Result<Secret> {
    let value = match (field, value.filter(|v| !v.trim().is_empty())) {
        (_, None) => None,
        ("phone", Some(v)) => Some(rules::phone(v)?),
        (_, Some(v)) => Some(rules::identity_no(v)?),
    };
    Ok((field, value))
}

fn secrets_store(core: &Core, tx: &mut Tx<'_>, id: &PersonId, secrets: &[Secret]) -> Result<()> {
    for (field, value) in secrets {
        match value {
            Some(plain) => {
                let sealed = core.keys.seal(plain.as_bytes())?;
                let index = core.keys.blind_index(field, plain);
                store::secret_put(tx.conn(), id, field, Some((&sealed, &index)))?;
            }
            None => store::secret_put(tx.conn(), id, field, None)?,
        }
    }
    Ok(())
}

fn certificate_apply(row: &mut PersonRow, certificate: Option<&Certificate>) -> Result<()> {
    row.mediator_no = certificate.map(|c| rules::name("certificate.number", &c.number)).transpose()?;
    let issuer = certificate.and_then(|c| c.issuer.as_deref());
    row.mediator_issuer = rules::name_opt("certificate.issuer", issuer)?;
    let expires = certificate.and_then(|c| c.expires_on.as_deref());
    row.mediator_expires = expires.map(|day| rules::day("certificate.expires_on", day)).transpose()?;
    Ok(())
}

fn source_check(kind: PersonKind, source: Option<&str>) -> Result<Option<String>> {
    let source = rules::name_opt("source", source)?;
    if source.is_some() && kind != PersonKind::ServiceAccount {
        return Err(Error::field("source", "is for service accounts only"));
    }
    Ok(source)
}

/// Makes a person who can sign in at once. Errors: `forbidden`, `not_found` for a unit out of
/// scope, `already_exists` for a taken username.
pub async fn person_create(ctx: &Ctx, meta: &RequestMeta, body: PersonNew) -> Result<Done> {
    admin_only(&ctx.actor)?;
    rules::password(&body.password)?;
    let now = ctx.clock.now();
    let mut row = PersonRow {
        id: PersonId::new(),
        username: rules::username(&body.username)?,
        name: rules::name("name", &body.name)?,
        kind: body.kind,
        unit_id: body.unit_id,
        badge_no: rules::name_opt("badge_no", body.badge_no.as_deref())?,
        source: source_check(body.kind, body.source.as_deref())?,
        status: PersonStatus::Active,
        mediator_no: None,
        mediator_issuer: None,
        mediator_expires: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    certificate_apply(&mut row, body.certificate.as_ref())?;
    let secrets = [secret_of("phone", body.phone.as_deref())?, secret_of("identity_no", body.identity_no.as_deref())?];
    let auth = ctx.part::<Auth>()?.clone();
    let hash = auth.passwords().hash(body.password).await?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let core = std::sync::Arc::clone(&ctx.core);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        unit_writable(tx.conn(), &actor, &row.unit_id, "unit")?;
        person_add(&core, tx, &row, &hash, &secrets)?;
        audit::record(
            tx,
            Some(&actor),
            "person.create",
            "person",
            &row.id.to_string(),
            &json!({ "kind": row.kind, "unit_id": row.unit_id }),
        )?;
        Ok(Done::new(201, row.id.to_string()))
    })
    .await
}

/// Writes a person with an already hashed password; shared with seeding.
pub fn person_add(core: &Core, tx: &mut Tx<'_>, row: &PersonRow, hash: &str, secrets: &[Secret]) -> Result<()> {
    if store::person_by_username(tx.conn(), &row.username)?.is_some() {
        return Err(Error::new(Code::AlreadyExists).detail("the username is taken").with("field", json!("username")));
    }
    let now = tx.now;
    store::person_insert(tx.conn(), row)?;
    store::password_hash_put(tx.conn(), &row.id, hash, now)?;
    secrets_store(core, tx, &row.id, secrets)
}

/// A person the actor may change; 404 outside his subtree.
fn person_writable(conn: &mut Conn, actor: &Actor, id: &PersonId) -> Result<PersonRow> {
    let row = store::person_fetch(conn, id)?;
    let unit = store::unit_fetch(conn, &row.unit_id)?;
    org_write(actor, &unit).check("person")?;
    Ok(row)
}

/// Changes a person; other nodes see the new facts within a second.
pub async fn person_change(ctx: &Ctx, meta: &RequestMeta, id: PersonId, body: PersonPatch) -> Result<Done> {
    admin_only(&ctx.actor)?;
    let mut secrets = Vec::new();
    if let Some(phone) = &body.phone {
        secrets.push(secret_of("phone", phone.as_deref())?);
    }
    if let Some(number) = &body.identity_no {
        secrets.push(secret_of("identity_no", number.as_deref())?);
    }
    let actor = std::sync::Arc::clone(&ctx.actor);
    let core = std::sync::Arc::clone(&ctx.core);
    let auth = ctx.part::<Auth>()?.clone();
    let guard = meta.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let mut row = person_writable(tx.conn(), &actor, &id)?;
        guard.check_version(row.version, || json!({ "id": row.id, "version": row.version }))?;
        let before = (row.unit_id, row.kind);
        if let Some(name) = &body.name {
            row.name = rules::name("name", name)?;
        }
        if let Some(kind) = body.kind {
            row.kind = kind;
        }
        if let Some(unit_id) = body.unit_id {
            unit_writable(tx.conn(), &actor, &unit_id, "unit")?;
            row.unit_id = unit_id;
        }
        if let Some(badge) = &body.badge_no {
            row.badge_no = rules::name_opt("badge_no", badge.as_deref())?;
        }
        if let Some(certificate) = &body.certificate {
            certificate_apply(&mut row, certificate.as_ref())?;
        }
        if let Some(source) = &body.source {
            row.source = source_check(row.kind, source.as_deref())?;
        }
        if row.kind != PersonKind::ServiceAccount {
            row.source = None;
        }
        row.version += 1;
        row.updated_at = tx.now;
        store::person_update(tx.conn(), &row)?;
        secrets_store(&core, tx, &id, &secrets)?;
        if (row.unit_id, row.kind) != before {
            tx.emit(&Event::PersonMoved { person: id })?;
        }
        auth_changed(tx, &auth, AuthChange::PersonChanged(id))?;
        audit::record(
            tx,
            Some(&actor),
            "person.change",
            "person",
            &id.to_string(),
            &json!({ "kind": row.kind, "unit_id": row.unit_id }),
        )?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Lets a service account speak for one source and no other; the caller's own recipe.
///
/// Errors: `not_found`, `forbidden`, `invalid_field` for a person who is none, `conflict` when it speaks for another.
pub fn source_bind(tx: &mut Tx<'_>, auth: &Auth, actor: &Actor, id: &PersonId, source: &str) -> Result<()> {
    let mut row = person_writable(tx.conn(), actor, id)?;
    if row.kind != PersonKind::ServiceAccount {
        return Err(Error::field("service_person_id", "must be a service account"));
    }
    match &row.source {
        Some(known) if known == source => Ok(()),
        Some(_) => Err(Error::conflict("the account speaks for another source")),
        None => {
            row.source = Some(source.to_owned());
            row.version += 1;
            row.updated_at = tx.now;
            store::person_update(tx.conn(), &row)?;
            auth_changed(tx, auth, AuthChange::PersonChanged(*id))?;
            audit::record(tx, Some(actor), "person.change", "person", &id.to_string(), &json!({ "source": source }))
        }
    }
}

/// Disables or enables an account; disabling ends every session within a second.
pub async fn person_status_set(ctx: &Ctx, meta: &RequestMeta, id: PersonId, to: PersonStatus) -> Result<Done> {
    admin_only(&ctx.actor)?;
    if id == ctx.actor.person && to == PersonStatus::Disabled {
        return Err(Error::conflict("nobody disables his own account"));
    }
    let actor = std::sync::Arc::clone(&ctx.actor);
    let auth = ctx.part::<Auth>()?.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let mut row = person_writable(tx.conn(), &actor, &id)?;
        if row.status != to {
            row.status = to;
            row.version += 1;
            row.updated_at = tx.now;
            store::person_update(tx.conn(), &row)?;
            if to == PersonStatus::Disabled {
                person_sessions_end(tx, &auth, &id, None, "person_disabled")?;
                tx.emit(&Event::PersonDisabled { person: id })?;
            }
            auth_changed(tx, &auth, AuthChange::PersonChanged(id))?;
            audit::record(tx, Some(&actor), "person.status", "person", &id.to_string(), &json!({ "status": to }))?;
        }
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// An administrator sets somebody's password; every session of theirs ends.
pub async fn password_reset(ctx: &Ctx, id: PersonId, password: String) -> Result<()> {
    admin_only(&ctx.actor)?;
    rules::password(&password)?;
    let auth = ctx.part::<Auth>()?.clone();
    let hash = auth.passwords().hash(password).await?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    ctx.db
        .write(Priority::Normal, move |tx| {
            person_writable(tx.conn(), &actor, &id)?;
            password_put(tx, &auth, &id, &hash)?;
            audit::record(tx, Some(&actor), "person.password_reset", "person", &id.to_string(), &json!({}))
        })
        .await
}

/// One's own password, proved by the old one; every session ends, the asking one too.
/// Errors: `bad_credentials`, `invalid_field`.
pub async fn password_change(ctx: &Ctx, old: String, new: String) -> Result<()> {
    rules::password(&new)?;
    let auth = ctx.part::<Auth>()?.clone();
    let id = ctx.actor.person;
    let stored = ctx.db.read(move |conn| store::password_hash_fetch(conn, &id)).await?;
    if !rules::password_plausible(&old) || !auth.passwords().verify(old, stored).await? {
        return Err(Error::new(Code::BadCredentials));
    }
    let hash = auth.passwords().hash(new).await?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    ctx.db
        .write(Priority::Normal, move |tx| {
            password_put(tx, &auth, &id, &hash)?;
            audit::record(tx, Some(&actor), "person.password_change", "person", &id.to_string(), &json!({}))
        })
        .await
}

fn password_put(tx: &mut Tx<'_>, auth: &Auth, id: &PersonId, hash: &str) -> Result<()> {
    let now: Timestamp = tx.now;
    store::password_hash_put(tx.conn(), id, hash, now)?;
    person_sessions_end(tx, auth, id, None, "new_password")?;
    Ok(())
}

/// A person's sealed fields in clear; the caller has checked the right to read them.
pub fn secrets_open(core: &Core, conn: &mut Conn, id: &PersonId) -> Result<Vec<(String, String)>> {
    store::secrets_fetch(conn, id)?
        .into_iter()
        .map(|(field, sealed)| Ok((field, core.keys.unseal_text(&sealed)?)))
        .collect()
}
