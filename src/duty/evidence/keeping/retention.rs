//! The class of an item changes by a custodian's word; towards longer, never towards shorter than the law wants.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::rules::REASON_MAX;
use super::super::{Retention, store};
use super::terms::is_permanent;
use super::{Terms, standing};
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::Action;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::EvidenceId;

/// Into which class, and why.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRetention {
    #[schema(inline)]
    pub category: Retention,
    /// 1 to 500 characters.
    pub reason: String,
}

/// Changes the class; the same again changes nothing.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `erased`, `retention_running` when the item would be kept shorter.
pub async fn change(ctx: &Ctx, meta: &RequestMeta, id: EvidenceId, new: NewRetention) -> Result<Done> {
    body::text("reason", &new.reason, 1, REASON_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    let terms = ctx.part::<Terms>()?.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch_whole(tx.conn(), &actor, &id, Action::EvidenceKeep)?;
        let row = store::evidence_lock(tx.conn(), &id)?;
        access::whole(tx.conn(), &row)?;
        if row.retention == new.category {
            return Ok(Done::new(200, json!({ "id": id })));
        }
        if is_permanent(row.retention) && !is_permanent(new.category) {
            return Err(Error::new(Code::RetentionRunning)
                .detail("what is kept for ever by the law is not kept shorter by anybody")
                .with("category", json!(row.retention)));
        }
        let until = terms.keep_until(new.category, row.received_at);
        store::evidence_retain(tx.conn(), &id, new.category, until)?;
        let detail = json!({ "retention": new.category, "keep_until": until, "reason": new.reason });
        touch(tx, Touch::by(&actor, Some(&id), TouchKind::RetentionChanged, detail))?;
        if is_permanent(new.category) {
            standing::drop_open(tx, Some(&actor), &id, "class")?;
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}
