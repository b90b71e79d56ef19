//! Feedback in stages and the feed back to the source.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Officer, Receiver, TestApp, Unit, now, wait_until};

fn source() -> String {
    format!("t{}", Uuid::now_v7().simple().to_string().split_off(16))
}

fn path(incident: &Value, rest: &str) -> String {
    format!("/incidents/{}{rest}", incident["id"].as_str().unwrap())
}

struct Scene {
    unit: Unit,
    room: Officer,
    intake: Officer,
    source: String,
    incident: Value,
}

async fn scene(app: &TestApp) -> Scene {
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    let intake = unit.service("intake").await;
    let source = source();
    let (lon, lat) = unit.center;
    let body = json!({
        "source": source, "external_no": "F-1", "revision": 1, "category": "theft", "priority": 2,
        "title": "Phone stolen", "location": { "lon": lon, "lat": lat }, "called_at": now(),
    });
    let incident = intake.post("/incidents", body).await.expect(201).json;
    Scene { unit, room, intake, source, incident }
}

async fn changes(reader: &Officer, source: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let page = reader.get(&format!("/integrations/{source}/changes?after={after}&limit=3")).await.expect(200);
        all.extend(page.items().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => after = next.parse().unwrap(),
            None => return all,
        }
    }
}

fn assert_gap_free(all: &[Value]) {
    let seqs: Vec<i64> = all.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    let wanted: Vec<i64> = (1..=i64::try_from(seqs.len()).unwrap()).collect();
    assert_eq!(seqs, wanted);
}

#[tokio::test]
async fn feedback_comes_in_stages_and_the_review_closes() {
    let app = TestApp::shared().await;
    let s = scene(&app).await;
    let wang = s.unit.officer("wang").await;
    let sent = s.room.assign(&s.incident, &[&wang]).await.remove(0);
    let at = path(&s.incident, "/feedbacks");
    for event in ["accepted", "en_route", "on_scene"] {
        wang.event(&sent, event).await.expect(200);
    }
    wang.post(&at, json!({ "stage": "first", "text": "on the scene" })).await.expect(201);
    wang.event(&sent, "cleared").await.expect(200);
    let proposal = wang.get(&path(&s.incident, "/feedback-proposal")).await.expect(200);
    assert_eq!(proposal["stage"], "final");
    assert!(proposal["on_scene_at"].is_string());
    let last = json!({ "stage": "final", "result_code": "01", "resolved_on_scene": true, "text": "returned",
        "people": [{ "name": "张三", "role": "owner" }], "at": now() });
    let first = wang.post(&at, last.clone()).await.expect(201);
    let again = wang.post(&at, last).await.expect(200);
    assert_eq!(first.id(), again.id());
    assert_eq!(s.room.get(&path(&s.incident, "")).await["state"], "fed_back");
    let stranger = s.unit.officer("zhao").await;
    stranger.post(&at, json!({ "stage": "final" })).await.problem(404, "not_found");
    let back = s.room.post(&path(&s.incident, "/review"), json!({ "accept": false, "text": "who?" })).await.expect(200);
    assert_eq!(back["state"], "handling");
    wang.post(&at, json!({ "stage": "final", "text": "the owner" })).await.expect(201);
    let closed = s.room.post(&path(&s.incident, "/review"), json!({ "accept": true })).await.expect(200);
    assert_eq!(closed["state"], "closed");
    assert_eq!(s.room.get(&at).await.items().len(), 3);
}

#[tokio::test]
async fn an_assisting_hands_words_are_confirmed_by_the_lead() {
    let app = TestApp::shared().await;
    let s = scene(&app).await;
    let (wang, fu) = (s.unit.officer("wang").await, s.unit.member("fu", "auxiliary").await);
    s.room.assign(&s.incident, &[&wang, &fu]).await;
    let at = path(&s.incident, "/feedbacks");
    let written = fu.post(&at, json!({ "stage": "progress", "text": "looking at the camera" })).await.expect(201);
    assert_eq!(written["confirmed_at"], Value::Null);
    let confirm = format!("/feedbacks/{}/confirm", written.id());
    fu.post(&confirm, json!({})).await.problem(403, "forbidden");
    let stands = wang.post(&confirm, json!({})).await.expect(200);
    assert_eq!(stands["confirmed_by"], wang.person_id);
}

#[tokio::test]
async fn everything_flows_back_numbered_without_gaps() {
    let app = TestApp::shared().await;
    let s = scene(&app).await;
    let wang = s.unit.officer("wang").await;
    let sent = s.room.assign(&s.incident, &[&wang]).await.remove(0);
    for event in ["viewed", "accepted", "en_route", "on_scene", "cleared"] {
        wang.event(&sent, event).await.expect(200);
    }
    wang.patch(&path(&s.incident, ""), json!({ "category_found": "fraud" })).await.expect(200);
    let last = json!({ "stage": "final", "result_code": "01", "resolved_on_scene": true, "text": "returned" });
    wang.post(&path(&s.incident, "/feedbacks"), last).await.expect(201);
    s.room.post(&path(&s.incident, "/close"), json!({})).await.expect(200);
    let all = changes(&s.intake, &s.source).await;
    assert_gap_free(&all);
    let rungs: Vec<&str> =
        all.iter().filter(|c| c["kind"] == "assignment.rung").filter_map(|c| c["data"]["rung"].as_str()).collect();
    assert_eq!(rungs, ["viewed", "accepted", "en_route", "on_scene", "cleared"]);
    for kind in ["incident.created", "assignment.created", "incident.updated", "feedback.given", "incident.closed"] {
        assert!(all.iter().any(|change| change["kind"] == kind), "{kind}");
    }
    let given = all.iter().find(|change| change["kind"] == "feedback.given").unwrap();
    assert_eq!(given["external_no"], "F-1");
    assert_eq!(given["data"]["result_code"], "01");
    s.room.get(&format!("/integrations/{}/changes", s.source)).await.problem(403, "forbidden");
    wang.get(&format!("/integrations/{}/changes", s.source)).await.problem(404, "not_found");
    s.intake.get(&format!("/integrations/{}/changes?after=-1", s.source)).await.problem(422, "invalid_field");
}

