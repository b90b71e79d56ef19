//! The whole life of an order: from the desk to the result, and who sees what of it meanwhile.

use super::*;
use crate::mediation::{Scene, Table, quarrel};
use crate::support::now;

#[tokio::test]
async fn an_order_goes_from_the_desk_to_its_result() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Life").await;
    let (agency, account) = desk.software("Governance centre").await;
    let (mut screen, mut handheld) = (desk.room.socket().await, desk.wang.socket().await);
    let more = json!({ "safety_notes": "live wires", "due_at": crate::support::ago(-7_200.0) });
    let sent = desk.send(&agency, more.clone()).await.expect(201);
    let task = sent.id();
    assert_eq!((&sent["state"], &sent["running"], &sent["late_s"]), (&json!("sent"), &json!("accept"), &Value::Null));
    assert_eq!(sent["finish_by"], more["due_at"], "what was asked for by name comes first");
    assert_eq!(sent["agency"]["name"], "Governance centre");
    for ear in [&mut screen, &mut handheld] {
        let heard = ear.expect("task.moved").await;
        assert_eq!((&heard["data"]["task_id"], &heard["data"]["event"]), (&json!(task), &json!("sent")));
        assert_eq!(heard["data"]["agency"], "Governance centre");
    }
    let seen = read(&account, &task).await;
    assert_eq!((&seen["ask"], &seen["safety_notes"]), (&sent["ask"], &json!("live wires")));
    assert_eq!((&seen["category"], &seen["place"]["address"]), (&json!("dispute"), &json!("1 Lake Road")));
    let steps = [
        ("sign", json!({ "by_name": "Ms Zhou" }), "signed"),
        ("accept", json!({ "at": now() }), "accepted"),
        ("arrive", json!({}), "arrived"),
        ("close", json!({ "text": "the lamp is fixed" }), "closed"),
    ];
    for (kind, more, state) in steps {
        let moved = say(&account, &task, kind, more).await.expect(201);
        assert_eq!(moved["state"], state);
        let heard = screen.expect_where(state, |m| m["kind"] == "task.moved" && m["data"]["event"] == state).await;
        assert_eq!(heard["data"]["state"], state);
    }
    let board = desk.wang.get(&desk.at("/tasks")).await.expect(200);
    let shown = &board.items()[0];
    assert_eq!((&shown["state"], &shown["outcome"]), (&json!("closed"), &json!("the lamp is fixed")));
    assert_eq!((&shown["running"], &shown["late_s"]), (&Value::Null, &Value::Null));
    for instant in ["signed_at", "accepted_at", "arrived_at", "ended_at"] {
        assert!(shown[instant].is_string(), "{instant}: {shown}");
    }
    let events = shown["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sent", "signed", "accepted", "arrived", "closed"]);
    let signed = &events[1];
    assert_eq!((&signed["truth"], &signed["by_name"]), (&json!("human"), &json!("Ms Zhou")));
    assert_eq!((&signed["clock"], &events[2]["clock"]), (&json!("server"), &json!("agency")), "who said when");
    let lines = desk.room.get(&desk.at("/timeline")).await.expect(200);
    assert_eq!(lines.items().iter().filter(|line| line["kind"] == "task.closed").count(), 1);
}

#[tokio::test]
async fn the_inbox_is_in_order_and_reading_on_is_a_machines_receipt_never_a_signature() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Inbox").await;
    let (agency, account) = desk.software("Hotline").await;
    let (first, second) = (desk.sent(&agency).await, desk.sent(&agency).await);
    desk.room.patch(&desk.at(""), json!({ "address": "2 Lake Road" })).await.expect(200);
    let page = account.get("/inbox/tasks?limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["task"]["id"], &page["next_after"]), (&json!(first), &json!(1)));
    assert_eq!(page["next_cursor"], "1");
    assert_eq!(read(&desk.room, &first).await["delivered_at"], Value::Null, "it was answered, not yet stored there");
    let rest = account.get("/inbox/tasks?after=1").await.expect(200);
    let kinds: Vec<&Value> = rest.items().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["task.sent", "task.updated", "task.updated"]);
    let seqs: Vec<&Value> = rest.items().iter().map(|one| &one["seq"]).collect();
    assert_eq!(seqs, [2, 3, 4], "no gap");
    assert_eq!(rest.items()[0]["task"]["id"], second.as_str());
    assert_eq!(rest.items()[2]["task"]["place"]["address"], "2 Lake Road", "whoever is on his way hears it");
    let known = read(&desk.room, &first).await;
    assert!(known["delivered_at"].is_string());
    assert_eq!((&known["state"], &known["signed_at"]), (&json!("sent"), &Value::Null));
    let receipt = known["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&receipt["kind"], &receipt["truth"]), (&json!("delivered"), &json!("machine")));
    assert_eq!(receipt["by_person"], Value::Null);
    account.get("/inbox/tasks?after=1").await.expect(200);
    assert_eq!(read(&desk.room, &first).await["events"].as_array().unwrap().len(), 2, "said once");
    assert_eq!(read(&desk.room, &second).await["delivered_at"], Value::Null);
}

