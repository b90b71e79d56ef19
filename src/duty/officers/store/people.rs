//! People, their passwords and their encrypted fields.

use diesel::prelude::*;

use crate::duty::officers::{PersonRow, PersonStatus};
use crate::per_backend;
use crate::platform::db::schema::{credential, person, person_secret, unit};
use crate::platform::db::{Conn, straight};
use crate::platform::keys::CURRENT_KEY_ID;
use crate::platform::policy::PersonKind;
use crate::words::error::{Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// What a list of people is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct PeopleFilter {
    /// Path prefix of the subtree.
    pub path: String,
    pub kind: Option<PersonKind>,
    /// Part of the name, badge or username.
    pub text: Option<String>,
    /// Blind index of a telephone number.
    pub phone_index: Option<String>,
    pub after: Option<(String, PersonId)>,
    pub limit: i64,
}

/// `not_found` if there is none.
pub fn person_fetch(conn: &mut Conn, id: &PersonId) -> Result<PersonRow> {
    straight::one(conn, person::table.find(id))?.ok_or_else(|| Error::not_found("person"))
}

pub fn person_by_username(conn: &mut Conn, username: &str) -> Result<Option<PersonRow>> {
    Ok(person::table.filter(person::username.eq(username)).first(conn).optional()?)
}

pub fn people_fetch(conn: &mut Conn, ids: &[PersonId]) -> Result<Vec<PersonRow>> {
    Ok(person::table.filter(person::id.eq_any(ids)).load(conn)?)
}

pub fn person_insert(conn: &mut Conn, row: &PersonRow) -> Result<()> {
    diesel::insert_into(person::table).values(row).execute(conn)?;
    Ok(())
}

pub fn person_update(conn: &mut Conn, row: &PersonRow) -> Result<()> {
    diesel::update(person::table.find(&row.id)).set(row).execute(conn)?;
    Ok(())
}

/// One page of people of a subtree, ordered by name.
pub fn people_page(conn: &mut Conn, filter: &PeopleFilter) -> Result<Vec<PersonRow>> {
    let mut query = person::table
        .inner_join(unit::table)
        .filter(unit::path.like(format!("{}%", filter.path)))
        .select(person::all_columns)
        .into_boxed();
    if let Some(kind) = filter.kind {
        query = query.filter(person::kind.eq(kind));
    }
    if let Some(text) = &filter.text {
        let like = format!("%{}%", text.replace(['%', '_', '\\'], ""));
        query = query.filter(
            person::name.like(like.clone()).or(person::username.like(like.clone())).or(person::badge_no.like(like)),
        );
    }
    if let Some(index) = &filter.phone_index {
        let owners = person_secret::table
            .filter(person_secret::field.eq("phone"))
            .filter(person_secret::blind_index.eq(index.clone()))
            .select(person_secret::person_id)
            .load::<PersonId>(conn)?;
        query = query.filter(person::id.eq_any(owners));
    }
    if let Some((name, id)) = &filter.after {
        query = query.filter(person::name.gt(name.clone()).or(person::name.eq(name.clone()).and(person::id.gt(*id))));
    }
    Ok(query.order((person::name, person::id)).limit(filter.limit).load(conn)?)
}

/// Active people of a subtree, by kind or all; for wide addressing.
pub fn people_in_subtree(conn: &mut Conn, path: &str) -> Result<Vec<PersonRow>> {
    Ok(person::table
        .inner_join(unit::table)
        .filter(unit::path.like(format!("{path}%")))
        .filter(person::status.eq(PersonStatus::Active))
        .select(person::all_columns)
        .order(person::id)
        .load(conn)?)
}

pub fn password_hash_fetch(conn: &mut Conn, id: &PersonId) -> Result<Option<String>> {
    Ok(credential::table.find(id).select(credential::password_hash).first(conn).optional()?)
}

pub fn password_hash_put(conn: &mut Conn, id: &PersonId, hash: &str, now: Timestamp) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(credential::table)
        .values((credential::person_id.eq(id), credential::password_hash.eq(hash), credential::changed_at.eq(now)))
        .on_conflict(credential::person_id)
        .do_update()
        .set((credential::password_hash.eq(hash), credential::changed_at.eq(now)))
        .execute(c))?;
    Ok(())
}

/// Stores an encrypted field with its blind index; `None` erases it.
pub fn secret_put(conn: &mut Conn, id: &PersonId, field: &str, value: Option<(&[u8], &str)>) -> Result<()> {
    diesel::delete(person_secret::table.find((id, field))).execute(conn)?;
    if let Some((sealed, index)) = value {
        diesel::insert_into(person_secret::table)
            .values((
                person_secret::person_id.eq(id),
                person_secret::field.eq(field),
                person_secret::ciphertext.eq(sealed),
                person_secret::key_id.eq(CURRENT_KEY_ID),
                person_secret::blind_index.eq(index),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Encrypted fields of one person as (field, sealed).
pub fn secrets_fetch(conn: &mut Conn, id: &PersonId) -> Result<Vec<(String, Vec<u8>)>> {
    Ok(person_secret::table
        .filter(person_secret::person_id.eq(id))
        .select((person_secret::field, person_secret::ciphertext))
        .load(conn)?)
}
