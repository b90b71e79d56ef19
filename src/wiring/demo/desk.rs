//! What the members of one crew share: their car, and who is doing which job.
//!
//! A person alone is a crew of one. Called by the crew's terminals.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use serde_json::Value;

use super::handset::{locked, place_of};
use super::tracks::{Mover, Pose, Spot};
use crate::wiring::simulate::client::first_text;

/// One assignment as the terminal knows it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Assignment id.
    pub assignment: String,
    /// Incident id.
    pub incident: String,
    /// Where to go.
    pub spot: Option<Spot>,
}

impl Job {
    /// Read an offer, or an entry of `GET /me/assignments`.
    pub fn read(data: &Value) -> Option<Self> {
        let assignment = first_text(data, &["/assignment_id", "/assignment/id", "/id"]).to_owned();
        let incident = first_text(data, &["/incident_id", "/incident/id", "/assignment/incident_id"]).to_owned();
        if assignment.is_empty() || incident.is_empty() {
            return None;
        }
        let spot = ["/location", "/incident/location"].iter().find_map(|p| place_of(data.pointer(p)?));
        Some(Self { assignment, incident, spot })
    }
}

#[derive(Default)]
struct Work {
    active: Option<String>,
    heard: HashSet<String>,
    queue: VecDeque<Job>,
}

/// Shared by the terminals of one crew.
pub struct Desk {
    /// Room the crew belongs to.
    pub room: usize,
    mover: Mutex<Mover>,
    work: Mutex<Work>,
}

impl Desk {
    /// A crew at the start of its shift.
    pub fn new(room: usize, mover: Mover) -> Self {
        Self { room, mover: Mutex::new(mover), work: Mutex::default() }
    }

    /// Where the crew is.
    pub fn pose(&self, clock: f64) -> Pose {
        locked(&self.mover).pose(clock)
    }

    /// Set off; seconds until arrival.
    pub fn go(&self, clock: f64, to: Spot) -> f64 {
        locked(&self.mover).go(clock, to)
    }

    /// Stay where one is.
    pub fn halt(&self, clock: f64) {
        locked(&self.mover).halt(clock);
    }

    /// Back to the patrol.
    pub fn resume(&self, clock: f64) {
        locked(&self.mover).resume(clock);
    }

    /// True for the first of the crew who picks this up.
    pub fn hears(&self, id: &str) -> bool {
        locked(&self.work).heard.insert(id.to_owned())
    }

    /// Make a job the active one, or queue it behind the active one (false).
    pub fn start(&self, job: &Job) -> bool {
        let mut work = locked(&self.work);
        if work.active.is_some() {
            work.queue.push_back(job.clone());
            return false;
        }
        work.active = Some(job.assignment.clone());
        true
    }

    /// Is this the job in hand?
    pub fn has(&self, assignment: &str) -> bool {
        locked(&self.work).active.as_deref() == Some(assignment)
    }

    /// Is any job in hand?
    pub fn is_busy(&self) -> bool {
        locked(&self.work).active.is_some()
    }

    /// The job is done; the next one of the queue becomes active.
    pub fn finish(&self, assignment: &str) -> Option<Job> {
        let mut work = locked(&self.work);
        if work.active.as_deref() == Some(assignment) {
            let next = work.queue.pop_front();
            work.active = next.as_ref().map(|job| job.assignment.clone());
            return next;
        }
        None
    }

    /// Somebody else does it now; true if it was in hand.
    pub fn drop_job(&self, assignment: &str) -> bool {
        let mut work = locked(&self.work);
        work.queue.retain(|job| job.assignment != assignment);
        let was_active = work.active.as_deref() == Some(assignment);
        if was_active {
            work.active = work.queue.pop_front().map(|job| job.assignment);
        }
        was_active
    }
}

#[cfg(test)]
mod tests {
    use super::super::tracks::{Gait, Traces};
    use super::*;
    use crate::words::dice::Dice;
    use serde_json::json;

    fn job(id: &str) -> Job {
        Job { assignment: id.to_owned(), incident: "i".to_owned(), spot: None }
    }

    #[test]
    fn one_job_at_a_time_and_only_one_member_answers() {
        let mover = Mover::new(&Traces::load(), Gait::Foot, Spot { x: 0.0, y: 0.0 }, &mut Dice::new(1));
        let desk = Desk::new(0, mover);
        assert!(desk.hears("a") && !desk.hears("a"));
        assert!(desk.start(&job("a")));
        assert!(!desk.start(&job("b")));
        assert!(desk.has("a") && !desk.has("b"));
        assert_eq!(desk.finish("a").map(|j| j.assignment).as_deref(), Some("b"));
        assert!(desk.has("b"));
        assert!(desk.drop_job("b"));
        assert!(!desk.is_busy());
    }

    #[test]
    fn an_offer_is_read_from_either_form() {
        let flat = json!({"assignment_id": "a", "incident_id": "i", "location": {"lon": 119.6, "lat": 31.7}});
        let nested =
            json!({"assignment": {"id": "a"}, "incident": {"id": "i", "location": {"lon": 119.6, "lat": 31.7}}});
        for data in [flat, nested] {
            let job = Job::read(&data).unwrap();
            assert_eq!((job.assignment.as_str(), job.incident.as_str()), ("a", "i"));
            assert!(job.spot.is_some());
        }
        assert!(Job::read(&json!({"id": "a"})).is_none());
    }
}
