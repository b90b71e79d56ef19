//! What a dock brings: stored with a receipt, never other bytes than were named, first what the room asks for.

use super::docks::{Film, Yard, ids, kinds, refused, said};
use super::*;
use crate::support::evidence::{CHUNK, TUS, tus_metadata, upload_path};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_dock_brings_is_stored_as_its_wearers_with_a_receipt() {
    let app = TestApp::start().await;
    let yard = Yard::set(&app, "Stored").await;
    let scene = &yard.scene;
    let film = Film {
        marks: json!([{ "at": Film::new(0, 2_900.0, 0.0).named(jiff::Timestamp::now(), 0.0)["started_at"], "text": "刀" }]),
        ..Film::new(1, 3_000.0, 2_400.0)
    };
    yard.docked(&[&film]).await;
    yard.hold(&film).await;
    refused(&said(&yard.dock, "GET", &format!("/recordings/{}/receipt", film.id), None).await, 404, "not_found");
    let mut socket = scene.room.socket().await;
    let done = yard.bring(&film, &film.bytes, json!({ "sha256": sha256_hex(&film.bytes) })).await.expect(204);
    let evidence = done.header("suixing-evidence-id").to_owned();
    assert_eq!(socket.expect("evidence.received").await["data"]["evidence_id"], json!(evidence));

    let seen = yard.seen(&film).await;
    assert_eq!((&seen["state"], &seen["evidence_id"]), (&json!("stored"), &json!(evidence)));
    assert_eq!(kinds(&seen), ["held", "stored"]);
    // An item of the wearer, delivered by the dock, of the incident he was on, with the camera's mark.
    let item = scene.officer.get(&format!("/evidence/{evidence}")).await.expect(200);
    assert_eq!((&item["author_id"], &item["wearer_id"]), (&json!(scene.officer.person_id), &Value::Null));
    assert_eq!((&item["device_id"], &item["captured_at"]), (&json!(yard.dock.id), &seen["started_at"]));
    assert_eq!(item["incident_ids"], json!([scene.incident_id()]));
    let mark = &item["marks"][0];
    assert_eq!(mark["text"], "刀");
    let at = mark["from_ms"].as_i64().unwrap();
    assert!((95_000..=105_000).contains(&at), "{mark}");
    let custody = scene.room.get(&format!("/evidence/{evidence}/custody")).await.expect(200);
    let received = &custody.items()[0];
    assert_eq!((&received["kind"], &received["device_id"]), (&json!("received"), &json!(yard.dock.id)));
    let of = &received["detail"]["recording"];
    assert_eq!((&of["id"], &of["camera_id"]), (&json!(film.id), &json!(yard.camera.id)));
    assert!(of["held_statement"].as_str().unwrap().contains(&yard.dock.id), "{received}");

    // The dock may let go against the server's receipt, which stands by itself.
    let receipt = wait_for("the receipt's proof", || async {
        let path = format!("/recordings/{}/receipt", film.id);
        let receipt = said(&yard.dock, "GET", &path, None).await.expect(200).json();
        receipt["inclusion"].is_array().then_some(receipt)
    })
    .await;
    let keys = merkle::published(&scene.room.get("/custody/keys").await.expect(200).json);
    let body = merkle::check_receipt(&receipt, &keys, &film.bytes).unwrap();
    assert_eq!((&body["evidence_id"], &body["kind"]), (&json!(evidence), &json!("stored")));

    // Once more: the same item; the next manifest says that it is there.
    let again = yard.bring(&film, &film.bytes, json!({ "sha256": sha256_hex(&film.bytes) })).await.expect(204);
    assert_eq!(again.header("suixing-evidence-id"), evidence);
    let answer = yard.docked(&[&film]).await;
    let one = &answer["recordings"][0];
    assert_eq!(
        (&one["evidence_id"], &one["upload"], &one["may_delete"]),
        (&json!(evidence), &json!(false), &json!(true))
    );
    // What came up before it was named is found by its content.
    let early = Film::new(2, 1_000.0, 900.0);
    let by_camera = json!({ "kind": "video", "filename": "early.mp4", "captured_at": ago(1_000.0) });
    let length = early.bytes.len().to_string();
    let metadata = tus_metadata(&by_camera);
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    let made = yard.camera.tus("POST", "/uploads", &headers, Vec::new()).await.expect(201);
    let patch = [TUS, CHUNK, ("upload-offset", "0")];
    let sent = yard.camera.tus("PATCH", &upload_path(&made), &patch, early.bytes.clone()).await.expect(204);
    let answer = yard.docked(&[&film, &early]).await;
    let known = answer["recordings"].as_array().unwrap().iter().find(|one| one["recording_id"] == early.id.as_str());
    assert_eq!(known.unwrap()["evidence_id"], json!(sent.header("suixing-evidence-id")));

    if app.ready()["database"] == "sqlite" {
        wait_until("the whole store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    }
}

#[tokio::test]
async fn other_bytes_than_were_named_are_never_stored() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Differs").await;
    let film = Film::new(1, 3_000.0, 2_400.0);
    yard.docked(&[&film]).await;
    yard.hold(&film).await;
    let mut broken = film.bytes.clone();
    broken[3] ^= 1;
    // Undeclared, of the same length: found when all of it has come.
    refused(&yard.bring(&film, &broken, json!({})).await, 460, "checksum_mismatch");
    // Declared, or of another length: before the first byte is taken.
    let declared = yard.bring(&film, &broken, json!({ "sha256": sha256_hex(&broken) })).await;
    refused(&declared, 460, "checksum_mismatch");
    refused(&yard.bring(&film, &broken[1..], json!({})).await, 460, "checksum_mismatch");
    let seen = yard.seen(&film).await;
    assert_eq!((&seen["state"], &seen["evidence_id"]), (&json!("at_dock"), &Value::Null));
    assert_eq!(kinds(&seen), ["held", "differs", "differs", "differs"]);
    let places: Vec<&str> =
        seen["events"].as_array().unwrap()[1..].iter().map(|one| one["data"]["where"].as_str().unwrap()).collect();
    assert_eq!(places, ["delivered", "at_dock", "at_dock"]);
    let listed =
        yard.scene.room.get(&format!("/evidence?person_id={}", yard.scene.officer.person_id)).await.expect(200);
    assert_eq!(listed.items().len(), 0);
    // What was never announced is not taken from a dock at all.
    let unknown = Film::new(2, 100.0, 50.0);
    refused(&yard.bring(&unknown, &unknown.bytes, json!({})).await, 404, "not_found");
    // The right bytes still are.
    yard.bring(&film, &film.bytes, json!({})).await.expect(204);
    assert_eq!(yard.seen(&film).await["state"], "stored");
}

#[tokio::test]
async fn what_the_room_asks_for_comes_first() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Fetch").await;
    let scene = &yard.scene;
    let bound = Film::new(1, 3_000.0, 2_400.0);
    let late = [Film::new(2, 6_000.0, 5_900.0), Film::new(3, 5_500.0, 5_400.0)];
    let all = [&bound, &late[0], &late[1]];
    let answer = yard.docked(&all).await;
    assert_eq!(ids(&answer["recordings"], "recording_id")[0], bound.id);
    let wanted = format!("/devices/{}/wanted", yard.dock.id);
    assert_eq!(said(&yard.dock, "GET", &wanted, None).await.expect(200).json()["items"], json!([]));

    let path = |film: &Film| format!("/recordings/{}/fetch", film.id);
    let purpose = json!({ "purpose": "complaint 2026-14" });
    let asked = scene.room.post(&path(&late[1]), purpose.clone()).await.expect(200);
    assert!(asked["wanted_at"].is_string(), "{}", asked.json);
    assert_eq!(asked["events"][0]["data"], purpose);
    assert_eq!(asked["events"][0]["person_id"], json!(scene.room.person_id));
    scene.room.post(&path(&late[0]), purpose.clone()).await.expect(200);
    scene.room.post(&path(&late[0]), json!({ "purpose": "" })).await.problem(422, "invalid_field");
    let stranger = scene.station.officer("stranger").await;
    stranger.post(&path(&late[0]), purpose.clone()).await.problem(404, "not_found");

    let answer = yard.docked(&all).await;
    let order = ids(&answer["recordings"], "recording_id");
    assert_eq!(order, [&late[1].id, &late[0].id, &bound.id].map(Clone::clone), "{answer}");
    assert_eq!(answer["recordings"][0]["wanted"], true);
    let first = said(&yard.dock, "GET", &format!("{wanted}?limit=1"), None).await.expect(200).json();
    assert_eq!(ids(&first["items"], "recording_id"), [late[1].id.clone()]);
    assert_eq!(first["items"][0]["device_id"], json!(yard.camera.id));
    let rest = format!("{wanted}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = said(&yard.dock, "GET", &rest, None).await.expect(200).json();
    assert_eq!(ids(&second["items"], "recording_id"), [late[0].id.clone()]);
    assert_eq!(second["next_cursor"], Value::Null);
    // Nobody asks for another device, and no person for any.
    let other = Signer::enrol_as(&scene.station, "dock").await;
    refused(&said(&other, "GET", &wanted, None).await, 403, "forbidden");
    scene.room.get(&wanted).await.problem(403, "forbidden");
    refused(&said(&yard.dock, "GET", &format!("{wanted}?cursor=%21"), None).await, 400, "invalid_cursor");

    // Once it is here nobody waits for it; asking again changes nothing.
    yard.bring(&late[1], &late[1].bytes, json!({})).await.expect(204);
    let left = said(&yard.dock, "GET", &wanted, None).await.expect(200).json();
    assert_eq!(ids(&left["items"], "recording_id"), [late[0].id.clone()]);
    let stored = scene.room.post(&path(&late[1]), purpose).await.expect(200);
    assert_eq!((&stored["state"], kinds(&stored.json).len()), (&json!("stored"), 2));
}
