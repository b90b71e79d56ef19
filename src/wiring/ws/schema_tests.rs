//! The published files are what the code says; golden examples round-trip.

use super::super::protocol::{self, Incoming};
use super::*;
use serde::de::DeserializeOwned;

fn folder(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_published_files_are_what_the_code_says() {
    for (name, value) in [("ws.schema.json", json_schema()), ("asyncapi.json", asyncapi())] {
        let file = folder("api-spec").join(name);
        if std::env::var_os("SUIXING_BLESS").is_some() {
            std::fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&value).unwrap())).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
        assert!(kept == value, "{name} is not up to date: run `suixing spec --out api-spec`");
    }
    let prose = std::fs::read_to_string(folder("api-spec").join("ws.md")).unwrap();
    for close in Close::ALL {
        assert!(
            prose.contains(&format!("| {} | `{}` |", close.code(), close.as_str())),
            "ws.md lacks {}",
            close.code()
        );
    }
    for (kind, _) in KINDS {
        assert!(prose.contains(&format!("`{kind}`")), "ws.md lacks {kind}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let schema = json_schema();
    fn walk(value: &Value, root: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{target}");
                }
                map.values().for_each(|value| walk(value, root));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, root)),
            _ => {}
        }
    }
    walk(&schema, &schema);
    let document = asyncapi();
    for name in document["components"]["messages"].as_object().unwrap().keys() {
        if let Some(target) = document.pointer(&format!("/components/messages/{name}/payload/schema/$ref")) {
            let pointer = target.as_str().unwrap().strip_prefix("./ws.schema.json#").unwrap();
            assert!(schema.pointer(pointer).is_some(), "{target}");
        }
    }
}

/// The golden examples: name without ending, and content.
fn golden() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.starts_with("client.") || name.starts_with("server.") {
            found.push((name, serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()));
        }
    }
    found
}

#[test]
fn golden_examples_cover_every_message_and_fit_the_schema() {
    let schema = json_schema();
    let golden = golden();
    for key in schema["$defs"].as_object().unwrap().keys().filter(|key| key.contains('.')) {
        assert!(
            golden.iter().any(|(name, _)| name == key || name.starts_with(&format!("{key}."))),
            "no example of {key}"
        );
    }
    for (name, example) in &golden {
        let key: Vec<&str> = name.splitn(3, '.').take(2).collect();
        let def = &schema["$defs"][key.join(".")];
        let mut wrong = Vec::new();
        check(example, def, &schema, name, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
        let mut spoiled = example.clone();
        spoiled["type"] = "nonsense".into();
        let mut wrong = Vec::new();
        check(&spoiled, def, &schema, name, &mut wrong);
        assert!(!wrong.is_empty(), "{name} fits with any type");
    }
}

#[test]
fn golden_examples_round_trip() {
    for (name, example) in golden() {
        let mut parts = name.split('.');
        let (side, kind) = (parts.next().unwrap(), parts.next().unwrap());
        if side == "client" {
            let parsed = protocol::parse::<Fix>(&example.to_string()).map_err(|wrong| wrong.error).unwrap();
            let again = match parsed {
                Incoming::Hello(message) => tagged(kind, &message),
                Incoming::Ack(message) => tagged(kind, &message),
                Incoming::Fixes(message) => tagged(kind, &message),
                Incoming::LiveAck(message) => tagged(kind, &message),
                Incoming::Ping(message) => tagged(kind, &message),
                Incoming::Command(command) => {
                    body_fits(command.verb, &command.body);
                    let mut all = command.body.clone();
                    all.insert("type".into(), command.verb.as_str().into());
                    all.insert("request_id".into(), command.request_id.into());
                    if let Some(target) = command.verb.target() {
                        all.insert(target.into(), command.target.into());
                    }
                    Value::Object(all)
                }
            };
            assert_eq!(again, example, "{name}");
        } else {
            let again = match kind {
                "welcome" => again::<Welcome>(kind, &example),
                "message" => again::<Delivered>(kind, &example),
                "fixes_ack" => again::<FixesAck>(kind, &example),
                "live_snapshot" => again::<LiveSnapshot>(kind, &example),
                "live_delta" => again::<LiveDelta>(kind, &example),
                "reply" => again::<Reply>(kind, &example),
                "error" => again::<Problem>(kind, &example),
                "pong" => again::<Pong>(kind, &example),
                other => panic!("unknown message {other}"),
            };
            assert_eq!(again, example, "{name}");
        }
    }
}

fn tagged<T: serde::Serialize>(kind: &str, message: &T) -> Value {
    let mut value = serde_json::to_value(message).unwrap();
    value["type"] = kind.into();
    value
}

fn again<T: DeserializeOwned + serde::Serialize>(kind: &str, example: &Value) -> Value {
    let mut plain = example.clone();
    plain.as_object_mut().unwrap().remove("type");
    tagged(kind, &serde_json::from_value::<T>(plain).unwrap())
}

fn body_fits(verb: Verb, body: &Map<String, Value>) {
    let body = Value::Object(body.clone());
    match verb {
        Verb::AssignmentEvent => drop(serde_json::from_value::<EventIn>(body).unwrap()),
        Verb::Backup => drop(serde_json::from_value::<Press>(body).unwrap()),
        Verb::BackupResponse => drop(serde_json::from_value::<ResponseBody>(body).unwrap()),
        Verb::BackupClose => drop(serde_json::from_value::<CloseBody>(body).unwrap()),
        Verb::Subscribe => drop(serde_json::from_value::<Subscribe>(body).unwrap()),
        Verb::BackupTake | Verb::Unsubscribe => assert_eq!(body, json!({})),
    }
}

/// As much of JSON Schema as ours uses.
fn check(value: &Value, schema: &Value, root: &Value, path: &str, wrong: &mut Vec<String>) {
    if let Some(Value::String(target)) = schema.get("$ref") {
        let target = root.pointer(target.strip_prefix('#').unwrap()).unwrap();
        check(value, target, root, path, wrong);
    }
    let fits = |schema: &Value| {
        let mut inner = Vec::new();
        check(value, schema, root, path, &mut inner);
        inner.is_empty()
    };
    for word in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(word).and_then(Value::as_array)
            && !options.iter().any(fits)
        {
            wrong.push(format!("{path}: none of {word}"));
        }
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        match (part.get("if"), part.get("then")) {
            (Some(when), Some(then)) if fits(when) => check(value, then, root, path, wrong),
            (Some(_), _) => {}
            _ => check(value, part, root, path, wrong),
        }
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        wrong.push(format!("{path}: not {constant}"));
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array)
        && !list.contains(value)
    {
        wrong.push(format!("{path}: {value} not in {list:?}"));
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        wrong.push(format!("{path}: {value} is not {kinds:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                wrong.push(format!("{path}: lacks {name}"));
            }
        }
        for (name, member) in object {
            match schema.get("properties").and_then(|properties| properties.get(name)) {
                Some(inner) => check(member, inner, root, &format!("{path}.{name}"), wrong),
                None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    wrong.push(format!("{path}: {name} is unknown"));
                }
                None => {}
            }
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        list.iter().enumerate().for_each(|(i, item)| check(item, items, root, &format!("{path}[{i}]"), wrong));
    }
}
