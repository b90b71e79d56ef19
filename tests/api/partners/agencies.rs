//! Linked bodies themselves: who keeps them, how they are reached, the secret that is shown once.

use super::*;

async fn put(who: &Officer, id: &str, version: i64, body: Value) -> Reply {
    who.send("PUT", &agency_path(id), &[("if-match", &format!("\"{version}\""))], Some(body)).await
}

#[tokio::test]
async fn an_agency_is_made_changed_and_listed() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Keeper").await;
    let (id, admin) = (new_id(), desk.station.administrator("admin").await);
    let body = json!({ "name": "调委会", "kind": "mediation_committee", "channel": "phone", "phone": "82880000" });
    desk.room.put(&agency_path(&id), body.clone()).await.problem(403, "forbidden");
    let made = admin.put(&agency_path(&id), body.clone()).await.expect(201);
    assert_eq!((&made["version"], made.header("etag")), (&json!(1), Some("\"1\"")));
    assert_eq!((&made["accept_within_s"], &made["finish_within_s"]), (&json!(600), &json!(86_400)));
    assert_eq!(admin.put(&agency_path(&id), body.clone()).await.expect(200)["version"], 1, "the same is no change");
    let mut other = body.clone();
    other["accept_within_s"] = json!(120);
    other["enabled"] = json!(false);
    let stale = admin.put(&agency_path(&id), other.clone()).await.problem(412, "stale");
    assert_eq!(stale["current_version"], 1);
    put(&admin, &id, 9, other.clone()).await.problem(412, "stale");
    let changed = put(&admin, &id, 1, other).await.expect(200);
    assert_eq!((&changed["version"], &changed["accept_within_s"]), (&json!(2), &json!(120)));
    let listed = desk.wang.get("/agencies").await.expect(200);
    let shown = listed.items().iter().find(|one| one["id"] == id.as_str()).unwrap().clone();
    assert_eq!((&shown["phone"], &shown["enabled"]), (&json!("82880000"), &json!(false)));
    assert!(shown.get("connection").is_none(), "how it is reached is the administrator's: {shown}");
    // Another house's administrator.
    let stranger = app.unit("Stranger").await.administrator("admin").await;
    put(&stranger, &id, 2, body).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_secret_that_the_server_makes_is_shown_once() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Secret").await;
    let id = new_id();
    let mut body = json!({
        "name": "Court", "kind": "court", "channel": "software", "webhook": { "url": "http://127.0.0.1:9/hook" },
    });
    let admin = desk.station.admin();
    let made = admin.put(&agency_path(&id), body.clone()).await.expect(201);
    assert!(made["connection"]["secret"].as_str().is_some_and(|secret| secret.len() >= 16), "{}", made.json);
    let again = admin.put(&agency_path(&id), body.clone()).await.expect(200);
    assert!(again["connection"].get("secret").is_none());
    body["name"] = json!("High court");
    let changed = put(admin, &id, 1, body).await.expect(200);
    assert!(changed["connection"].get("secret").is_none(), "the one before stays");
    assert!(!admin.get("/agencies").await.expect(200).json.to_string().contains("secret"));
}

#[tokio::test]
async fn an_account_speaks_for_one_agency_alone() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Account").await;
    let admin = desk.station.admin();
    let (_, account) = desk.software("One").await;
    admin.put(&agency_path(&new_id()), desk.linked("Two", &account)).await.problem(409, "conflict");
    // The intake of 110 would read callers.
    let intake = desk.station.service("intake").await;
    let path = format!("/people/{}", intake.person_id);
    admin.patch(&path, json!({ "source": "110" })).await.expect(200);
    admin.put(&agency_path(&new_id()), desk.linked("Two", &intake)).await.problem(409, "conflict");
    admin.put(&agency_path(&new_id()), desk.linked("Two", &desk.wang)).await.problem(422, "invalid_field");
}

#[tokio::test]
async fn a_wrong_agency_is_refused_by_name() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Wrong").await;
    let phone = json!({ "name": "N", "kind": "fire", "channel": "phone", "phone": "119" });
    let with = |name: &str, value: Value| {
        let mut body = phone.clone();
        body[name] = value;
        body
    };
    for (field, body) in [
        ("name", with("name", json!(" "))),
        ("phone", with("phone", Value::Null)),
        ("channel", with("webhook", json!({ "url": "http://127.0.0.1:9/" }))),
        ("channel", with("channel", json!("software"))),
        ("accept_within_s", with("accept_within_s", json!(5))),
        ("finish_within_s", with("finish_within_s", json!(60))),
        ("url", with("webhook", json!({ "url": "ftp://example.org" }))),
        ("secret", with("webhook", json!({ "url": "http://127.0.0.1:9/", "secret": "short" }))),
    ] {
        let refused = desk.station.admin().put(&agency_path(&new_id()), body.clone()).await;
        assert_eq!(refused.problem(422, "invalid_field")["field"], field, "{body}");
    }
}
