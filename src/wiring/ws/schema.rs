//! `api-spec/ws.schema.json` and `api-spec/asyncapi.json`, made from the types
//! of `protocol` and of the slices. Written by `suixing spec`, pinned by a test.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::close::Close;
use super::protocol::{
    Ack, BIN, Delivered, Fixes, FixesAck, Hello, JSON, LiveAck, LiveDelta, LiveSnapshot, MAX_REQUEST_ID, Ping, Pong,
    Problem, Reply, Subscribe, Verb, Welcome,
};
use super::slices::Fix;
use crate::duty::assignments::EventIn;
use crate::duty::backup::messages::BackupData;
use crate::duty::backup::service::{CloseBody, Press, ResponseBody};
use crate::duty::evidence::messages::EvidenceReceived;
use crate::duty::evidence::recordings::messages::RecordingsChanged;
use crate::duty::evidence::scene::messages::SceneGapData;
use crate::duty::location::messages::ReportingPolicy;
use crate::duty::mediation::messages::{HistoryData, MediationData};
use crate::duty::partners::messages::TaskMoved;

/// A message type and who says it.
struct Entry {
    /// Place in `$defs`, e.g. `client.hello`.
    key: String,
    summary: &'static str,
    schema: Value,
}

/// Kinds of must-deliver messages and what they mean.
pub const KINDS: &[(&str, &str)] = &[
    ("assignment.offered", "You, or your crew, are sent to an incident."),
    ("assignment.updated", "Something about your assignment changed, or it is offered again."),
    ("assignment.cancelled", "The assignment is cancelled (撤警)."),
    ("assignment.reassigned", "It goes to somebody else (改派)."),
    ("incident.updated", "The incident changed; `changed` names the fields, `loud` the safety-relevant ones."),
    ("incident.note", "A note or link for everybody on the way."),
    ("backup.alert", "A call for help, with how to get there."),
    ("backup.updated", "Something about it changed."),
    ("backup.stand_down", "You are no longer needed (增援解除)."),
    ("evidence.received", "A photo or a recording is stored; `preview` says whether it can be looked at."),
    ("scene_gap.opened", "A unit left, and this was missing of what its call must leave behind."),
    ("scene_gap.closed", "What was missing has come, or somebody has said why it cannot."),
    ("scene_gap.overdue", "The time in which it was to come is over; told once."),
    ("evidence.recordings", "A camera was docked: recordings are known, or missing, or it may go out again."),
    ("card.raised", "The room must look at something."),
    ("card.closed", "That card is closed."),
    ("duty.changed", "Somebody else changed your duty or crew."),
    ("reporting.policy", "How often the device reports its position from now on."),
    ("check_in.ask", "All right? One tap answers (`POST /me/check-ins`)."),
    ("mediation.moved", "A record of mediation is final, in effect, performed, defaulted, or ended otherwise."),
    ("mediation.due", "What was promised in a mediation is due, or was and nobody has said what became of it."),
    ("mediation.papers", "Papers of a record that you lead or asked for are made, or it is known what cannot be."),
    ("mediation.history", "There were mediations before where you are going, or of its people."),
    ("task.moved", "A work order was sent to a linked body, or something happened to it."),
    ("withdrawn", "You may no longer see what was here; the number stays."),
];

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// The members of `T` and a constant `type`; `more` are further required string members.
fn message<T: JsonSchema>(generator: &mut SchemaGenerator, kind: &str, more: &[(&str, Value)]) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    let Some(object) = schema.as_object_mut() else { return schema };
    object.insert("type".into(), "object".into());
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    let mut required = vec![Value::from("type")];
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("type".into(), json!({ "const": kind }));
        for (name, schema) in more {
            properties.insert((*name).to_owned(), schema.clone());
            required.push((*name).into());
        }
    }
    if let Some(Value::Array(own)) = object.remove("required") {
        required.extend(own);
    }
    object.insert("required".into(), Value::Array(required));
    schema
}

