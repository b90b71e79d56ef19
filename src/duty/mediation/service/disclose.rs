//! Particulars of the parties in clear: asked for field by field, with a purpose, and written down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::record::{self, field_of};
use super::super::{PURPOSE_MAX, access, store};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::body;
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::MediationId;

/// Fields of one question: all particulars of the most parties and others a record holds.
const FIELDS_MAX: usize = 120;

/// The body of `POST /mediations/{id}/particulars`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Particulars {
    /// Paths of personal fields, 1 to 120.
    pub fields: Vec<String>,
    /// Why; 1 to 200 characters, kept in the audit.
    pub purpose: String,
}

/// One field in clear.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DisclosedField {
    pub field: String,
    /// The value; several where people disagree, none where nobody has filled it.
    #[schema(value_type = Vec<String>)]
    pub values: Vec<Value>,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Disclosed {
    /// Of the record.
    pub version: i64,
    pub items: Vec<DisclosedField>,
}

/// Shows particulars; what cannot be written down is not shown.
///
/// Errors: `not_found`, `forbidden`, `invalid_field` for what is no personal field.
pub async fn disclose(ctx: &Ctx, id: MediationId, asked: Particulars) -> Result<Disclosed> {
    body::text("purpose", &asked.purpose, 1, PURPOSE_MAX)?;
    if asked.fields.is_empty() || asked.fields.len() > FIELDS_MAX {
        return Err(Error::field("fields", format!("must name 1 to {FIELDS_MAX}")));
    }
    if let Some(other) = asked.fields.iter().find(|path| !field_of(path).is_some_and(|field| field.personal)) {
        return Err(Error::field("fields", "must be personal fields of the record").with("named", json!(other)));
    }
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    ctx.db
        .write(Priority::Normal, move |tx| {
            let row = access::fetch(tx.conn(), &actor, &id, Action::MediationWrite)?;
            let edits = store::edits_of(tx.conn(), &core.keys, &id)?;
            let heads = record::heads(&edits);
            let items = asked.fields.iter().map(|path| {
                let heads = heads.get(path.as_str()).map(Vec::as_slice).unwrap_or_default();
                let mut values: Vec<Value> = Vec::new();
                for head in heads {
                    if !head.value.is_null() && !values.contains(&head.value) {
                        values.push(head.value.clone());
                    }
                }
                DisclosedField { field: path.clone(), values }
            });
            let items = items.collect();
            let detail = json!({ "fields": asked.fields, "purpose": asked.purpose });
            audit::record(tx, Some(&actor), "mediation.particulars_read", "mediation", &id.to_string(), &detail)?;
            Ok(Disclosed { version: row.version, items })
        })
        .await
}
