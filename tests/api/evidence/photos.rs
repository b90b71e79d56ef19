//! Photos: taken as they are, shown small and upright, compared with what else is known, told to the room.

use super::*;
use std::time::Instant;

/// Camera time of an instant so many seconds ago, as EXIF writes it in Shanghai.
fn camera_time(seconds: f64) -> String {
    let at: jiff::Timestamp = ago(seconds).parse().unwrap();
    let zoned = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    zoned.strftime("%Y:%m:%d %H:%M:%S").to_string()
}

#[tokio::test]
async fn a_photo_is_stored_shown_and_told_to_the_room() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Photo").await;
    let mut desk = scene.room.socket().await;
    let file = jpeg(2000, 1500, 1);
    let more = json!({
        "incident_id": scene.incident_id(), "assignment_id": scene.assignment["id"], "sha256": sha256_hex(&file),
    });
    let sent = Instant::now();
    let made = scene.officer.photo(&file, more).await.expect(201);
    let id = made.id();
    assert_eq!(made.header("location"), Some(format!("/api/v1/evidence/{id}").as_str()));
    assert_eq!((&made["sha256"], &made["author_id"]), (&json!(sha256_hex(&file)), &json!(scene.officer.person_id)));
    assert_eq!(made["media_type"], "image/jpeg");
    let told = desk.expect_where("the photo", |frame| frame["data"]["evidence_id"] == id.as_str()).await;
    // A second is promised; a debug build on two busy cores gets more.
    assert!(sent.elapsed() < Duration::from_secs(8), "{:?}", sent.elapsed());
    assert_eq!(told["kind"], "evidence.received");
    assert_eq!((&told["data"]["preview"], &told["data"]["kind"]), (&json!(true), &json!("photo")));
    assert_eq!(told["data"]["incident_id"], scene.incident_id());

    let item = scene.room.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!(item["previewed"], "made");
    let sizes: Vec<Value> = item["previews"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["px"], one["width"], one["height"]]))
        .collect();
    assert_eq!(sizes, [json!([320, 320, 240]), json!([1600, 1600, 1200])]);
    for (px, width, height) in [(320, 320, 240), (1600, 1600, 1200)] {
        let preview = scene.room.bytes(&format!("/evidence/{id}/preview?px={px}"), &[]).await.expect(200);
        assert_eq!(preview.header("content-type"), "image/jpeg");
        let picture = image::load_from_memory(&preview.body).unwrap();
        assert_eq!((picture.width(), picture.height()), (width, height));
    }
    scene.room.get(&format!("/evidence/{id}/preview?px=100")).await.problem(422, "invalid_field");
    let line = scene.room.get(&format!("/incidents/{}/timeline", scene.incident_id())).await.expect(200);
    assert!(line.items().iter().any(|entry| entry["kind"] == "evidence.received"), "{}", line.json);
}

#[tokio::test]
async fn a_preview_is_upright_and_tells_nothing_of_the_camera() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Upright").await;
    let exif =
        Exif { orientation: Some(6), place: Some((119.5, 31.7)), model: Some("Secret 9".into()), ..Exif::default() };
    let file = with_exif(&jpeg(640, 480, 2), &exif);
    let made = scene.officer.photo(&file, json!({})).await.expect(201);
    scene.officer.previewed(&made.id()).await;
    let path = format!("/evidence/{}", made.id());
    let preview = scene.officer.bytes(&format!("{path}/preview?px=320"), &[]).await.expect(200).body;
    let picture = image::load_from_memory(&preview).unwrap();
    assert_eq!((picture.width(), picture.height()), (240, 320));
    for secret in [b"Exif".as_slice(), b"Secret 9"] {
        assert!(!preview.windows(secret.len()).any(|bytes| bytes == secret), "the preview says {secret:?}");
    }
    // The original is what the camera wrote, to the last byte.
    assert_eq!(scene.officer.bytes(&format!("{path}/content"), &[]).await.expect(200).body, file);
}

