//! What nobody has to type: filled in from what is known, said so, and never over what somebody wrote.

use super::*;

/// Of a view: field → whence.
fn origins(filled: &Value) -> Vec<(String, String)> {
    let all = filled.as_array().unwrap().iter();
    all.map(|one| (one["field"].as_str().unwrap().to_owned(), one["from"].as_str().unwrap().to_owned())).collect()
}

fn origin<'a>(filled: &'a Value, field: &str) -> Option<&'a Value> {
    filled.as_array().unwrap().iter().find(|one| one["field"] == field)
}

#[tokio::test]
async fn the_call_the_crew_and_the_papers_shown_fill_what_nobody_wrote() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Prefilled").await;
    let li = station.officer("li").await;
    li.sign_on().await;
    let more = json!({ "title": "停车纠纷", "address": "东门大街18号", "external_no": null,
        "reporter": { "name": "欧阳建国", "phone": "139 1234 5678" } });
    let incident = room.incident_with(station.near(0.0, 0.0), more).await;
    let sent = room.assign(&incident, &[&wang, &li]).await;
    for (who, assignment) in [(&wang, &sent[0]), (&li, &sent[1])] {
        who.event(assignment, "accepted").await.expect(200);
        who.event(assignment, "en_route").await.expect(200);
        who.event(assignment, "on_scene").await.expect(200);
    }
    let id = new_id();
    let record = json!({ "case_place": "18号门前", "parties": {
        PARTY_A: { "name": "张伟", "id_type": "resident_id", "id_number": ID_NUMBER },
        PARTY_B: { "role": "victim" },
    } });
    let body = json!({ "incident_id": incident["id"], "kind": "police", "record": record });
    wang.put(&path(&id), body).await.expect(201);
    let done = wang.post(&format!("/mediations/{id}/prefill"), json!({ "caller_is": PARTY_B })).await.expect(200);
    let filled = &done["prefilled"];
    let named = |party: &str, field: &str| format!("parties/{party}/{field}");
    for (field, from) in [
        ("place", "incident"),
        ("case_time", "incident"),
        ("cause", "incident"),
        ("leader_id", "duty"),
        ("assistants", "duty"),
        ("began_at", "track"),
        (&named(PARTY_A, "sex"), "identity"),
        (&named(PARTY_A, "birth_date"), "identity"),
        (&named(PARTY_B, "name"), "incident"),
        (&named(PARTY_B, "phone"), "incident"),
    ] {
        assert_eq!(origin(filled, field).unwrap_or_else(|| panic!("{field} in {filled:#}"))["from"], from, "{field}");
    }
    assert_eq!(filled.as_array().unwrap().len(), 10, "and nothing else: {filled:#}");
    assert_eq!(done["record"]["case_place"], "18号门前", "what somebody wrote stays");
    assert_eq!(done["record"]["leader_id"], wang.person_id.as_str());
    assert_eq!(done["record"]["assistants"], json!([li.person_id]));
    assert_eq!(done["record"]["parties"][PARTY_B]["name"], "欧阳建国");
    assert_eq!(done["record"]["parties"][PARTY_B]["phone"], "139****5678", "masked as what was typed");
    assert_eq!(done["record"]["parties"][PARTY_A]["sex"], "female");
    assert_eq!((&done["not_typed"], &done["fields"]), (&json!(10), &json!(15)), "{:#}", done["record"]);
    assert_eq!(origins(&done["filled"]), origins(filled));
    // That the caller was looked at stands where every look at a caller stands.
    let trail = room.get(&format!("/incidents/{}/timeline", incident["id"].as_str().unwrap())).await.expect(200);
    assert!(trail.items().iter().any(|entry| entry["kind"] == "caller.shown"), "{:#}", trail.json);

    // What is written over was typed after all; what was emptied is not filled in again.
    let version = done["version"].as_i64().unwrap();
    let fields = json!({ "place": "社区调解室", "cause": null });
    let view = patch(&wang, &id, version, fields).await.expect(200);
    assert_eq!((&view["not_typed"], &view["fields"]), (&json!(8), &json!(14)));
    assert!(origin(&view["filled"], "place").is_none());
    let again = wang.post(&format!("/mediations/{id}/prefill"), json!({})).await.expect(200);
    assert_eq!(again["prefilled"], json!([]));
    assert_eq!((&again["version"], &again["record"]["cause"]), (&view["version"], &Value::Null));
}

#[tokio::test]
async fn what_was_typed_without_a_link_stands_beside_what_was_filled_in() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Beside").await;
    let id = scene.made(json!({ "facts": "他先动手。" })).await;
    let filled = scene.wang.post(&format!("/mediations/{id}/prefill"), json!({})).await.expect(200);
    assert!(origin(&filled["prefilled"], "cause").is_some());
    // Written on the same terminal before that, sent after it.
    let view = patch(&scene.wang, &id, 1, json!({ "cause": "抢车位" })).await.expect(200);
    let conflict = &view["conflicts"][0];
    assert_eq!((&conflict["field"], conflict["values"].as_array().unwrap().len()), (&json!("cause"), 2));
}

