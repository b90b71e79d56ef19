//! Every route × role × in or out of the unit × relation, driven by the served document: a route
//! without a row fails.
//!
//! A row says what each caller meets: `+` served (whatever the state then allows), `-` 403, `0` 404,
//! `.` not asked. Each call meets a subject made for it, so that one call cannot spoil the next.

mod rows;

use crate::support::evidence::{Signer, jpeg};
use crate::support::merkle::sha256_hex;
use crate::support::{Officer, PASSWORD, Reply, TestApp, Unit, ago, new_id, operations, wait_until};
use rows::{ROWS, Row, Subject};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The callers, in the order of a row's letters. The station's: A administrator, D dispatcher, U
/// supervisor, O officer who is concerned (it is him, his device, his crew, his assignment), F officer
/// who is not, V the source's service account. Another station's: a, d, o, v.
const CALLERS: [&str; 10] = ["A", "D", "U", "O", "F", "V", "a", "d", "o", "v"];

/// The ground the calls are made on.
pub struct World {
    pub station: Unit,
    pub other: Unit,
    pub root: Officer,
    callers: Vec<Officer>,
    pub source: String,
    mate: Officer,
    grid: String,
    picture: Vec<u8>,
    /// The station's custodian, who is none of the callers.
    keeper: Officer,
    /// A camera that O has, and when it filmed: before anybody was sent anywhere.
    camera: Signer,
    filmed_at: String,
    /// A body that every order is handed to.
    pub agency: String,
}

/// What one call is about: the path's parameter and whatever its body wants to name.
pub struct Target {
    id: String,
    /// A second incident beside the first.
    pub twin: String,
}

impl World {
    async fn build(app: &TestApp) -> Self {
        let (station, other) = (app.unit("Station").await, app.unit("Other").await);
        let mark = new_id().split_off(24);
        let source = format!("110-{mark}");
        let callers = vec![
            station.administrator("A").await,
            station.dispatcher("D").await,
            station.supervisor("U").await,
            station.officer("O").await,
            station.officer("F").await,
            station.service("V").await,
            other.administrator("a").await,
            other.dispatcher("d").await,
            other.officer("o").await,
            other.service("v").await,
        ];
        let root = app.admin().await;
        for (caller, source) in [(5, source.clone()), (9, format!("122-{mark}"))] {
            let path = format!("/people/{}", callers[caller].person_id);
            root.patch(&path, json!({ "source": source })).await.expect(200);
        }
        callers[3].sign_on().await;
        callers[4].sign_on().await;
        let mate = station.officer("mate").await;
        let body = json!({ "unit_id": station.id, "code": "G1", "name": "Grid" });
        let grid = root.post("/grids", body).await.expect(201).id();
        let keeper = station.person("keeper", "custodian").await.login_browser().await;
        let camera = Signer::enrol_as(&station, "body_worn_camera").await;
        let to = json!({ "person_id": callers[3].person_id });
        callers[1].post(&format!("/devices/{}/issue", camera.id), to).await.expect(200);
        let agency = root.post("/agencies", json!({ "name": mark })).await.expect(201).id();
        Self {
            station,
            other,
            root,
            callers,
            source,
            mate,
            grid,
            picture: jpeg(64, 48, 1),
            camera,
            filmed_at: ago(0.0),
            keeper,
            agency,
        }
    }

    /// The caller of a letter.
    pub fn who(&self, letter: &str) -> &Officer {
        &self.callers[CALLERS.iter().position(|c| *c == letter).unwrap()]
    }

    pub fn mate(&self) -> &str {
        &self.mate.person_id
    }

    async fn incident(&self) -> String {
        let (lon, lat) = self.station.near(10.0, 10.0);
        let body = json!({
            "source": self.source, "external_no": new_id(), "revision": 1, "unit_id": self.station.id,
            "category": "dispute", "priority": 3, "title": "A wall", "location": { "lon": lon, "lat": lat },
            "reporter": { "phone": "13800138000" },
        });
        self.who("V").post("/incidents", body).await.expect(201).id()
    }

    /// An assignment of O on the incident, accepted.
    async fn assignment(&self, incident: &str) -> String {
        let body = json!({ "person_ids": [self.who("O").person_id] });
        let made = self.who("D").post(&format!("/incidents/{incident}/assignments"), body).await.expect(201);
        let assignment = made["assignments"][0].clone();
        self.who("O").event(&assignment, "accepted").await.ok();
        assignment["id"].as_str().unwrap().to_owned()
    }

