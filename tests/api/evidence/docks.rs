//! Docks: what cameras hold is known and signed for, by the devices of the house alone.

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

pub async fn said(device: &Signer, method: &str, path: &str, body: Option<&Value>) -> Raw {
    said_at(device, &now(), method, path, body).await
}

/// Fails unless it is this problem.
#[track_caller]
pub fn refused(answer: &Raw, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap_or_default()), (status, code), "{answer:?}");
}

/// A recording of some bytes, from so many seconds ago to so many.
#[derive(Clone)]
pub struct Film {
    pub id: String,
    pub bytes: Vec<u8>,
    pub from: f64,
    pub to: f64,
    pub marks: Value,
}

impl Film {
    pub fn new(seed: u8, from: f64, to: f64) -> Self {
        let bytes = format!("film {seed} {}", new_id()).into_bytes();
        Self { id: new_id(), bytes, from, to, marks: json!([]) }
    }

    /// As a camera names it whose clock is ahead by so many seconds. One film has one beginning, whenever it is named.
    pub fn named(&self, base: jiff::Timestamp, ahead_s: f64) -> Value {
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
pub struct Yard {
    pub scene: Scene,
    pub dock: Signer,
    pub camera: Signer,
    pub base: jiff::Timestamp,
}

impl Yard {
    pub async fn set(app: &TestApp, name: &str) -> Self {
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
    pub async fn docked(&self, films: &[&Film]) -> Value {
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

    pub async fn hold(&self, film: &Film) -> Value {
        let body = self.held(film, &self.dock);
        said(&self.dock, "POST", &format!("/recordings/{}/held", film.id), Some(&body)).await.expect(200).json()
    }

    /// Brings a film up by the resumable door, signed by the dock; the last answer.
    pub async fn bring(&self, film: &Film, bytes: &[u8], more: Value) -> Raw {
        bring(&self.dock, film, bytes, more).await
    }

    pub async fn seen(&self, film: &Film) -> Value {
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
pub async fn sent(app: &TestApp, assignment: &Value, ago_s: i64) {
    let (id, back) = (assignment["id"].as_str().unwrap(), ago_s * 1_000_000);
    app.sql(format!("UPDATE assignment_person SET sent_at = sent_at - {back} WHERE assignment_id = '{id}'")).await;
}

pub fn ids(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

pub fn kinds(seen: &Value) -> Vec<&str> {
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
