//! The signed webhook of a source's feed: who sets it up. `jobs` sends.

use serde::Deserialize;
use serde_json::{Value, json};

use super::service::check_source;
use super::store::feed::{self, WebhookRow};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::keys::random_secret;
use crate::platform::policy::{self, Action, Facts};
use crate::platform::webhook;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// The body of `PUT /integrations/{source}/webhook`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutWebhook {
    pub url: String,
    /// Shared secret of 16 to 200 characters; made by the server and shown once unless given.
    pub secret: Option<String>,
    /// On unless told.
    pub enabled: Option<bool>,
}

/// A checked setting with its secret sealed.
#[derive(Clone)]
pub struct Prepared {
    pub source: String,
    pub url: String,
    pub enabled: bool,
    pub sealed: Option<Vec<u8>>,
    /// The fresh secret, sealed, if there was none before.
    pub fallback: Vec<u8>,
    pub fallback_plain: String,
}

impl Prepared {
    /// Errors: `invalid_field`, `forbidden`.
    pub fn new(ctx: &Ctx, source: String, put: &PutWebhook) -> Result<Self> {
        check_source(&source)?;
        let facts = Facts { source: Some(&source), ..Facts::default() };
        policy::may(&ctx.actor, Action::IntegrationWrite, &facts).check("integration")?;
        webhook::check(&put.url, put.secret.as_deref())?;
        let sealed = put.secret.as_deref().map(|secret| ctx.keys.seal(secret.as_bytes())).transpose()?;
        let fallback_plain = random_secret()?;
        Ok(Self {
            source,
            url: put.url.clone(),
            enabled: put.enabled.unwrap_or(true),
            sealed,
            fallback: ctx.keys.seal(fallback_plain.as_bytes())?,
            fallback_plain,
        })
    }
}

/// Writes the setting; tells the secret only when the server made it.
pub fn put(tx: &mut Tx<'_>, ctx: &Ctx, prepared: &Prepared) -> Result<Value> {
    let now = tx.now;
    let had = feed::webhook_fetch(tx.conn(), &prepared.source)?;
    let (secret_sealed, shown) = match (&prepared.sealed, &had) {
        (Some(given), _) => (given.clone(), None),
        (None, Some(had)) => (had.secret_sealed.clone(), None),
        (None, None) => (prepared.fallback.clone(), Some(prepared.fallback_plain.clone())),
    };
    let row = WebhookRow {
        source: prepared.source.clone(),
        url: prepared.url.clone(),
        secret_sealed,
        enabled: prepared.enabled,
        delivered_seq: 0,
        attempts: 0,
        next_at: now,
        last_error: None,
        last_ok_at: None,
        updated_at: now,
        updated_by: ctx.actor.person,
        lease_until: Timestamp::EPOCH,
        lease_gen: 0,
    };
    feed::webhook_put(tx.conn(), &row)?;
    audit::record(
        tx,
        Some(&ctx.actor),
        "webhook.put",
        "integration",
        &prepared.source,
        &json!({ "enabled": row.enabled }),
    )?;
    let stored = feed::webhook_fetch(tx.conn(), &prepared.source)?.ok_or_else(|| Error::not_found("webhook"))?;
    let mut value = view(&stored, feed::feed_last(tx.conn(), &prepared.source)?);
    if let (Some(secret), Value::Object(map)) = (shown, &mut value) {
        map.insert("secret".into(), json!(secret));
    }
    Ok(value)
}

/// How far it got, without the secret.
pub fn view(row: &WebhookRow, last_seq: i64) -> Value {
    json!({
        "source": row.source,
        "url": row.url,
        "enabled": row.enabled,
        "delivered_seq": row.delivered_seq,
        "last_seq": last_seq,
        "attempts": row.attempts,
        "next_at": row.next_at,
        "last_error": row.last_error,
        "last_ok_at": row.last_ok_at,
    })
}