fn command<T: JsonSchema>(generator: &mut SchemaGenerator, verb: Verb) -> Value {
    let mut more = vec![("request_id", json!({ "type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID }))];
    if let Some(target) = verb.target() {
        more.push((target, json!({ "type": "string", "format": "uuid" })));
    }
    message::<T>(generator, verb.as_str(), &more)
}

/// A command without words of its own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Nothing {}

fn client(generator: &mut SchemaGenerator) -> Vec<Entry> {
    let g = generator;
    let mut entries = vec![
        ("hello", "First on every connection: what the device has of its stream.", message::<Hello>(g, "hello", &[])),
        ("ack", "Everything up to `seq` is stored on the device.", message::<Ack>(g, "ack", &[])),
        ("fixes", "Positions under a counter of this connection.", message::<Fixes<Fix>>(g, "fixes", &[])),
        ("live_ack", "A live frame was applied; one per frame.", message::<LiveAck>(g, "live_ack", &[])),
        ("ping", "Asks for a sign of life.", message::<Ping>(g, "ping", &[])),
    ];
    for verb in Verb::ALL {
        let (summary, schema) = match verb {
            Verb::AssignmentEvent => ("`POST /assignments/{id}/events`", command::<EventIn>(g, *verb)),
            Verb::Backup => ("`POST /backups`: one press", command::<Press>(g, *verb)),
            Verb::BackupResponse => ("`POST /backups/{id}/responses`", command::<ResponseBody>(g, *verb)),
            Verb::BackupTake => ("`POST /backups/{id}/take`", command::<Nothing>(g, *verb)),
            Verb::BackupClose => ("`POST /backups/{id}/close`", command::<CloseBody>(g, *verb)),
            Verb::Subscribe => ("Watch a unit's people live; again to look elsewhere.", command::<Subscribe>(g, *verb)),
            Verb::Unsubscribe => ("Stop watching.", command::<Nothing>(g, *verb)),
        };
        entries.push((verb.as_str(), summary, schema));
    }
    keyed("client", entries)
}

fn server(generator: &mut SchemaGenerator) -> Vec<Entry> {
    let g = generator;
    let mut delivered = message::<Delivered>(g, "message", &[]);
    let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    if let Some(kind) = delivered.pointer_mut("/properties/kind") {
        *kind = json!({ "type": "string", "examples": kinds, "description": "What happened; unknown kinds are acknowledged and ignored." });
    }
    // Bodies that have a type of their own.
    let bodies = [
        (["backup.alert", "backup.updated", "backup.stand_down"].as_slice(), g.subschema_for::<BackupData>()),
        (["reporting.policy"].as_slice(), g.subschema_for::<ReportingPolicy>()),
        (["evidence.received"].as_slice(), g.subschema_for::<EvidenceReceived>()),
        (["scene_gap.opened", "scene_gap.closed", "scene_gap.overdue"].as_slice(), g.subschema_for::<SceneGapData>()),
        (["evidence.recordings"].as_slice(), g.subschema_for::<RecordingsChanged>()),
        (["mediation.moved", "mediation.due", "mediation.papers"].as_slice(), g.subschema_for::<MediationData>()),
        (["mediation.history"].as_slice(), g.subschema_for::<HistoryData>()),
        (["task.moved"].as_slice(), g.subschema_for::<TaskMoved>()),
    ];
    let when: Vec<Value> = bodies
        .into_iter()
        .map(|(kinds, body)| {
            json!({ "if": { "properties": { "kind": { "enum": kinds } } }, "then": { "properties": { "data": body } } })
        })
        .collect();
    if let Some(object) = delivered.as_object_mut() {
        object.insert("allOf".into(), Value::Array(when));
    }
    keyed(
        "server",
        vec![
            ("welcome", "The answer to `hello`.", message::<Welcome>(g, "welcome", &[])),
            ("message", "Must-deliver: acknowledge it.", delivered),
            ("fixes_ack", "Fixes up to `up_to` are stored.", message::<FixesAck>(g, "fixes_ack", &[])),
            ("live_snapshot", "The whole live view.", message::<LiveSnapshot>(g, "live_snapshot", &[])),
            ("live_delta", "What changed in it.", message::<LiveDelta>(g, "live_delta", &[])),
            ("reply", "A command succeeded.", message::<Reply>(g, "reply", &[])),
            ("error", "Something failed; codes as on REST.", message::<Problem>(g, "error", &[])),
            ("pong", "The answer to `ping`.", message::<Pong>(g, "pong", &[])),
        ],
    )
}

fn keyed(side: &str, entries: Vec<(&'static str, &'static str, Value)>) -> Vec<Entry> {
    entries
        .into_iter()
        .map(|(name, summary, schema)| Entry { key: format!("{side}.{name}"), summary, schema })
        .collect()
}

/// The JSON Schema of every message.
pub fn json_schema() -> Value {
    let mut generator = generator();
    let (client, server) = (client(&mut generator), server(&mut generator));
    let refs = |entries: &[Entry]| -> Vec<Value> {
        entries.iter().map(|entry| json!({ "$ref": format!("#/$defs/{}", entry.key) })).collect()
    };
    let (from_client, from_server) = (refs(&client), refs(&server));
    let mut defs: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    for entry in client.into_iter().chain(server) {
        defs.insert(entry.key, entry.schema);
    }
    defs.insert("client".into(), json!({ "oneOf": from_client }));
    defs.insert("server".into(), json!({ "oneOf": from_server }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:suixing:ws:v1",
        "title": "Suixing socket, version 1",
        "description": "Every message of the socket; `#/$defs/client` is what clients send, `#/$defs/server` what they receive. Prose: ws.md.",
        "oneOf": [{ "$ref": "#/$defs/client" }, { "$ref": "#/$defs/server" }],
        "$defs": defs,
    })
}

/// The AsyncAPI 3.0 document over the same schema.
pub fn asyncapi() -> Value {
    let mut generator = generator();
    let (client, server) = (client(&mut generator), server(&mut generator));
    let mut messages = Map::new();
    for entry in client.iter().chain(&server) {
        let payload = json!({
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": { "$ref": format!("./ws.schema.json#/$defs/{}", entry.key) },
        });
        let name = entry.key.replace('.', "_");
        let kind = entry.key.split('.').next_back().unwrap_or_default();
        messages.insert(
            name,
            json!({ "name": kind, "summary": entry.summary, "contentType": "application/json", "payload": payload }),
        );
    }
    let binary = [
        ("client_fixes_binary", "fixes frame", "Positions on `suixing.v1.bin`; layout in ws.md."),
        ("server_fixes_ack_binary", "fixes acknowledgement", "Its acknowledgement; layout in ws.md."),
        ("server_live_binary", "live frame", "Snapshot or delta of `suixing.v1.bin`; layout in ws.md."),
    ];
    for (key, name, summary) in binary {
        messages.insert(
            key.into(),
            json!({
                "name": name, "contentType": "application/octet-stream", "summary": summary,
                "payload": { "type": "string", "format": "binary" },
            }),
        );
    }
    let refs = |place: &str, side: &str| -> Map<String, Value> {
        messages
            .keys()
            .filter(|name| name.starts_with(side))
            .map(|name| (name.clone(), json!({ "$ref": format!("{place}{name}") })))
            .collect()
    };
    let all = refs("#/components/messages/", "");
    let of =
        |side: &str| -> Vec<Value> { refs("#/channels/socket/messages/", side).into_iter().map(|(_, r)| r).collect() };
    let (sent, received) = (of("client_"), of("server_"));
    let closes: Vec<Value> = Close::ALL
        .iter()
        .map(|close| {
            json!({ "code": close.code(), "reason": close.as_str(), "meaning": close.meaning(), "then": close.then().advice() })
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Suixing socket", "version": "1",
            "description": "One connection per device for everything that is live. Prose: ws.md.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": { "host": "127.0.0.1:8420", "protocol": "ws", "security": [{ "$ref": "#/components/securitySchemes/bearer" }, { "$ref": "#/components/securitySchemes/ticket" }] },
        },
        "channels": {
            "socket": {
                "address": "/ws",
                "title": "The socket",
                "description": "Also at /api/v1/ws.",
                "messages": all,
                "bindings": { "ws": { "method": "GET", "query": { "type": "object", "properties": { "ticket": { "type": "string" } } } } },
            },
        },
        "operations": {
            "fromClient": { "action": "receive", "channel": { "$ref": "#/channels/socket" }, "messages": sent },
            "toClient": { "action": "send", "channel": { "$ref": "#/channels/socket" }, "messages": received },
        },
        "components": {
            "messages": messages,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "ticket": { "type": "httpApiKey", "in": "query", "name": "ticket", "description": "One-time, from POST /api/v1/ws-tickets" },
            },
        },
        "x-subprotocols": [JSON, BIN],
        "x-close-codes": closes,
    })
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
