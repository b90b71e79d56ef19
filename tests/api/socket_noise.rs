//! Whatever a client says on the socket, the server lives on.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::TestApp;

/// Any JSON, some of it nearly right.
fn messages() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("01890000-0000-7000-8000-000000000000")),
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let kind = prop::sample::select(vec![
        "hello",
        "ack",
        "fixes",
        "live_ack",
        "ping",
        "assignment_event",
        "backup",
        "backup_response",
        "backup_take",
        "backup_close",
        "subscribe",
        "unsubscribe",
        "nonsense",
    ]);
    let field = prop::sample::select(vec![
        "seq",
        "epoch",
        "last_seq",
        "last_id",
        "n",
        "fixes",
        "version",
        "request_id",
        "assignment_id",
        "backup_id",
        "event",
        "at",
        "unit_id",
        "bbox",
        "kind",
        "answer",
        "reason",
        "location",
        "silent",
        "other",
    ]);
    prop_oneof![
        4 => (kind, prop::collection::vec((field, value.clone()), 0..6)).prop_map(|(kind, fields)| {
            let mut message = serde_json::Map::new();
            message.insert("type".into(), kind.into());
            message.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
            Value::Object(message).to_string()
        }),
        1 => value.prop_map(|value| value.to_string()),
        1 => "\\PC{0,80}",
    ]
}

#[tokio::test]
async fn nothing_a_client_says_breaks_the_server() {
    let app = TestApp::shared().await;
    let station = app.unit("Maze").await;
    let wang = station.officer("wang").await;
    let mut runner = TestRunner::deterministic();
    let strategy = (messages(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..200));
    let mut socket = wang.socket().await;
    for round in 0..400 {
        let (text, binary, bytes) = strategy.new_tree(&mut runner).unwrap().current();
        if binary && round % 10 == 0 {
            socket.send_binary(bytes);
        } else {
            socket.send_text(&text);
        }
        if round % 5 == 0 {
            socket.send(json!({ "type": "ping", "request_id": format!("alive-{round}") }));
            let id = format!("alive-{round}");
            let alive = socket
                .maybe(Duration::from_secs(5), |frame| frame["type"] == "pong" && frame["request_id"] == id.as_str())
                .await;
            if alive.is_none() {
                let code = socket.close_code().await;
                assert!(matches!(code, 4002 | 1003 | 1007), "closed with {code} after {text}");
                socket = wang.socket().await;
            }
        }
    }
    assert!(!app.log().contains("panicked"), "the server panicked");
    assert_eq!(app.call("GET", "/healthz", None).await.status, 200);
}
