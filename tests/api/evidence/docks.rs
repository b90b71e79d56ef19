//! Docks: what cameras hold is known, signed for, brought up in order, and belongs to somebody.

use super::*;
use crate::support::evidence::{CHUNK, TUS, recording, tus_metadata, upload_path};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A request signed by a device as of a moment; the answer.
async fn said_at(device: &Signer, time: &str, method: &str, path: &str, body: Option<&Value>) -> Raw {
    let bytes = body.map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
    let text = format!("suixing-device-v1\n{method}\n/api/v1{path}\n{time}\n{}", sha256_hex(&bytes));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(device.pair.sign(text.as_bytes()).as_ref());
    let headers = [
        ("content-type", "application/json"),
        ("x-device-id", device.id.as_str()),
        ("x-device-time", time),
        ("x-device-signature", signature.as_str()),
    ];
    raw(&device.app, None, method, path, &headers, bytes).await
}

async fn said(device: &Signer, method: &str, path: &str, body: Option<&Value>) -> Raw {
    said_at(device, &now(), method, path, body).await
}

/// Fails unless it is this problem.
#[track_caller]
fn refused(answer: &Raw, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap_or_default()), (status, code), "{answer:?}");
}

/// A recording of some bytes, from so many seconds ago to so many.
#[derive(Clone)]
struct Film {
    id: String,
    bytes: Vec<u8>,
    from: f64,
    to: f64,
    marks: Value,
}

impl Film {
    fn new(seed: u8, from: f64, to: f64) -> Self {
        let bytes = format!("film {seed} {}", new_id()).into_bytes();
        Self { id: new_id(), bytes, from, to, marks: json!([]) }
    }

    /// As a camera names it whose clock is ahead by so many seconds. One film has one beginning, whenever it is named.
    fn named(&self, base: jiff::Timestamp, ahead_s: f64) -> Value {
        let at = |ago: f64| {
            let micros = base.as_microsecond() + ((ahead_s - ago) * 1e6) as i64;
            format!("{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap())
        };
        json!({
            "recording_id": self.id, "sha256": sha256_hex(&self.bytes), "started_at": at(self.from),
            "ended_at": at(self.to), "size": self.bytes.len(), "marks": self.marks,
        })
    }
}

/// A station with a dock and a camera that the officer has had for two hours; he was sent to the incident an hour ago.
struct Yard {
    scene: Scene,
    dock: Signer,
    camera: Signer,
    base: jiff::Timestamp,
}

impl Yard {
    async fn set(app: &TestApp, name: &str) -> Self {
        let scene = Scene::set(app, name).await;
        let dock = Signer::enrol_as(&scene.station, "dock").await;
        let camera = Signer::enrol_as(&scene.station, "body_worn_camera").await;
        issue(&scene, &camera.id, &scene.officer, 7_200).await;
        sent(app, &scene.assignment, 3_600).await;
        Self { scene, dock, camera, base: jiff::Timestamp::now() }
    }

    fn path(&self) -> String {
        format!("/devices/{}/manifest", self.camera.id)
    }

    fn manifest_ahead(&self, films: &[&Film], ahead_s: f64) -> Value {
        let named: Vec<Value> = films.iter().map(|film| film.named(self.base, ahead_s)).collect();
        json!({ "clock_offset_ms": (ahead_s * 1e3) as i64, "recordings": named })
    }

    fn manifest(&self, films: &[&Film]) -> Value {
        let named: Vec<Value> = films.iter().map(|film| film.named(self.base, 0.0)).collect();
        json!({ "clock_offset_ms": 0, "recordings": named })
    }

    /// The camera hangs in the dock with these on it.
    async fn docked(&self, films: &[&Film]) -> Value {
        said(&self.dock, "POST", &self.path(), Some(&self.manifest(films))).await.expect(200).json()
    }

    /// What the dock says when it has a film whole.
    fn held(&self, film: &Film, by: &Signer) -> Value {
        let (sha256, held_at) = (sha256_hex(&film.bytes), now());
        let text = format!(
            "suixing-held-v1\n{}\n{}\n{}\n{sha256}\n{}\n{held_at}",
            film.id,
            self.camera.id,
            by.id,
            film.bytes.len()
        );
        let signature = BASE64_URL_SAFE_NO_PAD.encode(by.pair.sign(text.as_bytes()).as_ref());
        json!({ "sha256": sha256, "size": film.bytes.len(), "held_at": held_at, "signature": signature })
    }

    async fn hold(&self, film: &Film) -> Value {
        let body = self.held(film, &self.dock);
        said(&self.dock, "POST", &format!("/recordings/{}/held", film.id), Some(&body)).await.expect(200).json()
    }

    /// Brings a film up by the resumable door, signed by the dock; the last answer.
    async fn bring(&self, film: &Film, bytes: &[u8], more: Value) -> Raw {
        bring(&self.dock, film, bytes, more).await
    }

