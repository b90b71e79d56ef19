//! How our words are stored, once for both databases.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use super::conn::MultiBackend;
use crate::words::error::{Code, Error};
use crate::words::ids::{
    AccessId, AgencyId, AssignmentId, BackupId, BatchId, CardId, CrewId, CustodyId, DeadlineId, DeletionId, DeviceId,
    EvidenceId, FeedbackId, GridId, HoldId, IncidentId, InquiryId, IssueId, JobId, MarkId, MessageId, NoteId, PersonId,
    RungId, SceneGapId, SegmentId, SessionId, ShareId, UnitId, UploadId,
};
use crate::words::ids::{ActId, EditId, EntryId, ManifestId, MediationId, NumberBlockId, RecordingId};
use crate::words::ids::{TaskEventId, TaskId};
use crate::words::time::Timestamp;

macro_rules! text_ids {
    ($( $id:ident ),+ $(,)?) => { $(
        impl ToSql<Text, Sqlite> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.to_string());
                Ok(IsNull::No)
            }
        }
        impl ToSql<Text, Pg> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                use std::io::Write as _;
                write!(out, "{self}")?;
                Ok(IsNull::No)
            }
        }
        impl ToSql<Text, MultiBackend> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((Text, self));
                Ok(IsNull::No)
            }
        }
        impl<DB: Backend> FromSql<Text, DB> for $id
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let text = String::from_sql(bytes)?;
                text.parse().map_err(|error: Error| error.to_string().into())
            }
        }
    )+ };
}

text_ids!(
    PersonId,
    UnitId,
    DeviceId,
    SessionId,
    CrewId,
    GridId,
    AgencyId,
    IncidentId,
    NoteId,
    AssignmentId,
    RungId,
    FeedbackId,
    DeadlineId,
    MessageId,
    CardId,
    BackupId,
    SegmentId,
    AccessId,
    JobId,
    IssueId,
    EvidenceId,
    UploadId,
    CustodyId,
    MarkId,
    HoldId,
    SceneGapId,
    DeletionId,
    BatchId,
    ShareId,
    InquiryId,
    RecordingId,
    ManifestId,
    MediationId,
    EditId,
    NumberBlockId,
    ActId,
    EntryId,
    TaskId,
    TaskEventId,
);

impl<DB: Backend> ToSql<BigInt, DB> for Timestamp
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.micros_ref().to_sql(out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Timestamp
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(i64::from_sql(bytes)?))
    }
}

/// Makes an enum of words: one table gives its wire form, its text column, its
/// JSON Schema and its OpenAPI schema. `| "alias"` adds accepted spellings.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $wire:literal $(| $alias:literal)* ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, diesel::AsExpression, diesel::FromSqlRow,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        $vis enum $name { $(
            $(#[$vmeta])*
            #[serde(rename = $wire $(, alias = $alias)*)]
            $variant,
        )+ }

        impl $name {
            /// Every value, in table order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];
            /// The wire and column form.
            pub const fn as_str(self) -> &'static str { match self { $( Self::$variant => $wire, )+ } }
        }

        // Not derived: utoipa does not see a rename that comes out of a macro.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([ $( $wire, )+ ]))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::error::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $wire $(| $alias)* => Ok(Self::$variant), )+
                    _ => Err($crate::words::error::Error::field(stringify!($name), "unknown value")),
                }
            }
        }

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, DB>>::to_sql(self.as_str(), out)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(bytes)?;
                text.parse().map_err(|_unknown| format!(concat!("unknown ", stringify!($name), " {:?}"), text).into())
            }
        }
    };
}

impl From<diesel::result::Error> for Error {
    /// What a database failure means to the caller; the text stays in the log.
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error as Db};
        match error {
            Db::NotFound => Self::new(Code::NotFound),
            Db::DatabaseError(Kind::UniqueViolation, info) => {
                let constraint = info.constraint_name().unwrap_or_else(|| info.message()).to_owned();
                Self::new(Code::AlreadyExists).detail(format!("unique: {constraint}"))
            }
            Db::DatabaseError(Kind::SerializationFailure, info) => {
                Self::internal(info.message().to_owned()).repeatable()
            }
            Db::DatabaseError(kind, info) => {
                let text = info.message().to_owned();
                if text.contains("deadlock detected") || text.contains("database is locked") {
                    Self::internal(text).repeatable()
                } else if text.contains("due to lock timeout") || text.contains("due to statement timeout") {
                    // Rolled back: somebody else held a table, or the database is overloaded.
                    Self::busy(1).detail("the database took too long")
                } else if text.contains("disk is full")
                    || text.contains("No space left")
                    || text.contains("disk I/O error")
                {
                    Self::new(Code::ReadOnly).retry_after(5).detail("the disk refuses writes")
                } else {
                    Self::internal(format!("{kind:?}: {text}"))
                }
            }
            other => Self::internal(other),
        }
    }
}
