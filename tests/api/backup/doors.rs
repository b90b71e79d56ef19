//! The doors a press may come through: two devices, socket and REST, the device's key, late, silent, after a kill.

use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use sha2_hex::sha256_hex;

mod sha2_hex {
    /// SHA-256 as lower-case hex.
    pub fn sha256_hex(bytes: &[u8]) -> String {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[tokio::test]
async fn one_press_on_two_devices_and_two_doors_is_one_request() {
    let app = TestApp::shared().await;
    let unit = app.unit("Twice").await;
    let mut ring = patrols(&unit, &[500.0]).await;
    let who = caller(&unit).await;
    let camera = who.login_device("body_worn_camera").await;
    let mut socket = who.socket().await;

    socket.send(json!({ "type": "backup", "request_id": "r1" }));
    let reply = socket.reply("r1").await;
    let id = reply["body"]["id"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned();
    assert_eq!(reply["status"], 201);
    let again = camera.post("/backups", json!({ "kind": "weapon", "needs": ["ambulance"] })).await.expect(200);
    assert_eq!(again.id(), id);
    assert_eq!((&again["kind"], &again["needs"]), (&json!("weapon"), &json!(["ambulance"])));
    let third = who.post("/backups", json!({ "note": "knife" })).await.expect(200);
    assert_eq!((third.id(), &third["note"], &third["kind"]), (id.clone(), &json!("knife"), &json!("weapon")));

    ring[0].alert().await;
    ring[0].socket.expect_none("backup.alert", QUIET).await;
    assert_eq!(who.get("/backups").await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn a_press_with_its_own_id_is_delivered_once_however_often_it_is_sent() {
    let app = TestApp::shared().await;
    let unit = app.unit("Repeat").await;
    let room = unit.dispatcher("room").await;
    let who = caller(&unit).await;
    let id = new_id();
    let first = who.post("/backups", json!({ "id": id })).await.expect(201);
    assert_eq!(first.id(), id);
    let (a, b) = tokio::join!(who.post("/backups", json!({ "id": id })), who.post("/backups", json!({ "id": id })));
    assert_eq!((a.expect(200).id(), b.expect(200).id()), (id.clone(), id.clone()));
    room.post(&format!("/backups/{id}/close"), json!({ "reason": "resolved" })).await.expect(200);
    let late = who.post("/backups", json!({ "id": id })).await.expect(200);
    assert_eq!((late.id(), &late["state"]), (id.clone(), &json!("closed")), "an old press opens nothing");

    let key = new_id();
    let one = who.post_keyed("/backups", &key, json!({})).await.expect(201);
    let two = who.post_keyed("/backups", &key, json!({})).await.expect(201);
    assert_eq!(one.id(), two.id());
    who.post_keyed("/backups", &key, json!({ "note": "other" })).await.problem(422, "key_reused");
    // Another person cannot take the id over.
    let other = caller(&unit).await;
    other.post("/backups", json!({ "id": id })).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_press_off_duty_without_any_place_still_alarms_the_room() {
    let app = TestApp::shared().await;
    let unit = app.unit("Nowhere").await;
    let room = unit.dispatcher("room").await;
    let mut desk = room.socket().await;
    let who = unit.officer("offduty").await;
    let made = press(&who, json!({})).await;
    assert_eq!((&made["nobody_reachable"], &made["destination"]), (&json!(true), &Value::Null));
    let card = desk.expect_where("the alarm", |frame| frame["data"]["kind"] == "backup.unreachable").await;
    assert_eq!(card["data"]["subject_id"], made["id"], "{card}");
    // Told by voice where it is, the ring goes out.
    let mut near = patrols(&unit, &[300.0]).await;
    let at = unit.near(0.0, 0.0);
    let path = format!("/backups/{}", id_of(&made));
    room.patch(&path, json!({ "location": { "lon": at.0, "lat": at.1 } })).await.expect(200);
    near[0].alert().await;
}

#[tokio::test]
async fn an_enrolled_device_calls_for_its_holder_without_a_token() {
    let app = TestApp::shared().await;
    let unit = app.unit("Key").await;
    let mut ring = patrols(&unit, &[400.0]).await;
    let key = Ed25519KeyPair::generate().unwrap();
    let code = unit
        .admin()
        .post("/devices/enrolment-codes", json!({ "unit_id": unit.id, "kind": "handheld", "name": "H7" }))
        .await
        .ok();
    let public = BASE64_STANDARD.encode(key.public_key().as_ref());
    let enrolled =
        app.call("POST", "/devices/enrol", Some(&json!({ "code": code["code"], "public_key": public }))).await.ok();
    let device = enrolled["device_id"].as_str().unwrap().to_owned();
    let who = unit.person("holder", "police_officer").await.login_on(&device).await;
    who.sign_on().await;
    who.report(unit.near(0.0, 0.0)).await;
    who.post("/auth/logout", json!({})).await.ok();

    let body = json!({ "id": new_id(), "kind": "officer_down" });
    let sign = |text: &str, time: &str| {
        let signed = format!("suixing-device-v1\nPOST\n/api/v1/backups\n{time}\n{}", sha256_hex(text.as_bytes()));
        BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).as_ref())
    };
    let time = ago(0.0);
    let good = sign(&body.to_string(), &time);
    let send = |signature: String| {
        let (app, device, time, body) = (app.clone(), device.clone(), time.clone(), body.clone());
        async move {
            let headers = [
                ("x-device-id", device.as_str()),
                ("x-device-time", time.as_str()),
                ("x-device-signature", signature.as_str()),
            ];
            app.send("POST", "/backups", None, &headers, Some(&body)).await
        }
    };
    send(sign("something else", &time)).await.problem(401, "bad_signature");
    let made = send(good.clone()).await.expect(201);
    assert_eq!(
        (&made["unauthenticated_session"], &made["requester"]["person_id"]),
        (&json!(true), &json!(who.person_id))
    );
    assert_eq!(ring[0].alert().await["unauthenticated_session"], true);
    assert_eq!(send(good).await.expect(200).id(), made.id());
}

#[tokio::test]
async fn a_press_that_arrives_late_alarms_the_room_and_rings_only_for_the_silent() {
    let app = TestApp::shared().await;
    let unit = app.unit("Late").await;
    let room = unit.dispatcher("room").await;
    let mut desk = room.socket().await;
    let mut ring = patrols(&unit, &[500.0]).await;

    // Seen since the press: only the room.
    let alive = unit.officer("alive").await;
    alive.sign_on().await;
    alive.report(unit.near(0.0, 300.0)).await;
    let then = unit.near(-900.0, 0.0);
    let made = press(&alive, json!({ "pressed_at": ago(1500.0), "location": { "lon": then.0, "lat": then.1 } })).await;
    assert_eq!((&made["late"], &made["ringing"]), (&json!(true), &json!(false)), "{made}");
    assert!((made["place"]["lon"].as_f64().unwrap() - then.0).abs() < 1e-9, "place then");
    assert!((made["destination"]["lat"].as_f64().unwrap() - unit.near(0.0, 300.0).1).abs() < 1e-6, "place now: {made}");
    assert_eq!(made["alerted"], json!([]));
    let card = desk.expect_where("the late card", |frame| frame["data"]["kind"] == "backup.late").await;
    assert_eq!(card["data"]["data"]["ringing"], false, "{card}");
    ring[0].socket.expect_none("backup.alert", QUIET).await;
    // The room decides otherwise.
    room.patch(&format!("/backups/{}", id_of(&made)), json!({ "ring": true })).await.expect(200);
    ring[0].alert().await;

    // Silent since the press: the ring too.
    let silent = unit.officer("silent").await;
    silent.sign_on().await;
    silent.positions(vec![fix(unit.near(0.0, 0.0), 300.0)]).await.ok();
    let then = unit.near(0.0, 0.0);
    let made = press(&silent, json!({ "pressed_at": ago(120.0), "location": { "lon": then.0, "lat": then.1 } })).await;
    assert_eq!((&made["late"], &made["ringing"]), (&json!(true), &json!(true)), "{made}");
    assert_eq!(ring[0].alert().await["late"], true);
}

#[tokio::test]
async fn a_silent_press_makes_no_sound_beside_the_caller() {
    let app = TestApp::shared().await;
    let unit = app.unit("Silent").await;
    let mut ring = patrols(&unit, &[80.0, 2000.0]).await;
    let who = caller(&unit).await;
    let mut own = who.socket().await;
    let id = id_of(&press(&who, json!({ "silent": true })).await);
    let near = ring[0].alert().await;
    assert_eq!((&near["quiet"], &near["silent"]), (&json!(true), &json!(true)), "{near}");
    let far = ring[1].alert().await;
    assert_eq!((&far["quiet"], &far["silent"]), (&json!(false), &json!(true)), "{far}");
    ring[1].answer(&id, "coming").await.expect(200);
    let told = own.expect("backup.updated").await;
    assert_eq!(told["data"]["quiet"], true, "{told}");
}

#[tokio::test]
async fn a_kill_in_the_middle_loses_neither_the_alarm_nor_its_clocks() {
    let config = "[backup]\nwave_s = 2\nparent_room_after_s = 3\ncommander_after_s = 600\n";
    let app = TestApp::builder().config(config).start().await;
    let station = app.unit("Station").await;
    let post = station.child("Post", "street_post").await;
    let room = post.dispatcher("room").await;
    let above = station.dispatcher("above").await;
    let mut ring = patrols(&post, &[400.0, 800.0]).await;
    let who = caller(&post).await;
    let id = new_id();
    let first = who.post("/backups", json!({ "id": id, "kind": "officer_down" })).await.expect(201);
    assert_eq!(first["alerted"].as_array().unwrap().len(), 2);
    let mut cursor = ring.remove(0);
    cursor.alert().await;
    app.kill9();
    app.restart().await;

    let again = who.post("/backups", json!({ "id": id })).await.expect(200);
    assert_eq!((again.id(), &again["kind"]), (id.clone(), &json!("officer_down")));
    // The terminal that had it resumes behind it; the one that had not gets it now; each once.
    let mut resumed = cursor.who.socket_raw().await;
    let welcome = resumed.resume(&cursor.socket).await;
    assert_eq!(welcome["recovered"], true, "{welcome}");
    resumed.expect_none("backup.alert", QUIET).await;
    let mut second = ring[0].who.socket_raw().await;
    second.resume(&ring[0].socket).await;
    assert_eq!(second.expect("backup.alert").await["data"]["backup_id"], id);
    second.expect_none("backup.alert", QUIET).await;
    // Untaken: the clock that was running goes on and calls the room above.
    let mut desk = above.socket().await;
    let card = desk.expect_where("the parent room", |frame| frame["data"]["kind"] == "backup.untaken").await;
    assert_eq!(card["data"]["subject_id"], id);
    assert_eq!(room.get("/backups?state=open").await.expect(200).items().len(), 1);
}