/// A source that fails every second call and keeps what it took, by delivery id.
struct Source {
    receiver: Receiver,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    refused: Arc<AtomicU32>,
}

impl Source {
    async fn start(secret: &'static str) -> Self {
        let (taken, refused) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU32::new(0)));
        let (kept, count) = (Arc::clone(&taken), Arc::clone(&refused));
        let receiver = Receiver::start(move |n, call| {
            if n % 2 == 1 {
                // Half of the time it is down: broken off, or an error after taking nothing.
                count.fetch_add(1, Ordering::Relaxed);
                return if n % 4 == 1 { Answer::Status(503) } else { Answer::Nothing };
            }
            check_signature(&call.head, &call.body, secret);
            kept.lock().push((call.head["x-suixing-delivery"].clone(), call.json()));
            // Every third success is taken and its answer lost: the same delivery comes again.
            if n.is_multiple_of(6) { Answer::Nothing } else { Answer::Status(204) }
        });
        Self { receiver: receiver.await, taken, refused }
    }

    /// What arrived, each delivery once, in the order of its first arrival.
    fn distinct(&self) -> Vec<Value> {
        let mut seen = BTreeMap::new();
        let mut all = Vec::new();
        for (delivery, change) in self.taken.lock().iter() {
            match seen.get(delivery) {
                None => {
                    seen.insert(delivery.clone(), change.clone());
                    all.push(change.clone());
                }
                Some(first) => assert_eq!(first, change, "the same delivery has the same content"),
            }
        }
        all
    }
}

/// What a receiver does: HMAC-SHA256 over `timestamp.delivery.body`.
pub fn check_signature(head: &BTreeMap<String, String>, body: &[u8], secret: &str) {
    use aws_lc_rs::hmac;
    let signed =
        [head["x-suixing-timestamp"].as_bytes(), b".", head["x-suixing-delivery"].as_bytes(), b".", body].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(head["x-suixing-signature"], format!("sha256={hex}"));
}

#[tokio::test]
async fn the_webhook_delivers_everything_in_order_to_a_receiver_that_is_down_half_of_the_time() {
    const SECRET: &str = "a secret of the receiver";
    let app = TestApp::builder().config("[dispatch]\nwebhook_backoff_max_s = 1\n").start().await;
    let s = scene(&app).await;
    let source = Source::start(SECRET).await;
    let admin = s.unit.administrator("admin").await;
    let at = format!("/integrations/{}/webhook", s.source);
    let body = json!({ "url": source.receiver.url, "secret": SECRET });
    s.room.put(&at, body.clone()).await.problem(403, "forbidden");
    let put = admin.put(&at, body).await.expect(200);
    assert!(!put.json.to_string().contains(SECRET));
    admin.put(&at, json!({ "url": "ftp://example.org" })).await.problem(422, "invalid_field");
    admin.put(&at, json!({ "url": source.receiver.url, "secret": "short" })).await.problem(422, "invalid_field");
    let wang = s.unit.officer("wang").await;
    let sent = s.room.assign(&s.incident, &[&wang]).await.remove(0);
    wang.event(&sent, "accepted").await.expect(200);
    app.restart().await;
    for event in ["en_route", "on_scene", "cleared"] {
        wang.event(&sent, event).await.expect(200);
    }
    wang.post(&path(&s.incident, "/feedbacks"), json!({ "stage": "final", "result_code": "01" })).await.expect(201);
    let all = changes(&s.intake, &s.source).await;
    assert_gap_free(&all);
    let goal = i64::try_from(all.len()).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while admin.get(&at).await.expect(200)["delivered_seq"].as_i64().unwrap() < goal {
        assert!(std::time::Instant::now() < deadline, "{}", admin.get(&at).await.json);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(source.distinct(), all, "everything, in order, each once after de-duplication");
    assert!(source.refused.load(Ordering::Relaxed) >= 3, "it was down half of the time");
    wait_until("the state says so", || async { admin.get(&at).await["attempts"] == 0 }).await;
}

#[tokio::test]
async fn bad_feedback_is_refused_by_name() {
    let app = TestApp::shared().await;
    let s = scene(&app).await;
    let wang = s.unit.officer("wang").await;
    s.room.assign(&s.incident, &[&wang]).await;
    let at = path(&s.incident, "/feedbacks");
    for body in [
        json!({}),
        json!({ "stage": "last" }),
        json!({ "stage": "final", "text": "x".repeat(8001) }),
        json!({ "stage": "final", "result_code": "" }),
        json!({ "stage": "final", "people": vec!["x"; 51] }),
        json!({ "stage": "final", "people": "many" }),
        json!({ "stage": "final", "at": "2999-01-01T00:00:00Z" }),
        json!({ "stage": "final", "colour": "red" }),
    ] {
        wang.post(&at, body).await.problem(422, "invalid_field");
    }
    let unknown = format!("/incidents/{}/feedbacks", Uuid::now_v7());
    wang.post(&unknown, json!({ "stage": "final" })).await.problem(404, "not_found");
}
