//! Crews (出警单元): formed at sign-on or by the room, changed mid-shift.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::duty::duty_log;
use crate::duty::crews::{CrewRole, CrewRow, CrewStatus, Duty, Member, MemberRow, messages, store};
use crate::duty::officers::{PersonRow, PersonStatus, rules, store as people};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor, Facts, PersonKind, may};
use crate::words::error::{Error, Result};
use crate::words::ids::{CrewId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Members of one crew; a bus is not a crew.
const MEMBERS_MAX: usize = 16;

/// A new crew.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrewNew {
    pub call_sign: String,
    #[serde(default)]
    pub vehicle: Option<String>,
    #[serde(default)]
    pub grid: Option<String>,
    /// The unit it belongs to; that of its first member when absent.
    #[serde(default)]
    pub unit_id: Option<UnitId>,
    pub members: Vec<Member>,
}

/// What can be changed about a crew.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CrewPatch {
    pub call_sign: Option<String>,
    pub vehicle: Option<String>,
    pub grid: Option<String>,
    /// The whole new list of members.
    pub members: Option<Vec<Member>>,
}

/// Members who leave to form a crew of their own.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrewSplit {
    pub call_sign: String,
    #[serde(default)]
    pub vehicle: Option<String>,
    pub members: Vec<Member>,
}

/// A crew as shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CrewView {
    pub id: CrewId,
    pub unit_id: UnitId,
    pub call_sign: String,
    pub vehicle: Option<String>,
    pub grid: Option<String>,
    pub status: CrewStatus,
    pub members: Vec<Member>,
    pub version: i64,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A row with its members.