    async fn seen(&self, film: &Film) -> Value {
        self.scene.room.get(&format!("/recordings/{}", film.id)).await.expect(200).json
    }
}

async fn bring(dock: &Signer, film: &Film, bytes: &[u8], more: Value) -> Raw {
    let mut metadata = recording(json!({ "recording_id": film.id }));
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    let (length, metadata) = (bytes.len().to_string(), tus_metadata(&metadata));
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    let made = dock.tus("POST", "/uploads", &headers, Vec::new()).await;
    if made.status != 201 {
        return made;
    }
    dock.tus("PATCH", &upload_path(&made), &[TUS, CHUNK, ("upload-offset", "0")], bytes.to_vec()).await
}

/// The counter gave somebody a camera so many seconds ago.
async fn issue(scene: &Scene, camera: &str, to: &Officer, ago_s: i64) {
    scene.room.post(&format!("/devices/{camera}/issue"), json!({ "person_id": to.person_id })).await.expect(200);
    let back = ago_s * 1_000_000;
    let open = format!("device_id = '{camera}' AND returned_at IS NULL");
    scene.station.app.sql(format!("UPDATE device_issue SET issued_at = issued_at - {back} WHERE {open}")).await;
}

/// The people of an assignment were sent so many seconds ago.
async fn sent(app: &TestApp, assignment: &Value, ago_s: i64) {
    let (id, back) = (assignment["id"].as_str().unwrap(), ago_s * 1_000_000);
    app.sql(format!("UPDATE assignment_person SET sent_at = sent_at - {back} WHERE assignment_id = '{id}'")).await;
}

fn ids(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

fn kinds(seen: &Value) -> Vec<&str> {
    seen["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_manifest_says_what_there_is_and_the_answer_in_which_order_it_comes() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Docking").await;
    let room = &yard.scene.room;
    let mut socket = room.socket().await;
    // Before he was sent; then two while he was; one of a day ago, when nobody had the camera.
    let before = Film::new(1, 6_000.0, 5_400.0);
    let first = Film { marks: json!([{ "at": now(), "text": "门口" }]), ..Film::new(2, 3_000.0, 2_400.0) };
    let second = Film::new(3, 1_800.0, 1_200.0);
    let old = Film::new(4, 100_000.0, 99_000.0);
    // The camera's clock is nine minutes fast.
    let manifest = yard.manifest_ahead(&[&second, &old, &before, &first], 540.0);
    let answer = said(&yard.dock, "POST", &yard.path(), Some(&manifest)).await.expect(200).json();
    let order = ids(&answer["recordings"], "recording_id");
    assert_eq!(order, [&first.id, &second.id, &old.id, &before.id].map(Clone::clone), "{answer}");
    let bound: Vec<bool> =
        answer["recordings"].as_array().unwrap().iter().map(|one| one["bound_to_case"] == true).collect();
    assert_eq!(bound, [true, true, false, false]);
    for one in answer["recordings"].as_array().unwrap() {
        assert_eq!((&one["state"], &one["upload"]), (&json!("on_camera"), &json!(true)), "{one}");
        assert_eq!((&one["may_delete"], &one["evidence_id"]), (&json!(false), &Value::Null), "{one}");
    }
    assert_eq!((&answer["missing"], &answer["may_be_emptied"]), (&json!([]), &json!(false)));
    let told = socket.expect("evidence.recordings").await;
    assert_eq!(told["data"], json!({ "device_id": yard.camera.id, "fresh": 4, "missing": 0, "on_camera": 4 }));

    // The same again: the same answer, nothing twice.
    let again = said(&yard.dock, "POST", &yard.path(), Some(&manifest)).await.expect(200).json();
    assert_eq!(again, answer);
    let list = |query: String| async move {
        let reply = room.get(&format!("/recordings?{query}")).await.expect(200);
        ids(&reply["items"], "id")
    };
    let camera = format!("device_id={}", yard.camera.id);
    let all = [&second.id, &first.id, &before.id, &old.id].map(Clone::clone);
    assert_eq!(list(camera.clone()).await, all);
    assert_eq!(list(format!("device_id={}", yard.dock.id)).await, all);
    let of_incident = format!("incident_id={}", yard.scene.incident_id());
    assert_eq!(list(of_incident.clone()).await, all[..2]);
    assert_eq!(list(format!("{camera}&person_id={}", yard.scene.officer.person_id)).await, all[..3]);
    assert_eq!(list(format!("{camera}&state=on_camera&from={}", ago(4_000.0))).await, all[..2]);
    assert_eq!(list(format!("{camera}&to={}", ago(4_000.0))).await, all[2..]);
    assert_eq!(list(format!("{camera}&state=stored")).await, Vec::<String>::new());
    assert_eq!(list(format!("{camera}&overdue=true")).await, all[3..]);
    let page = room.get(&format!("/recordings?{camera}&limit=3")).await.expect(200);
    let rest = list(format!("{camera}&limit=3&cursor={}", page.text("next_cursor"))).await;
    assert_eq!(rest, all[3..]);

    // Both clocks are kept; what is matched is the true time.
    let seen = yard.seen(&first).await;
    let named = first.named(yard.base, 540.0);
    let true_time = first.named(yard.base, 0.0);
    assert_eq!((&seen["raw_started_at"], &seen["started_at"]), (&named["started_at"], &true_time["started_at"]));
    assert_eq!((&seen["clock_offset_ms"], &seen["dock_id"]), (&json!(540_000), &json!(yard.dock.id)));
    assert_eq!((&seen["wearer_id"], &seen["wearer_by"]), (&json!(yard.scene.officer.person_id), &json!("issue_log")));
    assert_eq!(seen["incident_ids"], json!([yard.scene.incident_id()]));
    assert_eq!(seen["marks"][0]["text"], "门口");
    let old_seen = yard.seen(&old).await;
    assert_eq!((&old_seen["wearer_id"], &old_seen["wearer_by"]), (&Value::Null, &json!("nobody")));

    // Who sees it: the wearer, who was on the incident, those above; nobody else.
    let scene = &yard.scene;
    let item = format!("/recordings/{}", first.id);
    scene.officer.get(&item).await.expect(200);
    assert_eq!(ids(&scene.officer.get("/recordings").await.expect(200)["items"], "id"), all[..3]);
    let (mate, stranger) = (scene.station.officer("mate").await, scene.station.officer("stranger").await);
    mate.sign_on().await;
    mate.get(&item).await.problem(404, "not_found");
    scene.room.assign(&scene.incident, &[&mate]).await;
    mate.get(&item).await.expect(200);
    assert_eq!(ids(&mate.get(&format!("/recordings?{of_incident}")).await.expect(200)["items"], "id"), all[..2]);
    scene.custodian().await.get(&item).await.expect(200);
    let (_, other_room, _) = app.station("Elsewhere").await;
    for who in [&stranger, &other_room] {
        who.get(&item).await.problem(404, "not_found");
        who.get(&format!("/recordings?{of_incident}")).await.problem(404, "not_found");
        who.get(&format!("/incidents/{}/recordings", scene.incident_id())).await.problem(404, "not_found");
        assert_eq!(who.get(&format!("/recordings?{camera}")).await.expect(200).items().len(), 0);
    }
    app.call("GET", &item, None).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_a_camera_no_longer_has_and_nobody_signed_for_is_missing_by_name() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Missing").await;
    let mut socket = yard.scene.room.socket().await;
    let films = [Film::new(0, 3_000.0, 2_600.0), Film::new(1, 2_300.0, 1_900.0), Film::new(2, 1_600.0, 1_200.0)];
    let all: Vec<&Film> = films.iter().collect();
    let asked_first = now();
    yard.docked(&all).await;
    socket.expect("evidence.recordings").await;
    yard.hold(&films[0]).await;
    // The held one may go; the second is gone without a word.
    let answer = yard.docked(&[&films[2]]).await;
    assert_eq!(answer["missing"], json!([films[1].id]));
    let told = socket.expect_where("missing", |frame| frame["data"]["missing"] == 1).await;
    assert_eq!(told["data"]["on_camera"], 1);
    let seen = yard.seen(&films[1]).await;
    assert_eq!((&seen["state"], kinds(&seen)), (&json!("missing"), vec!["vanished"]));
    assert!(seen["missing_since"].is_string(), "{seen}");
    assert_eq!(yard.seen(&films[0]).await["state"], "at_dock");
    let room = &yard.scene.room;
    let missing = room.get(&format!("/recordings?state=missing&device_id={}", yard.camera.id)).await.expect(200);
    assert_eq!(ids(&missing["items"], "id"), [films[1].id.clone()]);
    // It cannot be fetched. A manifest of before, delivered late, does not undo it.
    room.post(&format!("/recordings/{}/fetch", films[1].id), json!({ "purpose": "appeal" }))
        .await
        .problem(409, "conflict");
    let late = said_at(&yard.dock, &asked_first, "POST", &yard.path(), Some(&yard.manifest(&all))).await;
    refused(&late, 409, "conflict");
    // It turns up again.
    let answer = yard.docked(&all).await;
    assert_eq!(answer["missing"], json!([]));
    let seen = yard.seen(&films[1]).await;
    assert_eq!((&seen["state"], kinds(&seen)), (&json!("on_camera"), vec!["vanished", "returned"]));
}

#[tokio::test]
async fn a_dock_signs_for_what_it_has_whole_and_the_camera_may_go() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Held").await;
    let (one, two) = (Film::new(1, 3_000.0, 2_500.0), Film::new(2, 2_000.0, 1_500.0));
    yard.docked(&[&one, &two]).await;
    let path = format!("/recordings/{}/held", one.id);

    // A statement that is not the dock's own, or about something else.
    let stranger = Signer::enrol_as(&yard.scene.station, "dock").await;
    let mut forged = yard.held(&one, &yard.dock);
    forged["signature"] = yard.held(&one, &stranger)["signature"].clone();
    refused(&said(&yard.dock, "POST", &path, Some(&forged)).await, 401, "bad_signature");
    let mut moved = yard.held(&one, &yard.dock);
    moved["held_at"] = json!(ago(60.0));
    refused(&said(&yard.dock, "POST", &path, Some(&moved)).await, 401, "bad_signature");
    assert_eq!(yard.seen(&one).await["state"], "on_camera");
    // The dock has other bytes than the camera named: noted once, not held.
    let other = Film { bytes: b"something else".to_vec(), ..one.clone() };
    for _ in 0..2 {
        let answer = said(&yard.dock, "POST", &path, Some(&yard.held(&other, &yard.dock))).await;
        refused(&answer, 460, "checksum_mismatch");
    }
    let seen = yard.seen(&one).await;
    assert_eq!((&seen["state"], kinds(&seen)), (&json!("on_camera"), vec!["differs"]));
    assert_eq!(seen["events"][0]["data"]["sha256"], sha256_hex(&other.bytes));

    let mut socket = yard.scene.room.socket().await;
    let body = yard.held(&one, &yard.dock);
    let held = said(&yard.dock, "POST", &path, Some(&body)).await.expect(200).json();
    assert_eq!((&held["state"], &held["camera"]["on_camera"]), (&json!("at_dock"), &json!(1)));
    assert_eq!(held["camera"]["may_be_emptied"], false);
    // Again, also with a new signature: the first stands.
    for again in [body, yard.held(&one, &yard.dock)] {
        let again = said(&yard.dock, "POST", &path, Some(&again)).await.expect(200).json();
        assert_eq!(again, held);
    }
    let seen = yard.seen(&one).await;
    assert_eq!(seen["held"]["statement"], held["statement"]);
    assert!(seen["held"]["statement"].as_str().unwrap().starts_with(&format!("suixing-held-v1\n{}\n", one.id)));
    // The last one: the room hears that the camera may go out, and so does the dock.
    let last = yard.hold(&two).await;
    assert_eq!(last["camera"], json!({ "device_id": yard.camera.id, "on_camera": 0, "may_be_emptied": true }));
    let told = socket.expect_where("may go", |frame| frame["data"]["on_camera"] == 0).await;
    assert_eq!((&told["data"]["fresh"], &told["data"]["on_camera"]), (&json!(0), &json!(0)));
    let answer = yard.docked(&[&one, &two]).await;
    assert_eq!(answer["may_be_emptied"], true);
    assert!(answer["recordings"].as_array().unwrap().iter().all(|one| one["may_delete"] == true), "{answer}");
}

#[tokio::test]
async fn nobody_speaks_for_a_camera_but_itself_and_the_docks_of_its_house() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "House").await;
    let film = Film::new(1, 3_000.0, 2_500.0);
    let manifest = yard.manifest(&[&film]);
    // A dock of another station; a handset; another camera; a session.
    let (elsewhere, _, _) = app.station("Other house").await;
    let foreign = Signer::enrol_as(&elsewhere, "dock").await;
    refused(&said(&foreign, "POST", &yard.path(), Some(&manifest)).await, 404, "not_found");
    for kind in ["handheld", "body_worn_camera"] {
        let device = Signer::enrol_as(&yard.scene.station, kind).await;
        refused(&said(&device, "POST", &yard.path(), Some(&manifest)).await, 403, "forbidden");
    }
    yard.scene.room.post(&yard.path(), manifest.clone()).await.problem(403, "forbidden");
    app.call("POST", &yard.path(), Some(&manifest)).await.problem(401, "unauthenticated");
    let no_camera = format!("/devices/{}/manifest", yard.dock.id);
    refused(&said(&yard.dock, "POST", &no_camera, Some(&manifest)).await, 404, "not_found");
    // The camera itself may.
    let alone = said(&yard.camera, "POST", &yard.path(), Some(&manifest)).await.expect(200).json();
    assert_eq!(ids(&alone["recordings"], "recording_id"), std::slice::from_ref(&film.id));
    assert_eq!(yard.seen(&film).await["dock_id"], Value::Null);
    // Then it is docked.
    yard.docked(&[&film]).await;
    assert_eq!(yard.seen(&film).await["dock_id"], json!(yard.dock.id));
    for (device, status, code) in [(&foreign, 404, "not_found"), (&yard.camera, 403, "forbidden")] {
        let held =
            said(device, "POST", &format!("/recordings/{}/held", film.id), Some(&yard.held(&film, device))).await;
        refused(&held, status, code);
    }
    refused(&said(&foreign, "GET", &format!("/recordings/{}/receipt", film.id), None).await, 404, "not_found");
    refused(&bring(&foreign, &film, &film.bytes, json!({})).await, 404, "not_found");
    // The id of another camera's recording is not this one's.
    let second = Signer::enrol_as(&yard.scene.station, "body_worn_camera").await;
    let stolen = said(&yard.dock, "POST", &format!("/devices/{}/manifest", second.id), Some(&manifest)).await;
    refused(&stolen, 409, "conflict");
    // A dock that was lost.
    yard.scene.station.admin().post(&format!("/devices/{}/revoke", yard.dock.id), json!({})).await.expect(200);
    refused(&said(&yard.dock, "POST", &yard.path(), Some(&manifest)).await, 401, "token_revoked");
    refused(&bring(&yard.dock, &film, &film.bytes, json!({})).await, 401, "token_revoked");
}

