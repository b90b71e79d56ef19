//! A record is handed to another body: a committee that mediates on, a court that hears the parties or confirms what
//! they agreed. The work order does the rest: clocks, receipts, and what happens when it comes back.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::rules::states::{self, Step};
use super::super::rules::{State, calendar, clocks};
use super::super::store::acts::{self, DocumentRow, ReferralRow};
use super::super::store::{self, MediationRow};
use super::super::{Kind, PaperName, Purpose, lifecycle, messages};
use super::follow::{waits_for_effect, whose};
use super::sign::{open, same};
use crate::duty::partners::AgencyKind;
use crate::duty::partners::service::{NewTask, main_of, send_task};
use crate::duty::partners::store::agencies;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, MediationId, TaskId};
use crate::words::time::Timestamp;

/// The body of `POST /mediations/{id}/referrals`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReferral {
    /// The client's own id of the work order (UUIDv7); one is made unless given.
    pub id: Option<TaskId>,
    pub agency_id: AgencyId,
    /// `mediate`: it mediates on; `litigate`: the parties sue; `judicial_confirmation`: a court confirms the agreement.
    #[schema(inline)]
    pub purpose: Purpose,
    /// What is asked, 1 to 2000 characters.
    pub ask: String,
    /// Until when; as agreed with the body unless told.
    pub due_at: Option<Timestamp>,
    /// What whoever comes must beware of; at most 1000 characters.
    pub safety_notes: Option<String>,
    /// Papers that go along: unless told `agreement` and `minutes` of a final record, and of one that is not the `minutes`
    /// of a session that brought no agreement.
    pub documents: Option<Vec<String>>,
}

/// Hands a record over. One that has not taken effect, or whose promises were not kept, is `referred` by that; for its
/// confirmation by a court it stays in effect.
///
/// Errors: `not_found`, `forbidden` for whom the law does not let, `conflict` where it is not possible or too late,
/// `invalid_field`, `key_reused`.
pub async fn refer(ctx: &Ctx, meta: &RequestMeta, id: MediationId, new: NewReferral) -> Result<Done> {
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    // Without an id of the client's a second run of the recipe makes the same order.
    let task = new.id.unwrap_or_else(TaskId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (mut row, now) = open(tx, &core, &actor, &id)?;
        // Its call may have turned out to be a double.
        let call = main_of(tx, &row.incident_id)?.pop().unwrap_or(row.incident_id);
        let order = NewTask {
            id: Some(task),
            agency_id: new.agency_id,
            ask: new.ask.clone(),
            due_at: new.due_at,
            safety_notes: new.safety_notes.clone(),
            mediation_id: Some(id),
            documents: papers(&row, &acts::documents_of(tx.conn(), &id)?, new.documents.as_deref())?,
            drill: row.drill,
        };
        if let Some(known) = acts::referrals_of(tx.conn(), &id)?.into_iter().find(|known| known.task_id == task) {
            same(known.purpose == new.purpose)?;
            // The order says whether the rest is the same, too.
            send_task(tx, &actor, &call, &order)?;
            return Ok(Done::new(200, json!({ "id": id })));
        }
        let agency = agencies::agency_fetch(tx.conn(), &new.agency_id)?;
        if new.purpose != Purpose::Mediate && agency.kind != AgencyKind::Court {
            return Err(Error::field("agency_id", "must be a court"));
        }
        let confirmed = new.purpose == Purpose::JudicialConfirmation;
        if confirmed {
            confirmable(&row, &now, tx.now)?;
        } else {
            whose(&row, &actor, Step::Refer)?;
            waits_for_effect(&row, Step::Refer)?;
            if states::next(row.kind, row.state, Step::Refer)?.is_none() {
                return Err(Error::conflict("it has been handed over already").with("state", json!(row.state)));
            }
        }
        // An order of that id which is no referral of this record is somebody else's.
        same(send_task(tx, &actor, &call, &order)?.fresh)?;
        row.version += 1;
        row.updated_at = tx.now;
        let referral =
            ReferralRow { task_id: task, mediation_id: id, purpose: new.purpose, by_person: actor.person, at: tx.now };
        acts::referral_insert(tx.conn(), &referral)?;
        if !confirmed {
            lifecycle::step_to(tx, &mut row, Step::Refer, Some(actor.person), Some(agency.name))?;
            acts::reminders_end_all(tx.conn(), &id)?;
        }
        store::mediation_save(tx.conn(), &row)?;
        messages::tell(tx, &row, messages::MOVED)?;
        let detail = json!({ "task_id": task, "agency_id": agency.id, "purpose": new.purpose });
        audit::record(tx, Some(&actor), "mediation.refer", "mediation", &id.to_string(), &detail)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// The papers that go along: of a record that is not final the minutes of a session that failed, if there are any.
fn papers(row: &MediationRow, made: &[DocumentRow], asked: Option<&[String]>) -> Result<Vec<String>> {
    let is_there = |name: &PaperName| row.finalized_at.is_some() || made.iter().any(|paper| paper.kind == *name);
    let there: Vec<&str> = [PaperName::Agreement, PaperName::Minutes, PaperName::Volume]
        .into_iter()
        .filter(is_there)
        .map(|name| name.as_str())
        .collect();
    match asked {
        None => Ok(there.into_iter().filter(|name| *name != PaperName::Volume.as_str()).map(str::to_owned).collect()),
        Some(names) if names.iter().all(|name| there.contains(&name.as_str())) => Ok(names.to_vec()),
        Some(_) if there.is_empty() => Err(Error::field("documents", "the record has none yet")),
        Some(_) => Err(Error::field("documents", format!("must be of {}", there.join(", ")))),
    }
}

/// Whether a court may still confirm it: the people's agreements, within thirty days of taking effect (人民调解法
/// article 33).
fn confirmable(row: &MediationRow, now: &lifecycle::Now, instant: Timestamp) -> Result<()> {
    let in_effect = matches!(row.state, State::Effective | State::Performing | State::Performed);
    let effective = row.effective_at.filter(|_| in_effect && row.kind == Kind::People);
    let Some(effective) = effective else {
        return Err(Error::conflict("a court confirms agreements of people's mediation that are in effect")
            .with("state", json!(row.state)));
    };
    let until =
        clocks::judicial_confirmation_until(now.law()?, calendar::Calendar::ours()?, calendar::date_of(effective));
    if instant > until.at {
        return Err(Error::conflict("the time for it is over").with("due", json!(until)));
    }
    Ok(())
}
