//! Every message of the socket, both ways, once: `schema` makes the JSON Schema
//! and the AsyncAPI file of these types, golden examples are read back into them. Commands carry the body
//! of the REST call of the same meaning, so both doors refuse the same things.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::duty::location::live::{LivePerson, LiveVehicle};
use crate::platform::http::strict;
use crate::platform::push::cursor::Lost;
use crate::words::error::{Code, Error, Result};
use crate::words::geo::BBox;
use crate::words::ids::{DeviceId, MessageId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Subprotocol with JSON frames only.
pub const JSON: &str = "suixing.v1.json";
/// Subprotocol with binary live frames and, if the client likes, binary fixes; everything else is JSON.
pub const BIN: &str = "suixing.v1.bin";

/// Longest `request_id`.
pub const MAX_REQUEST_ID: usize = 64;

/// What a terminal remembers of its stream, said first on every connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Epoch of the last welcome; null on a device that was never here.
    #[serde(default)]
    pub epoch: Option<String>,
    /// Highest sequence number received without a gap.
    #[serde(default)]
    pub last_seq: i64,
    /// Id of the message with that number.
    #[serde(default)]
    pub last_id: Option<MessageId>,
    /// Name and version of the client, for the log; at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
}

/// Everything up to `seq` is stored on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    pub seq: i64,
}

/// Fixes under a counter of this connection; `fixes_ack.up_to` answers with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixes<F> {
    /// Grows by at least one from message to message.
    pub n: u64,
    /// 1 to 10,000 fixes of any age.
    pub fixes: Vec<F>,
}

/// The live frame of this version was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveAck {
    pub version: u64,
}

/// Asks for a sign of life; answered with `pong`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A write or question with an answer: `reply` or `error` with the same `request_id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub request_id: String,
    pub verb: Verb,
    /// What names the resource, e.g. the `assignment_id`; empty for none.
    pub target: String,
    /// The REST body, everything else of the message.
    pub body: Map<String, Value>,
}

macro_rules! verbs {
    ($( $name:ident = $wire:literal $(for $target:literal)?; )+) => {
        /// The commands of the socket.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb { $( $name, )+ }

        impl Verb {
            /// Every command.
            pub const ALL: &'static [Verb] = &[ $( Verb::$name, )+ ];
            /// The wire form.
            pub const fn as_str(self) -> &'static str { match self { $( Verb::$name => $wire, )+ } }
            /// The member that names the resource.
            pub const fn target(self) -> Option<&'static str> {
                match self { $( Verb::$name => verbs!(@target $($target)?), )+ }
            }
        }
    };
    (@target $target:literal) => { Some($target) };
    (@target) => { None };
}

verbs! {
    AssignmentEvent = "assignment_event" for "assignment_id";
    Backup = "backup";
    BackupResponse = "backup_response" for "backup_id";
    BackupTake = "backup_take" for "backup_id";
    BackupClose = "backup_close" for "backup_id";
    Subscribe = "subscribe";
    Unsubscribe = "unsubscribe";
}

/// A client message, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming<F> {
    Hello(Hello),
    Ack(Ack),
    Fixes(Fixes<F>),
    LiveAck(LiveAck),
    Ping(Ping),
    Command(Command),
}

/// A client message that was not understood, with what is needed to answer it.
#[derive(Debug)]
pub struct Misunderstood {
    pub error: Error,
    pub request_id: Option<String>,
    /// Not even JSON, or no object with a `type`: counts towards closing.
    pub garbage: bool,
}

/// Just enough of a message to know what it is.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<std::borrow::Cow<'a, str>>,
}

/// Reads one text frame.
pub fn parse<F: DeserializeOwned>(text: &str) -> Result<Incoming<F>, Misunderstood> {
    let garbage = |error| Misunderstood { error, request_id: None, garbage: true };
    let peek: Peek<'_> = serde_json::from_str(text).map_err(|bad| {
        garbage(Error::new(Code::MalformedJson).detail(format!("a message is a JSON object with a `type`: {bad}")))
    })?;
    let kind = peek.kind.ok_or_else(|| garbage(Error::bad("`type` is missing")))?;
    let simple = |error: Error| Misunderstood { error, request_id: request_id(text), garbage: false };
    match kind.as_ref() {
        "hello" => strict::from_tagged(text, "type").map(Incoming::Hello).map_err(simple),
        "ack" => strict::from_tagged(text, "type").map(Incoming::Ack).map_err(simple),
        "fixes" => strict::from_tagged(text, "type").map(Incoming::Fixes).map_err(simple),
        "live_ack" => strict::from_tagged(text, "type").map(Incoming::LiveAck).map_err(simple),
        "ping" => strict::from_tagged(text, "type").map(Incoming::Ping).map_err(simple),
        other => match Verb::ALL.iter().find(|verb| verb.as_str() == other) {
            Some(verb) => command(text, *verb).map(Incoming::Command).map_err(simple),
            None => Err(simple(Error::new(Code::UnknownType).detail("this `type` of message is not known here"))),
        },
    }
}

fn command(text: &str, verb: Verb) -> Result<Command> {
    let mut body: Map<String, Value> = strict::from_slice(text.as_bytes())?;
    body.remove("type");
    let request_id = match body.remove("request_id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_REQUEST_ID => id,
        _ => return Err(Error::field("request_id", "a string of 1 to 64 bytes")),
    };
    let target = match verb.target() {
        None => String::new(),
        Some(member) => match body.remove(member) {
            Some(Value::String(id)) => id,
            _ => return Err(Error::field(member, "is missing or not a string")),
        },
    };
    Ok(Command { request_id, verb, target, body })
}

