//! Who signs, with what, and when a signature counts.

use super::*;

/// A JPEG of 8 by 8 pixels in CMYK.
const FOUR_COLOURS: &str = concat!(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwD//////////////////////////////////////////////////////////////////////////////////////8AA",
    "FAgACAAIBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAMC/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAAPwBCES//2Q==",
);
use crate::support::evidence::film_of;

#[tokio::test]
async fn what_was_signed_falls_only_when_it_is_said_that_it_may() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Fall").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.signed().await;
    let before = table.now().await;
    let old = before["content_hash"].clone();
    // What is no part of the agreement lets them stand.
    let statement = format!("parties/{PARTY_A}/statement");
    let view = table.write(json!({ "fields": { &statement: "我赔他手机。" } })).await.expect(200);
    assert_eq!((&view["state"], &view["content_hash"]), (&json!("signed"), &old));
    let before = table.now().await;
    let (amount, place) = (format!("terms/{TERM}/amount_fen"), "case_place");
    let changed = json!({ &amount: 50_000, place: "东门大街20号门前", &statement: "我赔他五百元。" });
    let refused = table.write(json!({ "fields": changed })).await.problem(409, "signatures_fall");
    assert_eq!(refused["changes"], json!([place, amount]));
    let signers = [PARTY_A, PARTY_B, scene.wang.person_id.as_str()];
    assert_eq!(refused["signers"], json!(signers));
    assert_eq!(table.now().await.json, before.json, "nothing changed");
    let view = table.write(json!({ "fields": changed, "confirm_signatures_fall": true })).await.expect(200);
    assert_eq!(view["state"], "agreed");
    assert_ne!(view["content_hash"], old);
    let fallen: Vec<&Value> = view["signing"]["fallen"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(fallen, signers.map(|id| json!(id)).iter().collect::<Vec<_>>());
    assert!(view["signing"]["signatures"].as_array().unwrap().iter().all(|one| one["counts"] == false));
    table.finalize().await.problem(409, "not_ready");
    // One that was given elsewhere of what stood before is kept, and does not count.
    let late = json!({ "signer": PARTY_A, "content_hash": old, "image": picture() });
    let view = table.post("signatures", late).await.expect(201);
    let last = view["signing"]["signatures"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["counts"], &view["state"]), (&json!(false), &json!("agreed")));
    assert_eq!(view["signing"]["fallen"].as_array().unwrap().len(), 3);
    // They sign anew, and what they sign is what becomes final.
    assert_eq!(table.all_sign().await["state"], "signed");
    // Nothing falls where what stood is written again.
    let same = table.write(json!({ "fields": { &amount: 50_000 } })).await.expect(200);
    assert_eq!(same["state"], "signed");
    assert_eq!(table.finalize().await.expect(200)["state"], "performing");
}

#[tokio::test]
async fn who_refuses_or_leaves_blocks_it_until_he_signs_later() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Leaves").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    table.sign(PARTY_A, json!({ "image": picture() })).await.expect(201);
    table.sign(&scene.wang.person_id, json!({ "image": picture() })).await.expect(201);
    for status in ["refused", "left"] {
        for reason in [Value::Null, json!("  "), json!("字".repeat(501))] {
            let silent = table.sign(PARTY_B, json!({ "status": status, "reason": reason })).await;
            assert_eq!(silent.problem(422, "invalid_field")["field"], "reason");
        }
        let long = json!({ "image": picture(), "reason": "字".repeat(501) });
        assert_eq!(table.sign(PARTY_B, long).await.problem(422, "invalid_field")["field"], "reason");
        let view = table.sign(PARTY_B, json!({ "status": status, "reason": "嫌赔得少" })).await.expect(201);
        assert_eq!(view["signing"]["blocked_by"][0]["id"], PARTY_B);
        assert_eq!((&view["state"], &view["signing"]["complete"]), (&json!("agreed"), &json!(false)));
        let told = table.finalize().await.problem(409, "not_ready");
        assert_eq!(told["signing"]["blocked_by"][0]["id"], PARTY_B);
    }
    let said = table.now().await["signing"]["signatures"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&said["status"], &said["reason"]), (&json!("left"), &json!("嫌赔得少")));
    // The same content, from another device.
    let mate = &scene.li;
    let hash = table.now().await["content_hash"].clone();
    let body = json!({ "signer": PARTY_B, "content_hash": hash, "image": picture() });
    let view = mate.post(&table.at("signatures"), body).await.expect(201);
    assert_eq!((&view["state"], &view["signing"]["blocked_by"]), (&json!("signed"), &json!([])));
    assert_eq!(view["signing"]["signatures"].as_array().unwrap().len(), 5, "nothing that was said is gone");
    table.finalize().await.expect(200);
}

