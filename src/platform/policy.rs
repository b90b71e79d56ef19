//! One pure answer to "may this actor do this?"; slices load the facts, REST,
//! socket, replay, export and jobs ask the same function.

use crate::text_enum;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId, UnitId};

text_enum! {
    /// What a person is; decides what the account may do.
    pub enum PersonKind {
        PoliceOfficer = "police_officer" | "officer" | "police",
        /// 辅警: works under a police officer's command.
        Auxiliary = "auxiliary",
        Mediator = "mediator",
        /// 警格长
        GridChief = "grid_chief",
        /// 网格员
        GridWorker = "grid_worker",
        Guard = "guard",
        Volunteer = "volunteer",
        Dispatcher = "dispatcher",
        Supervisor = "supervisor",
        Custodian = "custodian",
        Administrator = "administrator" | "admin",
        /// Another system, such as the 110 intake.
        ServiceAccount = "service_account" | "service",
    }
}

text_enum! {
    /// What a device is; decides whether carrying it makes its holder reachable.
    pub enum DeviceKind {
        Handheld = "handheld",
        BodyWornCamera = "body_worn_camera" | "body_camera",
        VehicleUnit = "vehicle_unit" | "vehicle",
        Drone = "drone",
        Radio = "radio",
        FixedCheckpoint = "fixed_checkpoint" | "checkpoint",
        Dock = "dock",
        /// A page: its receipts are shown but never prove reach.
        Browser = "browser",
    }
}

impl DeviceKind {
    /// Signing on without naming devices carries the one that asked, if it is of these.
    pub const fn carried_by_default(self) -> bool {
        matches!(self, Self::Handheld | Self::VehicleUnit | Self::Radio | Self::BodyWornCamera)
    }
}

impl PersonKind {
    /// Works in the field: may be assigned, carries devices, is on the map.
    pub const fn is_field(self) -> bool {
        matches!(
            self,
            Self::PoliceOfficer
                | Self::Auxiliary
                | Self::Mediator
                | Self::GridChief
                | Self::GridWorker
                | Self::Guard
                | Self::Volunteer
        )
    }

    /// Commands: sends people, records for them, takes alarms. An administrator
    /// of a small station is its duty commander too.
    pub const fn is_room(self) -> bool {
        matches!(self, Self::Dispatcher | Self::Administrator)
    }

    /// Sees what a room sees.
    pub const fn is_watching(self) -> bool {
        matches!(self, Self::Dispatcher | Self::Administrator | Self::Supervisor)
    }

    /// Makes documents that bear a number.
    pub const fn writes_papers(self) -> bool {
        matches!(self, Self::PoliceOfficer | Self::Auxiliary | Self::Mediator | Self::GridChief | Self::GridWorker)
    }

    /// May decline: everybody else asks for a change and stays responsible.
    pub const fn may_decline(self) -> bool {
        matches!(self, Self::Guard | Self::Volunteer)
    }
}

/// Who asks: a verified session of a person on a device.
#[derive(Clone, Debug)]
pub struct Actor {
    pub person: PersonId,
    pub kind: PersonKind,
    pub name: String,
    pub unit: UnitId,
    /// `/root/…/own/`; the actor's scope is every path that starts with it.
    pub unit_path: String,
    pub device: DeviceId,
    pub device_kind: DeviceKind,
    /// None for requests signed by the device key alone.
    pub session: Option<SessionId>,
    /// The source a service account speaks for, e.g. "110".
    pub source: Option<String>,
}