/// The `request_id` of a message that is otherwise wrong, so that its sender learns which one it was.
fn request_id(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let id = value.get("request_id")?.as_str()?;
    (id.len() <= MAX_REQUEST_ID).then(|| id.to_owned())
}

/// The body of `subscribe`: what to watch. A second one moves the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The unit whose people are watched; one's own unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_id: Option<UnitId>,
    /// Only people inside this box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<Viewport>,
    /// Why one looks; kept in the access record. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

impl Subscribe {
    /// The box, checked.
    pub fn bbox(&self) -> Result<Option<BBox>> {
        self.bbox.as_ref().map(Viewport::bbox).transpose()
    }
}

/// A box in degrees: `[west, south, east, north]`, or the same as text as on REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Viewport {
    Numbers([f64; 4]),
    Text(String),
}

impl Viewport {
    /// The box, checked.
    pub fn bbox(&self) -> Result<BBox> {
        match self {
            Self::Numbers(numbers) => BBox::try_from(*numbers),
            Self::Text(text) => text.parse(),
        }
    }
}

/// Why a stream could not be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The server's history is not the one the device knows: reload everything.
    Diverged,
    /// What the device missed is no longer kept (7 days).
    Trimmed,
    /// The device was never here, or remembers nothing.
    NewDevice,
}

impl From<Lost> for Reason {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Diverged => Self::Diverged,
            Lost::Trimmed => Self::Trimmed,
            Lost::NewDevice => Self::NewDevice,
        }
    }
}

/// The answer to `hello`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// Identity of the server's history; keep it.
    pub epoch: String,
    /// False: load `GET /me/inbox` (and your lists) afresh.
    pub recovered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Messages after this number follow; the device adopts it when not recovered.
    pub last_seq: i64,
    /// Id of the message with that number, null when there is none.
    pub last_id: Option<MessageId>,
    pub server_time: Timestamp,
    pub person_id: PersonId,
    pub device_id: DeviceId,
    /// Number of this connection among the device's; only the highest lives.
    pub session_gen: i64,
    /// Say something at least this often, in seconds; three times that in silence ends the socket.
    pub heartbeat_s: u32,
    /// How many messages may be unacknowledged.
    pub ack_window: u32,
    pub max_message_bytes: u32,
}

/// One message of the stream.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Delivered {
    pub id: MessageId,
    /// Grows by one per message and person, without gaps.
    pub seq: i64,
    /// What happened, e.g. `assignment.offered`; `withdrawn`: no longer for your eyes.
    pub kind: String,
    pub sent_at: Timestamp,
    /// Sound it at once.
    #[serde(default)]
    pub urgent: bool,
    /// Body of this kind.
    pub data: Value,
}

/// Fixes up to `up_to` are stored (or refused one by one, as listed).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FixesAck {
    pub up_to: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
}

/// A fix that was refused; sending it again will not help. The others of its message are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// Counter of the message.
    pub n: u64,
    /// Place in its list, from 0.
    pub index: usize,
    pub code: String,
    /// The member that is wrong.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

/// A command succeeded.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    pub request_id: String,
    /// Status of the REST call of the same meaning.
    pub status: u16,
    /// Body of the REST call of the same meaning.
    pub body: Value,
    /// Its members once more, beside `request_id`, for clients that read them there.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Reply {
    /// The answer to a command.
    pub fn new(request_id: String, status: u16, body: Value) -> Self {
        let mut members = body.as_object().cloned().unwrap_or_default();
        for own in ["type", "request_id", "status", "body"] {
            members.remove(own);
        }
        Self { request_id, status, body, members }
    }
}

/// Something failed: the RFC 9457 problem of REST in socket form.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Stable code, the same as on REST.
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    pub status: u16,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds after which trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// Further members of the problem.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Problem {
    /// The socket form of an error.
    pub fn of(error: &Error, request_id: Option<String>, chinese: bool) -> Self {
        let code = error.code();
        Self {
            code: code.as_str().to_owned(),
            request_id,
            status: code.status(),
            title: if chinese { code.title_zh() } else { code.title_en() }.to_owned(),
            detail: Some(error.detail_text()).filter(|text| !text.is_empty()).map(str::to_owned),
            retry_after_s: error.retry_after_s(),
            more: error.members().clone(),
        }
    }
}

/// The answer to `ping`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pong {
    pub server_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The counter of a `fixes` message that is otherwise wrong.
pub fn fixes_counter(text: &str) -> Option<u64> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.get("type")?.as_str()? == "fixes").then(|| value.get("n")?.as_u64()).flatten()
}

/// The whole live view of a subscription; forget what was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSnapshot {
    pub version: u64,
    pub people: Vec<LivePerson>,
    /// Vehicles, drones and checkpoints that report by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vehicles: Vec<LiveVehicle>,
    /// The rest follows at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// What changed since the frame before; only the latest state of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveDelta {
    pub version: u64,
    pub changed: Vec<LivePerson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vehicles_changed: Vec<LiveVehicle>,
    /// Who is no longer in view.
    pub removed: Vec<PersonId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vehicles_removed: Vec<DeviceId>,
    /// More follows at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}
