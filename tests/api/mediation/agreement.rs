//! From the scene to the signed, numbered paper: who may lead which kind, and what bars it.

use super::*;

#[tokio::test]
async fn from_the_scene_to_the_signed_paper() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Agreed").await;
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    let view = table.now().await;
    assert_eq!(view["state"], "eligible", "{view:#?}");
    table.consent(PARTY_A, true).await.expect(201);
    assert_eq!(table.consent(PARTY_B, true).await.expect(201)["state"], "agreed");
    assert_eq!(table.finalize().await.expect(409)["code"], "not_ready");
    let last = table.all_sign().await;
    assert_eq!((&last["state"], &last["signing"]["complete"]), (&json!("signed"), &json!(true)));
    let done = table.finalize().await.expect(200);
    assert_eq!(done["state"], "performed", "paid on the spot: {}", done["findings"]);
    let serial = done["serial_no"].as_str().unwrap();
    assert!(serial.contains("现调字〔"), "{serial}");
    let papers = table.papers().await;
    let kinds: Vec<&str> = papers.as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["agreement", "minutes", "volume"]);
    let pdf = scene.wang.bytes(&table.at("documents/agreement.pdf"), &[]).await;
    assert_eq!((pdf.status, pdf.headers["content-type"].to_str().unwrap()), (200, "application/pdf"));
    assert!(pdf.body.starts_with(b"%PDF-1.7"));
    // It is evidence of the call, with everything that follows from that.
    let item = scene.wang.get(&format!("/evidence/{}", papers[0]["evidence_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&item["kind"], &item["sha256"]), (&json!("document"), &papers[0]["sha256"]));
    let trail = scene.room.get(&format!("/incidents/{}/timeline", scene.incident_id())).await.expect(200);
    assert!(trail.items().iter().any(|entry| entry["kind"] == "mediation.moved"), "{trail:?}");
    // Final is final.
    let late = table.write(json!({ "fields": { "cause": "另有原因" } })).await.problem(409, "conflict");
    assert_eq!(late["serial_no"], json!(serial));
    for (what, body) in [
        ("consents", json!({ "party": PARTY_A, "consents": false })),
        ("signatures", json!({ "signer": PARTY_A, "content_hash": done["content_hash"], "image": picture() })),
    ] {
        table.post(what, body).await.problem(409, "conflict");
    }
}

#[tokio::test]
async fn an_auxiliary_with_a_certificate_leads_the_peoples_and_another_seals() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "People").await;
    let (chen, zhou) = (mediator(&scene, "auxiliary").await, mediator(&scene, "mediator").await);
    let boss = scene.station.supervisor("boss").await;
    let record = civil(&chen, &scene.li);
    let table = Table::led_by(&scene, &chen, "people", record, json!({})).await;
    table.signed().await;
    // There is nothing to be sealed yet.
    zhou.post(&table.at("steps"), json!({ "step": "seal" })).await.problem(409, "not_ready");
    let done = table.finalize().await.expect(200);
    assert_eq!((&done["state"], &done["effective_at"]), (&json!("awaiting_seal"), &Value::Null));
    assert_eq!(done["clocks"]["judicial_confirmation"], Value::Null);
    assert!(done["serial_no"].as_str().unwrap().contains("人调字〔"), "{}", done["serial_no"]);
    chen.post(&table.at("steps"), json!({ "step": "seal" })).await.problem(403, "other_person_required");
    scene.li.post(&table.at("steps"), json!({ "step": "seal" })).await.problem(403, "forbidden");
    assert_eq!(table.now().await["state"], "awaiting_seal");
    let sealed = zhou.post(&table.at("steps"), json!({ "step": "seal", "reason": "已盖章" })).await.expect(200);
    assert_eq!(sealed["state"], "performing", "{}", sealed["findings"]);
    assert!(sealed["effective_at"].is_string());
    let clock = &sealed["clocks"]["judicial_confirmation"];
    assert!(clock["at"].is_string() && clock["article"].as_str().unwrap().contains("第三十三条"), "{clock}");
    let by: Vec<&Value> = sealed["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["step"] == "seal")
        .map(|one| &one["by"])
        .collect();
    assert_eq!(by, [&json!(zhou.person_id)]);
    // Sent again it does nothing again; and a superior may seal as well.
    let steps = sealed["history"].as_array().unwrap().len();
    let again = zhou.post(&table.at("steps"), json!({ "step": "seal" })).await.expect(200);
    assert_eq!((&again["state"], again["history"].as_array().unwrap().len()), (&json!("performing"), steps));
    let second = Table::led_by(&scene, &chen, "people", civil(&chen, &scene.li), json!({})).await;
    second.signed().await;
    second.finalize().await.expect(200);
    let sealed = boss.post(&second.at("steps"), json!({ "step": "seal" })).await.expect(200);
    assert_eq!(sealed["state"], "performing");
    assert_eq!(second.papers().await[0]["problem"], Value::Null);
}

#[tokio::test]
async fn who_may_lead_what() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Leaders").await;
    let chen = mediator(&scene, "auxiliary").await;
    let plain = sent(&scene, "auxiliary").await;
    let late = sent(&scene, "mediator").await;
    // Just after midnight the session was yesterday, when a certificate of yesterday still held.
    certify(&scene, &late, &day(-2)).await;
    let today = sent(&scene, "grid_worker").await;
    certify(&scene, &today, &day(0)).await;
    let mut alone = quarrel(&scene.wang, &scene.li);
    alone["assistants"] = json!([chen.person_id]);
    for (kind, leader, record, state, code) in [
        ("police", &chen, later(&chen, &scene.li), "ineligible", Some("leader_not_police")),
        ("police_on_scene", &chen, quarrel(&chen, &scene.li), "ineligible", Some("leader_not_police")),
        ("people", &plain, civil(&plain, &scene.li), "ineligible", Some("certificate_missing")),
        ("people", &late, civil(&late, &scene.li), "ineligible", Some("certificate_expired")),
        ("people", &today, civil(&today, &scene.li), "eligible", None),
        // One officer with an auxiliary: fully recorded, or not at all (程序规定 article 52).
        ("police_on_scene", &scene.wang, alone, "eligible", Some("recording_missing")),
    ] {
        let table = Table::led_by(&scene, leader, kind, record, json!({})).await;
        let view = table.now().await;
        let found = codes(&view["findings"]);
        assert_eq!(view["state"], state, "{kind} {code:?}: {:#}", view["findings"]);
        assert!(code.is_none_or(|code| found.contains(&code)), "{kind}: {found:?}");
        for finding in view["findings"].as_array().unwrap() {
            for text in ["article", "zh", "en"] {
                assert!(!finding[text].as_str().unwrap().is_empty(), "{finding}");
            }
        }
        if state == "ineligible" {
            table.consent(PARTY_A, true).await.expect(201);
            table.consent(PARTY_B, true).await.expect(201);
            let refused = table.sign(PARTY_A, json!({ "image": picture() })).await.problem(409, "not_ready");
            assert!(codes(&refused["findings"]).contains(&code.unwrap()), "{}", refused["findings"]);
        }
    }
}

