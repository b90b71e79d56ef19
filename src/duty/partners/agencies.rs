//! Recipes about linked bodies: who there is, and how each is reached.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::store::agencies::{self, AgencyRow};
use super::store::outlet as feeds;
use super::view::AgencyView;
use super::{AgencyKind, Channel, outlet};
use crate::duty::officers::auth::Auth;
use crate::duty::officers::service as people;
use crate::duty::officers::store as officers;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::keys::{Keys, random_secret};
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::platform::webhook;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AgencyId, PersonId, UnitId};

/// Seconds to accept of an agency that nothing was agreed with: as long as a telephone is let ring and asked again.
const ACCEPT_DEFAULT_S: i32 = 600;
/// Seconds to finish of such an agency: a day, as 12345 gives.
const FINISH_DEFAULT_S: i32 = 86_400;
/// Bounds of the first, seconds: nobody reads and answers in less; an agency that takes longer than a week does not answer.
const ACCEPT_S: std::ops::RangeInclusive<i32> = 30..=604_800;
/// Bounds of the second, seconds: an ambulance arrives within minutes; a court takes months, at most a year.
const FINISH_S: std::ops::RangeInclusive<i32> = 60..=31_622_400;

/// The body of `POST /agencies`: a name alone, reached by telephone.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgency {
    pub name: String,
}

/// Where an agency's changes are pushed to.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// http or https.
    pub url: String,
    /// Shared secret of 16 to 200 characters; the one before stays, and the first is made by the server and shown once,
    /// unless given.
    pub secret: Option<String>,
}

/// The body of `PUT /agencies/{id}`: the whole of it.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutAgency {
    /// 1 to 100 characters.
    pub name: String,
    #[schema(inline)]
    pub kind: AgencyKind,
    /// Whose administrators keep it; one's own unless told, said when it is made.
    pub unit_id: Option<UnitId>,
    /// Needed of `phone`; at most 32 characters.
    pub phone: Option<String>,
    #[schema(inline)]
    pub channel: Channel,
    /// Of `software`.
    pub webhook: Option<Webhook>,
    /// The service account it reads its inbox and answers under; of `software`. It speaks for nothing else from then on.
    pub service_person_id: Option<PersonId>,
    /// From sent to accepted: 30 s to a week, 10 minutes unless told.
    pub accept_within_s: Option<i32>,
    /// From sent to closed: a minute to a year, a day unless told.
    pub finish_within_s: Option<i32>,
    /// Takes new orders; unless told, yes. One that does not still answers those it has.
    pub enabled: Option<bool>,
}

impl PutAgency {
    /// Errors: `invalid_field`.
    fn check(&self) -> Result<()> {
        body::text("name", &self.name, 1, 100)?;
        if self.name.trim().is_empty() {
            return Err(Error::field("name", "must say something"));
        }
        body::text_opt("phone", self.phone.as_deref(), 32)?;
        if let Some(hook) = &self.webhook {
            webhook::check(&hook.url, hook.secret.as_deref())?;
        }
        let named = self.phone.as_deref().is_some_and(|phone| !phone.trim().is_empty());
        match self.channel {
            Channel::Phone if !named => return Err(Error::field("phone", "is needed where nothing else reaches it")),
            Channel::Phone if self.webhook.is_some() || self.service_person_id.is_some() => {
                return Err(Error::field("channel", "must be `software` for a webhook or an account"));
            }
            Channel::Software if self.webhook.is_none() && self.service_person_id.is_none() => {
                return Err(Error::field("channel", "wants a webhook or a service account"));
            }
            _ => {}
        }
        let (accept, finish) = self.windows();
        if !ACCEPT_S.contains(&accept) {
            return Err(Error::field("accept_within_s", "must be between 30 s and a week"));
        }
        if !FINISH_S.contains(&finish) || finish < accept {
            return Err(Error::field("finish_within_s", "must be between a minute and a year, not before accepting"));
        }
        Ok(())
    }

    fn windows(&self) -> (i32, i32) {
        let accept = self.accept_within_s.unwrap_or(ACCEPT_DEFAULT_S);
        (accept, self.finish_within_s.unwrap_or(FINISH_DEFAULT_S.max(accept)))
    }
}