#[tokio::test]
async fn an_agency_reads_its_own_orders_and_nothing_of_caller_notes_or_others() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Eyes").await;
    let (agency, account) = desk.software("Hotline").await;
    let (_, other) = desk.software("Court").await;
    let task = desk.sent(&agency).await;
    desk.room.post(&desk.at("/notes"), json!({ "text": NOTE })).await.expect(201);
    let read_all = [read(&account, &task).await, account.get("/inbox/tasks").await.expect(200)];
    for seen in read_all {
        let text = seen.json.to_string();
        assert!(text.contains("A lamp hangs loose"), "{text}");
        for secret in [CALLER, "138****8000", "张三", NOTE, desk.id(), &desk.wang.person_id] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    for path in ["", "/tasks", "/caller", "/notes", "/timeline", "/assignments", "/feedbacks"] {
        account.get(&desk.at(path)).await.problem(404, "not_found");
    }
    account.get("/agencies").await.problem(404, "not_found");
    // Somebody else's order is not there.
    other.get(&format!("/tasks/{task}")).await.problem(404, "not_found");
    say(&other, &task, "sign", json!({})).await.problem(404, "not_found");
    assert!(other.get("/inbox/tasks").await.expect(200).items().is_empty());
    desk.room.get("/inbox/tasks").await.problem(403, "forbidden");
    // A unit that has nothing to do with it.
    let elsewhere = Desk::set(&app, "Elsewhere").await;
    elsewhere.room.get(&desk.at("/tasks")).await.problem(404, "not_found");
    elsewhere.room.get(&format!("/tasks/{task}")).await.problem(404, "not_found");
    elsewhere.room.post(&desk.at("/tasks"), order(&agency, json!({}))).await.problem(404, "not_found");
    say(&elsewhere.room, &task, "sign", json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_crew_sends_too_and_takes_back_what_it_sent() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Crew").await;
    let (agency, account) = desk.software("Utility").await;
    let supervisor = desk.station.supervisor("boss").await;
    let idle = desk.station.officer("idle").await;
    idle.post(&desk.at("/tasks"), order(&agency, json!({}))).await.problem(404, "not_found");
    supervisor.post(&desk.at("/tasks"), order(&agency, json!({}))).await.expect(201);
    let own = desk.wang.post(&desk.at("/tasks"), order(&agency, json!({}))).await.expect(201).id();
    let rooms = desk.sent(&agency).await;
    // Nobody of the agency is spoken to by whoever takes it back.
    let withdraw = json!({ "kind": "withdraw", "text": "we have one" });
    desk.wang.post(&format!("/tasks/{rooms}/events"), withdraw.clone()).await.problem(403, "forbidden");
    say(&desk.wang, &own, "sign", json!({})).await.problem(403, "forbidden");
    account.post(&format!("/tasks/{own}/events"), withdraw.clone()).await.problem(403, "forbidden");
    let gone = desk.wang.post(&format!("/tasks/{own}/events"), withdraw).await.expect(201);
    assert_eq!((&gone["state"], &gone["outcome"]), (&json!("withdrawn"), &json!("we have one")));
    say(&account, &own, "sign", json!({})).await.problem(409, "conflict");
    let told = account.get("/inbox/tasks").await.expect(200);
    let last = told.items().iter().rfind(|one| one["task"]["id"] == own.as_str()).unwrap().clone();
    assert_eq!((&last["kind"], &last["task"]["state"]), (&json!("task.withdrawn"), &json!("withdrawn")));
}

#[tokio::test]
async fn the_papers_named_go_along_and_no_others() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Papers").await;
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    table.signed().await;
    table.finalize().await.expect(200);
    table.papers().await;
    let account = scene.station.service("court").await;
    let agency = new_id();
    let body = json!({
        "name": "Court", "kind": "court", "channel": "software", "service_person_id": account.person_id,
    });
    scene.station.admin().put(&agency_path(&agency), body).await.expect(201);
    let paper = |name: &str| table.at(&format!("documents/{name}.pdf"));
    account.get(&paper("agreement")).await.problem(404, "not_found");
    let at = format!("/incidents/{}/tasks", scene.incident_id());
    let more = json!({ "mediation_id": table.id, "documents": ["agreement"] });
    let task = scene.wang.post(&at, order(&agency, more)).await.expect(201).id();
    let seen = read(&account, &task).await;
    assert_eq!(seen["documents"][0]["name"], "agreement");
    let url = seen["documents"][0]["url"].as_str().unwrap().to_owned();
    let pdf = account.bytes(&url, &[]).await.expect(200);
    assert!(pdf.body.starts_with(b"%PDF-"));
    account.get(&paper("volume")).await.problem(404, "not_found");
    say(&account, &task, "return", json!({ "text": "not our district" })).await.expect(201);
    account.get(&paper("agreement")).await.problem(404, "not_found");
}
