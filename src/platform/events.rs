//! What can happen that other duties care about. Emitted inside the transaction
//! of the change; `wiring/reactions.rs` is the table of who reacts.

use crate::words::ids::{
    AssignmentId, BackupId, CrewId, DeviceId, EvidenceId, FeedbackId, IncidentId, InquiryId, MessageId, NoteId,
    PersonId,
};

/// A fact, already written by the emitting recipe.
#[derive(Clone, Debug)]
pub enum Event {
    PersonDisabled {
        person: PersonId,
    },
    /// Another unit or office: what others may see of the person changes with it.
    PersonMoved {
        person: PersonId,
    },
    /// A unit hangs elsewhere, with everything below it; paths before and after.
    UnitMoved {
        from: String,
        to: String,
    },
    DeviceRevoked {
        device: DeviceId,
    },
    /// Signed on or off duty.
    DutyChanged {
        person: PersonId,
        on_duty: bool,
    },
    /// What a person on duty is available for followed the work; nothing else about the duty changed.
    AvailabilityChanged {
        person: PersonId,
    },
    CrewChanged {
        crew: CrewId,
    },
    IncidentCreated {
        incident: IncidentId,
    },
    /// `loud`: something safety-relevant changed, everybody sent must look.
    IncidentChanged {
        incident: IncidentId,
        fields: Vec<String>,
        loud: bool,
    },
    IncidentNoted {
        incident: IncidentId,
        note: NoteId,
    },
    /// Cancelled, merged away or closed: whoever is on the way must hear it.
    IncidentEnded {
        incident: IncidentId,
        reason: String,
    },
    /// A double: what was asked of others for it is asked for `into` from now on.
    IncidentMerged {
        incident: IncidentId,
        into: IncidentId,
    },
    AssignmentCreated {
        assignment: AssignmentId,
        incident: IncidentId,
    },
    RungRecorded {
        assignment: AssignmentId,
        incident: IncidentId,
        person: Option<PersonId>,
        rung: String,
        /// `machine` or `human`.
        truth: String,
        applied: bool,
    },
    AssignmentStateChanged {
        assignment: AssignmentId,
        incident: IncidentId,
        from: String,
        to: String,
        people: Vec<PersonId>,
    },
    /// Joined the people of an open assignment, or was split off from them.
    AssignmentJoined {
        assignment: AssignmentId,
        state: String,
        person: PersonId,
    },
    AssignmentLeft {
        assignment: AssignmentId,
        person: PersonId,
    },
    FeedbackGiven {
        incident: IncidentId,
        feedback: FeedbackId,
        stage: String,
    },
    BackupRaised {
        backup: BackupId,
        person: PersonId,
    },
    BackupChanged {
        backup: BackupId,
    },
    BackupClosed {
        backup: BackupId,
        person: PersonId,
    },
    /// An item is whole and stored, with its receipt; the incident it was captured for, if it was for one.
    EvidenceReceived {
        evidence: EvidenceId,
        incident: Option<IncidentId>,
    },
    /// A device confirmed a message of its holder's stream: a machine's receipt.
    Received {
        person: PersonId,
        device: DeviceId,
        /// The device is carried by that person now; otherwise it proves nothing about reach.
        carried: bool,
        message: MessageId,
        kind: String,
        subject_kind: String,
        subject_id: String,
    },
    /// Somebody said, or said again, that an assignment is cleared, and is about to be answered: a reaction may add to
    /// the answer.
    ClearingAnswered {
        assignment: AssignmentId,
    },
    /// An inquiry was asked for, approved or closed, or a track was looked at under it: `what` says which.
    InquiryNoted {
        inquiry: InquiryId,
        number: String,
        what: String,
        by: PersonId,
        device: DeviceId,
        /// Whose track.
        about: Option<PersonId>,
    },
}
