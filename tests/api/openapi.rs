//! Every endpoint of the served OpenAPI document against bad input: a clear error with a stable code,
//! never a fault of the server, and the rest unmoved. New endpoints are covered by being documented.

use crate::support::{Officer, Operation, Reply, TestApp, operations};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Operations that would end the session that tests the others.
const ENDS_THE_SESSION: [&str; 2] = ["POST /auth/logout", "PUT /me/password"];

/// Random bodies per operation and person.
const BODIES: usize = 24;

async fn people(app: &TestApp) -> Vec<Officer> {
    let station = app.unit("Bad input").await;
    let officer = station.officer("officer").await;
    officer.sign_on().await;
    vec![app.admin().await, station.dispatcher("room").await, officer, station.service("intake").await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_bodies_are_refused_by_every_write() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut wrong = Vec::new();
    for operation in operations(&app).await.iter().filter(has_body) {
        let cases = [
            ("not JSON", "hello", 400, "malformed_json"),
            ("half a body", "{", 400, "malformed_json"),
            ("not a number", "NaN", 400, "malformed_json"),
            ("a zero byte", "{\u{0}}", 400, "malformed_json"),
            ("an unknown field", "{\"surely_no_field\": 1}", 422, "invalid_field"),
            ("a list", "[1]", 422, "invalid_field"),
            ("a number", "7", 422, "invalid_field"),
            ("nothing but null", "null", 422, "invalid_field"),
        ];
        for (what, body, status, code) in cases {
            let reply = raw(&admin, operation, "application/json", body).await;
            if (reply.status, reply.code()) != (status, code) {
                wrong.push(format!("{} with {what}: {} {}", operation.name(), reply.status, reply.json));
            }
        }
        let reply = raw(&admin, operation, "text/plain", "{\"a\": 1}").await;
        if (reply.status, reply.code()) != (415, "unsupported_media_type") {
            wrong.push(format!("{} as text/plain: {} {}", operation.name(), reply.status, reply.json));
        }
        let (status, answer) = oversize(&admin, operation).await;
        if status != 413 || !answer.contains("payload_too_large") {
            wrong.push(format!("{} with a huge body: {status} {answer}", operation.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_not_taken_for_an_object_at_any_depth() {
    let app = TestApp::shared().await;
    let station = app.unit("Lists").await;
    let (room, officer) = (station.dispatcher("room").await, station.officer("officer").await);
    let call = |member: &str, value: Value| {
        let mut body =
            json!({ "category": "theft", "priority": 2, "title": "x", "location": { "lon": 104.0, "lat": 30.0 } });
        body[member] = value;
        body
    };
    let crew = json!({ "call_sign": "B12", "members": [[officer.person_id, "lead"]] });
    let cases = [
        (&room, "POST", "/incidents", call("location", json!([104.0, 30.0]))),
        (&room, "POST", "/incidents", call("reporter", json!(["张三", "13800138000"]))),
        (&officer, "POST", "/positions", json!({ "fixes": [["2026-01-01T00:00:00Z", 104.0, 30.0]] })),
        (&officer, "PUT", "/me/duty", json!({ "on_duty": true, "crew": ["B12"] })),
        (&room, "POST", "/crews", crew),
    ];
    for (who, method, path, body) in cases {
        who.send(method, path, &[], Some(body.clone())).await.problem(422, "invalid_field");
    }
    let mut socket = officer.socket().await;
    socket.send(json!({ "type": "fixes", "n": 1, "fixes": [["2026-01-01T00:00:00Z", 104.0, 30.0]] }));
    assert_eq!(socket.expect("error").await["code"], "invalid_field");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bodies_never_fault_the_server() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    let mut runner = TestRunner::deterministic();
    let mut wrong = Vec::new();
    for operation in operations(&app).await.iter().filter(has_body) {
        if ENDS_THE_SESSION.contains(&operation.name().as_str()) {
            continue;
        }
        let members = operation.members();
        for n in 0..BODIES {
            let body = body_of(&members).new_tree(&mut runner).unwrap().current();
            let who = &people[n % people.len()];
            let reply = who.send(&operation.method, &operation.filled(), &[], Some(body.clone())).await;
            check(operation, &reply, &body, &mut wrong);
        }
    }
    app.call("GET", "/readyz", None).await.expect(200);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_never_fault_the_server() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    let mut runner = TestRunner::deterministic();
    let mut wrong = Vec::new();
    for operation in operations(&app).await.iter().filter(|operation| operation.method == "GET") {
        for n in 0..BODIES {
            let mut query = String::new();
            for name in &operation.query {
                let value = nasty().new_tree(&mut runner).unwrap().current();
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                query.push_str(&format!("&{name}={}", percent(&text)));
            }
            let path = format!("{}?{}", operation.filled(), query.trim_start_matches('&'));
            if path.contains("/ws?") {
                continue;
            }
            let reply = people[n % people.len()].get(&path).await;
            check(operation, &reply, &json!(path), &mut wrong);
        }
    }
    app.call("GET", "/readyz", None).await.expect(200);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_ids_in_paths_are_told_as_such() {
    let app = TestApp::shared().await;
    let admin = app.admin().await;
    let mut wrong = Vec::new();
    // Uploads speak a protocol of their own, which looks at its version first; see evidence/uploads.rs.
    let ours = |operation: &&Operation| operation.path.contains("id}") && !operation.path.contains("/uploads/");
    for operation in operations(&app).await.iter().filter(ours) {
        let path: Vec<&str> = operation
            .path
            .split('/')
            .map(|part| if part.ends_with("id}") { "not-an-id" } else { part.trim_matches(['{', '}']) })
            .collect();
        let body = operation.writes().then(|| json!({}));
        let reply = admin.send(&operation.method, &path.join("/"), &[], body).await;
        if !matches!((reply.status, reply.code()), (400, "invalid_id") | (422, "invalid_field") | (403, "forbidden")) {
            wrong.push(format!("{}: {} {}", operation.name(), reply.status, reply.json));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_without_a_token() {
    let app = TestApp::shared().await;
    let mut wrong = Vec::new();
    for operation in operations(&app).await.iter().filter(|operation| !operation.public) {
        let body = operation.writes().then(|| json!({}));
        for token in [None, Some("garbage"), Some("eyJhbGciOiJub25lIn0.e30.")] {
            let reply = app.send(&operation.method, &operation.filled(), token, &[], body.as_ref()).await;
            // A backup may come signed by the device key alone, a socket with a ticket: both refuse with 401 too.
            if reply.status != 401 {
                wrong.push(format!("{} with token {token:?}: {} {}", operation.name(), reply.status, reply.json));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_and_methods_that_are_not_there() {
    let app = TestApp::shared().await;
    let admin = app.admin().await;
    admin.get("/no/such/thing").await.problem(404, "not_found");
    admin.get("/incidents/%F0%28%8C%28").await;
    admin.delete("/me").await;
    app.call("GET", "/healthz", None).await.expect(200);
}

fn has_body(operation: &&Operation) -> bool {
    operation.writes() && !operation.body.is_null()
}

/// Notes what is wrong with an answer to input that may be anything.
fn check(operation: &Operation, reply: &Reply, sent: &Value, wrong: &mut Vec<String>) {
    let documented = operation.statuses.iter().any(|status| *status == reply.status.to_string() || status == "default");
    let problem = reply.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
    if reply.status >= 500 || (reply.status >= 400 && (!problem || reply.code().is_empty())) {
        wrong.push(format!("{} answered {} {} to {sent}", operation.name(), reply.status, reply.json));
    } else if reply.status < 400 && !documented {
        wrong.push(format!("{} answered {}, which is not documented, to {sent}", operation.name(), reply.status));
    }
}

async fn raw(who: &Officer, operation: &Operation, kind: &str, body: &str) -> Reply {
    let request = who
        .app
        .http()
        .request(operation.method.parse().unwrap(), who.app.url(&operation.filled()))
        .bearer_auth(who.token())
        .header("content-type", kind)
        .body(body.to_owned());
    Reply::read(operation.name(), request.send().await.unwrap()).await
}

/// Announces a gigabyte and sends two bytes: the refusal must not wait for the rest.
async fn oversize(who: &Officer, operation: &Operation) -> (u16, String) {
    let mut stream = TcpStream::connect(who.app.base().trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000000\r\n\r\n{{\"",
        operation.method,
        operation.filled(),
        who.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let mut got = 0;
    let limit = std::time::Duration::from_secs(5);
    while let Ok(Ok(n)) = tokio::time::timeout(limit, stream.read(&mut answer[got..])).await {
        got += n;
        let text = String::from_utf8_lossy(&answer[..got]);
        if n == 0 || got == answer.len() || text.contains("\"code\"") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer[..got]).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Values that programs get wrong.
fn nasty() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        Just(String::new()),
        Just("\u{0}".to_owned()),
        Just("'; DROP TABLE person; --".to_owned()),
        Just("２０２６年".to_owned()),
        Just("x".repeat(20_000)),
        Just("2026-02-30T00:00:00Z".to_owned()),
        Just("9999-12-31T23:59:59Z".to_owned()),
        Just("1970-01-01T00:00:00+99:00".to_owned()),
        Just("00000000-0000-0000-0000-000000000000".to_owned()),
        Just("help".to_owned()),
        Just("police_officer".to_owned()),
        Just("-1".to_owned()),
        Just("100,30,101,31".to_owned()),
        Just("NaN,inf,-inf,0".to_owned()),
        "\\PC{0,40}",
    ];
    let numbers = prop_oneof![
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(i64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!(-0.0)),
        Just(json!(0.1)),
        any::<i32>().prop_map(|n| json!(n)),
        (-400.0..400.0f64).prop_map(|n| json!(n)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers,
        texts.prop_map(Value::from),
        Just(json!({ "lon": 104.06, "lat": 30.67 })),
        Just(json!({ "lon": 1e9, "lat": "north" })),
        Just(json!([])),
        Just(json!({})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A body made of documented members with nasty values, now and then with a member that does not exist.
fn body_of(members: &[String]) -> BoxedStrategy<Value> {
    let names: Vec<String> = members.iter().cloned().chain(["nonsense".to_owned()]).collect();
    let most = names.len();
    let some = prop::sample::subsequence(names, 0..=most);
    (some, prop::collection::vec(nasty(), most))
        .prop_map(|(names, values)| json!(names.into_iter().zip(values).collect::<std::collections::BTreeMap<_, _>>()))
        .boxed()
}
