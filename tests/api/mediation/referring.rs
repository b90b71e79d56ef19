//! A record is handed to another body, and what comes back of it.

use super::*;

/// A body with software of its own, and the account under which it answers.
async fn body_of(scene: &Scene, kind: &str) -> (String, Officer) {
    let account = scene.station.service("system").await;
    let id = new_id();
    let agency = json!({ "name": format!("A {kind}"), "kind": kind, "channel": "software",
        "unit_id": scene.station.id, "service_person_id": account.person_id });
    scene.station.admin().put(&format!("/agencies/{id}"), agency).await.expect(201);
    (id, account)
}

fn referral(agency: &str, purpose: &str) -> Value {
    json!({ "id": new_id(), "agency_id": agency, "purpose": purpose, "ask": "双方要求移送，请接收。" })
}

#[tokio::test]
async fn a_committee_gets_the_order_and_the_papers_and_closes_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Handed over").await;
    let (committee, account) = body_of(&scene, "mediation_committee").await;
    let table = in_effect(&scene, "police").await;
    table.papers().await;
    // What is in effect is kept, and only handed over when it was not.
    let early = table.post("referrals", referral(&committee, "mediate")).await.problem(409, "conflict");
    assert!(!early["allowed"].as_array().unwrap().contains(&json!("refer")), "{}", early.json);
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "逾期未付" });
    table.post("performances", default).await.expect(201);
    let body = referral(&committee, "mediate");
    let sent = table.post("referrals", body.clone()).await.expect(201);
    assert_eq!((&sent["state"], &sent["referrals"][0]["state"]), (&json!("referred"), &json!("sent")));
    assert_eq!(sent["referrals"][0]["task_id"], body["id"]);
    // The same again is the same; the same id with something else is not.
    assert_eq!(table.post("referrals", body.clone()).await.expect(200)["version"], sent["version"]);
    for (name, other) in [("purpose", json!("litigate")), ("ask", json!("另一件事"))] {
        let mut changed = body.clone();
        changed[name] = other;
        table.post("referrals", changed).await.problem(422, "key_reused");
    }
    table.post("referrals", referral(&committee, "mediate")).await.problem(409, "conflict");

    // The committee reads the order and the papers that go along, and nothing else of the record.
    let task = body["id"].as_str().unwrap();
    let inbox = account.get("/inbox/tasks").await.expect(200);
    assert!(inbox.items().iter().any(|line| line["task"]["id"] == task || line["task_id"] == task), "{}", inbox.json);
    let order = account.get(&format!("/tasks/{task}")).await.expect(200);
    let names: Vec<&str> =
        order["documents"].as_array().unwrap().iter().map(|paper| paper["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["agreement", "minutes"]);
    for (name, status) in [("agreement", 200), ("minutes", 200), ("volume", 404)] {
        let read = account.bytes(&table.at(&format!("documents/{name}.pdf")), &[]).await;
        assert_eq!(read.status, status, "{name}");
    }
    account.get(&path(&table.id)).await.problem(404, "not_found");
    let (_, stranger) = body_of(&scene, "governance_centre").await;
    assert_eq!(stranger.bytes(&table.at("documents/agreement.pdf"), &[]).await.status, 404);

    let events = format!("/tasks/{task}/events");
    for (kind, more) in [("sign", json!({})), ("accept", json!({})), ("close", json!({ "text": "双方达成新的协议" }))]
    {
        let mut said = json!({ "kind": kind, "by_name": "周主任" });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        account.post(&events, said).await.expect(201);
    }
    let view = table.now().await;
    let shown = &view["referrals"][0];
    assert_eq!((&shown["state"], &shown["outcome"]), (&json!("closed"), &json!("双方达成新的协议")));
    assert_eq!((&shown["purpose"], &shown["agency"]), (&json!("mediate"), &json!("A mediation_committee")));
    assert_eq!(open_reminders_of(&app, &table.id).await, 0, "of what was handed over nobody is reminded");
}

async fn open_reminders_of(app: &TestApp, id: &str) -> i64 {
    app.count(format!("FROM mediation_reminder WHERE NOT done AND mediation_id = '{id}'")).await
}

#[tokio::test]
async fn a_court_confirms_what_the_people_agreed_within_thirty_days() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Confirmed").await;
    let (court, _) = body_of(&scene, "court").await;
    let (committee, _) = body_of(&scene, "mediation_committee").await;
    let table = in_effect(&scene, "people").await;
    let wrong = table.post("referrals", referral(&committee, "judicial_confirmation")).await;
    assert_eq!(wrong.problem(422, "invalid_field")["field"], "agency_id");
    let sent = table.post("referrals", referral(&court, "judicial_confirmation")).await.expect(201);
    assert_eq!((&sent["state"], &sent["referrals"][0]["state"]), (&json!("performing"), &json!("sent")));
    assert!(open_reminders_of(&app, &table.id).await > 0, "it stays in effect");

    // The last day has passed. The clock of the test is the record's.
    let late = in_effect(&scene, "people").await;
    let back = 31 * 86_400 * 1_000_000_i64;
    app.sql(format!("UPDATE mediation SET effective_at = effective_at - {back} WHERE id = '{}'", late.id)).await;
    let refused = late.post("referrals", referral(&court, "judicial_confirmation")).await.problem(409, "conflict");
    assert!(refused["due"].is_object(), "{}", refused.json);

    // Of the police's there is nothing to confirm.
    let police = in_effect(&scene, "police").await;
    police.post("referrals", referral(&court, "judicial_confirmation")).await.problem(409, "conflict");
}