    /// What is asked for in an inquiry about O.
    pub fn inquiry(&self) -> Value {
        json!({
            "number": new_id(), "subject": { "person_id": self.who("O").person_id }, "from": ago(3_600.0),
            "to": ago(0.0), "reason": "complaint", "expires_at": ago(-3_600.0),
        })
    }

    /// A photo of O, looked at by its job.
    async fn photo(&self) -> String {
        let made = self.who("O").photo(&self.picture, json!({ "captured_at": ago(1.0) })).await.expect(201);
        self.who("O").previewed(&made.id()).await;
        made.id()
    }

    /// A photo of O whose term is over.
    async fn expired(&self) -> String {
        let photo = self.photo().await;
        self.station.app.sql(format!("UPDATE evidence SET keep_until = 1 WHERE id = '{photo}'")).await;
        photo
    }

    /// A recording that O has made, as the camera names it.
    async fn recording(&self) -> String {
        let (id, at) = (new_id(), &self.filmed_at);
        let named = json!({
            "recording_id": id, "sha256": sha256_hex(id.as_bytes()), "started_at": at, "ended_at": at, "size": 1,
        });
        let body = json!({ "clock_offset_ms": 0, "recordings": [named] }).to_string().into_bytes();
        let path = format!("/devices/{}/manifest", self.camera.id);
        let headers = [("content-type", "application/json")];
        self.camera.send("POST", &path, &body, &headers, body.clone()).await.expect(200);
        id
    }

    async fn target(&self, subject: Subject) -> Target {
        let mut twin = String::new();
        let id = match subject {
            Subject::Nothing => String::new(),
            Subject::Unknown => new_id(),
            Subject::Source => self.source.clone(),
            Subject::Unit => self.station.id.clone(),
            Subject::Officer => self.who("O").person_id.clone(),
            Subject::Stranger => self.station.person("x", "guard").await.person_id,
            Subject::Grid => self.grid.clone(),
            Subject::Device => self.who("O").device_id(),
            Subject::LostDevice => self.station.officer("x").await.device_id(),
            Subject::Crew => {
                let member = |id: &str, role: &str| json!({ "person_id": id, "role": role });
                let members = [member(&self.who("O").person_id, "lead"), member(&self.mate.person_id, "assist")];
                self.root.post("/crews", json!({ "call_sign": "K", "members": members })).await.expect(201).id()
            }
            Subject::Incident => {
                let incident = self.incident().await;
                self.assignment(&incident).await;
                twin = self.incident().await;
                incident
            }
            Subject::NewIncident => self.incident().await,
            Subject::Assignment => {
                let incident = self.incident().await;
                self.assignment(&incident).await
            }
            Subject::Feedback => {
                let incident = self.incident().await;
                self.assignment(&incident).await;
                let body = json!({ "stage": "first", "text": "arrived" });
                self.who("O").post(&format!("/incidents/{incident}/feedbacks"), body).await.expect(201).id()
            }
            Subject::Evidence => {
                twin = self.incident().await;
                self.assignment(&twin).await;
                self.photo().await
            }
            Subject::Hold => {
                let path = format!("/evidence/{}/holds", self.photo().await);
                self.who("U").post(&path, json!({ "reason": "r" })).await.expect(201).id()
            }
            Subject::Deletion => {
                let photo = self.expired().await;
                let body = json!({ "reason": "r", "article": "a" });
                self.keeper.post(&format!("/evidence/{photo}/deletion"), body).await.expect(201);
                photo
            }
            Subject::Batch => {
                self.expired().await;
                let batch = self.keeper.post("/deletions/batches", json!({})).await.expect(202).id();
                wait_until("the list", || async {
                    let path = format!("/deletions/batches/{batch}");
                    self.keeper.get(&path).await.expect(200)["state"] == "proposed"
                })
                .await;
                batch
            }
            Subject::Share => {
                let body = json!({ "receiver": "R", "purpose": "p", "expires_at": ago(-600.0) });
                let path = format!("/evidence/{}/shares", self.photo().await);
                self.who("O").post(&path, body).await.expect(201).id()
            }
            Subject::Inquiry => self.who("U").post("/inquiries", self.inquiry()).await.expect(201).id(),
            Subject::Camera => self.camera.id.clone(),
            Subject::Recording => self.recording().await,
            Subject::Mediation => {
                twin = self.incident().await;
                self.assignment(&twin).await;
                let id = new_id();
                let record = json!({ "place": "p", "leader_id": self.who("O").person_id });
                let body = json!({ "incident_id": twin, "kind": "police", "record": record });
                self.who("O").put(&format!("/mediations/{id}"), body).await.expect(201);
                id
            }
            Subject::NumberBlock => {
                let path = format!("/units/{}/number-blocks", self.station.id);
                let body = json!({ "series": "xczatj", "count": 1 });
                self.who("O").post(&path, body).await.expect(201).id()
            }
            Subject::Agency => {
                let body = json!({ "name": "N", "kind": "fire", "channel": "phone", "phone": "1", "unit_id": self.station.id });
                let id = new_id();
                self.root.put(&format!("/agencies/{id}"), body).await.expect(201);
                id
            }
            Subject::Task => {
                twin = self.incident().await;
                self.assignment(&twin).await;
                let body = json!({ "agency_id": self.agency, "ask": "a" });
                self.who("D").post(&format!("/incidents/{twin}/tasks"), body).await.expect(201).id()
            }
            Subject::Backup => {
                // Far from where the other rows put everybody: who stands beside a caller is told of him.
                let (lon, lat) = self.station.near(60_000.0, 0.0);
                let body = json!({ "location": { "lon": lon, "lat": lat } });
                self.who("O").post("/backups", body).await.expect(201).id()
            }
        };
        Target { id, twin }
    }