/// Administrators of its unit and above. Errors: `not_found`, `forbidden`.
fn writable(conn: &mut Conn, actor: &Actor, unit: &UnitId) -> Result<()> {
    let path = officers::unit_fetch(conn, unit)?.path;
    policy::may(actor, Action::OrgWrite, &Facts { unit_path: Some(&path), ..Facts::default() }).check("agency")
}

/// Every linked body, by name; with how its software is reached for administrators above it.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<AgencyView>> {
    policy::may(actor, Action::OrgRead, &Facts::default()).check("agency")?;
    let rows = agencies::agencies_list(conn)?;
    rows.into_iter().map(|row| shown(conn, actor, row, None)).collect()
}

/// One as the actor sees it.
pub fn shown(conn: &mut Conn, actor: &Actor, row: AgencyRow, secret: Option<String>) -> Result<AgencyView> {
    let path = officers::unit_fetch(conn, &row.unit_id)?.path;
    let facts = Facts { unit_path: Some(&path), ..Facts::default() };
    if policy::may(actor, Action::OrgWrite, &facts) == Decision::Allow {
        let outlet = feeds::outlet_find(conn, &row.id)?;
        Ok(AgencyView::whole(row, outlet, secret))
    } else {
        Ok(AgencyView::of(row))
    }
}

/// Registers one by its name.
///
/// Errors: `forbidden`, `not_found`, `invalid_field`.
pub async fn add(ctx: &Ctx, meta: &RequestMeta, new: NewAgency) -> Result<Done> {
    let facts = Facts { unit_path: Some(&ctx.actor.unit_path), ..Facts::default() };
    policy::may(&ctx.actor, Action::OrgWrite, &facts).check("agency")?;
    body::text("name", &new.name, 1, 100)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = AgencyRow {
            id: AgencyId::new(),
            unit_id: actor.unit,
            name: new.name.clone(),
            created_at: tx.now,
            kind: AgencyKind::Other,
            phone: None,
            channel: Channel::Phone,
            webhook_url: None,
            secret_sealed: None,
            service_person_id: None,
            accept_within_s: ACCEPT_DEFAULT_S,
            finish_within_s: FINISH_DEFAULT_S,
            enabled: true,
            version: 1,
            updated_at: tx.now,
        };
        agencies::agency_insert(tx.conn(), &row)?;
        noted(tx, &actor, &row)?;
        Ok(Done::new(201, json!({ "id": row.id })))
    })
    .await
}

/// Makes one under the client's own id, or changes it; also the fresh secret, if one was made.
///
/// Errors: `forbidden`, `not_found`, `invalid_field`, `stale` without the version it has, `conflict` when the account is
/// another's.
pub async fn put(ctx: &Ctx, meta: &RequestMeta, id: AgencyId, asked: PutAgency) -> Result<(Done, Option<String>)> {
    let facts = Facts { unit_path: Some(&ctx.actor.unit_path), ..Facts::default() };
    policy::may(&ctx.actor, Action::OrgWrite, &facts).check("agency")?;
    asked.check()?;
    let (core, actor, seen) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor), meta.if_match);
    let auth = ctx.part::<Auth>()?.clone();
    let plain = random_secret()?;
    let fallback = ctx.keys.seal(plain.as_bytes())?;
    let given = asked.webhook.as_ref().and_then(|hook| hook.secret.as_deref());
    let given = given.map(|secret| ctx.keys.seal(secret.as_bytes())).transpose()?;
    let done = idem::run(ctx, meta, Priority::Normal, move |tx| {
        let had = agencies::agency_lock(tx.conn(), &id)?;
        let unit = had.as_ref().map_or(asked.unit_id.unwrap_or(actor.unit), |had| had.unit_id);
        writable(tx.conn(), &actor, &unit)?;
        if had.is_some() && asked.unit_id.is_some_and(|asked| asked != unit) {
            return Err(Error::field("unit_id", "is said when it is made, and stays"));
        }
        let (secret_sealed, made) = secret(&core.keys, &asked, had.as_ref(), given.as_deref(), &fallback)?;
        let row = wanted(tx, id, unit, &asked, had.as_ref(), secret_sealed);
        let Some(had) = had else {
            bind(tx, &auth, &actor, &row)?;
            agencies::agency_insert(tx.conn(), &row)?;
            noted(tx, &actor, &row)?;
            return Ok(Done::new(201, json!({ "id": id, "made": made })));
        };
        if (AgencyRow { version: had.version, updated_at: had.updated_at, ..row.clone() }) == had {
            return Ok(Done::new(200, json!({ "id": id })));
        }
        if seen != Some(had.version) {
            return Err(Error::new(Code::Stale)
                .detail(format!("say in If-Match which version you saw; it is {}", had.version))
                .with("current_version", had.version.into()));
        }
        bind(tx, &auth, &actor, &row)?;
        agencies::agency_save(tx.conn(), &row)?;
        rejoin(tx, &had, &row)?;
        noted(tx, &actor, &row)?;
        Ok(Done::new(200, json!({ "id": id, "made": made })))
    })
    .await?;
    let made = !done.replayed && done.resource.get("made").and_then(serde_json::Value::as_bool) == Some(true);
    Ok((done, made.then_some(plain)))
}

