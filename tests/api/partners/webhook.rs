//! An agency's receiver: signed, in order, each delivery once, whatever fails in between.

use super::*;
use crate::feedback::check_signature;
use crate::support::{Answer, Receiver, wait_until};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SECRET: &str = "a secret of the receiver";

/// A receiver that refuses as many calls as it is told to, and keeps what it took.
struct System {
    receiver: Receiver,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    refuses: Arc<AtomicU32>,
}

impl System {
    async fn start(refuses: u32) -> Self {
        let (taken, refuses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU32::new(refuses)));
        let (kept, left) = (Arc::clone(&taken), Arc::clone(&refuses));
        let receiver = Receiver::start(move |n, call| {
            check_signature(&call.head, &call.body, SECRET);
            if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                return if n.is_multiple_of(2) { Answer::Nothing } else { Answer::Status(503) };
            }
            kept.lock().push((call.head["x-suixing-delivery"].clone(), call.json()));
            Answer::Status(204)
        });
        Self { receiver: receiver.await, taken, refuses }
    }

    fn body(&self, desk: &Desk, account: &Officer) -> Value {
        let mut body = desk.linked("Centre", account);
        body["webhook"] = json!({ "url": self.receiver.url, "secret": SECRET });
        body
    }

    async fn all(&self, count: usize) -> Vec<(String, Value)> {
        wait_until("the deliveries", || async { self.taken.lock().len() >= count }).await;
        self.taken.lock().clone()
    }
}

/// An agency with such a receiver.
async fn linked(desk: &Desk, system: &System) -> (String, Officer) {
    let account = desk.station.service("centre").await;
    let id = new_id();
    let made = desk.station.admin().put(&agency_path(&id), system.body(desk, &account)).await.expect(201);
    assert!(!made.json.to_string().contains(SECRET), "a secret that was given is not shown");
    (id, account)
}

#[tokio::test]
async fn a_receiver_that_refuses_twice_gets_everything_once_and_in_order() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Hook").await;
    let system = System::start(2).await;
    let (agency, account) = linked(&desk, &system).await;
    let task = desk.sent(&agency).await;
    say(&account, &task, "sign", json!({})).await.expect(201);
    say(&desk.room, &task, "accept", json!({})).await.expect(201);
    let second = desk.sent(&agency).await;
    let taken = system.all(4).await;
    assert_eq!(system.refuses.load(Ordering::Relaxed), 0, "it has refused");
    let told: Vec<(&str, &str)> = taken
        .iter()
        .map(|(_, change)| (change["kind"].as_str().unwrap(), change["task"]["id"].as_str().unwrap()))
        .collect();
    let ids = (task.as_str(), second.as_str());
    assert_eq!(told, [("task.sent", ids.0), ("task.signed", ids.0), ("task.accepted", ids.0), ("task.sent", ids.1)]);
    let deliveries: Vec<String> = (1..=4).map(|n| format!("{agency}:{n}")).collect();
    assert_eq!(taken.iter().map(|(delivery, _)| delivery.clone()).collect::<Vec<_>>(), deliveries);
    let inbox = account.get("/inbox/tasks").await.expect(200);
    let pushed: Vec<Value> = taken.into_iter().map(|(_, change)| change).collect();
    assert_eq!(*inbox.items(), pushed, "the inbox says the same");
    // The machine took it; nobody has signed by that.
    wait_until("the receipt", || async { read(&desk.room, &second).await["delivered_at"].is_string() }).await;
    let waits = read(&desk.room, &second).await;
    assert_eq!((&waits["state"], &waits["signed_at"]), (&json!("sent"), &Value::Null));
    let text = json!(pushed).to_string();
    for secret in [CALLER, "张三", desk.id()] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_was_refused_is_a_card_and_survives_a_kill() {
    let config = "[dispatch]\nwebhook_backoff_max_s = 1\nwebhook_card_after = 2\n";
    let app = TestApp::builder().config(config).start().await;
    let desk = Desk::set(&app, "Kill").await;
    let system = System::start(u32::MAX).await;
    let (agency, account) = linked(&desk, &system).await;
    let task = desk.sent(&agency).await;
    let card = wait_for("the card", || async {
        let all = desk.room.get("/cards").await.expect(200);
        all.items().iter().find(|card| card["kind"] == "webhook.refused").cloned()
    })
    .await;
    assert_eq!((&card["subject_kind"], &card["subject_id"]), (&json!("agency"), &json!(agency)));
    app.kill9();
    app.restart().await;
    say(&account, &task, "sign", json!({})).await.expect(201);
    app.kill9();
    system.refuses.store(0, Ordering::Relaxed);
    app.restart().await;
    let taken = system.all(2).await;
    let kinds: Vec<&Value> = taken.iter().map(|(_, change)| &change["kind"]).collect();
    assert_eq!(kinds, ["task.sent", "task.signed"]);
    wait_until("the card goes", || async {
        let all = desk.room.get("/cards").await.expect(200);
        all.items().iter().all(|card| card["kind"] != "webhook.refused")
    })
    .await;
    let listed = desk.station.admin().get("/agencies").await.expect(200);
    let shown = listed.items().iter().find(|one| one["id"] == agency.as_str()).unwrap().clone();
    assert_eq!((&shown["connection"]["delivered_seq"], &shown["connection"]["attempts"]), (&json!(2), &json!(0)));
}
