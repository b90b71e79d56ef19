//! Mediation through the public interface: the record that several write at once, and its numbers.

mod agreement;
mod bad_input;
mod finalizing;
mod following;
mod history;
mod lists;
mod merging;
mod numbers;
mod prefill;
mod printing;
mod record;
mod referring;
mod reports;
mod signing;

mod extract;
mod papers;

use crate::support::{Officer, Reply, TestApp, Unit, ago, new_id, wait_for};
use serde_json::{Value, json};

/// A station with its room and two officers who were sent to the same quarrel.
pub struct Scene {
    pub station: Unit,
    pub room: Officer,
    pub wang: Officer,
    pub li: Officer,
    pub incident: Value,
}

/// A number of a document as its holder reads it out.
const ID_NUMBER: &str = "11010519491231002X";
/// The same as it is shown.
const ID_MASKED: &str = "110105********002X";

impl Scene {
    pub async fn set(app: &TestApp, name: &str) -> Self {
        let (station, room, wang) = app.station(name).await;
        let li = station.officer("li").await;
        li.sign_on().await;
        let incident = room.incident(station.near(0.0, 0.0)).await;
        room.assign(&incident, &[&wang, &li]).await;
        Self { station, room, wang, li, incident }
    }

    pub fn incident_id(&self) -> &str {
        self.incident["id"].as_str().unwrap()
    }

    /// The body of a `PUT`.
    pub fn body(&self, record: Value) -> Value {
        json!({ "incident_id": self.incident_id(), "kind": "police", "record": record })
    }

    /// A new record of this incident, made by Wang.
    pub async fn made(&self, record: Value) -> String {
        let id = new_id();
        self.wang.put(&path(&id), self.body(record)).await.expect(201);
        id
    }
}

pub fn path(id: &str) -> String {
    format!("/mediations/{id}")
}

/// A whole record by somebody who saw `version`.
pub async fn put(who: &Officer, id: &str, version: i64, body: Value) -> Reply {
    who.send("PUT", &path(id), &[("if-match", &format!("\"{version}\""))], Some(body)).await
}

/// Single fields by somebody who saw `version`.
pub async fn patch(who: &Officer, id: &str, version: i64, fields: Value) -> Reply {
    patch_as(who, id, version, json!({ "fields": fields })).await
}

/// The same with everything that a writing says of itself.
pub async fn patch_as(who: &Officer, id: &str, version: i64, body: Value) -> Reply {
    who.send("PATCH", &path(id), &[("if-match", &format!("\"{version}\""))], Some(body)).await
}

pub async fn read(who: &Officer, id: &str) -> Reply {
    who.get(&path(id)).await.expect(200)
}

