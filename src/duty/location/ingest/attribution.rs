//! Whose fix is it? The bearer's, unless it was taken before the bearer's session: then it is that of whoever had the
//! device at the time. What A queued before handing the device to B arrives as A's, no token of A needed.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Bearer;
use crate::duty::location::fix::{Fix, FixIn};
use crate::duty::officers::auth::device_signature::author_check;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Core;
use crate::words::error::Result;
use crate::words::ids::{PersonId, SessionId};
use crate::words::time::Timestamp;

/// Sessions whose beginning is remembered; beyond, the memory starts anew.
const REMEMBERED: usize = 50_000;

/// Seconds a fix may be newer than the end of a session and still belong to it: clocks differ.
const SLACK_S: i64 = 60;

/// When each session began.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    began: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Sessions {
    /// Files every fix under its author. Errors: `forbidden` for a named author without a session on the device.
    pub async fn attribute(
        &self,
        core: &Core,
        bearer: &Bearer,
        fixes: Vec<(&FixIn, Fix)>,
    ) -> Result<Vec<(Option<PersonId>, Fix)>> {
        let own = Some(bearer.person);
        let began = self.began(core, bearer).await?;
        let foreign = |input: &FixIn, fix: &Fix| match &input.author {
            Some(author) => author.person_id != bearer.person,
            None => began.is_some_and(|began| fix.at < began.as_micros()),
        };
        let oldest_foreign = fixes.iter().filter(|(input, fix)| foreign(input, fix)).map(|(_, fix)| fix.at).min();
        let Some(oldest) = oldest_foreign else {
            return Ok(fixes.into_iter().map(|(_, fix)| (own, fix)).collect());
        };
        let device = bearer.device;
        let named: HashMap<PersonId, Timestamp> = fixes
            .iter()
            .filter_map(|(input, fix)| Some((input.author.as_ref()?.person_id, fix.at())))
            .filter(|(person, _)| *person != bearer.person)
            .fold(HashMap::new(), |mut newest, (person, at)| {
                let entry = newest.entry(person).or_insert(at);
                *entry = (*entry).max(at);
                newest
            });
        let now = core.clock.now();
        let sessions = core
            .db
            .read(move |conn| {
                for (person, newest) in &named {
                    author_check(conn, person, &device, *newest, now)?;
                }
                officers::sessions_of_device_since(conn, &device, Timestamp::from_micros(oldest).plus_secs(-SLACK_S))
            })
            .await?;
        // Newest first: the latest session that had begun is the one that was in force.
        let holder = |at: Timestamp| {
            sessions
                .iter()
                .find(|s| s.created_at <= at && s.ended_at.is_none_or(|end| at <= end.plus_secs(SLACK_S)))
                .map(|s| s.person_id)
        };
        Ok(fixes
            .into_iter()
            .map(|(input, fix)| {
                let author = match &input.author {
                    Some(author) => Some(author.person_id),
                    None if foreign(input, &fix) => holder(fix.at()).or(own),
                    None => own,
                };
                (author, fix)
            })
            .collect())
    }

    async fn began(&self, core: &Core, bearer: &Bearer) -> Result<Option<Timestamp>> {
        let Some(session) = bearer.session else { return Ok(None) };
        if let Some(began) = self.began.lock().get(&session) {
            return Ok(Some(*began));
        }
        let began = core.db.read(move |conn| Ok(officers::session_fetch(conn, &session)?.created_at)).await?;
        let mut known = self.began.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(session, began);
        Ok(Some(began))
    }
}
