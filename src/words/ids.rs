//! Typed UUIDv7 identifiers. Two kinds cannot be swapped by mistake; nothing is
//! ever ordered by id (clocks differ between makers).

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::error::{Code, Error};

/// A map by identifier for what is asked at every fix and search. Its hash is seeded anew by each process, though weaker
/// than the standard one: only for identifiers that the server gives out.
pub type IdMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Implemented by every typed identifier; lets storage and extractors be generic.
pub trait TypedId: Copy + From<Uuid> + Into<Uuid> {
    /// The noun for messages, e.g. "incident".
    const NOUN: &'static str;
}

macro_rules! ids {
    ($( $name:ident = $noun:literal; )+) => { $(
        #[doc = concat!("Identifies one ", $noun, ".")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, diesel::AsExpression, diesel::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh UUIDv7.
            #[expect(clippy::new_without_default, reason = "an id is never a default value")]
            pub fn new() -> Self { Self(Uuid::now_v7()) }
        }

        impl TypedId for $name { const NOUN: &'static str = $noun; }
        impl From<Uuid> for $name { fn from(id: Uuid) -> Self { Self(id) } }
        impl From<$name> for Uuid { fn from(id: $name) -> Self { id.0 } }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}:{}", $noun, self.0)
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::try_parse(text).map(Self).map_err(|_bad| {
                    Error::new(Code::InvalidId).detail(concat!("not a valid ", $noun, " id"))
                })
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::Custom("uuid".into())))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )+ };
}

ids! {
    PersonId = "person";
    UnitId = "unit";
    DeviceId = "device";
    SessionId = "session";
    CrewId = "crew";
    GridId = "grid";
    AgencyId = "agency";
    IncidentId = "incident";
    NoteId = "note";
    AssignmentId = "assignment";
    RungId = "rung";
    FeedbackId = "feedback";
    DeadlineId = "deadline";
    MessageId = "message";
    CardId = "card";
    BackupId = "backup";
    SegmentId = "segment";
    AccessId = "access record";
    JobId = "job";
    IssueId = "issue";
    EvidenceId = "evidence";
    UploadId = "upload";
    CustodyId = "custody entry";
    MarkId = "mark";
    HoldId = "hold";
    SceneGapId = "scene gap";
    DeletionId = "deletion";
    BatchId = "batch";
    ShareId = "share";
    InquiryId = "inquiry";
    RecordingId = "recording";
    ManifestId = "manifest";
    MediationId = "mediation";
    EditId = "edit";
    NumberBlockId = "number block";
    ActId = "act";
    EntryId = "entry";
    TaskId = "task";
    TaskEventId = "task event";
}
