//! Work orders through the public interface: handed to linked bodies, answered by them or written down by the room.

mod agencies;
mod bad_input;
mod clock;
mod coming_back;
mod doubles;
mod life;
mod phone;
mod reports;
mod webhook;

use crate::support::{Officer, Reply, TestApp, Unit, new_id, wait_for};
use serde_json::{Value, json};

/// A station with its room, an officer who was sent to an incident, and that incident.
pub struct Desk {
    pub station: Unit,
    pub room: Officer,
    pub wang: Officer,
    pub incident: Value,
}

/// What an agency must never read.
pub const CALLER: &str = "13800138000";
pub const NOTE: &str = "the caller is afraid of his brother";

impl Desk {
    pub async fn set(app: &TestApp, name: &str) -> Self {
        let (station, room, wang) = app.station(name).await;
        let more = json!({ "reporter": { "name": "张三", "phone": CALLER }, "address": "1 Lake Road" });
        let incident = room.incident_with(station.near(0.0, 0.0), more).await;
        room.assign(&incident, &[&wang]).await;
        Self { station, room, wang, incident }
    }

    pub fn id(&self) -> &str {
        self.incident["id"].as_str().unwrap()
    }

    pub fn at(&self, what: &str) -> String {
        format!("/incidents/{}{what}", self.id())
    }

    /// An agency that is telephoned.
    pub async fn phone(&self, name: &str) -> String {
        let id = new_id();
        let body = json!({ "name": name, "kind": "ambulance", "channel": "phone", "phone": "120", "unit_id": self.station.id });
        self.station.admin().put(&agency_path(&id), body).await.expect(201);
        id
    }

    /// An agency with software that reads its inbox, and its account.
    pub async fn software(&self, name: &str) -> (String, Officer) {
        let account = self.station.service("system").await;
        let id = new_id();
        self.station.admin().put(&agency_path(&id), self.linked(name, &account)).await.expect(201);
        (id, account)
    }

    /// The body of such an agency.
    pub fn linked(&self, name: &str, account: &Officer) -> Value {
        json!({
            "name": name, "kind": "governance_centre", "channel": "software", "unit_id": self.station.id,
            "service_person_id": account.person_id,
        })
    }

    /// The room hands an order over.
    pub async fn send(&self, agency: &str, more: Value) -> Reply {
        self.room.post(&self.at("/tasks"), order(agency, more)).await
    }

    /// The same, made.
    pub async fn sent(&self, agency: &str) -> String {
        self.send(agency, json!({})).await.expect(201).id()
    }

    /// The card of this kind about this order, once it is there.
    pub async fn card(&self, kind: &str, task: &str) -> Value {
        wait_for(&format!("the card {kind}"), || async {
            let cards = cards(&self.room, kind, task).await;
            assert!(cards.len() < 2, "{cards:?}");
            cards.into_iter().next()
        })
        .await
    }
}

pub fn agency_path(id: &str) -> String {
    format!("/agencies/{id}")
}

pub fn order(agency: &str, more: Value) -> Value {
    let mut body = json!({ "agency_id": agency, "ask": "A lamp hangs loose over the road." });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// One move, by a human named Chen unless told.
pub async fn say(who: &Officer, task: &str, kind: &str, more: Value) -> Reply {
    let mut body = json!({ "kind": kind, "by_name": "engineer Chen" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    who.post(&format!("/tasks/{task}/events"), body).await
}

pub async fn read(who: &Officer, task: &str) -> Reply {
    who.get(&format!("/tasks/{task}")).await.expect(200)
}

/// The open cards of this kind about this order that somebody sees.
pub async fn cards(who: &Officer, kind: &str, task: &str) -> Vec<Value> {
    let all = who.get("/cards?limit=500").await.expect(200);
    all.items().iter().filter(|card| card["kind"] == kind && card["subject_id"] == task).cloned().collect()
}
