//! Sending people and crews, both ladders, deadlines and escalation.

use serde_json::{Value, json};

use crate::support::{Answer, Officer, Receiver, Reply, TestApp, Unit, ago, now, wait_until};

mod channels;
mod crews;
mod crews_race;
mod escalation;
mod ladder;
mod sending;

async fn station() -> (Unit, Officer) {
    let app = TestApp::shared().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    (unit, room)
}

/// A server whose clocks are short enough to wait for.
async fn hasty(extra: &str) -> (TestApp, Unit, Officer) {
    let config = format!(
        "[dispatch]\ndelivered_s = [1, 1, 1, 1]\nviewed_s = [600, 600, 600, 600]\naccepted_s = [2, 2, 2, 2]\n\
         channel_s = [1, 1, 1, 1]\nsigned_s = [1, 1, 1, 1]\nwaiting_s = [1, 1, 1, 1]\nchange_s = [1, 1, 1, 1]\n{extra}"
    );
    let app = TestApp::builder().config(&config).start().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    (app, unit, room)
}

fn path(incident: &Value, rest: &str) -> String {
    format!("/incidents/{}{rest}", incident["id"].as_str().unwrap())
}

async fn seen(person: &Officer, assignment: &Value) -> Value {
    person.get(&format!("/assignments/{}", assignment["id"].as_str().unwrap())).await.expect(200).json
}

fn rungs(assignment: &Value, rung: &str) -> Vec<Value> {
    assignment["rungs"].as_array().unwrap().iter().filter(|r| r["rung"] == rung).cloned().collect()
}

/// The ways that were tried to bring an offer to its people: channel and outcome, in order.
fn ways(assignment: &Value) -> Vec<(String, String)> {
    let attempts = assignment["attempts"].as_array().unwrap().iter().filter(|a| a["limit"] == "delivered");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    attempts.map(|a| (text(&a["channel"]), text(&a["outcome"]))).collect()
}

/// How the room stands with this kind of card: the open ones.
async fn cards(room: &Officer, kind: &str) -> Vec<Value> {
    let all = room.get("/cards?limit=500").await.expect(200);
    all.items().iter().filter(|card| card["kind"] == kind).cloned().collect()
}

async fn availability(person: &Officer) -> Value {
    person.get("/me/duty").await.expect(200)["availability"].clone()
}

async fn say(person: &Officer, assignment: &Value, body: Value) -> Reply {
    person.post(&format!("/assignments/{}/events", assignment["id"].as_str().unwrap()), body).await
}
