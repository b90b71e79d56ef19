//! Reasons for which a person's devices report more often.

use diesel::prelude::*;

use crate::duty::location::reporting::Mode;
use crate::platform::db::schema::reporting_rule as rule;
use crate::platform::db::{Conn, kept};
use crate::words::error::Result;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Sets a reason; the same source replaces its own.
pub fn rule_put(conn: &mut Conn, person: &PersonId, source: &str, mode: Mode, now: Timestamp) -> Result<()> {
    let new = (rule::person_id.eq(person), rule::source.eq(source), rule::mode.eq(mode), rule::since.eq(now));
    let put = diesel::insert_into(rule::table)
        .values(new)
        .on_conflict((rule::person_id, rule::source))
        .do_update()
        .set(rule::mode.eq(mode));
    kept::execute(conn, put)?;
    Ok(())
}

/// Ends a reason for one person.
pub fn rule_drop(conn: &mut Conn, person: &PersonId, source: &str) -> Result<bool> {
    let dropped =
        diesel::delete(rule::table.filter(rule::person_id.eq(person)).filter(rule::source.eq(source))).execute(conn)?;
    Ok(dropped > 0)
}

/// Everybody for whom the source is a reason.
pub fn rule_people(conn: &mut Conn, source: &str) -> Result<Vec<PersonId>> {
    Ok(rule::table.filter(rule::source.eq(source)).select(rule::person_id).load(conn)?)
}

/// The reasons that hold for a person.
pub fn rules_of(conn: &mut Conn, person: &PersonId) -> Result<Vec<(String, Mode)>> {
    Ok(rule::table.filter(rule::person_id.eq(person)).select((rule::source, rule::mode)).load(conn)?)
}

/// What all of them together ask for.
pub fn mode_of(conn: &mut Conn, person: &PersonId) -> Result<Mode> {
    Ok(Mode::strongest(rules_of(conn, person)?.into_iter().map(|(_, mode)| mode)))
}

/// All reasons, for start-up.
pub fn rules_all(conn: &mut Conn) -> Result<Vec<(PersonId, Mode)>> {
    Ok(rule::table.select((rule::person_id, rule::mode)).load(conn)?)
}
