//! Signing on duty, crews, grids, and who carries what.

use crate::support::{Officer, TestApp, new_id};
use serde_json::{Value, json};

fn ids(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_on_carries_the_device_that_asks() {
    let app = TestApp::shared().await;
    let unit = app.unit("Carry").await;
    for (kind, carried) in
        [("handheld", true), ("vehicle_unit", true), ("radio", true), ("body_worn_camera", true), ("dock", false)]
    {
        let person = unit.member("li", "police_officer").await.login_device(kind).await;
        let duty = person.sign_on().await;
        assert_eq!(duty["on_duty"], true);
        assert_eq!(duty["availability"], "available");
        let expected = if carried { vec![person.device_id()] } else { vec![] };
        assert_eq!(ids(&duty["carried_device_ids"]), expected, "{kind}");
    }
    let browser = unit.person("wang", "police_officer").await.login_browser().await;
    assert!(ids(&browser.sign_on().await["carried_device_ids"]).is_empty(), "a page is never carried");

    // Two devices: the second asks too and is added; naming them says exactly which.
    let one = unit.officer("zhao").await;
    let two = one.login_device("vehicle_unit").await;
    one.sign_on().await;
    assert_eq!(ids(&two.sign_on().await["carried_device_ids"]), [one.device_id(), two.device_id()]);
    let body = json!({ "on_duty": true, "carried_device_ids": [two.device_id()] });
    assert_eq!(ids(&one.put("/me/duty", body).await.ok()["carried_device_ids"]), [two.device_id()]);
    let off = one.sign_off().await;
    assert_eq!((&off["on_duty"], &off["availability"]), (&json!(false), &json!("off_duty")));
    assert!(ids(&off["carried_device_ids"]).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_reported_is_kept_until_sign_off() {
    let app = TestApp::shared().await;
    let unit = app.unit("Report").await;
    let officer = unit.officer("li").await;
    let body = json!({ "on_duty": true, "vehicle": "陕A12345警", "call_sign": "长安-07", "grid": "G12" });
    let duty = officer.put("/me/duty", body).await.expect(200);
    assert_eq!(
        (&duty["vehicle"], &duty["call_sign"], &duty["grid"]),
        (&json!("陕A12345警"), &json!("长安-07"), &json!("G12"))
    );
    // Reported again without words: nothing is lost, since when stays.
    let again = officer.sign_on().await;
    assert_eq!((&again["vehicle"], &again["since"]), (&duty["vehicle"], &duty["since"]));
    assert_eq!(officer.get("/me").await.ok()["duty"]["call_sign"], "长安-07");
    // Not to be sent for a while, said by himself.
    let pause = json!({ "on_duty": true, "availability": "unavailable" });
    assert_eq!(officer.put("/me/duty", pause).await.ok()["availability"], "unavailable");
    assert_eq!(officer.sign_on().await["availability"], "unavailable");
    officer.put("/me/duty", json!({ "on_duty": true, "availability": "on_scene" })).await.problem(422, "invalid_field");
    officer.sign_off().await;
    let fresh = officer.sign_on().await;
    assert_eq!((&fresh["vehicle"], &fresh["availability"]), (&Value::Null, &json!("available")));

    let log = unit.dispatcher("room").await.get(&format!("/people/{}/duty-log", officer.person_id)).await.expect(200);
    let changes: Vec<_> = log.items().iter().map(|line| line["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["signed_on", "changed", "changed", "changed", "signed_off", "signed_on"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_of_strangers_are_not_carried() {
    let app = TestApp::shared().await;
    let (here, there) = (app.unit("Here").await, app.unit("There").await);
    let officer = here.officer("li").await;
    let stranger = there.officer("wang").await;
    let with = |ids: Value| json!({ "on_duty": true, "carried_device_ids": ids });
    officer.put("/me/duty", with(json!([stranger.device_id()]))).await.problem(404, "not_found");
    officer.put("/me/duty", with(json!([new_id()]))).await.problem(404, "not_found");
    let browser = officer.login_browser().await;
    officer.put("/me/duty", with(json!([browser.device_id()]))).await.problem(422, "invalid_field");
    officer.put("/me/duty", with(json!(vec![officer.device_id(); 9]))).await.problem(422, "invalid_field");
    assert_eq!(officer.get("/me/duty").await.ok()["on_duty"], false, "a refused report changes nothing");
    // A colleague's is: that is how a pool of handsets works.
    let colleague = here.officer("zhao").await;
    colleague.sign_on().await;
    let duty = officer.put("/me/duty", with(json!([colleague.device_id()]))).await.expect(200);
    assert_eq!(ids(&duty["carried_device_ids"]), [colleague.device_id()]);
    assert!(ids(&colleague.get("/me/duty").await.ok()["carried_device_ids"]).is_empty());
}

async fn members(officer: &Officer, crew: &str) -> Vec<(String, String)> {
    let crew = officer.get(&format!("/crews/{crew}")).await.ok();
    crew["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["person_id"].as_str().unwrap().to_owned(), m["role"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crews_form_at_sign_on_and_change_mid_shift() {
    let app = TestApp::shared().await;
    let unit = app.unit("Crews").await;
    let (a, b, c) = (unit.officer("a").await, unit.officer("b").await, unit.member("c", "auxiliary").await);
    let named = |p: &Officer, role: &str| (p.person_id.clone(), role.to_owned());

    // By call sign: the first forms it and leads, the second joins it.
    let duty = a.put("/me/duty", json!({ "on_duty": true, "crew": "长安-07", "vehicle": "车1" })).await.expect(200);
    let crew = duty.text("crew_id");
    assert_eq!(duty["crew"]["call_sign"], "长安-07");
    b.put("/me/duty", json!({ "on_duty": true, "crew": "长安-07" })).await.expect(200);
    // By id, an auxiliary assists.
    let duty = c.put("/me/duty", json!({ "on_duty": true, "crew": crew })).await.expect(200);
    assert_eq!(duty["crew_id"], crew);
    assert_eq!(members(&a, &crew).await, [named(&a, "lead"), named(&b, "assist"), named(&c, "auxiliary")]);

    // Split: b and c go on alone; nobody is in two crews.
    let body = json!({ "call_sign": "长安-08", "members": [
        { "person_id": b.person_id, "role": "lead" }, { "person_id": c.person_id, "role": "auxiliary" } ] });
    let split = a.post(&format!("/crews/{crew}/split"), body).await.expect(201);
    assert_eq!(members(&a, &crew).await, [named(&a, "lead")]);
    assert_eq!(b.get("/me/duty").await.ok()["crew_id"], split["id"]);

    // Joining as lead takes the lead over; leaving leaves; the last one out ends it.
    let join = json!({ "role": "lead" });
    c.post(&format!("/crews/{crew}/join"), join).await.expect(200);
    assert_eq!(members(&a, &crew).await, [named(&c, "lead"), named(&a, "assist")]);
    b.post_empty(&format!("/crews/{}/leave", split.id())).await.expect(200);
    assert_eq!(b.get("/me/duty").await.ok()["crew_id"], Value::Null);
    let ended = a.get(&format!("/crews/{}", split.id())).await.ok();
    assert_eq!(ended["status"], "ended");
    b.post_empty(&format!("/crews/{}/join", split.id())).await.problem(409, "conflict");

    // Signing off leaves the crew and gives everything back.
    c.sign_off().await;
    assert_eq!(members(&a, &crew).await, [named(&a, "assist")]);
    let room = unit.dispatcher("room").await;
    let active = room.get("/crews").await.expect(200);
    assert_eq!(active.items().iter().map(|c| c["id"].clone()).collect::<Vec<_>>(), [json!(crew)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_forms_and_changes_crews() {
    let app = TestApp::shared().await;
    let unit = app.unit("Room").await;
    let room = unit.dispatcher("room").await;
    let (a, b) = (unit.officer("a").await, unit.officer("b").await);
    let (a_id, b_id) = (a.person_id.clone(), b.person_id.clone());
    let lead = |id: &str| json!({ "person_id": id, "role": "lead" });
    let assist = |id: &str| json!({ "person_id": id, "role": "assist" });

    let body = json!({ "call_sign": "K-1", "vehicle": "Car 1", "members": [lead(&a_id), assist(&b_id)] });
    let crew = room.post("/crews", body.clone()).await.expect(201);
    assert_eq!(crew["unit_id"], unit.id);
    assert_eq!(a.get("/me/duty").await.ok()["crew_id"], crew["id"]);
    let path = format!("/crews/{}", crew.id());
    let changed = room.patch(&path, json!({ "vehicle": "Car 2", "members": [lead(&b_id)] })).await.expect(200);
    assert_eq!(changed["members"], json!([lead(&b_id)]));
    assert_eq!(changed["vehicle"], "Car 2");
    let stale = room.send("PATCH", &path, &[("if-match", "\"1\"")], Some(json!({ "grid": "G1" }))).await;
    stale.problem(412, "stale");

    // Field people form only what they ride in themselves; outsiders know nothing.
    a.post("/crews", json!({ "call_sign": "K-2", "members": [lead(&b_id)] })).await.problem(403, "forbidden");
    a.post("/crews", json!({ "call_sign": "K-2", "members": [lead(&a_id)] })).await.expect(201);
    a.patch(&path, json!({ "vehicle": "Mine" })).await.problem(403, "forbidden");
    let other = app.unit("Other").await.dispatcher("room").await;
    other.get(&path).await.problem(404, "not_found");
    other.patch(&path, json!({ "vehicle": "Mine" })).await.problem(404, "not_found");
    other.post("/crews", body).await.problem(404, "not_found");

    for wrong in [json!([]), json!([lead(&a_id), lead(&b_id)]), json!([lead(&a_id), assist(&a_id)])] {
        room.post("/crews", json!({ "call_sign": "K-3", "members": wrong })).await.problem(422, "invalid_field");
    }
    let dispatcher = json!([lead(&room.person_id)]);
    room.post("/crews", json!({ "call_sign": "K-3", "members": dispatcher })).await.problem(422, "invalid_field");
    // The same request again under one key makes one crew.
    let key = new_id();
    let body = json!({ "call_sign": "K-4", "members": [lead(&a_id)] });
    let first = room.post_keyed("/crews", &key, body.clone()).await.expect(201);
    assert_eq!(room.post_keyed("/crews", &key, body).await.expect(201).id(), first.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_signs_people_on_and_sees_who_can_be_reached() {
    let app = TestApp::shared().await;
    let unit = app.unit("Roster").await;
    let room = unit.dispatcher("room").await;
    let (a, b) = (unit.officer("a").await, unit.officer("b").await);
    let voice = unit.person("voice", "auxiliary").await;
    a.sign_on().await;
    let _socket = a.socket().await;
    b.sign_on().await;
    let path = format!("/people/{}/duty", voice.person_id);
    room.put(&path, json!({ "on_duty": true, "grid": "G1" })).await.expect(200);
    a.put(&path, json!({ "on_duty": false })).await.problem(403, "forbidden");
    let roster = room.get("/roster").await.expect(200);
    let reach = |id: &str| {
        let line = roster.items().iter().find(|line| line["person_id"] == id).unwrap();
        line["reach"].as_str().unwrap().to_owned()
    };
    assert_eq!([reach(&a.person_id), reach(&b.person_id), reach(&voice.person_id)], ["socket", "recent", "voice"]);
    a.get("/roster").await.problem(403, "forbidden");
    unit.service("110").await.put("/me/duty", json!({ "on_duty": true })).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_issued_and_returned_at_the_counter() {
    let app = TestApp::shared().await;
    let unit = app.unit("Counter").await;
    let room = unit.dispatcher("room").await;
    let (a, b) = (unit.officer("a").await, unit.officer("b").await);
    let camera = a.login_device("body_worn_camera").await.device_id();
    let path = |verb: &str| format!("/devices/{camera}/{verb}");
    let to = |p: &Officer| json!({ "person_id": p.person_id });
    assert_eq!(room.post(&path("issue"), to(&a)).await.expect(200)["person_id"], a.person_id);
    assert_eq!(room.post(&path("issue"), to(&b)).await.expect(200)["person_id"], b.person_id);
    a.post(&path("issue"), to(&a)).await.problem(403, "forbidden");
    assert_eq!(b.post_empty(&path("return")).await.expect(200)["person_id"], Value::Null);
    let log = room.get(&path("issues")).await.expect(200);
    let reasons: Vec<_> = log.items().iter().map(|line| line["return_reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["returned", "handed_over"]);
    let other = app.unit("Other").await.dispatcher("room").await;
    other.post(&path("issue"), to(&a)).await.problem(404, "not_found");
    other.get(&path("issues")).await.problem(404, "not_found");
    let stranger = app.unit("Third").await.officer("c").await;
    room.post(&path("issue"), to(&stranger)).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grids_keep_a_minimum() {
    let app = TestApp::shared().await;
    let unit = app.unit("Grids").await;
    let chief = unit.administrator("chief").await;
    let made = chief.post("/grids", json!({ "code": "G1", "name": "东街", "min_strength": 2 })).await.expect(201);
    chief.post("/grids", json!({ "code": "G1", "name": "again" })).await.problem(409, "already_exists");
    chief.post("/grids", json!({ "code": "G2", "name": "n", "min_strength": -1 })).await.problem(422, "invalid_field");
    let changed = chief.patch(&format!("/grids/{}", made.id()), json!({ "min_strength": 3 })).await.expect(200);
    assert_eq!((&changed["min_strength"], &changed["version"]), (&json!(3), &json!(2)));
    assert_eq!(unit.officer("li").await.get("/grids").await.expect(200).items().len(), 1);
    unit.dispatcher("room").await.post("/grids", json!({ "code": "G3", "name": "n" })).await.problem(403, "forbidden");
}