#[tokio::test]
async fn what_comes_up_after_signing_keeps_it_from_becoming_final() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "After").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.signed().await;
    // It was a gang fight, it turns out: no part of what was signed, and no case for mediation.
    let view = table.write(json!({ "fields": { "bars": ["gang"] } })).await.expect(200);
    assert_eq!(view["signing"]["complete"], true);
    let refused = table.finalize().await.problem(409, "not_ready");
    assert_eq!(codes(&refused["findings"]), ["gang"]);
    table.write(json!({ "fields": { "bars": null } })).await.expect(200);
    // Two wrote down apart what one of them said.
    let (words, version) = (format!("parties/{PARTY_A}/statement"), table.version().await);
    patch(&scene.wang, &table.id, version, json!({ &words: "我推了他。" })).await.expect(200);
    patch(&scene.li, &table.id, version, json!({ &words: "我碰了他。" })).await.expect(200);
    assert_eq!(table.finalize().await.problem(409, "not_ready")["settled"], false);
    table.write(json!({ "fields": { words: "我推了他一下。" } })).await.expect(200);
    let done = table.finalize().await.expect(200);
    assert_eq!((&done["state"], &done["open_questions"]), (&json!("performing"), &json!(0)));
}

#[tokio::test]
async fn a_recording_takes_the_place_of_paper_where_there_is_one() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Film").await;
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    table.agree().await;
    let film = json!({ "form": "on_film" });
    let refused = table.post("finalize", film.clone()).await.problem(409, "not_ready");
    assert_eq!(codes(&refused["findings"]), ["signing_recording_missing"]);
    let note = format!("evidence/{}/note", new_id());
    table.write(json!({ "fields": { note: "执法记录仪" } })).await.expect(200);
    let done = table.post("finalize", film).await.expect(200);
    assert_eq!((&done["state"], &done["form"]), (&json!("agreed"), &json!("on_film")));
    assert_eq!(codes(&done["findings"]), ["recording_pending"]);
    scene.li.upload(&film_of(1_000), json!({ "captured_at": ago(1_260.0) })).await;
    wait_for("it to take effect", || async { (table.now().await["state"] == "performed").then_some(()) }).await;
    assert_eq!(table.papers().await[0]["problem"], Value::Null);
}

#[tokio::test]
async fn nobody_signs_for_another() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Signers").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let early = table.sign(PARTY_A, json!({ "image": picture() })).await.problem(409, "not_ready");
    assert!(codes(&early["findings"]).contains(&"consent_missing"), "{}", early["findings"]);
    table.agree().await;
    for nobody in [scene.li.person_id.clone(), new_id()] {
        let refused = table.sign(&nobody, json!({ "image": picture() })).await.problem(422, "invalid_field");
        assert_eq!((&refused["field"], refused["required"].as_array().unwrap().len()), (&json!("signer"), 3));
    }
    let hash = table.now().await["content_hash"].clone();
    let body = json!({ "signer": scene.wang.person_id, "content_hash": hash, "image": picture() });
    scene.li.post(&table.at("signatures"), body).await.problem(403, "forbidden");
    for hash in ["", "00", &"g".repeat(64)] {
        let body = json!({ "signer": PARTY_A, "content_hash": hash, "image": picture() });
        assert_eq!(table.post("signatures", body).await.problem(422, "invalid_field")["field"], "content_hash");
    }
    // A minor is signed for beside it, by its guardian; then both must.
    let guardian = new_id();
    let fields = json!({
        format!("parties/{PARTY_B}/birth_date"): day(-15 * 365), format!("parties/{PARTY_B}/id_number"): Value::Null,
        format!("parties/{PARTY_B}/id_type"): "none",
        format!("others/{guardian}/role"): "guardian", format!("others/{guardian}/for"): PARTY_B,
        format!("others/{guardian}/name"): "欧阳父", format!("others/{guardian}/relation"): "父亲",
    });
    let view = table.write(json!({ "fields": fields })).await.expect(200);
    let required: Vec<&str> =
        view["signing"]["required"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(required, [PARTY_A, PARTY_B, &guardian, &scene.wang.person_id]);
    assert_eq!(table.all_sign().await["state"], "agreed");
    assert_eq!(table.sign(&guardian, json!({ "image": picture() })).await.expect(201)["state"], "signed");
}