#[tokio::test]
async fn clocks_places_and_names_are_compared() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Findings").await;
    scene.officer.report(scene.station.near(0.0, 0.0)).await;
    let exif = |slow: f64, place: (f64, f64)| Exif {
        taken: Some(camera_time(5.0 + slow)),
        offset: Some("+08:00".into()),
        place: Some(place),
        ..Exif::default()
    };
    // Right in every respect.
    let fine = with_exif(&jpeg(64, 48, 3), &exif(0.0, scene.station.near(30.0, 0.0)));
    let made = scene.officer.photo(&fine, json!({})).await.expect(201);
    let item = scene.officer.previewed(&made.id()).await;
    assert_eq!(item["findings"], json!([]), "{item}");
    // Nine minutes slow, 420 metres away.
    let odd = with_exif(&jpeg(64, 48, 4), &exif(540.0, scene.station.near(420.0, 0.0)));
    let made = scene.officer.photo(&odd, json!({})).await.expect(201);
    let item = scene.officer.previewed(&made.id()).await;
    let mut codes = findings(&item);
    codes.sort_unstable();
    assert_eq!(codes, ["camera_clock", "off_track"], "{item}");
    let of = |code: &str| item["findings"].as_array().unwrap().iter().find(|found| found["code"] == code).unwrap();
    let slow = of("camera_clock")["detail"]["difference_s"].as_f64().unwrap();
    assert!((slow + 540.0).abs() < 5.0, "{item}");
    let away = of("off_track")["detail"]["distance_m"].as_f64().unwrap();
    assert!((away - 420.0).abs() < 20.0, "{item}");
    let english = [("accept-language", "en")];
    let item = scene.officer.send("GET", &format!("/evidence/{}", made.id()), &english, None).await.expect(200);
    let words: Vec<&str> = item["findings"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
    assert!(words.iter().any(|text| text.contains("9 min slow")), "{words:?}");
    assert!(words.iter().any(|text| text.contains("from the officer's track")), "{words:?}");

    // Names and bytes.
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(32, 32).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let made = scene.officer.photo(&png.into_inner(), json!({ "filename": "x.jpg" })).await.expect(201);
    assert_eq!(findings(&scene.officer.previewed(&made.id()).await), ["wrong_extension"]);
    let hidden = [jpeg(64, 48, 5), b"PK\x03\x04 an archive behind the picture".to_vec()].concat();
    let made = scene.officer.photo(&hidden, json!({})).await.expect(201);
    assert_eq!(findings(&scene.officer.previewed(&made.id()).await), ["trailing_bytes"]);
}

#[tokio::test]
async fn what_cannot_be_shown_is_kept_to_the_byte() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Kept").await;
    let heic = [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(), &[7; 500]].concat();
    let tiff = [b"II*\0\x08\0\0\0\0\0\0\0\0\0".as_slice(), &[9; 100]].concat();
    let whole = jpeg(640, 480, 6);
    let cut = whole[..whole.len() / 4].to_vec();
    let bomb = bomb(60_000, 60_000);
    let cases = [
        ("a.heic", heic, "not_decodable"),
        ("a.tif", tiff, "not_decodable"),
        ("a.jpg", cut, "truncated"),
        ("a.png", bomb, "too_large_to_decode"),
    ];
    for (name, file, code) in cases {
        let made = scene.officer.photo(&file, json!({ "filename": name })).await.expect(201);
        let item = scene.officer.previewed(&made.id()).await;
        assert!(findings(&item).contains(&code), "{name}: {item}");
        let path = format!("/evidence/{}", made.id());
        assert_eq!(scene.officer.bytes(&format!("{path}/content"), &[]).await.expect(200).body, file, "{name}");
        if item["previewed"] == "impossible" {
            scene.officer.get(&format!("{path}/preview")).await.problem(404, "not_found");
        }
    }
    // None of them stalls the queue.
    let made = scene.officer.photo(&jpeg(64, 48, 7), json!({})).await.expect(201);
    assert_eq!(scene.officer.previewed(&made.id()).await["previewed"], "made");
}