#[tokio::test]
async fn a_party_that_refuses_is_not_mediated_until_it_says_otherwise() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Refuses").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.consent(PARTY_A, true).await.expect(201);
    let view = table.consent(PARTY_B, false).await.expect(201);
    assert_eq!(view["state"], "ineligible");
    let finding = view["findings"].as_array().unwrap().iter().find(|one| one["code"] == "party_refuses").unwrap();
    assert_eq!((&finding["subject"], &finding["overridable"]), (&json!(PARTY_B), &json!(false)));
    table.sign(PARTY_A, json!({ "image": picture() })).await.problem(409, "not_ready");
    table.finalize().await.problem(409, "not_ready");
    // Of their own will they come back.
    assert_eq!(table.consent(PARTY_B, true).await.expect(201)["state"], "agreed");
    assert_eq!(table.all_sign().await["state"], "signed");
    // Who has signed says it by other ways than this.
    table.consent(PARTY_B, false).await.problem(409, "conflict");
    table.consent("01900000-0000-7000-8000-0000000000ff", true).await.problem(409, "conflict");
}

#[tokio::test]
async fn one_id_is_one_consent() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Consents").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let said = json!({ "id": new_id(), "party": PARTY_A, "consents": true });
    let first = table.post("consents", said.clone()).await.expect(201);
    let again = table.post("consents", said.clone()).await.expect(200);
    assert_eq!(again.json, first.json, "nothing is done twice");
    for (name, other) in [
        ("party", json!(PARTY_B)),
        ("consents", json!(false)),
        ("needs_interpreter", json!(true)),
        ("declines_guardian", json!(true)),
        ("oral", json!({ "evidence_id": new_id(), "from_ms": 0, "to_ms": 10 })),
    ] {
        let mut body = said.clone();
        body[name] = other;
        table.post("consents", body).await.problem(422, "key_reused");
    }
    let stranger = json!({ "party": new_id(), "consents": true });
    assert_eq!(table.post("consents", stranger).await.problem(422, "invalid_field")["field"], "party");
    assert_eq!(table.version().await, first["version"].as_i64().unwrap());
}

/// Somebody of this kind with a certificate, who was sent to the quarrel.
async fn mediator(scene: &Scene, kind: &str) -> Officer {
    let person = sent(scene, kind).await;
    certify(scene, &person, &day(365)).await;
    person
}

async fn sent(scene: &Scene, kind: &str) -> Officer {
    let person = scene.station.member(kind, kind).await;
    person.sign_on().await;
    scene.room.assign(&scene.incident, &[&person]).await;
    person
}

async fn certify(scene: &Scene, person: &Officer, expires_on: &str) {
    let paper = json!({ "number": "苏人调2026001", "issuer": "金坛区司法局", "expires_on": expires_on });
    let path = format!("/people/{}", person.person_id);
    scene.station.admin().patch(&path, json!({ "certificate": paper })).await.expect(200);
}

#[tokio::test]
async fn what_is_not_done_on_the_spot_has_a_day_to_be_done_by() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "NoDay").await;
    let mut record = later(&scene.wang, &scene.li);
    record["terms"][TERM].as_object_mut().unwrap().remove("due_on");
    let table = Table::set(&scene, "police", record).await;
    let missing = |view: &Reply| {
        let findings = view["findings"].as_array().unwrap().clone();
        findings.iter().any(|one| one["code"] == "field_missing" && one["field"] == "terms/*/due_on")
    };
    assert!(missing(&table.now().await), "nobody could be reminded of it");
    let view = table.write(json!({ "fields": { "performed_on_the_spot": true } })).await.expect(200);
    assert!(!missing(&view), "{:#}", view["findings"]);
}