impl Actor {
    /// Whether a unit lies in the actor's own subtree.
    pub fn commands(&self, unit_path: &str) -> bool {
        unit_path.starts_with(&self.unit_path)
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Names, units, call signs of colleagues.
    OrgRead,
    /// Make and change units, people, devices.
    OrgWrite,
    /// Identity and telephone numbers of a colleague.
    PersonalRead,
    /// Form and change crews, sign others on.
    CrewWrite,
    IncidentCreate,
    IncidentRead,
    /// Assign, re-assign, cancel, merge, transfer, close, claim.
    IncidentCommand,
    /// Notes, links, corrections on the scene, feedback.
    IncidentContribute,
    /// The caller's number in clear.
    CallerRead,
    AssignmentRead,
    /// One's own rung, or the crew's.
    RungRecord,
    /// A rung for somebody else, by radio, telephone or in person.
    RungVoice,
    LiveRead,
    TrackRead,
    BackupRead,
    /// Answer an alarm one was sent.
    BackupAnswer,
    /// Take and close an alarm.
    BackupCommand,
    /// Read one's own source's change feed.
    FeedRead,
    /// Configure integrations.
    IntegrationWrite,
    /// Deliver an item, to an incident if one is named.
    EvidenceAdd,
    /// That an item exists, what it is, its preview.
    EvidenceRead,
    /// The original, also packed with its proofs.
    EvidenceContent,
    /// Clip marks.
    EvidenceMark,
    /// Say that an item belongs to an incident.
    EvidenceLink,
    /// The receipt of an item: whoever delivered it needs it before he lets go of his copy.
    ReceiptRead,
    /// Who touched an item, and the log of all touches.
    CustodyRead,
    /// Freeze an item or an incident.
    HoldWrite,
    /// Lift a hold, let an item out of quarantine.
    EvidenceKeep,
    /// Approve or refuse a deletion, or a copy that leaves the house.
    EvidenceDispose,
    /// Everything about an incident in one archive.
    IncidentDossier,
    /// Who looked at an item: its recorder's to know, and its keeper's.
    LooksRead,
    /// Ask for an inquiry.
    InquiryAsk,
    InquiryRead,
    /// Open somebody else's inquiry.
    InquiryApprove,
    InquiryClose,
    /// Decide on whose body a camera was.
    WearerDecide,
    /// A record of mediation, personal particulars masked.
    MediationRead,
    /// Make one and write into it; the particulars of its parties, for a purpose.
    MediationWrite,
    /// Its papers, particulars in clear.
    MediationPapers,
    /// The serial numbers of a unit's documents, and what became of each.
    NumberRead,
    /// Take numbers along for a terminal, and bring them back.
    NumberLease,
    /// Say why a number is not used.
    NumberVoid,
    /// A work order on an incident: who has it, how far it is.
    TaskRead,
    /// Hand one to a linked body, and take it back.
    TaskSend,
    /// Write down what somebody of a linked body said.
    TaskRecord,
    /// Read and answer an order as the body it was handed to.
    TaskWork,
}

/// How the actor stands to the subject; slices load it.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Path of the unit the subject belongs to; None when it belongs to nobody yet.
    pub unit_path: Option<&'a str>,
    /// The subject is the actor, or was made by him.
    pub own: bool,
    /// The actor is assigned to it, crews included.
    pub assigned: bool,
    /// An open backup or assignment joins the two across units.
    pub shared: bool,
    /// The actor's unit was asked to handle it (transfer, unit assignment, parent escalation).
    pub unit_asked: bool,
    /// The source the subject came from.
    pub source: Option<&'a str>,
    /// A time-limited right is open (the caller's number until a day after final feedback).
    pub window_open: bool,
    /// The subject waits for the custodian's decision; until then it exists for nobody else. Of an inquiry: the actor is
    /// whom it is about, and does not know of it.
    pub withheld: bool,
    /// The request names an open inquiry of the actor's that covers the subject.
    pub inquiry: bool,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// Existence itself is none of the actor's business: 404.
    Hide,
    /// The actor may know of it but not do this: 403.
    Forbid,
}

impl Decision {
    /// Turns a refusal into its error; `noun` names the subject for the 404.
    pub fn check(self, noun: &str) -> Result<()> {
        match self {
            Self::Allow => Ok(()),
            Self::Hide => Err(Error::not_found(noun)),
            Self::Forbid => Err(Error::new(Code::Forbidden)),
        }
    }

    const fn of(allowed: bool, visible: bool) -> Self {
        match (allowed, visible) {
            (true, _) => Self::Allow,
            (false, true) => Self::Forbid,
            (false, false) => Self::Hide,
        }
    }
}

