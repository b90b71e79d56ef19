//! Repeatable writes: the same key gives the first answer and no second effect.
//!
//! The row holds the request's hash, the status and the ids of what was made;
//! the body is rendered again under today's policy. Rows live 30 days.

use diesel::prelude::*;
use serde_json::Value;

use super::body::RequestMeta;
use crate::per_backend;
use crate::platform::bugs::{self, Bug};
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::idempotency as row;
use crate::platform::db::{Priority, Tx, kept};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Days an answer can be asked for again.
pub const KEPT_DAYS: i64 = 30;

/// What a write did: enough to render its answer again.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// HTTP status of the first answer.
    pub status: u16,
    /// Ids and enums only, in the slice's own shape.
    pub resource: Value,
    /// This is the first answer given again.
    pub replayed: bool,
}

impl Done {
    pub fn new(status: u16, resource: impl Into<Value>) -> Self {
        Self { status, resource: resource.into(), replayed: false }
    }

    /// The resource when it is one id.
    pub fn id<I: std::str::FromStr<Err = Error>>(&self) -> Result<I> {
        self.resource
            .as_str()
            .or_else(|| self.resource.get("id").and_then(Value::as_str))
            .ok_or_else(|| Error::internal("an idempotency row without an id"))?
            .parse()
    }
}

/// Runs a write once per key; without a key it simply runs.
///
/// Errors: the recipe's own; `key_reused` when the key came with another request.
pub async fn run<F>(ctx: &Ctx, meta: &RequestMeta, priority: Priority, recipe: F) -> Result<Done>
where
    F: Fn(&mut Tx<'_>) -> Result<Done> + Send + 'static,
{
    let person = ctx.actor.person;
    let (key, hash) = (meta.key.clone(), meta.hash.clone());
    ctx.db
        .write(priority, move |tx| match &key {
            None => recipe(tx),
            Some(key) => in_txn(tx, &person, key, &hash, &recipe),
        })
        .await
}

/// The same inside a transaction that is already open (socket requests).
pub fn in_txn(
    tx: &mut Tx<'_>,
    person: &PersonId,
    key: &str,
    hash: &str,
    recipe: &dyn Fn(&mut Tx<'_>) -> Result<Done>,
) -> Result<Done> {
    let now = tx.now;
    let claimed = per_backend!(tx.conn(), |c| {
        diesel::insert_into(row::table)
            .values((
                row::person_id.eq(person),
                row::key.eq(key),
                row::request_hash.eq(hash),
                row::status.eq(0),
                row::resource.eq("null"),
                row::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    if claimed == 0 && !bugs::has(Bug::ReplayTwice) {
        return first_answer(tx, person, key, hash);
    }
    let done = recipe(tx)?;
    let mine = row::table.filter(row::person_id.eq(person)).filter(row::key.eq(key));
    let answer = (row::status.eq(i32::from(done.status)), row::resource.eq(done.resource.to_string()));
    kept::execute(tx.conn(), diesel::update(mine).set(answer))?;
    Ok(done)
}

fn first_answer(tx: &mut Tx<'_>, person: &PersonId, key: &str, hash: &str) -> Result<Done> {
    let (kept_hash, status, resource): (String, i32, String) = row::table
        .filter(row::person_id.eq(person))
        .filter(row::key.eq(key))
        .select((row::request_hash, row::status, row::resource))
        .first(tx.conn())?;
    if kept_hash != hash {
        return Err(Error::new(Code::KeyReused));
    }
    let status = u16::try_from(status).map_err(Error::internal)?;
    Ok(Done { status, resource: serde_json::from_str(&resource)?, replayed: true })
}

/// Forgets answers older than [`KEPT_DAYS`]; a periodic duty. Returns how many.
pub fn trim(tx: &mut Tx<'_>) -> Result<usize> {
    let before: Timestamp = tx.now.plus_secs(-KEPT_DAYS * 86_400);
    Ok(diesel::delete(row::table.filter(row::created_at.lt(before))).execute(tx.conn())?)
}

#[cfg(test)]
#[path = "idem_sim.rs"]
mod sim;