/// Every edit, page by page.
pub async fn edits(who: &Officer, id: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = who.get(&format!("/mediations/{id}/edits?limit=3{cursor}")).await.expect(200);
        all.extend(page.items().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// One personal field in clear.
pub async fn clear(who: &Officer, id: &str, field: &str) -> Value {
    let body = json!({ "fields": [field], "purpose": "核对身份" });
    let told = who.post(&format!("/mediations/{id}/particulars"), body).await.expect(200);
    told["items"][0]["values"].clone()
}

pub const PARTY_A: &str = "01900000-0000-7000-8000-00000000000a";
pub const PARTY_B: &str = "01900000-0000-7000-8000-00000000000b";
pub const TERM: &str = "01900000-0000-7000-8000-0000000000c1";
/// What the term is worth, in fen.
pub const SUM: i64 = 60_000;

/// A day from today, in China.
pub fn day(after: i32) -> String {
    let there = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date();
    there.saturating_add(jiff::Span::new().days(after)).to_string()
}

/// A shove over a parking place, with everything that the form of 现场治安调解 asks for; two officers were there.
pub fn quarrel(leader: &Officer, helper: &Officer) -> Value {
    let party = |role: &str, name: &str| {
        json!({
            "role": role, "name": name, "sex": "male", "ethnic": "汉族", "id_type": "resident_id", "id_number": ID_NUMBER,
            "birth_date": "1949-12-31", "phone": "13800138000", "address": "江苏省常州市金坛区东门大街18号",
            "occupation": "个体经营者", "employer": "便民果蔬店", "statement": "他的车挡住了门口。", "can_write": true,
        })
    };
    json!({
        "place": "东门大街18号门前", "began_at": ago(1_200.0), "ended_at": ago(300.0),
        "leader_id": leader.person_id, "assistants": [helper.person_id],
        "nature": "fight", "minor": true, "ground": "kin_neighbours", "bars": [],
        "case_time": ago(2_400.0), "case_place": "东门大街18号门前路边停车位",
        "cause": "双方因占用停车位发生口角。", "facts": "张伟推搡欧阳建国左肩一次，致其手机掉落。",
        "result": "未受伤，手机屏幕损坏。", "disputed_points": "维修费用", "responsibility": "张伟承担主要责任。",
        "no_loss_dispute": true, "performed_on_the_spot": true, "open": true,
        "read_aloud": { "by": leader.person_id, "at": ago(360.0) },
        "parties": { PARTY_A: party("suspect", "张伟"), PARTY_B: party("victim", "欧阳建国") },
        "terms": { TERM: {
            "what": "张伟赔偿欧阳建国手机屏幕维修费。", "debtor": PARTY_A, "creditor": PARTY_B, "amount_fen": SUM,
            "due_on": day(30), "how": "微信转账",
        } },
    })
}

/// The same, to be paid later: 治安调解.
pub fn later(leader: &Officer, helper: &Officer) -> Value {
    let mut record = quarrel(leader, helper);
    record["performed_on_the_spot"] = json!(false);
    record
}

/// The same as a quarrel of neighbours that is no offence: 人民调解.
pub fn civil(leader: &Officer, helper: &Officer) -> Value {
    let mut record = later(leader, helper);
    record["nature"] = json!("civil");
    for party in [PARTY_A, PARTY_B] {
        record["parties"][party]["role"] = json!("party");
    }
    record
}

/// What a pen leaves on a screen.
pub fn strokes() -> Value {
    json!([[[10.0, 10.0, 0.0], [40.0, 32.5, 16.0], [80.0, 20.0, 33.0]], [[20.0, 60.0, 400.0], [90.0, 70.0, 450.0]]])
}

/// A signature on paper, photographed.
pub fn picture() -> String {
    let drawn = image::GrayImage::from_fn(120, 60, |x, y| image::Luma([if (x + y) % 17 < 3 { 0 } else { 255 }]));
    base64_of(&png(&image::DynamicImage::from(drawn)))
}

pub fn png(image: &image::DynamicImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

/// The number of a document, from its text.
pub fn serial_of(text: &str) -> i64 {
    text.rsplit('第').next().unwrap().trim_end_matches('号').parse().unwrap()
}

/// A record on its way to paper, and who leads it.
pub struct Table<'a> {
    pub leader: &'a Officer,
    pub id: String,
}

impl<'a> Table<'a> {
    pub async fn set(scene: &'a Scene, kind: &str, record: Value) -> Self {
        Self::led_by(scene, &scene.wang, kind, record, json!({})).await
    }

    /// A record made by who leads it, with more in the body of its `PUT`.
    pub async fn led_by(scene: &'a Scene, leader: &'a Officer, kind: &str, record: Value, more: Value) -> Self {
        let id = new_id();
        let mut body = json!({ "incident_id": scene.incident_id(), "kind": kind, "record": record });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        leader.put(&path(&id), body).await.expect(201);
        Self { leader, id }
    }

    pub fn at(&self, what: &str) -> String {
        format!("/mediations/{}/{what}", self.id)
    }

    pub async fn now(&self) -> Reply {
        read(self.leader, &self.id).await
    }

    /// What nobody shall have changed.
    pub async fn version(&self) -> i64 {
        self.now().await["version"].as_i64().unwrap()
    }

    pub async fn post(&self, what: &str, body: Value) -> Reply {
        self.leader.post(&self.at(what), body).await
    }

    /// Fields by the leader, who saw everything.
    pub async fn write(&self, body: Value) -> Reply {
        patch_as(self.leader, &self.id, self.version().await, body).await
    }

    pub async fn consent(&self, party: &str, consents: bool) -> Reply {
        self.post("consents", json!({ "party": party, "consents": consents })).await
    }

    /// Both parties want to be mediated.
    pub async fn agree(&self) {
        for party in [PARTY_A, PARTY_B] {
            self.consent(party, true).await.expect(201);
        }
        let view = self.now().await;
        assert_eq!(view["state"], "agreed", "{:#}", view["findings"]);
    }

    pub async fn sign(&self, signer: &str, with: Value) -> Reply {
        let hash = self.now().await["content_hash"].clone();
        let mut body = json!({ "signer": signer, "content_hash": hash });
        body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        self.post("signatures", body).await
    }

    /// Everybody on paper.
    pub async fn all_sign(&self) -> Reply {
        let mut last = None;
        for signer in [PARTY_A, PARTY_B, self.leader.person_id.as_str()] {
            last = Some(self.sign(signer, json!({ "image": picture() })).await.expect(201));
        }
        last.unwrap()
    }

    /// From the table to the last signature.
    pub async fn signed(&self) {
        self.agree().await;
        let view = self.all_sign().await;
        assert_eq!(view["state"], "signed", "{:#}", view["findings"]);
    }

    pub async fn finalize(&self) -> Reply {
        self.post("finalize", json!({})).await
    }

    /// The papers that are kept, once all are made or cannot be.
    pub async fn papers(&self) -> Value {
        wait_for("the papers", || async {
            let mut documents = self.now().await["documents"].clone();
            let settled = |one: &Value| one["evidence_id"].is_string() || one["problem"].is_string();
            let all = documents.as_array_mut()?;
            all.retain(|one| one["stored"] == true);
            (!all.is_empty() && all.iter().all(settled)).then_some(documents)
        })
        .await
    }

    /// What anybody learns who holds the paper.
    pub async fn verified(&self) -> Reply {
        self.leader.app.call("GET", &format!("/verify/{}", self.id), None).await
    }
}

/// A record in effect whose term is due in a month.
pub async fn in_effect<'a>(scene: &'a Scene, kind: &str) -> Table<'a> {
    let people = kind == "people";
    if people {
        let paper = json!({ "certificate": { "number": "苏人调9", "expires_on": day(9) } });
        scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    }
    let record = if people { civil(&scene.wang, &scene.li) } else { later(&scene.wang, &scene.li) };
    let table = Table::set(scene, kind, record).await;
    table.signed().await;
    let mut done = table.finalize().await.expect(200);
    if people {
        let boss = scene.station.supervisor("boss").await;
        done = boss.post(&table.at("steps"), json!({ "step": "seal" })).await.expect(200);
    }
    assert_eq!(done["state"], "performing", "{:#}", done["findings"]);
    assert_eq!(done["performances"], json!([]));
    table
}