#[tokio::test]
async fn a_party_that_was_here_before_need_not_spell_its_address_again() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Before").await;
    let table = in_effect(&scene, "police").await;
    let serial = table.now().await["serial_no"].clone();
    let incident = scene.room.incident(scene.station.near(900.0, 0.0)).await;
    scene.room.assign(&incident, &[&scene.wang]).await;
    let id = new_id();
    let party = json!({ "id_type": "resident_id", "id_number": ID_NUMBER, "occupation": "退休" });
    let record = json!({ "parties": { TERM: party } });
    let body = json!({ "incident_id": incident["id"], "kind": "police", "record": record });
    scene.wang.put(&path(&id), body).await.expect(201);
    let done = scene.wang.post(&format!("/mediations/{id}/prefill"), json!({})).await.expect(200);
    for field in ["name", "ethnic", "phone", "address", "employer"] {
        let from = origin(&done["prefilled"], &format!("parties/{TERM}/{field}")).unwrap();
        assert_eq!((&from["from"], &from["reference"]), (&json!("earlier_record"), &serial), "{field}");
    }
    let field = |name: &str| format!("parties/{TERM}/{name}");
    assert_eq!(origin(&done["prefilled"], &field("birth_date")).unwrap()["from"], "identity", "the surest counts");
    assert_eq!(done["record"]["parties"][TERM]["occupation"], "退休");
    assert_eq!(clear(&scene.wang, &id, &field("phone")).await, json!(["13800138000"]));

    // Another station asks that one, and types.
    let other = Scene::set(&app, "Strangers").await;
    let party = json!({ "id_type": "resident_id", "id_number": ID_NUMBER });
    let id = other.made(json!({ "parties": { TERM: party } })).await;
    let done = other.wang.post(&format!("/mediations/{id}/prefill"), json!({})).await.expect(200);
    assert!(origins(&done["prefilled"]).iter().all(|(_, from)| from != "earlier_record"), "{:#}", done["prefilled"]);
}

#[tokio::test]
async fn recordings_of_the_session_are_named_with_the_stretch_that_shows_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Filmed").await;
    let film = scene.wang.upload(&crate::support::evidence::film_of(120), json!({ "captured_at": ago(400.0) })).await;
    scene.wang.upload(&crate::support::evidence::film_of(120), json!({ "captured_at": ago(4_000.0) })).await;
    crate::support::wait_until("the film to be read", || async {
        scene.wang.get(&format!("/evidence/{film}")).await["duration_ms"] == 120_000
    })
    .await;
    let record = json!({ "leader_id": scene.wang.person_id, "began_at": ago(370.0), "ended_at": ago(300.0) });
    let id = scene.made(record).await;
    let done = scene.wang.post(&format!("/mediations/{id}/prefill"), json!({})).await.expect(200);
    let evidence = done["record"]["evidence"].as_object().unwrap();
    assert_eq!(evidence.keys().collect::<Vec<_>>(), [&film], "only what reaches into the session");
    let (from, to) = (&evidence[&film]["from_ms"], &evidence[&film]["to_ms"]);
    // The instants above were taken one after the other.
    assert!((29_000..=31_000).contains(&from.as_i64().unwrap()), "{from}");
    assert!((99_000..=101_000).contains(&to.as_i64().unwrap()), "{to}");
}

#[tokio::test]
async fn what_a_terminal_filled_in_by_itself_is_counted_too() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Filled there").await;
    let id = new_id();
    let mut body = scene.body(json!({ "place": "桥头", "cause": "停车", "facts": "口角" }));
    body["filled_from"] = json!({ "place": "track", "cause": "incident" });
    let view = scene.wang.put(&path(&id), body.clone()).await.expect(201);
    assert_eq!((&view["not_typed"], &view["fields"]), (&json!(2), &json!(3)));
    assert_eq!(origin(&view["filled"], "place").unwrap()["from"], "track");
    let body = json!({ "fields": { "facts": "推搡" }, "filled_from": { "place": "track" } });
    let wrong = patch_as(&scene.wang, &id, 1, body).await.problem(422, "invalid_field");
    assert_eq!((&wrong["field"], &wrong["named"]), (&json!("filled_from"), &json!("place")));
}

#[tokio::test]
async fn the_share_that_nobody_typed_is_a_figure() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Share").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let before = app.metric("suixing_mediation_fields_total").await;
    table
        .write(json!({ "fields": { "application": "请求调解" }, "filled_from": { "application": "incident" } }))
        .await
        .expect(200);
    table.signed().await;
    table.finalize().await.expect(200);
    let view = table.now().await;
    assert_eq!(view["not_typed"], 1);
    let boss = scene.station.supervisor("boss").await;
    let report = boss.get(&format!("/reports/mediations?from={}&to={}", day(-1), day(0))).await.expect(200);
    assert_eq!((&report["total"]["fields"], &report["total"]["not_typed"]), (&view["fields"], &json!(1)));
    let share = 1.0 / view["fields"].as_f64().unwrap();
    assert!((report["total"]["not_typed_share"].as_f64().unwrap() - share).abs() < 0.001);
    // The server counts for every station; at least ours is in it.
    assert!(app.metric("suixing_mediation_fields_total").await >= before + view["fields"].as_f64().unwrap());
}

#[tokio::test]
async fn a_final_record_a_stranger_and_nobodys_party_are_refused() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Refused fill").await;
    let id = scene.made(json!({})).await;
    let at = format!("/mediations/{id}/prefill");
    let wrong = scene.wang.post(&at, json!({ "caller_is": PARTY_A })).await.problem(422, "invalid_field");
    assert_eq!(wrong["field"], "caller_is");
    let other = Scene::set(&app, "Other fill").await;
    other.wang.post(&at, json!({})).await.problem(404, "not_found");
    let table = in_effect(&scene, "police").await;
    // Once its papers are made, which is a version too.
    table.papers().await;
    let version = table.version().await;
    table.post("prefill", json!({})).await.problem(409, "conflict");
    assert_eq!(table.version().await, version);
}