#[tokio::test]
async fn a_fingerprint_needs_its_three_and_said_aloud_is_the_peoples_alone() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Fingers").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    let (scribe, witness) = (scene.wang.person_id.clone(), scene.li.person_id.clone());
    let whole = json!({
        "status": "fingerprint", "image": picture(), "scribe": scribe, "reader": scribe, "witness": witness,
    });
    for lacking in ["image", "scribe", "reader", "witness"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(lacking);
        assert_eq!(table.sign(PARTY_A, body).await.problem(422, "invalid_field")["field"], lacking);
    }
    for (name, wrong) in [("witness", scribe.as_str()), ("witness", PARTY_B), ("reader", PARTY_B), ("scribe", PARTY_A)]
    {
        let mut body = whole.clone();
        body[name] = json!(wrong);
        assert_eq!(table.sign(PARTY_A, body).await.problem(422, "invalid_field")["field"], name);
    }
    let clip = json!({ "evidence_id": new_id(), "from_ms": 1_000, "to_ms": 9_000 });
    table.sign(PARTY_B, json!({ "oral": clip })).await.problem(409, "conflict");
    table.post("finalize", json!({ "form": "oral" })).await.problem(422, "invalid_field");
    let view = table.sign(PARTY_A, whole).await.expect(201);
    let given = &view["signing"]["signatures"][0];
    assert_eq!((&given["status"], &given["counts"]), (&json!("fingerprint"), &json!(true)));

    let led = civil(&scene.wang, &scene.li);
    let paper = json!({ "certificate": { "number": "苏人调7", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    let people = Table::set(&scene, "people", led).await;
    people.agree().await;
    for (from, to) in [(-1, 5), (5, 5), (9, 5)] {
        let clip = json!({ "evidence_id": new_id(), "from_ms": from, "to_ms": to });
        people.sign(PARTY_B, json!({ "oral": clip })).await.problem(422, "invalid_field");
    }
    let view = people.sign(PARTY_B, json!({ "oral": clip })).await.expect(201);
    let given = &view["signing"]["signatures"][0];
    let shown = (&given["status"], &given["form"], &given["from_ms"], &given["counts"]);
    assert_eq!(shown, (&json!("oral"), &json!("clip"), &json!(1_000), &json!(true)));
    // Agreed by word of mouth, it binds without the seal (人民调解法 article 30).
    let done = people.post("finalize", json!({ "form": "oral" })).await.expect(200);
    assert_eq!((&done["state"], &done["form"]), (&json!("performing"), &json!("oral")));
    assert_eq!(people.papers().await[0]["problem"], Value::Null);
}

#[tokio::test]
async fn what_is_no_writing_is_refused() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Strokes").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    let version = table.version().await;
    // A bomb: a million points, and just more than a signature may have.
    let bomb: Vec<[u32; 3]> = (0..1_000_000).map(|n| [n % 90, n % 70, n]).collect();
    table.sign(PARTY_A, json!({ "strokes": [bomb] })).await.problem(413, "payload_too_large");
    let many: Vec<[u32; 3]> = (0..20_001).map(|n| [n % 90, n % 70, n]).collect();
    table.sign(PARTY_A, json!({ "strokes": [many] })).await.problem(422, "invalid_field");
    let lines: Vec<Value> = (0..201).map(|n| json!([[n, 0, n], [n, 50, n]])).collect();
    for wrong in [
        json!([]),
        json!([[]]),
        json!(lines),
        json!([[[1.0, 1.0, 0.0]]]),
        json!([[[1, 1, 0], [1, 2, 1], [2, 1, 2], [1, 1, 3], [2, 2, 4]]]),
        json!([[[0, 0, 0], [50, 1e9, 1], [60, 9, 2], [70, 1, 3], [80, 5, 4]]]),
        json!([[[0, 0, 9], [50, 9, 8], [60, 9, 7], [70, 1, 6], [80, 5, 5]]]),
        json!([[[0, 0, -1], [50, 9, 8], [60, 9, 17], [70, 1, 26], [80, 5, 35]]]),
        json!([[[0], [50, 9, 8, 4], [60, 9, 17], [70, 1, 26], [80, 5, 35]]]),
    ] {
        let refused = table.sign(PARTY_A, json!({ "strokes": wrong })).await.problem(422, "invalid_field");
        assert!(refused["field"].as_str().unwrap().starts_with("strokes"), "{}", refused.json);
    }
    // What JSON cannot say is no number.
    for number in ["NaN", "Infinity", "1e999"] {
        let text =
            format!(r#"{{"signer":"{PARTY_A}","content_hash":"{}","strokes":[[[{number},1,1]]]}}"#, "0".repeat(64));
        let headers = [("content-type", "application/json")];
        let refused = scene.wang.raw("POST", &table.at("signatures"), &headers, text.into_bytes()).await;
        assert_eq!(refused.expect(400).json()["code"], "malformed_json", "{number}");
    }
    let both = json!({ "strokes": strokes(), "image": picture() });
    table.sign(PARTY_A, both).await.problem(422, "invalid_field");
    let neither = table.sign(PARTY_A, json!({})).await.problem(422, "invalid_field");
    assert_eq!(neither["field"], "strokes");

    let size = |width, height| png(&image::DynamicImage::new_luma8(width, height));
    let mut broken = size(120, 60);
    broken.truncate(60);
    let noise = image::GrayImage::from_fn(700, 700, |x, y| {
        image::Luma([(x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x + 7)) as u8])
    });
    let heavy = png(&image::DynamicImage::from(noise));
    assert!(heavy.len() > 384 * 1_024 && heavy.len() < 700 * 1_024, "{}", heavy.len());
    for wrong in [
        "no base64!".to_owned(),
        String::new(),
        base64_of(b"GIF89a not one of ours"),
        base64_of(&broken),
        base64_of(&size(4, 4)),
        base64_of(&size(2_001, 10)),
        base64_of(&heavy),
        base64_of(&[[0xFF, 0xD8, 0xFF].as_slice(), &[0; 200]].concat()),
        // Sound, and of the four colours of printing, which no paper of ours can hold.
        FOUR_COLOURS.to_owned(),
    ] {
        let refused = table.sign(PARTY_A, json!({ "image": wrong })).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], "image", "{}", refused.json);
    }
    let view = table.now().await;
    assert_eq!((&view["version"], &view["signing"]["signatures"]), (&json!(version), &json!([])));
}

