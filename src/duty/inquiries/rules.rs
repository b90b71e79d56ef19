//! Bounds, states and what an inquiry covers. Pure.

use super::store::InquiryRow;
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Characters of an inquiry's number, as offices write them.
pub const NUMBER_MAX: usize = 64;
/// Characters of its reason.
pub const REASON_MAX: usize = 500;
/// People who may be named: a group that looks into a complaint, not an office.
pub const INVESTIGATORS_MAX: usize = 10;
/// Incidents of one inquiry.
pub const INCIDENTS_MAX: usize = 20;
/// Units it may be narrowed to.
pub const UNITS_MAX: usize = 50;
/// Longest stretch of time it may look at, seconds: a year.
pub const SPAN_MAX_S: i64 = 366 * 86_400;
/// Longest term, seconds: three months; who needs longer asks again, and somebody approves again.
pub const TERM_MAX_S: i64 = 92 * 86_400;

text_enum! {
    /// How far an inquiry is; by its times, never stored.
    pub enum State {
        /// Nobody has approved it: it opens nothing.
        Requested = "requested",
        Open = "open",
        Closed = "closed",
        Expired = "expired",
    }
}

/// An inquiry with everything that is named in it.
#[derive(Clone, Debug)]
pub struct Inquiry {
    pub row: InquiryRow,
    pub investigators: Vec<PersonId>,
    pub incidents: Vec<IncidentId>,
    pub units: Vec<UnitId>,
    /// Paths of the units.
    pub unit_paths: Vec<String>,
}

/// What is asked for: whose it is, of which incidents, of which unit.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub people: &'a [PersonId],
    pub incidents: &'a [IncidentId],
    pub unit_path: &'a str,
}

impl Inquiry {
    pub fn state(&self, now: Timestamp) -> State {
        state(&self.row, now)
    }

    /// Whether something of that instant lies within it.
    pub fn covers(&self, about: &About<'_>, at: Timestamp) -> bool {
        self.concerns(about) && self.row.from_at <= at && at < self.row.to_at
    }

    /// Whether a whole stretch of time does.
    pub fn covers_stretch(&self, about: &About<'_>, from: Timestamp, to: Timestamp) -> bool {
        self.concerns(about) && self.row.from_at <= from && to <= self.row.to_at
    }

    /// Whether it is about that at all, whenever it was.
    pub fn concerns(&self, about: &About<'_>) -> bool {
        let subject = match &self.row.person_id {
            Some(person) => about.people.contains(person),
            None => about.incidents.iter().any(|incident| self.incidents.contains(incident)),
        };
        let unit = self.unit_paths.is_empty() || self.unit_paths.iter().any(|path| about.unit_path.starts_with(path));
        subject && unit
    }
}

/// How far an inquiry is.
pub fn state(row: &InquiryRow, now: Timestamp) -> State {
    if row.closed_at.is_some() {
        State::Closed
    } else if row.expires_at <= now {
        State::Expired
    } else if row.approved_at.is_some() {
        State::Open
    } else {
        State::Requested
    }
}

/// Errors: `invalid_field`.
pub fn check_times(from: Timestamp, to: Timestamp) -> Result<()> {
    if from >= to {
        return Err(Error::field("from", "must be before `to`"));
    }
    if to.secs_since(from) > SPAN_MAX_S as f64 {
        return Err(Error::field("from", "must be at most 366 days before `to`"));
    }
    Ok(())
}

/// Errors: `invalid_field`.
pub fn check_term(expires_at: Timestamp, now: Timestamp) -> Result<()> {
    if expires_at <= now {
        return Err(Error::field("expires_at", "must lie in the future"));
    }
    if expires_at > now.plus_secs(TERM_MAX_S) {
        return Err(Error::field("expires_at", "must be within 92 days"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::InquiryId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000).plus_secs(second)
    }

    fn inquiry(person: Option<PersonId>, incidents: Vec<IncidentId>, unit_paths: &[&str]) -> Inquiry {
        let row = InquiryRow {
            id: InquiryId::new(),
            number: "督〔2026〕7号".to_owned(),
            person_id: person,
            from_at: at(0),
            to_at: at(100),
            reason: "complaint".to_owned(),
            requested_by: PersonId::new(),
            requested_unit_id: UnitId::new(),
            requested_at: at(500),
            expires_at: at(1_000),
            approved_by: Some(PersonId::new()),
            approved_at: Some(at(600)),
            closed_by: None,
            closed_at: None,
            version: 2,
        };
        let unit_paths = unit_paths.iter().map(|path| (*path).to_owned()).collect();
        Inquiry { row, investigators: vec![PersonId::new()], incidents, units: Vec::new(), unit_paths }
    }

    #[test]
    fn only_the_subject_in_its_time_and_its_units_is_covered() {
        let (subject, other) = (PersonId::new(), PersonId::new());
        let narrow = inquiry(Some(subject), Vec::new(), &["/a/b/"]);
        let about = |people: &[PersonId], unit_path: &str, second: i64| {
            narrow.covers(&About { people, incidents: &[], unit_path }, at(second))
        };
        assert!(about(&[subject], "/a/b/", 0) && about(&[other, subject], "/a/b/c/", 99));
        assert!(!about(&[other], "/a/b/", 0), "another person");
        assert!(!about(&[subject], "/a/x/", 0) && !about(&[subject], "/a/", 0), "another unit");
        assert!(!about(&[subject], "/a/b/", -1) && !about(&[subject], "/a/b/", 100), "another time");
        let wide = inquiry(Some(subject), Vec::new(), &[]);
        let one = About { people: &[subject], incidents: &[], unit_path: "/x/" };
        assert!(wide.covers_stretch(&one, at(0), at(100)));
        assert!(!wide.covers_stretch(&one, at(-1), at(50)) && !wide.covers_stretch(&one, at(50), at(101)));
        let incident = IncidentId::new();
        let of_call = inquiry(None, vec![incident], &[]);
        let about =
            |incidents: &[IncidentId]| of_call.covers(&About { people: &[], incidents, unit_path: "/x/" }, at(5));
        assert!(about(&[IncidentId::new(), incident]) && !about(&[IncidentId::new()]) && !about(&[]));
    }

    #[test]
    fn it_is_open_from_its_approval_until_it_is_closed_or_its_term_is_over() {
        let mut inquiry = inquiry(None, Vec::new(), &[]);
        assert_eq!(inquiry.state(at(999)), State::Open);
        assert_eq!(inquiry.state(at(1_000)), State::Expired);
        inquiry.row.closed_at = Some(at(700));
        assert_eq!(inquiry.state(at(800)), State::Closed);
        (inquiry.row.closed_at, inquiry.row.approved_at) = (None, None);
        assert_eq!(inquiry.state(at(800)), State::Requested);
    }

    #[test]
    fn terms_and_stretches_are_bounded() {
        assert!(check_times(at(0), at(1)).is_ok() && check_times(at(0), at(SPAN_MAX_S)).is_ok());
        assert!(check_times(at(1), at(1)).is_err() && check_times(at(0), at(SPAN_MAX_S + 1)).is_err());
        assert!(check_term(at(1), at(0)).is_ok() && check_term(at(TERM_MAX_S), at(0)).is_ok());
        assert!(check_term(at(0), at(0)).is_err() && check_term(at(TERM_MAX_S + 1), at(0)).is_err());
    }
}