#[tokio::test]
async fn who_may_hand_over_and_what() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "May hand over").await;
    let (court, _) = body_of(&scene, "court").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let at = table.at("referrals");
    scene.li.post(&at, referral(&court, "litigate")).await.problem(403, "forbidden");
    let other = Scene::set(&app, "Not theirs").await;
    other.wang.post(&at, referral(&court, "litigate")).await.problem(404, "not_found");
    table.post("referrals", referral(&new_id(), "litigate")).await.problem(404, "not_found");
    let mut papers = referral(&court, "litigate");
    papers["documents"] = json!(["agreement"]);
    assert_eq!(table.post("referrals", papers).await.problem(422, "invalid_field")["field"], "documents");
    let mut silent = referral(&court, "litigate");
    silent["ask"] = json!(" ");
    assert_eq!(table.post("referrals", silent).await.problem(422, "invalid_field")["field"], "ask");
    assert_eq!(table.now().await["referrals"], json!([]), "what is refused leaves nothing");
    let sent = table.post("referrals", referral(&court, "litigate")).await.expect(201);
    assert_eq!(sent["state"], "referred");
    assert_eq!(sent["history"].as_array().unwrap().last().unwrap()["reason"], "A court");
}

#[tokio::test]
async fn what_comes_back_is_on_the_rooms_list() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Bounced").await;
    let (committee, account) = body_of(&scene, "mediation_committee").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let body = referral(&committee, "mediate");
    table.post("referrals", body.clone()).await.expect(201);
    let task = body["id"].as_str().unwrap();
    let returned = json!({ "kind": "return", "by_name": "周主任", "text": "不属本会管辖" });
    account.post(&format!("/tasks/{task}/events"), returned).await.expect(201);
    let cards = crate::partners::cards(&scene.room, "task.returned", task).await;
    assert_eq!(cards.len(), 1, "{cards:?}");
    let shown = table.now().await["referrals"][0].clone();
    assert_eq!((&shown["state"], &shown["outcome"]), (&json!("returned"), &json!("不属本会管辖")));
}

#[tokio::test]
async fn what_failed_at_a_double_goes_to_court_with_its_minutes() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "To court").await;
    let (court, account) = body_of(&scene, "court").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    table.post("steps", json!({ "step": "fail", "reason": "对数额分歧较大" })).await.expect(200);
    table.papers().await;
    let main = scene.room.incident(scene.station.near(0.0, 0.01)).await;
    let main = main["id"].as_str().unwrap();
    let into = format!("/incidents/{}/merge", scene.incident_id());
    scene.room.post(&into, json!({ "into": main })).await.expect(200);
    let mut body = referral(&court, "litigate");
    body["documents"] = json!(["agreement"]);
    let refused = table.post("referrals", body.clone()).await.problem(422, "invalid_field");
    assert_eq!(refused["field"], "documents", "there is no agreement");
    body.as_object_mut().unwrap().remove("documents");
    let sent = table.post("referrals", body.clone()).await.expect(201);
    assert_eq!((&sent["state"], &sent["referrals"][0]["state"]), (&json!("referred"), &json!("sent")));
    table.post("referrals", body.clone()).await.expect(200);
    // It stands on the board of the call that is worked on, and the court reads what there is.
    let board = scene.room.get(&format!("/incidents/{main}/tasks")).await.expect(200);
    assert_eq!(board.items()[0]["id"], body["id"]);
    let order = account.get(&format!("/tasks/{}", body["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(order["documents"].as_array().unwrap().len(), 1);
    assert_eq!(order["documents"][0]["name"], "minutes");
    for (name, status) in [("minutes", 200), ("agreement", 404)] {
        let read = account.bytes(&table.at(&format!("documents/{name}.pdf")), &[]).await;
        assert_eq!(read.status, status, "{name}");
    }
}