/// The one policy of the house.
pub fn may(actor: &Actor, action: Action, facts: &Facts<'_>) -> Decision {
    use Action as A;
    let kind = actor.kind;
    let in_scope = facts.unit_path.is_some_and(|path| actor.commands(path)) || facts.unit_asked;
    let commands = kind.is_room() && in_scope;
    let watches = kind.is_watching() && in_scope;
    // A service account that is bound to no source speaks for any.
    let own_source = kind == PersonKind::ServiceAccount
        && facts.source.is_some()
        && (actor.source.is_none() || facts.source == actor.source.as_deref());
    let involved = facts.own || facts.assigned || facts.shared;
    let keeps = kind == PersonKind::Custodian && in_scope;
    // Evidence that is not withheld is there for whoever has to do with it.
    let sees = !facts.withheld && (watches || facts.own || facts.assigned);
    let inquires = facts.inquiry && !facts.withheld;
    // Inspection: who answers for a unit looks into what happened there; more than one of them agrees to it.
    let inspects = matches!(kind, PersonKind::Supervisor | PersonKind::Administrator);
    let knows = !facts.withheld && (involved || (inspects && in_scope));
    // Numbers of documents are a unit's own: of those in it, and of who answers for it.
    let counts = kind != PersonKind::ServiceAccount && (keeps || watches || facts.own);
    let papers = kind.writes_papers();
    match action {
        A::OrgRead => Decision::of(kind != PersonKind::ServiceAccount, false),
        A::OrgWrite => Decision::of(kind == PersonKind::Administrator && in_scope, watches || facts.own),
        A::PersonalRead => Decision::of(facts.own || (kind == PersonKind::Administrator && in_scope), watches),
        A::CrewWrite => Decision::of(commands || facts.own, true),
        A::IncidentCreate => {
            Decision::of(kind.is_field() || kind.is_room() || kind == PersonKind::ServiceAccount, true)
        }
        A::IncidentRead => Decision::of(watches || involved || own_source, false),
        A::IncidentCommand => Decision::of(commands, watches || involved || own_source),
        A::IncidentContribute => Decision::of(commands || involved || own_source, watches),
        A::CallerRead => {
            Decision::of(commands || (facts.assigned && facts.window_open) || own_source, watches || involved)
        }
        A::AssignmentRead => Decision::of(watches || involved || own_source, false),
        A::RungRecord => Decision::of(facts.assigned, commands || watches || involved),
        A::RungVoice => Decision::of(commands || facts.shared || facts.assigned, watches || involved),
        A::LiveRead => Decision::of(facts.own || watches || facts.shared, false),
        A::TrackRead => Decision::of(facts.own || watches || inquires, facts.shared),
        A::BackupRead => Decision::of(watches || involved, false),
        A::BackupAnswer => Decision::of(facts.shared, watches || involved),
        // A supervisor is the duty commander whom an untaken alarm climbs to.
        A::BackupCommand => Decision::of(watches, involved),
        A::FeedRead => Decision::of(own_source || (kind == PersonKind::Administrator), kind.is_watching()),
        A::IntegrationWrite => Decision::of(kind == PersonKind::Administrator, kind.is_watching()),
        // Without an incident it is the actor's own; with one he must have to do with it.
        A::EvidenceAdd => {
            let free = facts.source.is_none();
            let may = free || commands || keeps || facts.own || facts.assigned;
            Decision::of(kind != PersonKind::ServiceAccount && may, free || watches || own_source)
        }
        A::EvidenceRead => Decision::of(keeps || sees || inquires, false),
        A::EvidenceContent => Decision::of(keeps || (sees && (watches || facts.own)) || inquires, sees),
        A::EvidenceMark => Decision::of(keeps || sees, false),
        A::EvidenceLink => Decision::of(keeps || (sees && (commands || facts.own)), sees),
        A::ReceiptRead => Decision::of(keeps || sees || facts.shared, false),
        A::CustodyRead => Decision::of(keeps || (sees && (watches || facts.own)) || inquires, sees),
        // Who sends people is not who decides what must be kept.
        A::HoldWrite => Decision::of(keeps || (sees && watches && kind != PersonKind::Dispatcher), sees || own_source),
        A::EvidenceKeep => Decision::of(keeps, sees),
        // Like a hold: not a matter of who sends people.
        A::EvidenceDispose => Decision::of(keeps || (sees && watches && kind != PersonKind::Dispatcher), sees),
        // Who sends people does not hand their work out.
        A::IncidentDossier => {
            Decision::of(watches && kind != PersonKind::Dispatcher, watches || involved || own_source)
        }
        A::LooksRead => Decision::of(keeps || (sees && facts.own), sees),
        A::InquiryAsk => Decision::of(inspects, true),
        A::InquiryRead => Decision::of(knows, false),
        // Neither who asked nor who will look agrees to it himself.
        A::InquiryApprove => Decision::of(knows && inspects && in_scope && !facts.own && !facts.assigned, knows),
        A::InquiryClose => Decision::of(knows && (facts.own || facts.shared || (inspects && in_scope)), knows),
        // By who answers for the evidence, never by who sends people.
        A::WearerDecide => Decision::of(keeps || (watches && kind == PersonKind::Supervisor), sees),
        A::MediationRead => {
            Decision::of(kind != PersonKind::ServiceAccount && (keeps || watches || involved), own_source)
        }
        // By who is at the scene and who commands it: who supervises or keeps it reads.
        A::MediationWrite => Decision::of(
            (commands || involved) && kind != PersonKind::ServiceAccount,
            keeps || watches || involved || own_source,
        ),
        A::MediationPapers => {
            Decision::of(kind != PersonKind::ServiceAccount && (keeps || watches || involved), own_source)
        }
        A::NumberRead => Decision::of(counts, false),
        A::NumberLease => Decision::of(commands || (facts.own && papers), counts),
        A::NumberVoid => Decision::of(watches, counts),
        A::TaskRead => Decision::of(kind != PersonKind::ServiceAccount && (watches || involved), own_source),
        // By who is in command of the incident, a supervisor too, and by who is on it.
        A::TaskSend => Decision::of(
            kind != PersonKind::ServiceAccount && (watches || facts.own || facts.assigned),
            facts.shared || own_source,
        ),
        A::TaskRecord => Decision::of(watches, involved || own_source),
        A::TaskWork => Decision::of(kind == PersonKind::ServiceAccount && facts.own, false),
    }
}