/// A PNG that says it is huge and has next to nothing in it.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut sum = u32::MAX;
        for byte in kind.iter().chain(data) {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            }
        }
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], kind, data, &(!sum).to_be_bytes()].concat()
    }
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    // An empty stream in the form of zlib.
    let nothing = [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    [b"\x89PNG\r\n\x1A\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &nothing), chunk(b"IEND", b"")].concat()
}

#[tokio::test]
async fn what_is_no_photo_is_refused_clearly() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Refused").await;
    let who = &scene.officer;
    let file = jpeg(64, 48, 8);
    let wrong_hash = json!({ "sha256": sha256_hex(b"another") });
    assert_eq!(who.photo(&file, wrong_hash).await.problem(422, "invalid_field")["field"], "sha256");
    for page in [b"<!DOCTYPE html><script>alert(1)</script>".as_slice(), b"", b"MZ\x90\0", b"PK\x03\x04"] {
        assert_eq!(who.photo(page, json!({})).await.problem(422, "invalid_field")["field"], "file");
    }
    for name in ["../x.jpg", "a/b.jpg", "a\\b.jpg"] {
        who.photo(&file, json!({ "filename": name })).await.problem(422, "invalid_field");
    }
    who.photo(&file, json!({ "captured_at": "yesterday" })).await.problem(422, "invalid_field");
    who.photo(&file, json!({ "unknown": 1 })).await.problem(422, "invalid_field");
    who.photo(&file, json!({ "incident_id": new_id() })).await.problem(404, "not_found");
    let (elsewhere, room, _) = app.station("Elsewhere").await;
    let foreign = room.incident(elsewhere.near(0.0, 0.0)).await;
    who.photo(&file, json!({ "incident_id": foreign["id"] })).await.problem(404, "not_found");
    who.post("/evidence/photos", json!({})).await.problem(415, "unsupported_media_type");
    let broken = who.raw("POST", "/evidence/photos", &[("content-type", "multipart/form-data")], vec![1, 2]).await;
    assert!((400..500).contains(&broken.status), "{broken:?}");
    let (kind, body) = multipart("x.jpg", "image/jpeg", &file, &photo_of(json!({})));
    let half = body[..body.len() / 2].to_vec();
    let broken = who.raw("POST", "/evidence/photos", &[("content-type", &kind)], half).await;
    assert!((400..500).contains(&broken.status), "{broken:?}");
    raw(&app, None, "POST", "/evidence/photos", &[("content-type", &kind)], body).await.expect(401);
    let service = scene.station.service("intake").await;
    service.photo(&file, json!({})).await.problem(403, "forbidden");
    assert!(who.get("/evidence").await.expect(200).items().is_empty(), "nothing of that was kept");
}

#[tokio::test]
async fn a_photo_sent_again_is_the_same_photo() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Again").await;
    let (file, more) = (jpeg(64, 48, 9), json!({ "captured_at": ago(60.0) }));
    let first = scene.officer.photo(&file, more.clone()).await.expect(201).id();
    let (one, two) = tokio::join!(scene.officer.photo(&file, more.clone()), scene.officer.photo(&file, more));
    assert_eq!((one.expect(201).id(), two.expect(201).id()), (first.clone(), first.clone()));
    scene.officer.previewed(&first).await;
    let touches = scene.officer.touches(&first).await;
    for kind in ["received", "previewed"] {
        assert_eq!(touches.iter().filter(|touch| *touch == kind).count(), 1, "{touches:?}");
    }
}

