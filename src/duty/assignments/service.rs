//! What other parts of the house call: the socket and the table of reactions.

pub use super::events::{delivered, event, record_event};
pub use super::follow::{
    availability, crew_changed, duty_changed, feedback_given, incident_created, incident_ended, received,
    tell_assigned, tell_note,
};
pub use super::unit::came_back;