    async fn call(&self, row: &Row, letter: &str) -> Reply {
        let target = self.target(row.subject).await;
        let (method, path) = row.route.split_once(' ').unwrap();
        let mut path = path.replace("{id}", &target.id).replace("{source}", &target.id).replace("{kind}", "agreement");
        if !row.query.is_empty() {
            path = format!("{path}?{}", row.query);
        }
        let body = (row.body)(self, &target);
        let body = (method != "GET").then_some(body);
        let caller = self.who(letter);
        if row.ends_session {
            let own = caller.login_browser().await;
            return own.send(method, &path, &[], body).await;
        }
        let reply = caller.send(method, &path, &[], body).await;
        if row.subject == Subject::Backup || row.route == "POST /backups" {
            self.close_backups(&reply, &target).await;
        }
        reply
    }

    /// An open alarm would colour the next call.
    async fn close_backups(&self, reply: &Reply, target: &Target) {
        let id = if target.id.is_empty() { reply["id"].as_str().unwrap_or_default() } else { &target.id };
        if !id.is_empty() {
            self.root.post_empty(&format!("/backups/{id}/take")).await;
            self.root.post(&format!("/backups/{id}/close"), json!({ "reason": "resolved" })).await;
        }
    }
}

fn met(reply: &Reply) -> char {
    match reply.status {
        403 => '-',
        404 => '0',
        401 => 'u',
        500.. => '!',
        _ => '+',
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_has_a_row() {
    let app = TestApp::shared().await;
    let offered: BTreeSet<String> = operations(&app).await.iter().map(crate::support::Operation::name).collect();
    let described: BTreeSet<String> = ROWS.iter().map(|row| row.route.to_owned()).collect();
    assert_eq!(described.len(), ROWS.len(), "a route has two rows");
    let missing: Vec<_> = offered.difference(&described).collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_meets_what_the_rows_say() {
    // Cheap password hashing: hundreds of people are made here.
    let app = TestApp::builder().config("[auth]\nargon2_memory_kib = 64\nargon2_passes = 1\n").start().await;
    let world = World::build(&app).await;
    let offered: BTreeSet<String> = operations(&app).await.iter().map(crate::support::Operation::name).collect();
    let mut wrong = Vec::new();
    for row in ROWS.iter().filter(|row| offered.contains(row.route) && row.expected != "public") {
        let letters: Vec<char> = row.expected.chars().filter(|c| *c != ' ').collect();
        assert_eq!(letters.len(), CALLERS.len(), "{}", row.route);
        let mut seen = String::new();
        let mut bodies = Vec::new();
        for (letter, expected) in CALLERS.iter().zip(&letters) {
            if *expected == '.' {
                seen.push('.');
                continue;
            }
            let reply = world.call(row, letter).await;
            seen.push(met(&reply));
            if met(&reply) != *expected {
                bodies.push(format!("    {letter}: {} {}", reply.status, reply.json));
            }
        }
        if seen != letters.iter().collect::<String>() {
            wrong.push(format!("{}\n  expected {}\n  met      {seen}\n{}", row.route, row.expected, bodies.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "callers {}\n{}", CALLERS.concat(), wrong.join("\n"));
}

/// A body of no words.
pub fn empty(_: &World, _: &Target) -> Value {
    json!({})
}

/// The password every test account has, for rows that want one.
pub fn password() -> &'static str {
    PASSWORD
}