pub fn crew_view_of(row: CrewRow, members: Vec<Member>) -> CrewView {
    CrewView {
        id: row.id,
        unit_id: row.unit_id,
        call_sign: row.call_sign,
        vehicle: row.vehicle,
        grid: row.grid,
        status: row.status,
        members,
        version: row.version,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// The crew with its members now.
pub fn crew_view(conn: &mut Conn, id: &CrewId) -> Result<CrewView> {
    let row = store::crew_fetch(conn, id)?;
    let members = store::crew_members(conn, id)?;
    Ok(crew_view_of(row, members))
}

/// A crew the actor may know of: of his subtree, or his own.
pub fn crew_visible(conn: &mut Conn, actor: &Actor, id: &CrewId) -> Result<CrewRow> {
    let row = store::crew_fetch(conn, id)?;
    let unit = people::unit_fetch(conn, &row.unit_id)?;
    let own = store::crew_of(conn, &actor.person)? == Some(*id);
    let colleague = actor.kind != PersonKind::ServiceAccount && actor.commands(&unit.path);
    if own || colleague { Ok(row) } else { Err(Error::not_found("crew")) }
}

/// A visible crew that has not ended, held until the commit: it does not end meanwhile. Errors: `not_found`, `conflict`.
pub fn crew_open(conn: &mut Conn, actor: &Actor, id: &CrewId) -> Result<CrewRow> {
    crew_visible(conn, actor, id)?;
    let row = store::crew_lock(conn, id)?;
    if row.status == CrewStatus::Ended {
        return Err(Error::conflict("the crew has ended"));
    }
    Ok(row)
}

/// A crew the actor may change: the room of its subtree, or its own members.
fn crew_writable(conn: &mut Conn, actor: &Actor, id: &CrewId) -> Result<CrewRow> {
    let row = crew_open(conn, actor, id)?;
    let unit = people::unit_fetch(conn, &row.unit_id)?;
    let own = store::crew_of(conn, &actor.person)? == Some(*id);
    may(actor, Action::CrewWrite, &Facts { unit_path: Some(&unit.path), own, ..Facts::default() }).check("crew")?;
    Ok(row)
}

/// A person the actor may put into a crew: of his subtree or his own unit's branch.
fn person_for_crew(conn: &mut Conn, actor: &Actor, id: &PersonId) -> Result<PersonRow> {
    let person = people::person_fetch(conn, id)?;
    let unit = people::unit_fetch(conn, &person.unit_id)?;
    if *id != actor.person && !actor.commands(&unit.path) {
        return Err(Error::not_found("person"));
    }
    if !person.kind.is_field() {
        return Err(Error::field("members", format!("a {} does not ride in a crew", person.kind)));
    }
    if person.status != PersonStatus::Active {
        return Err(Error::conflict("the account is disabled").with("person_id", json!(id)));
    }
    Ok(person)
}

fn members_check(members: &[Member]) -> Result<()> {
    if members.is_empty() || members.len() > MEMBERS_MAX {
        return Err(Error::field("members", format!("must name 1 to {MEMBERS_MAX} people")));
    }
    let mut ids: Vec<PersonId> = members.iter().map(|m| m.person_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != members.len() {
        return Err(Error::field("members", "names somebody twice"));
    }
    if members.iter().filter(|m| m.role == CrewRole::Lead).count() > 1 {
        return Err(Error::field("members", "at most one lead"));
    }
    Ok(())
}

/// Writes a crew and moves its members into it; the recipe part shared by sign-on, room and split.
pub fn crew_form(
    tx: &mut Tx<'_>,
    actor: &Actor,
    unit_id: UnitId,
    call_sign: &str,
    vehicle: Option<&str>,
    grid: Option<&str>,
    members: &[Member],
) -> Result<CrewId> {
    members_check(members)?;
    let now = tx.now;
    let row = CrewRow {
        id: CrewId::new(),
        unit_id,
        call_sign: rules::name("call_sign", call_sign)?,
        vehicle: rules::name_opt("vehicle", vehicle)?,
        grid: rules::name_opt("grid", grid)?,
        status: CrewStatus::Active,
        version: 1,
        created_by: actor.person,
        created_at: now,
        ended_at: None,
    };
    store::crew_insert(tx.conn(), &row)?;
    for member in members {
        person_for_crew(tx.conn(), actor, &member.person_id)?;
        member_add(tx, actor, &row.id, member)?;
    }
    audit::record(
        tx,
        Some(actor),
        "crew.form",
        "crew",
        &row.id.to_string(),
        &json!({ "unit_id": unit_id, "members": members }),
    )?;
    tx.emit(&Event::CrewChanged { crew: row.id })?;
    Ok(row.id)
}

/// Adds one member to an open crew (a recipe part); a second lead takes over from the first.
pub fn member_join(tx: &mut Tx<'_>, actor: &Actor, crew_id: &CrewId, member: &Member) -> Result<()> {
    let current = store::crew_members(tx.conn(), crew_id)?;
    if current.contains(member) {
        return Ok(());
    }
    if current.len() >= MEMBERS_MAX && current.iter().all(|m| m.person_id != member.person_id) {
        return Err(Error::conflict(format!("a crew has at most {MEMBERS_MAX} members")));
    }
    if member.role == CrewRole::Lead
        && let Some(lead) = current.iter().find(|m| m.role == CrewRole::Lead && m.person_id != member.person_id)
    {
        member_add(tx, actor, crew_id, &Member { person_id: lead.person_id, role: CrewRole::Assist })?;
    }
    member_add(tx, actor, crew_id, member)?;
    crew_touch(tx, crew_id)
}

fn member_add(tx: &mut Tx<'_>, actor: &Actor, crew_id: &CrewId, member: &Member) -> Result<()> {
    let now = tx.now;
    let left = store::member_leave(tx.conn(), &member.person_id, now)?;
    store::member_insert(
        tx.conn(),
        &MemberRow {
            id: Uuid::now_v7().to_string(),
            crew_id: *crew_id,
            person_id: member.person_id,
            role: member.role,
            joined_at: now,
            left_at: None,
        },
    )?;
    duty_crew_set(tx, &member.person_id, Some(*crew_id))?;
    let data = json!({ "crew_id": crew_id, "role": member.role });
    duty_log(tx, actor, &member.person_id, "crew_joined", &data)?;
    if let Some(left) = left.filter(|left| left != crew_id) {
        crew_touch(tx, &left)?;
    }
    Ok(())
}

/// Takes somebody out of whatever crew he is in (a recipe part); an empty crew ends.
pub fn member_part(tx: &mut Tx<'_>, id: &PersonId) -> Result<Option<CrewId>> {
    let now = tx.now;
    let left = store::member_leave(tx.conn(), id, now)?;
    if let Some(crew_id) = &left {
        duty_crew_set(tx, id, None)?;
        crew_touch(tx, crew_id)?;
    }
    Ok(left)
}

fn duty_crew_set(tx: &mut Tx<'_>, id: &PersonId, crew_id: Option<CrewId>) -> Result<()> {
    let now = tx.now;
    let before = store::duty_fetch(tx.conn(), id)?;
    let row = Duty { crew_id, version: before.version + 1, updated_at: now, ..before };
    store::duty_put(tx.conn(), &row)
}

/// Raises the crew's version, ends it when nobody is left, tells the reactions.
fn crew_touch(tx: &mut Tx<'_>, id: &CrewId) -> Result<()> {
    let now = tx.now;
    let mut row = store::crew_lock(tx.conn(), id)?;
    row.version += 1;
    if row.status == CrewStatus::Active && store::crew_members(tx.conn(), id)?.is_empty() {
        row.status = CrewStatus::Ended;
        row.ended_at = Some(now);
    }
    store::crew_update(tx.conn(), &row)?;
    tx.emit(&Event::CrewChanged { crew: *id })
}

/// Forms a crew: the room of the subtree, or a field officer who is in it himself.
pub async fn crew_create(ctx: &Ctx, meta: &RequestMeta, body: CrewNew) -> Result<Done> {
    members_check(&body.members)?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let Some(first) = body.members.first() else { return Err(Error::field("members", "is empty")) };
        let unit_id = match body.unit_id {
            Some(id) => id,
            None => person_for_crew(tx.conn(), &actor, &first.person_id)?.unit_id,
        };
        let unit = people::unit_fetch(tx.conn(), &unit_id)?;
        if !actor.commands(&unit.path) {
            return Err(Error::not_found("unit"));
        }
        let own = body.members.iter().any(|m| m.person_id == actor.person);
        may(&actor, Action::CrewWrite, &Facts { unit_path: Some(&unit.path), own, ..Facts::default() })
            .check("unit")?;
        let (vehicle, grid) = (body.vehicle.as_deref(), body.grid.as_deref());
        let id = crew_form(tx, &actor, unit_id, &body.call_sign, vehicle, grid, &body.members)?;
        tell_members(tx, &actor, &body.members)?;
        Ok(Done::new(201, id.to_string()))
    })
    .await
}

/// Changes call sign, vehicle, grid or the whole list of members.
pub async fn crew_change(ctx: &Ctx, meta: &RequestMeta, id: CrewId, body: CrewPatch) -> Result<Done> {
    let call_sign = body.call_sign.as_deref().map(|c| rules::name("call_sign", c)).transpose()?;
    let vehicle = rules::name_opt("vehicle", body.vehicle.as_deref())?;
    let grid = rules::name_opt("grid", body.grid.as_deref())?;
    body.members.as_deref().map(members_check).transpose()?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let guard = meta.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let mut row = crew_writable(tx.conn(), &actor, &id)?;
        guard.check_version(row.version, || json!({ "id": row.id, "version": row.version }))?;
        if let Some(call_sign) = &call_sign {
            row.call_sign.clone_from(call_sign);
        }
        row.vehicle = vehicle.clone().or(row.vehicle);
        row.grid = grid.clone().or(row.grid);
        store::crew_update(tx.conn(), &row)?;
        let before = store::crew_members(tx.conn(), &id)?;
        if let Some(wanted) = &body.members {
            // Joins before leaves: a crew that is empty for a moment would end.
            for member in wanted.iter().filter(|m| !before.contains(m)) {
                person_for_crew(tx.conn(), &actor, &member.person_id)?;
                member_add(tx, &actor, &id, member)?;
            }
            for member in before.iter().filter(|m| wanted.iter().all(|w| w.person_id != m.person_id)) {
                member_part(tx, &member.person_id)?;
            }
            tell_members(tx, &actor, wanted)?;
        }
        tell_members(tx, &actor, &before)?;
        crew_touch(tx, &id)?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Joins a crew, oneself or (the room) somebody.
pub async fn crew_join(ctx: &Ctx, meta: &RequestMeta, id: CrewId, member: Member) -> Result<Done> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = crew_open(tx.conn(), &actor, &id)?;
        let unit = people::unit_fetch(tx.conn(), &row.unit_id)?;
        let own = member.person_id == actor.person || store::crew_of(tx.conn(), &actor.person)? == Some(id);
        may(&actor, Action::CrewWrite, &Facts { unit_path: Some(&unit.path), own, ..Facts::default() })
            .check("crew")?;
        person_for_crew(tx.conn(), &actor, &member.person_id)?;
        member_join(tx, &actor, &id, &member)?;
        messages::duty_changed(tx, &[member.person_id], actor.person)?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Leaves a crew, oneself or (the room) somebody; the last one out ends it.
pub async fn crew_leave(ctx: &Ctx, meta: &RequestMeta, id: CrewId, person: PersonId) -> Result<Done> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = crew_visible(tx.conn(), &actor, &id)?;
        let unit = people::unit_fetch(tx.conn(), &row.unit_id)?;
        let own = person == actor.person;
        may(&actor, Action::CrewWrite, &Facts { unit_path: Some(&unit.path), own, ..Facts::default() })
            .check("crew")?;
        if store::crew_of(tx.conn(), &person)? == Some(id) {
            member_part(tx, &person)?;
            duty_log(tx, &actor, &person, "crew_left", &json!({ "crew_id": id }))?;
            messages::duty_changed(tx, &[person], actor.person)?;
        }
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Some members leave and form a crew of their own; answers the new crew.
pub async fn crew_split(ctx: &Ctx, meta: &RequestMeta, id: CrewId, body: CrewSplit) -> Result<Done> {
    members_check(&body.members)?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = crew_writable(tx.conn(), &actor, &id)?;
        let members = store::crew_members(tx.conn(), &id)?;
        if body.members.iter().any(|m| members.iter().all(|c| c.person_id != m.person_id)) {
            return Err(Error::field("members", "names somebody who is not in the crew"));
        }
        let vehicle = body.vehicle.as_deref();
        let new = crew_form(tx, &actor, row.unit_id, &body.call_sign, vehicle, row.grid.as_deref(), &body.members)?;
        tell_members(tx, &actor, &members)?;
        Ok(Done::new(201, new.to_string()))
    })
    .await
}

fn tell_members(tx: &mut Tx<'_>, actor: &Actor, members: &[Member]) -> Result<()> {
    let ids: Vec<PersonId> = members.iter().map(|m| m.person_id).collect();
    messages::duty_changed(tx, &ids, actor.person)
}