/// The secret it has from now on, and whether the server made it just now.
fn secret(
    keys: &Keys,
    asked: &PutAgency,
    had: Option<&AgencyRow>,
    given: Option<&[u8]>,
    fallback: &[u8],
) -> Result<(Option<Vec<u8>>, bool)> {
    let Some(hook) = &asked.webhook else { return Ok((None, false)) };
    let before = had.and_then(|had| had.secret_sealed.clone());
    Ok(match (&hook.secret, given, before) {
        // The same again is no change, although it would be sealed otherwise.
        (Some(said), _, Some(before)) if keys.unseal(&before)? == said.as_bytes() => (Some(before), false),
        (_, Some(given), _) => (Some(given.to_vec()), false),
        (_, None, Some(before)) => (Some(before), false),
        (_, None, None) => (Some(fallback.to_vec()), true),
    })
}

fn wanted(
    tx: &Tx<'_>,
    id: AgencyId,
    unit_id: UnitId,
    asked: &PutAgency,
    had: Option<&AgencyRow>,
    secret_sealed: Option<Vec<u8>>,
) -> AgencyRow {
    let (accept_within_s, finish_within_s) = asked.windows();
    AgencyRow {
        id,
        unit_id,
        name: asked.name.clone(),
        created_at: had.map_or(tx.now, |had| had.created_at),
        kind: asked.kind,
        phone: asked.phone.clone(),
        channel: asked.channel,
        webhook_url: asked.webhook.as_ref().map(|hook| hook.url.clone()),
        secret_sealed,
        service_person_id: asked.service_person_id,
        accept_within_s,
        finish_within_s,
        enabled: asked.enabled.unwrap_or(true),
        version: had.map_or(1, |had| had.version + 1),
        updated_at: tx.now,
    }
}

/// An account that spoke for every source, or for another one, would read incidents: it speaks for this agency alone.
fn bind(tx: &mut Tx<'_>, auth: &Auth, actor: &Actor, row: &AgencyRow) -> Result<()> {
    let Some(person) = &row.service_person_id else { return Ok(()) };
    if agencies::agency_of_account(tx.conn(), person)?.is_some_and(|other| other.id != row.id) {
        return Err(Error::conflict("the account is another agency's"));
    }
    // A source has 32 characters; the end of an id is random.
    let id = row.id.to_string();
    let end = id.rsplit('-').next().unwrap_or_default();
    people::source_bind(tx, auth, actor, person, &format!("agency-{end}"))
}

/// What a change of the way means for the feed.
fn rejoin(tx: &mut Tx<'_>, had: &AgencyRow, row: &AgencyRow) -> Result<()> {
    if row.webhook_url != had.webhook_url {
        // A first receiver is told from now on; what came before was read from the inbox, or said by telephone.
        feeds::outlet_reset(tx.conn(), &row.id, had.webhook_url.is_none())?;
    }
    if had.channel == Channel::Phone && row.channel == Channel::Software {
        outlet::begin(tx, row)?;
    }
    Ok(())
}

fn noted(tx: &mut Tx<'_>, actor: &Actor, row: &AgencyRow) -> Result<()> {
    let detail = json!({ "kind": row.kind, "channel": row.channel, "enabled": row.enabled });
    audit::record(tx, Some(actor), "agency.put", "agency", &row.id.to_string(), &detail)
}