#[tokio::test]
async fn what_cannot_be_a_manifest_is_told_so() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Bad manifests").await;
    let film = Film::new(1, 3_000.0, 2_500.0);
    let named = film.named(yard.base, 0.0);
    let with = |name: &str, value: Value| {
        let mut one = named.clone();
        one[name] = value;
        json!({ "clock_offset_ms": 0, "recordings": [one] })
    };
    let many: Vec<Value> = (0..2_001).map(|_| Film::new(1, 2.0, 1.0).named(yard.base, 0.0)).collect();
    for (what, body) in [
        ("sha256", with("sha256", json!("zz"))),
        ("size", with("size", json!(-1))),
        ("size", with("size", json!(i64::MAX))),
        ("ended_at", with("ended_at", json!(ago(4_000.0)))),
        ("recording_id", with("recording_id", json!("one"))),
        ("marks", with("marks", json!([{ "at": now(), "text": "" }]))),
        ("marks", with("marks", json!([{ "text": "x" }]))),
        ("unknown", with("unknown", json!(1))),
        ("recording_id", json!({ "clock_offset_ms": 0, "recordings": [named, named] })),
        ("clock_offset_ms", json!({ "clock_offset_ms": i64::MIN, "recordings": [] })),
        ("clock_offset_ms", json!({ "recordings": [] })),
        ("recordings", json!({ "clock_offset_ms": 0, "recordings": many })),
        ("started_at", json!({ "clock_offset_ms": 2_200_000_000_000_i64, "recordings": [named] })),
    ] {
        let answer = said(&yard.dock, "POST", &yard.path(), Some(&body)).await;
        refused(&answer, 422, "invalid_field");
        assert!(answer.json().to_string().contains(what), "{what}: {}", answer.json());
    }
    refused(&said(&yard.dock, "POST", &yard.path(), None).await, 422, "invalid_field");
    let unsigned = yard.manifest(&[&film]);
    let mut forged = said_at(&yard.dock, "yesterday", "POST", &yard.path(), Some(&unsigned)).await;
    refused(&forged, 401, "bad_signature");
    forged = said(&yard.dock, "POST", "/devices/not-an-id/manifest", Some(&unsigned)).await;
    refused(&forged, 400, "invalid_id");
    assert_eq!(yard.scene.room.get(&format!("/recordings?device_id={}", yard.camera.id)).await.items().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_dock_brings_is_stored_as_its_wearers_with_a_receipt() {
    let app = TestApp::start().await;
    let yard = Yard::set(&app, "Stored").await;
    let scene = &yard.scene;
    let film = Film {
        marks: json!([{ "at": Film::new(0, 2_900.0, 0.0).named(jiff::Timestamp::now(), 0.0)["started_at"], "text": "刀" }]),
        ..Film::new(1, 3_000.0, 2_400.0)
    };
    yard.docked(&[&film]).await;
    yard.hold(&film).await;
    refused(&said(&yard.dock, "GET", &format!("/recordings/{}/receipt", film.id), None).await, 404, "not_found");
    let mut socket = scene.room.socket().await;
    let done = yard.bring(&film, &film.bytes, json!({ "sha256": sha256_hex(&film.bytes) })).await.expect(204);
    let evidence = done.header("suixing-evidence-id").to_owned();
    assert_eq!(socket.expect("evidence.received").await["data"]["evidence_id"], json!(evidence));

    let seen = yard.seen(&film).await;
    assert_eq!((&seen["state"], &seen["evidence_id"]), (&json!("stored"), &json!(evidence)));
    assert_eq!(kinds(&seen), ["held", "stored"]);
    // An item of the wearer, delivered by the dock, of the incident he was on, with the camera's mark.
    let item = scene.officer.get(&format!("/evidence/{evidence}")).await.expect(200);
    assert_eq!((&item["author_id"], &item["wearer_id"]), (&json!(scene.officer.person_id), &Value::Null));
    assert_eq!((&item["device_id"], &item["captured_at"]), (&json!(yard.dock.id), &seen["started_at"]));
    assert_eq!(item["incident_ids"], json!([scene.incident_id()]));
    let mark = &item["marks"][0];
    assert_eq!(mark["text"], "刀");
    let at = mark["from_ms"].as_i64().unwrap();
    assert!((95_000..=105_000).contains(&at), "{mark}");
    let custody = scene.room.get(&format!("/evidence/{evidence}/custody")).await.expect(200);
    let received = &custody.items()[0];
    assert_eq!((&received["kind"], &received["device_id"]), (&json!("received"), &json!(yard.dock.id)));
    let of = &received["detail"]["recording"];
    assert_eq!((&of["id"], &of["camera_id"]), (&json!(film.id), &json!(yard.camera.id)));
    assert!(of["held_statement"].as_str().unwrap().contains(&yard.dock.id), "{received}");

    // The dock may let go against the server's receipt, which stands by itself.
    let receipt = wait_for("the receipt's proof", || async {
        let path = format!("/recordings/{}/receipt", film.id);
        let receipt = said(&yard.dock, "GET", &path, None).await.expect(200).json();
        receipt["inclusion"].is_array().then_some(receipt)
    })
    .await;
    let keys = merkle::published(&scene.room.get("/custody/keys").await.expect(200).json);
    let body = merkle::check_receipt(&receipt, &keys, &film.bytes).unwrap();
    assert_eq!((&body["evidence_id"], &body["kind"]), (&json!(evidence), &json!("stored")));

    // Once more: the same item; the next manifest says that it is there.
    let again = yard.bring(&film, &film.bytes, json!({ "sha256": sha256_hex(&film.bytes) })).await.expect(204);
    assert_eq!(again.header("suixing-evidence-id"), evidence);
    let answer = yard.docked(&[&film]).await;
    let one = &answer["recordings"][0];
    assert_eq!(
        (&one["evidence_id"], &one["upload"], &one["may_delete"]),
        (&json!(evidence), &json!(false), &json!(true))
    );
    // What came up before it was named is found by its content.
    let early = Film::new(2, 1_000.0, 900.0);
    let by_camera = json!({ "kind": "video", "filename": "early.mp4", "captured_at": ago(1_000.0) });
    let length = early.bytes.len().to_string();
    let metadata = tus_metadata(&by_camera);
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    let made = yard.camera.tus("POST", "/uploads", &headers, Vec::new()).await.expect(201);
    let patch = [TUS, CHUNK, ("upload-offset", "0")];
    let sent = yard.camera.tus("PATCH", &upload_path(&made), &patch, early.bytes.clone()).await.expect(204);
    let answer = yard.docked(&[&film, &early]).await;
    let known = answer["recordings"].as_array().unwrap().iter().find(|one| one["recording_id"] == early.id.as_str());
    assert_eq!(known.unwrap()["evidence_id"], json!(sent.header("suixing-evidence-id")));

    if app.ready()["database"] == "sqlite" {
        wait_until("the whole store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    }
}

#[tokio::test]
async fn other_bytes_than_were_named_are_never_stored() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Differs").await;
    let film = Film::new(1, 3_000.0, 2_400.0);
    yard.docked(&[&film]).await;
    yard.hold(&film).await;
    let mut broken = film.bytes.clone();
    broken[3] ^= 1;
    // Undeclared, of the same length: found when all of it has come.
    refused(&yard.bring(&film, &broken, json!({})).await, 460, "checksum_mismatch");
    // Declared, or of another length: before the first byte is taken.
    let declared = yard.bring(&film, &broken, json!({ "sha256": sha256_hex(&broken) })).await;
    refused(&declared, 460, "checksum_mismatch");
    refused(&yard.bring(&film, &broken[1..], json!({})).await, 460, "checksum_mismatch");
    let seen = yard.seen(&film).await;
    assert_eq!((&seen["state"], &seen["evidence_id"]), (&json!("at_dock"), &Value::Null));
    assert_eq!(kinds(&seen), ["held", "differs", "differs", "differs"]);
    let places: Vec<&str> =
        seen["events"].as_array().unwrap()[1..].iter().map(|one| one["data"]["where"].as_str().unwrap()).collect();
    assert_eq!(places, ["delivered", "at_dock", "at_dock"]);
    let listed =
        yard.scene.room.get(&format!("/evidence?person_id={}", yard.scene.officer.person_id)).await.expect(200);
    assert_eq!(listed.items().len(), 0);
    // What was never announced is not taken from a dock at all.
    let unknown = Film::new(2, 100.0, 50.0);
    refused(&yard.bring(&unknown, &unknown.bytes, json!({})).await, 404, "not_found");
    // The right bytes still are.
    yard.bring(&film, &film.bytes, json!({})).await.expect(204);
    assert_eq!(yard.seen(&film).await["state"], "stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_a_recording_is_that_the_log_does_not_know_a_custodian_decides() {
    let app = TestApp::start().await;
    let yard = Yard::set(&app, "Unclaimed").await;
    let scene = &yard.scene;
    let mate = scene.station.officer("mate").await;
    // Issued for two hours to the officer, for the last ten minutes to another: three recordings, one of both.
    let hand_over = format!("/devices/{}/issue", yard.camera.id);
    scene.room.post(&hand_over, json!({ "person_id": mate.person_id })).await.expect(200);
    let id = &yard.camera.id;
    app.sql(format!("UPDATE device_issue SET returned_at = returned_at - 600000000 WHERE device_id = '{id}'")).await;
    let open = format!("device_id = '{id}' AND returned_at IS NULL");
    app.sql(format!("UPDATE device_issue SET issued_at = issued_at - 600000000 WHERE {open}")).await;
    let his = Film::new(1, 3_000.0, 2_400.0);
    let both = [Film::new(2, 1_200.0, 900.0), Film::new(3, 899.0, 500.0)];
    let early = Film::new(4, 7_800.0, 7_500.0);
    yard.docked(&[&his, &both[0], &both[1], &early]).await;
    assert_eq!(yard.seen(&both[1]).await["wearer_by"], "several");

    let keeper = scene.custodian().await;
    let unclaimed = keeper.get("/recordings/unclaimed").await.expect(200);
    assert_eq!(ids(&unclaimed["items"], "id"), [&both[1].id, &early.id].map(Clone::clone));
    let proposals: Vec<&Value> = unclaimed.items().iter().map(|line| &line["proposal"]).collect();
    assert_eq!(proposals[0]["person_id"], json!(scene.officer.person_id), "he had it longer: {proposals:?}");
    assert_eq!(proposals[0]["basis"], "issue_log");
    // Nobody had it yet; the next recording on it was somebody's too long after.
    assert_eq!(*proposals[1], Value::Null);
    let english = keeper.send("GET", "/recordings/unclaimed", &[("accept-language", "en")], None).await.expect(200);
    assert!(english.items()[0]["proposal"]["reason"].as_str().unwrap().contains("issued"), "{}", english.json);
    scene.officer.get("/recordings/unclaimed").await.problem(403, "forbidden");

    // The dock brings it before it is decided: it is nobody's, of the camera's station, and the room may look.
    let done = yard.bring(&both[1], &both[1].bytes, json!({})).await.expect(204);
    let item = format!("/evidence/{}", done.header("suixing-evidence-id"));
    let seen = scene.room.get(&item).await.expect(200);
    assert_eq!((&seen["unit_id"], &seen["wearer_id"]), (&json!(scene.station.id), &Value::Null));
    assert_eq!(seen["incident_ids"], json!([]));
    scene.officer.get(&item).await.problem(404, "not_found");

    let path = format!("/recordings/{}/wearer", both[1].id);
    let decision = json!({ "person_id": scene.officer.person_id, "reason": "his voice, and the door of number 7" });
    scene.officer.post(&path, decision.clone()).await.problem(404, "not_found");
    scene.room.post(&path, decision.clone()).await.problem(403, "forbidden");
    let (other, _, _) = app.station("Other custodian").await;
    let stranger = other.person("keeper", "custodian").await.login_browser().await;
    stranger.post(&path, decision.clone()).await.problem(404, "not_found");
    keeper.post(&path, json!({ "person_id": new_id(), "reason": "x" })).await.problem(404, "not_found");
    keeper
        .post(&path, json!({ "person_id": scene.officer.person_id, "reason": "" }))
        .await
        .problem(422, "invalid_field");
    let person = json!({ "person_id": keeper.person_id, "reason": "me" });
    keeper.post(&path, person).await.problem(422, "invalid_field");
    let decided = keeper.post(&path, decision.clone()).await.expect(200);
    assert_eq!((&decided["wearer_id"], &decided["wearer_by"]), (&json!(scene.officer.person_id), &json!("decision")));
    let line = decided["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&line["kind"], &line["person_id"]), (&json!("wearer"), &json!(keeper.person_id)));
    assert_eq!((&line["data"]["reason"], &line["data"]["before_by"]), (&decision["reason"], &json!("several")));
    keeper.post(&path, decision).await.expect(200);
    assert_eq!(kinds(&yard.seen(&both[1]).await), ["stored", "wearer"], "once");

    // The item is his now and belongs to his incident, and its custody says who said so.
    let seen = scene.officer.get(&item).await.expect(200);
    assert_eq!(seen["wearer_id"], json!(scene.officer.person_id));
    assert_eq!(seen["incident_ids"], json!([scene.incident_id()]));
    assert!(keeper.touches(item.trim_start_matches("/evidence/")).await.contains(&"wearer_decided".to_owned()));
    // A supervisor may too, and another opinion stands beside the first.
    let boss = scene.station.supervisor("boss").await;
    let again = boss.post(&path, json!({ "person_id": mate.person_id, "reason": "number 7 is his" })).await.expect(200);
    assert_eq!(again["wearer_id"], json!(mate.person_id));
    boss.post(
        &format!("/recordings/{}/wearer", early.id),
        json!({ "person_id": mate.person_id, "reason": "the night" }),
    )
    .await
    .expect(200);
    assert_eq!(keeper.get("/recordings/unclaimed").await.expect(200).items().len(), 0);
    // A later manifest does not undo it.
    yard.docked(&[&his, &both[0], &early]).await;
    assert_eq!(yard.seen(&early).await["wearer_by"], "decision");
    if app.ready()["database"] == "sqlite" {
        wait_until("the whole store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    }
}

#[tokio::test]
async fn a_neighbouring_recording_is_a_reason_to_ask_somebody() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Neighbours").await;
    let scene = &yard.scene;
    scene.room.post(&format!("/devices/{}/return", yard.camera.id), json!({})).await.expect(200);
    let id = &yard.camera.id;
    app.sql(format!("UPDATE device_issue SET returned_at = returned_at - 3000000000 WHERE device_id = '{id}'")).await;
    // Worn until fifty minutes ago; then nobody's, ten minutes after the last of his, and hours after.
    let his = Film::new(1, 3_600.0, 3_100.0);
    let next = Film::new(2, 2_500.0, 2_400.0);
    let later = Film::new(3, 600.0, 300.0);
    yard.docked(&[&his, &next, &later]).await;
    let unclaimed = scene.room.get("/recordings/unclaimed").await.expect(200);
    assert_eq!(ids(&unclaimed["items"], "id"), [&later.id, &next.id].map(Clone::clone));
    let basis: Vec<&Value> = unclaimed.items().iter().map(|line| &line["proposal"]["basis"]).collect();
    assert_eq!(basis, [&json!("last_holder"), &json!("neighbour")]);
    for line in unclaimed.items() {
        assert_eq!(line["proposal"]["person_id"], json!(scene.officer.person_id));
        assert!(!line["proposal"]["reason"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn segments_are_one_recording_which_may_belong_to_several_incidents() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Segments").await;
    let scene = &yard.scene;
    let second = scene.room.incident(scene.station.near(100.0, 0.0)).await;
    let assignment = scene.room.assign(&second, &[&scene.officer]).await.remove(0);
    sent(&app, &assignment, 1_500).await;
    // Five minutes each, a second apart; the third is named later; one after a break of three seconds.
    let films = [
        Film::new(1, 2_400.0, 2_101.0),
        Film::new(2, 2_100.0, 1_801.0),
        Film::new(3, 1_800.0, 1_501.0),
        Film::new(4, 1_500.0, 1_201.0),
        Film::new(5, 1_198.0, 900.0),
    ];
    yard.docked(&[&films[3], &films[0], &films[1], &films[4]]).await;
    let group = |seen: &Value| seen["group_id"].as_str().unwrap().to_owned();
    assert_eq!(group(&yard.seen(&films[1]).await), films[0].id);
    assert_eq!(group(&yard.seen(&films[3]).await), films[3].id);
    yard.docked(&[&films[0], &films[1], &films[2], &films[3], &films[4]]).await;
    for film in &films[..4] {
        let seen = yard.seen(film).await;
        assert_eq!(group(&seen), films[0].id);
        assert_eq!(seen["segments"], json!(films[..4].iter().map(|film| &film.id).collect::<Vec<_>>()));
    }
    assert_eq!(group(&yard.seen(&films[4]).await), films[4].id);

    // The second incident began in the fourth segment.
    let (one, two) = (scene.incident_id(), second["id"].as_str().unwrap());
    assert_eq!(yard.seen(&films[2]).await["incident_ids"], json!([one]));
    assert_eq!(yard.seen(&films[3]).await["incident_ids"], json!([one, two]));
    let whole = |incident: &str| {
        let (room, path) = (scene.room.clone(), format!("/incidents/{incident}/recordings"));
        async move { room.get(&path).await.expect(200)["recordings"].clone() }
    };
    let of_first = whole(one).await;
    assert_eq!(ids(&of_first, "group_id"), [&films[0].id, &films[4].id].map(Clone::clone));
    assert_eq!(ids(&of_first[0]["segments"], "id"), films[..4].iter().map(|film| film.id.clone()).collect::<Vec<_>>());
    let seen = yard.seen(&films[0]).await;
    assert_eq!((&of_first[0]["started_at"], &of_first[0]["state"]), (&seen["started_at"], &json!("on_camera")));
    assert_eq!(ids(&whole(two).await, "group_id"), [&films[0].id, &films[4].id].map(Clone::clone));
    // Its state is that of the segment that lags behind.
    for film in &films[..3] {
        yard.hold(film).await;
    }
    assert_eq!(whole(one).await[0]["state"], "on_camera");
    yard.hold(&films[3]).await;
    assert_eq!(whole(one).await[0]["state"], "at_dock");
}

#[tokio::test]
async fn what_nobody_recorded_at_the_scene_is_told() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Coverage").await;
    let scene = &yard.scene;
    let path = format!("/incidents/{}/recordings", scene.incident_id());
    assert_eq!(scene.room.get(&path).await.expect(200)["coverage"], json!([]), "nobody is there yet");
    let rung = |event: &str, at: String| {
        let (officer, id) = (scene.officer.clone(), scene.assignment["id"].as_str().unwrap().to_owned());
        let body = json!({ "event": event, "at": at });
        async move { officer.post(&format!("/assignments/{id}/events"), body).await.ok() }
    };
    let (arrived, cleared) = (ago(1_800.0), ago(300.0));
    rung("on_scene", arrived.clone()).await;
    // From before his arrival on; a second file at once; then a break, and one that will be missing.
    let films = [
        Film::new(1, 2_000.0, 1_500.0),
        Film::new(2, 1_499.0, 1_200.0),
        Film::new(3, 1_000.0, 900.0),
        Film::new(4, 800.0, 700.0),
    ];
    yard.docked(&films.iter().collect::<Vec<_>>()).await;
    yard.docked(&[&films[0], &films[1], &films[2]]).await;
    rung("cleared", cleared.clone()).await;
    let found = scene.officer.get(&path).await.expect(200);
    let cover = &found["coverage"][0];
    assert_eq!(cover["person_id"], json!(scene.officer.person_id));
    assert_eq!((&cover["on_scene_at"], &cover["cleared_at"]), (&json!(arrived), &json!(cleared)));
    let end = |film: &Film, side: &str| film.named(yard.base, 0.0)[side].clone();
    let gaps = json!([
        { "from": end(&films[1], "ended_at"), "to": end(&films[2], "started_at"), "missing": [] },
        { "from": end(&films[2], "ended_at"), "to": cleared, "missing": [films[3].id] },
    ]);
    assert_eq!(cover["gaps"], gaps);
    assert_eq!(found["recordings"].as_array().unwrap().len(), 3, "{}", found.json);
}

#[tokio::test]
async fn what_the_room_asks_for_comes_first() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Fetch").await;
    let scene = &yard.scene;
    let bound = Film::new(1, 3_000.0, 2_400.0);
    let late = [Film::new(2, 6_000.0, 5_900.0), Film::new(3, 5_500.0, 5_400.0)];
    let all = [&bound, &late[0], &late[1]];
    let answer = yard.docked(&all).await;
    assert_eq!(ids(&answer["recordings"], "recording_id")[0], bound.id);
    let wanted = format!("/devices/{}/wanted", yard.dock.id);
    assert_eq!(said(&yard.dock, "GET", &wanted, None).await.expect(200).json()["items"], json!([]));

    let path = |film: &Film| format!("/recordings/{}/fetch", film.id);
    let purpose = json!({ "purpose": "complaint 2026-14" });
    let asked = scene.room.post(&path(&late[1]), purpose.clone()).await.expect(200);
    assert!(asked["wanted_at"].is_string(), "{}", asked.json);
    assert_eq!(asked["events"][0]["data"], purpose);
    assert_eq!(asked["events"][0]["person_id"], json!(scene.room.person_id));
    scene.room.post(&path(&late[0]), purpose.clone()).await.expect(200);
    scene.room.post(&path(&late[0]), json!({ "purpose": "" })).await.problem(422, "invalid_field");
    let stranger = scene.station.officer("stranger").await;
    stranger.post(&path(&late[0]), purpose.clone()).await.problem(404, "not_found");

    let answer = yard.docked(&all).await;
    let order = ids(&answer["recordings"], "recording_id");
    assert_eq!(order, [&late[1].id, &late[0].id, &bound.id].map(Clone::clone), "{answer}");
    assert_eq!(answer["recordings"][0]["wanted"], true);
    let first = said(&yard.dock, "GET", &format!("{wanted}?limit=1"), None).await.expect(200).json();
    assert_eq!(ids(&first["items"], "recording_id"), [late[1].id.clone()]);
    assert_eq!(first["items"][0]["device_id"], json!(yard.camera.id));
    let rest = format!("{wanted}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = said(&yard.dock, "GET", &rest, None).await.expect(200).json();
    assert_eq!(ids(&second["items"], "recording_id"), [late[0].id.clone()]);
    assert_eq!(second["next_cursor"], Value::Null);
    // Nobody asks for another device, and no person for any.
    let other = Signer::enrol_as(&scene.station, "dock").await;
    refused(&said(&other, "GET", &wanted, None).await, 403, "forbidden");
    scene.room.get(&wanted).await.problem(403, "forbidden");
    refused(&said(&yard.dock, "GET", &format!("{wanted}?cursor=%21"), None).await, 400, "invalid_cursor");

    // Once it is here nobody waits for it; asking again changes nothing.
    yard.bring(&late[1], &late[1].bytes, json!({})).await.expect(204);
    let left = said(&yard.dock, "GET", &wanted, None).await.expect(200).json();
    assert_eq!(ids(&left["items"], "recording_id"), [late[0].id.clone()]);
    let stored = scene.room.post(&path(&late[1]), purpose).await.expect(200);
    assert_eq!((&stored["state"], kinds(&stored.json).len()), (&json!("stored"), 2));
}
