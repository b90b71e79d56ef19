//! The first administrator, made from the command line.

use serde_json::json;

use crate::duty::officers::auth::Auth;
use crate::duty::officers::{PersonRow, PersonStatus, UnitRow, rules, store};
use crate::platform::audit;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::policy::PersonKind;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{PersonId, UnitId};

/// Name of the root unit that is made when there is none; an administrator renames it.
const ROOT_NAME: &str = "根单位";

/// Makes an administrator of the root unit, and the root unit if there is none. Blocking.
/// Errors: `already_exists` for a taken username, `invalid_field` for a weak password.
pub fn admin_create(core: &Core, username: &str, password: &str) -> Result<PersonId> {
    let username = rules::username(username)?;
    rules::password(password)?;
    let hash = core.part::<Auth>()?.passwords().hash_blocking(password)?;
    core.db.write_blocking(Priority::Normal, move |tx| {
        let now = tx.now;
        if store::person_by_username(tx.conn(), &username)?.is_some() {
            return Err(Error::new(Code::AlreadyExists).detail("the username is taken"));
        }
        let unit = match store::unit_any(tx.conn())? {
            Some(root) => root,
            None => {
                let id = UnitId::new();
                let root = UnitRow {
                    id,
                    name: ROOT_NAME.to_owned(),
                    kind: "city".to_owned(),
                    parent_id: None,
                    path: format!("/{id}/"),
                    version: 1,
                    created_at: now,
                    updated_at: now,
                };
                store::unit_insert(tx.conn(), &root)?;
                root
            }
        };
        let person = PersonRow {
            id: PersonId::new(),
            username: username.clone(),
            name: username.clone(),
            kind: PersonKind::Administrator,
            unit_id: unit.id,
            badge_no: None,
            source: None,
            status: PersonStatus::Active,
            mediator_no: None,
            mediator_issuer: None,
            mediator_expires: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        store::person_insert(tx.conn(), &person)?;
        store::password_hash_put(tx.conn(), &person.id, &hash, now)?;
        audit::record(tx, None, "admin.create", "person", &person.id.to_string(), &json!({ "unit_id": unit.id }))?;
        Ok(person.id)
    })
}