#[tokio::test]
async fn one_id_is_one_signature() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Once").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    let hash = table.now().await["content_hash"].clone();
    let given = json!({ "id": new_id(), "signer": PARTY_A, "content_hash": hash, "image": picture() });
    let first = table.post("signatures", given.clone()).await.expect(201);
    assert_eq!(table.post("signatures", given.clone()).await.expect(200).json, first.json);
    for (name, other) in [
        ("signer", json!(PARTY_B)),
        ("content_hash", json!("0".repeat(64))),
        ("image", json!(base64_of(&png(&image::DynamicImage::new_luma8(50, 20))))),
        ("witness", json!(scene.li.person_id)),
        ("oral", json!({ "evidence_id": new_id(), "from_ms": 0, "to_ms": 10 })),
    ] {
        let mut body = given.clone();
        body[name] = other;
        assert_eq!(table.post("signatures", body).await.problem(422, "key_reused").status, 422, "{name}");
    }
    assert_eq!(table.version().await, first["version"].as_i64().unwrap());
}

#[tokio::test]
async fn on_a_screen_it_is_recorded_and_the_film_may_come_later() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Screen").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    // Nobody recorded it: on paper it may be signed, on a screen it may not (程序规定 article 263).
    let refused = table.sign(PARTY_A, json!({ "strokes": strokes() })).await.problem(409, "not_ready");
    assert!(codes(&refused["findings"]).contains(&"signing_recording_missing"), "{}", refused["findings"]);
    assert_eq!(table.now().await["signing"]["signatures"], json!([]), "nothing of it is kept");
    // The camera is still in the car.
    let note = format!("evidence/{}/note", new_id());
    table.write(json!({ "fields": { note: "执法记录仪，回所后上传" } })).await.expect(200);
    for signer in [PARTY_A, PARTY_B, &scene.wang.person_id] {
        table.sign(signer, json!({ "strokes": strokes() })).await.expect(201);
    }
    let done = table.finalize().await.expect(200);
    assert_eq!(done["state"], "signed", "signed, numbered, and not in effect");
    assert!(done["serial_no"].is_string() && done["effective_at"].is_null());
    assert_eq!(codes(&done["findings"])[0], "recording_pending");
    assert_eq!(table.papers().await[0]["problem"], Value::Null, "whoever waits has the paper");
    assert_eq!(table.verified().await.expect(200)["state"], "signed");
    let mut desk = scene.room.socket().await;
    // One of a minute is not the session.
    scene.wang.upload(&film_of(60), json!({ "captured_at": ago(1_200.0) })).await;
    scene.wang.upload(&film_of(1_000), json!({ "captured_at": ago(1_260.0) })).await;
    let told = desk.expect_where("it is in effect", |frame| {
        frame["kind"] == "mediation.moved" && frame["data"]["mediation_id"] == table.id.as_str()
    });
    assert_eq!(told.await["data"]["state"], "performing");
    let view = table.now().await;
    assert!(view["effective_at"].is_string());
    let last = view["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["step"], &last["by"]), (&json!("await_performance"), &Value::Null), "by itself");
}