#[tokio::test]
async fn a_shared_handset_delivers_a_photo_of_whoever_took_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Shared").await;
    let a = &scene.officer;
    let captured = ago(30.0);
    let b = scene.station.person("b", "police_officer").await.login_on(&a.device_id()).await;
    let more = json!({ "author_id": a.person_id, "captured_at": captured, "incident_id": scene.incident_id() });
    let made = b.photo(&jpeg(64, 48, 10), more).await.expect(201);
    assert!(made.json.get("sha256").is_none(), "whoever only brings it learns its name alone: {}", made.json);
    let seen = scene.room.get(&format!("/evidence/{}", made.id())).await.expect(200);
    assert_eq!((&seen["author_id"], &seen["device_id"]), (&json!(a.person_id), &json!(a.device_id())));
    b.get(&format!("/evidence/{}", made.id())).await.problem(404, "not_found");
    let forged = json!({ "author_id": scene.room.person_id });
    b.photo(&jpeg(64, 48, 11), forged).await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_enrolled_device_delivers_by_its_key_when_the_session_is_over() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Key").await;
    let device = Signer::enrol(&scene.station).await;
    let holder = scene.station.person("holder", "police_officer").await.login_on(&device.id).await;
    holder.sign_on().await;
    holder.post("/auth/logout", json!({})).await.ok();
    let (file, captured) = (jpeg(64, 48, 12), ago(30.0));
    let made = device.photo(&file, json!({ "captured_at": captured })).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    let item = scene.room.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!((&item["author_id"], &item["session_id"]), (&json!(holder.person_id), &Value::Null));
    assert_eq!(item["quarantined"], false);
    // Somebody else's key, or a body that is not the one that was signed.
    let thief = Signer { id: device.id.clone(), ..Signer::enrol(&scene.station).await };
    assert_eq!(thief.photo(&file, json!({})).await.expect(401).json()["code"], "bad_signature");
}

#[tokio::test]
async fn what_a_lost_device_brings_waits_for_the_custodian() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Lost").await;
    let keeper = scene.custodian().await;
    let mut desk = scene.room.socket().await;
    let device = Signer::enrol(&scene.station).await;
    let holder = scene.station.person("holder", "police_officer").await.login_on(&device.id).await;
    holder.sign_on().await;
    let captured = ago(20.0);
    let admin = scene.station.admin();
    admin.post(&format!("/devices/{}/revoke", device.id), json!({ "reason": "lost" })).await.expect(200);
    let file = jpeg(64, 48, 13);
    let made = device.photo(&file, json!({ "captured_at": captured })).await.expect(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/evidence/{id}");
    // For all but the custodian it is not there: neither for its author.
    let author = holder.login_handheld().await;
    for who in [&author, &scene.room] {
        who.get(&path).await.problem(404, "not_found");
        who.post_empty(&format!("{path}/release")).await.problem(404, "not_found");
        assert!(who.get("/evidence").await.expect(200).items().is_empty());
    }
    assert_eq!(keeper.get(&path).await.expect(200)["quarantined"], true);
    let listed = keeper.get("/evidence").await.expect(200);
    assert!(listed.items().iter().any(|item| item["id"] == id.as_str()), "{}", listed.json);
    desk.expect_none("evidence.received", Duration::from_millis(500)).await;

    keeper.post_empty(&format!("{path}/release")).await.expect(200);
    keeper.post_empty(&format!("{path}/release")).await.problem(409, "conflict");
    assert_eq!(author.get(&path).await.expect(200)["quarantined"], false);
    let told = desk.expect("evidence.received").await;
    assert_eq!(told["data"]["evidence_id"], id.as_str());
    let touches = author.touches(&id).await;
    for kind in ["received", "quarantined", "released"] {
        assert!(touches.iter().any(|touch| touch == kind), "{touches:?}");
    }
    // What was "captured" after the loss is not taken at all.
    let after = device.photo(&file, json!({ "captured_at": ago(-120.0) })).await;
    assert_eq!((after.status, &after.json()["code"]), (403, &json!("forbidden")));
}

#[tokio::test]
async fn what_comes_from_a_session_that_was_ended_for_cause_waits_too() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Disabled").await;
    let keeper = scene.custodian().await;
    let a = &scene.officer;
    let captured = ago(20.0);
    scene.station.admin().post_empty(&format!("/people/{}/disable", a.person_id)).await.ok();
    let b = scene.station.person("b", "police_officer").await.login_on(&a.device_id()).await;
    let more = json!({ "author_id": a.person_id, "captured_at": captured });
    let made = b.photo(&jpeg(64, 48, 14), more).await.expect(201);
    scene.room.get(&format!("/evidence/{}", made.id())).await.problem(404, "not_found");
    assert_eq!(keeper.get(&format!("/evidence/{}", made.id())).await.expect(200)["quarantined"], true);
    // The handset may let go of it all the same.
    b.proven(&made.id()).await;
}
