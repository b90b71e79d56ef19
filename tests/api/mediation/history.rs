//! Repeat places and repeat people are told to whoever goes there.

use super::*;

async fn history(who: &Officer, incident: &Value) -> Reply {
    who.get(&format!("/incidents/{}/mediation-history", incident["id"].as_str().unwrap())).await.expect(200)
}

#[tokio::test]
async fn the_officer_on_the_way_hears_what_there_was_at_the_place() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Again here").await;
    let table = in_effect(&scene, "police").await;
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "逾期未付" });
    table.post("performances", default).await.expect(201);
    let drill = json!({ "incident_id": scene.incident_id(), "kind": "police", "drill": true, "record": {} });
    scene.wang.put(&path(&new_id()), drill).await.expect(201);

    let mut socket = scene.li.socket().await;
    let incident = scene.room.incident(scene.station.near(30.0, 20.0)).await;
    let sent = scene.room.assign(&incident, &[&scene.li]).await;
    scene.li.event(&sent[0], "accepted").await.expect(200);
    let told = socket.expect_where("what there was", |frame| frame["kind"] == "mediation.history").await;
    let data = json!({ "incident_id": incident["id"], "same_place": 1, "same_people": 0, "defaulted": 1 });
    assert_eq!(told["data"], data);
    let known = history(&scene.li, &incident).await;
    let item = &known["items"][0];
    assert_eq!(known["items"].as_array().unwrap().len(), 1, "no drill");
    assert_eq!((&item["mediation_id"], &item["because"]), (&json!(table.id), &json!(["same_place"])));
    assert_eq!((&item["state"], &item["defaulted"]), (&json!("reopened"), &json!(true)));
    assert_eq!((&item["may_open"], &item["about"]), (&json!(true), &json!("双方因占用停车位发生口角。")));
    let metres = item["distance_m"].as_u64().unwrap();
    assert!((35..=37).contains(&metres), "{metres}");

    // Two streets on there was nothing, and nothing is said.
    let elsewhere = scene.room.incident(scene.station.near(400.0, 0.0)).await;
    let sent = scene.room.assign(&elsewhere, &[&scene.wang]).await;
    let mut quiet = scene.wang.socket().await;
    scene.wang.event(&sent[0], "accepted").await.expect(200);
    scene.room.assign(&incident, &[&scene.wang]).await;
    let next = quiet.expect_where("the next assignment", |frame| {
        frame["kind"] == "mediation.history" || frame["data"]["incident_id"] == incident["id"]
    });
    assert_eq!(next.await["data"]["incident_id"], incident["id"]);
    assert_eq!(history(&scene.wang, &elsewhere).await["items"], json!([]));
}

#[tokio::test]
async fn the_caller_and_the_parties_are_known_again_wherever_they_are() {
    // A server of its own: the same people quarrel in every test of the shared one.
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Again them").await;
    let table = in_effect(&scene, "police").await;
    // He calls from another station's ground, in another writing of his number.
    let other = Scene::set(&app, "Over there").await;
    let reporter = json!({ "reporter": "欧阳 +86 138-0013-8000" });
    let incident = other.room.incident_with(other.station.near(500.0, 500.0), reporter).await;
    other.room.assign(&incident, &[&other.wang]).await;
    let known = history(&other.wang, &incident).await;
    let ours = |known: &Reply| {
        let items = known["items"].as_array().unwrap();
        items.iter().find(|item| item["mediation_id"] == table.id.as_str()).cloned()
    };
    let item = ours(&known).unwrap();
    assert_eq!(item["because"], json!(["same_caller"]));
    // That there was something is told; what, to those who may open it.
    assert_eq!((&item["may_open"], &item["about"], &item["distance_m"]), (&json!(false), &Value::Null, &Value::Null));
    assert_eq!((&known["same_people"], &known["same_place"]), (&json!(1), &json!(0)));

    let incident = other.room.incident(other.station.near(900.0, 0.0)).await;
    other.room.assign(&incident, &[&other.wang]).await;
    assert!(ours(&history(&other.wang, &incident).await).is_none());
    let party = json!({ "id_type": "resident_id", "id_number": ID_NUMBER });
    let record = json!({ "parties": { PARTY_A: party } });
    let (id, body) = (new_id(), json!({ "incident_id": incident["id"], "kind": "police", "record": record }));
    other.wang.put(&path(&id), body).await.expect(201);
    assert_eq!(ours(&history(&other.wang, &incident).await).unwrap()["because"], json!(["same_party"]));
    // Who was entered by mistake is not looked for.
    patch(&other.wang, &id, 1, json!({ format!("parties/{PARTY_A}/removed"): true })).await.expect(200);
    assert!(ours(&history(&other.wang, &incident).await).is_none());
}

#[tokio::test]
async fn a_caller_who_asked_for_secrecy_is_not_looked_up_and_a_stranger_asks_in_vain() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Secret").await;
    in_effect(&scene, "police").await;
    let reporter = json!({ "reporter": { "phone": "13800138000", "secret": true } });
    let incident = scene.room.incident_with(scene.station.near(900.0, 0.0), reporter).await;
    scene.room.assign(&incident, &[&scene.wang]).await;
    assert_eq!(history(&scene.wang, &incident).await["items"], json!([]));
    let other = Scene::set(&app, "Curious").await;
    let at = format!("/incidents/{}/mediation-history", incident["id"].as_str().unwrap());
    other.wang.get(&at).await.problem(404, "not_found");
}
