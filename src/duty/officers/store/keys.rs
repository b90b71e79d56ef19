//! The signing keys of access tokens.

use diesel::prelude::*;

use crate::duty::officers::SigningKeyRow;
use crate::platform::db::Conn;
use crate::platform::db::schema::signing_key;
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// Keys that may still verify a token at `now`, newest last.
pub fn signing_keys_valid(conn: &mut Conn, now: Timestamp) -> Result<Vec<SigningKeyRow>> {
    Ok(signing_key::table
        .filter(signing_key::retires_at.is_null().or(signing_key::retires_at.gt(now)))
        .order(signing_key::signs_from)
        .load(conn)?)
}

pub fn signing_key_insert(conn: &mut Conn, row: &SigningKeyRow) -> Result<()> {
    diesel::insert_into(signing_key::table).values(row).execute(conn)?;
    Ok(())
}

/// Sets the end of every key that signs before `successor_from` and has no end yet.
pub fn signing_keys_retire(conn: &mut Conn, successor_from: Timestamp, at: Timestamp) -> Result<usize> {
    Ok(diesel::update(
        signing_key::table.filter(signing_key::signs_from.lt(successor_from)).filter(signing_key::retires_at.is_null()),
    )
    .set(signing_key::retires_at.eq(Some(at)))
    .execute(conn)?)
}

pub fn signing_keys_purge(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(diesel::delete(signing_key::table.filter(signing_key::retires_at.lt(before))).execute(conn)?)
}
