//! Classes and terms, what keeps an item, and how one lawfully goes: two others agree, a hold wins, the log proves it.

use super::*;
use crate::support::bucket::{self, is_kept, original, preview, until_gone};
use crate::support::evidence::upload_path;

/// A scene with those who decide about its evidence: a custodian, a supervisor, an administrator.
pub struct Keepers {
    pub scene: Scene,
    pub keeper: Officer,
    pub boss: Officer,
    pub chief: Officer,
}

impl Keepers {
    pub async fn set(app: &TestApp, name: &str) -> Self {
        let scene = Scene::set(app, name).await;
        let (keeper, boss) = (scene.custodian().await, scene.station.supervisor("boss").await);
        let chief = scene.station.administrator("chief").await;
        Self { scene, keeper, boss, chief }
    }

    /// The officer's photo of this incident, its term over: what a test cannot wait for.
    pub async fn expired(&self, seed: u8) -> (String, Vec<u8>) {
        let (id, file) = self.scene.photo(seed).await;
        expire(&self.scene.station.app, &id).await;
        (id, file)
    }

    pub async fn ask(&self, id: &str) -> Reply {
        let why = json!({ "reason": "保存期限届满", "article": "《个人信息保护法》第四十七条" });
        self.keeper.post(&format!("/evidence/{id}/deletion"), why).await
    }

    /// Asked for by the custodian, agreed to by the two others; the second answer.
    pub async fn approved(&self, id: &str) -> Value {
        self.ask(id).await.expect(201);
        let path = format!("/evidence/{id}/deletion/approve");
        self.boss.post_empty(&path).await.expect(200);
        self.chief.post_empty(&path).await.expect(200).json
    }

    /// The deletion of an item when it is over.
    pub async fn ended(&self, id: &str) -> Value {
        wait_for("the deletion to be over", || async {
            let seen = self.keeper.get(&format!("/evidence/{id}/deletion")).await.expect(200).json;
            (seen["state"] != "asked" && seen["state"] != "approved").then_some(seen)
        })
        .await
    }

    pub async fn held(&self, id: &str) -> Reply {
        self.boss.post(&format!("/evidence/{id}/holds"), json!({ "reason": "行政复议" })).await
    }
}

pub async fn expire(app: &TestApp, id: &str) {
    app.sql(format!("UPDATE evidence SET keep_until = 1 WHERE id = '{id}'")).await;
}

/// A server on which an approved deletion waits for nothing.
pub async fn at_once() -> TestApp {
    TestApp::builder().config("[evidence]\ndeletion_wait_s = 0\n").start().await
}

/// `suixing verify` of the whole store, once the log has caught up; nothing on PostgreSQL, which needs its address.
async fn whole_store_fits(app: &TestApp) -> bool {
    if Database::on_postgres() {
        return false;
    }
    wait_until("the store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    true
}

#[tokio::test]
async fn an_item_arrives_in_its_class_and_is_only_kept_longer() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Classes").await;
    let scene = &keepers.scene;
    let (ordinary, _) = scene.photo(1).await;
    let seen = scene.officer.get(&format!("/evidence/{ordinary}")).await.expect(200);
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(seen["retention"]["category"], "ordinary");
    assert_eq!(at(&seen["retention"]["keep_until"]) - at(&seen["received_at"]), 184 * 86_400);
    let case = scene.room.incident_with(scene.station.near(0.0, 0.0), json!({ "category": "criminal_case" })).await;
    let of_case = scene.room.photo(&jpeg(64, 48, 2), json!({ "incident_id": case["id"] })).await.expect(201);
    assert_eq!(of_case["retention"], json!({ "category": "case", "keep_until": null, "holds": [] }));

    let path = format!("/evidence/{ordinary}/retention");
    let into = |category: &str| json!({ "category": category, "reason": "领导批示" });
    scene.officer.put(&path, into("major")).await.problem(403, "forbidden");
    keepers.boss.put(&path, into("major")).await.problem(403, "forbidden");
    keepers.keeper.put(&path, into("for_ever")).await.problem(422, "invalid_field");
    keepers.keeper.put(&path, json!({ "category": "major", "reason": "" })).await.problem(422, "invalid_field");
    let changed = keepers.keeper.put(&path, into("major")).await.expect(200);
    assert_eq!(changed["retention"], json!({ "category": "major", "keep_until": null, "holds": [] }));
    // From one permanent class into another, never out of them.
    keepers.keeper.put(&path, into("complex")).await.expect(200);
    keepers.keeper.put(&path, into("ordinary")).await.problem(409, "retention_running");
    let touches = scene.officer.get(&format!("/evidence/{ordinary}/custody")).await.expect(200);
    let told: Vec<_> = touches.items().iter().filter(|entry| entry["kind"] == "retention_changed").collect();
    assert_eq!(told.len(), 2, "{}", touches.json);
    assert_eq!((&told[0]["detail"]["retention"], &told[0]["detail"]["reason"]), (&json!("major"), &json!("领导批示")));

    // What is known of an incident holds for what is linked with it.
    let (linked, _) = scene.photo(3).await;
    let path = format!("/evidence/{linked}");
    scene.room.post(&format!("{path}/links"), json!({ "incident_id": case["id"] })).await.expect(200);
    assert_eq!(scene.room.get(&path).await.expect(200)["retention"]["category"], "case");
    let terms = scene.officer.get("/retention/terms").await.expect(200);
    let classes: Vec<&str> = terms.items().iter().map(|term| term["category"].as_str().unwrap()).collect();
    assert_eq!(classes, ["ordinary", "case", "obstruction", "major", "complex"]);
    assert!(terms.items().iter().all(|term| term["article"].as_str().unwrap().contains("第十三条")));
    assert_eq!((&terms.items()[0]["days"], &terms.items()[1]["days"]), (&json!(184), &json!(null)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_others_agree_before_an_item_goes_and_the_log_proves_it() {
    let app = at_once().await;
    let keepers = Keepers::set(&app, "Two others").await;
    let (scene, keeper) = (&keepers.scene, &keepers.keeper);
    let (id, file) = scene.photo(1).await;
    let (kept, other) = scene.photo(2).await;
    scene.officer.proven(&id).await;
    scene
        .officer
        .post(&format!("/evidence/{id}/marks"), json!({ "from_ms": 0, "to_ms": 1, "text": "张三" }))
        .await
        .ok();
    keepers.ask(&id).await.problem(409, "retention_running");
    expire(&app, &id).await;
    let path = format!("/evidence/{id}/deletion");
    let approve = format!("{path}/approve");
    keeper.get(&path).await.problem(404, "not_found");
    let why = json!({ "reason": "over", "article": "a" });
    scene.officer.post(&path, why.clone()).await.problem(403, "forbidden");
    keepers.boss.post(&path, why.clone()).await.problem(403, "forbidden");
    keeper.post(&path, json!({ "reason": "", "article": "a" })).await.problem(422, "invalid_field");
    keepers.boss.post_empty(&approve).await.problem(404, "not_found");
    let asked = keepers.ask(&id).await.expect(201);
    assert_eq!((&asked["state"], &asked["asked_by"]), (&json!("asked"), &json!(keeper.person_id)));
    keepers.ask(&id).await.problem(409, "already_exists");

    keeper.post_empty(&approve).await.problem(403, "other_person_required");
    scene.room.post_empty(&approve).await.problem(403, "forbidden");
    keepers.boss.post_empty(&approve).await.expect(200);
    keepers.boss.post_empty(&approve).await.problem(403, "other_person_required");
    assert_eq!(scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, file);
    let approved = keepers.chief.post_empty(&approve).await.expect(200);
    let by: Vec<&Value> = approved["approvals"].as_array().unwrap().iter().map(|vote| &vote["person_id"]).collect();
    assert_eq!(by, [&json!(keepers.boss.person_id), &json!(keepers.chief.person_id)]);

    assert_eq!(keepers.ended(&id).await["state"], "done");
    let gone = scene.officer.get(&format!("/evidence/{id}")).await.problem(410, "erased");
    assert_eq!((&gone["reason"], &gone["article"]), (&asked["reason"], &asked["article"]));
    assert_eq!((&gone["asked_by"], &gone["evidence_id"]), (&json!(keeper.person_id), &json!(id)));
    let by: Vec<&Value> = gone["approved_by"].as_array().unwrap().iter().map(|vote| &vote["person_id"]).collect();
    assert_eq!(by, [&json!(keepers.boss.person_id), &json!(keepers.chief.person_id)]);
    assert!(gone["erased_at"].is_string());
    for part in ["content", "preview?px=320"] {
        assert_eq!(
            scene.officer.bytes(&format!("/evidence/{id}/{part}"), &[]).await.expect(410).json()["code"],
            "erased"
        );
    }
    let mark = json!({ "from_ms": 0, "to_ms": 1, "text": "x" });
    scene.officer.post(&format!("/evidence/{id}/marks"), mark).await.problem(410, "erased");
    keepers.held(&id).await.problem(410, "erased");
    keepers.ask(&id).await.problem(410, "erased");
    app.station("Elsewhere").await.1.get(&format!("/evidence/{id}")).await.problem(404, "not_found");

    // Nothing is left of it but that it was there.
    until_gone(&app, &original(&file)).await;
    for px in [320, 1600] {
        until_gone(&app, &preview(&id, px)).await;
        assert!(is_kept(&app, &preview(&kept, px)).await);
    }
    let custody = scene.officer.get(&format!("/evidence/{id}/custody")).await.expect(200);
    let deleted =
        custody.items().iter().position(|entry| entry["kind"] == "deleted").expect("the deletion is an entry");
    for entry in &custody.items()[..deleted] {
        assert_eq!(entry["detail"], Value::Null, "what was said before is erased");
    }
    assert_eq!(custody.items()[deleted]["detail"]["deletion_id"], asked["id"]);
    let list = scene.room.get(&format!("/evidence?incident_id={}", scene.incident_id())).await.expect(200);
    let line = list.items().iter().find(|line| line["id"] == id.as_str()).expect("it is still listed");
    assert!(line["gone_at"].is_string());
    // Its proofs still hold, and the rest of the store beside it.
    let receipt = scene.officer.get(&format!("/evidence/{id}/receipt")).await.expect(200);
    assert!(receipt["receipt"].is_string() && receipt["entry"].is_null());
    let bundle = app.dir().join("erased.tar");
    std::fs::write(&bundle, scene.room.bytes(&format!("/evidence/{id}/bundle"), &[]).await.expect(200).body).unwrap();
    let verified = verify(&bundle).await;
    assert_eq!(verified.code, 0, "{} {}", verified.stdout, verified.stderr);
    if whole_store_fits(&app).await {
        bucket::take_away(&app, &original(&other)).await;
        let found = verify(app.dir()).await;
        let said = format!("{}{}", found.stdout, found.stderr);
        assert!(found.code != 0 && said.contains(&kept) && !said.contains(&id), "{said}");
    }
}

#[tokio::test]
async fn a_deletion_is_refused_and_taken_back() {
    let app = TestApp::start().await;
    let keepers = Keepers::set(&app, "Refused").await;
    let (id, file) = keepers.expired(1).await;
    let refuse = format!("/evidence/{id}/deletion/refuse");
    let why = json!({ "reason": "当事人申诉" });
    keepers.boss.post(&refuse, why.clone()).await.problem(404, "not_found");
    keepers.ask(&id).await.expect(201);
    keepers.scene.room.post(&refuse, why.clone()).await.problem(403, "forbidden");
    let refused = keepers.boss.post(&refuse, why.clone()).await.expect(200);
    assert_eq!((&refused["state"], &refused["why"]), (&json!("refused"), &json!("当事人申诉")));
    // Also once both have agreed, until it is carried out.
    let approved = keepers.approved(&id).await;
    assert_eq!(approved["state"], "approved");
    assert!(approved["not_before"].as_str().unwrap() > now().as_str());
    keepers.keeper.post(&refuse, why).await.expect(200);
    make_due(&app).await;
    sentinel(&keepers, 2).await;
    assert_eq!(keepers.scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, file);
    let listed = keepers.keeper.get("/deletions").await.expect(200);
    assert!(listed.items().is_empty(), "{}", listed.json);
    let touches = keepers.scene.officer.touches(&id).await;
    let of = |kind: &str| touches.iter().filter(|touch| *touch == kind).count();
    assert_eq!((of("deletion_asked"), of("deletion_approved"), of("deletion_ended")), (2, 2, 2), "{touches:?}");
}

/// Everything that was approved is due now.
async fn make_due(app: &TestApp) {
    app.sql("UPDATE deletion SET not_before = 1 WHERE not_before IS NOT NULL".to_owned()).await;
    app.sql("UPDATE job SET due_at = 1 WHERE kind = 'evidence.delete'".to_owned()).await;
}

/// Deletes another item, which takes its turn behind what was due before.
async fn sentinel(keepers: &Keepers, seed: u8) {
    let (id, _) = keepers.expired(seed).await;
    keepers.approved(&id).await;
    let app = &keepers.scene.station.app;
    app.sql(format!("UPDATE deletion SET not_before = 1 WHERE evidence_id = '{id}' AND state = 'approved'")).await;
    app.sql("UPDATE job SET due_at = 2 WHERE kind = 'evidence.delete' AND due_at > 2".to_owned()).await;
    assert_eq!(keepers.ended(&id).await["state"], "done");
}

#[tokio::test]
async fn a_hold_wins_over_an_approved_deletion() {
    let app = TestApp::start().await;
    let keepers = Keepers::set(&app, "Holds").await;
    let scene = &keepers.scene;
    let mut items = Vec::new();
    for seed in 1..6 {
        items.push(keepers.expired(seed).await);
    }
    for (id, _) in &items {
        assert_eq!(keepers.approved(id).await["state"], "approved");
    }
    let [own, linked, classed, unseen, doomed] = &items[..] else { unreachable!() };
    let path = |item: &(String, Vec<u8>)| format!("/evidence/{}", item.0);
    // One by a hold of its own, one by what it is linked with, one by its class; each falls through at once, and says so.
    keepers.held(&own.0).await.expect(201);
    let case = scene.room.incident(scene.station.near(100.0, 0.0)).await;
    let why = json!({ "reason": "信访" });
    keepers.boss.post(&format!("/incidents/{}/holds", case["id"].as_str().unwrap()), why).await.expect(201);
    let link = json!({ "incident_id": case["id"] });
    scene.room.post(&format!("{}/links", path(linked)), link).await.expect(200);
    let class = json!({ "category": "complex", "reason": "r" });
    keepers.keeper.put(&format!("{}/retention", path(classed)), class).await.expect(200);
    for (item, why) in [(own, "held"), (linked, "held"), (classed, "class")] {
        let seen = keepers.keeper.get(&format!("{}/deletion", path(item))).await.expect(200);
        assert_eq!((&seen["state"], &seen["why"]), (&json!("dropped"), &json!(why)));
        keepers.ask(&item.0).await.expect(409);
    }
    keepers.ask(&own.0).await.problem(409, "held");
    // One by a hold that only the deletion itself can still see.
    app.sql(format!(
        "INSERT INTO hold (id, evidence_id, reason, set_by, set_at) VALUES ('{}', '{}', 'r', '{}', 1)",
        new_id(),
        unseen.0,
        keepers.boss.person_id
    ))
    .await;
    make_due(&app).await;
    assert_eq!(keepers.ended(&doomed.0).await["state"], "done");
    let seen = keepers.ended(&unseen.0).await;
    assert_eq!((&seen["state"], &seen["why"]), (&json!("dropped"), &json!("held")));
    sentinel(&keepers, 6).await;
    for item in [own, linked, classed, unseen] {
        assert_eq!(scene.officer.bytes(&format!("{}/content", path(item)), &[]).await.expect(200).body, item.1);
    }
    // What held it is lifted: asked for anew, it takes two again.
    let seen = scene.room.get(&path(own)).await.expect(200);
    let hold = seen["retention"]["holds"][0]["id"].as_str().unwrap().to_owned();
    keepers.keeper.delete(&format!("/holds/{hold}")).await.expect(200);
    let again = keepers.ask(&own.0).await.expect(201);
    assert_eq!(again["approvals"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_is_set_at_the_same_time_never_loses() {
    let app = at_once().await;
    let keepers = Keepers::set(&app, "At once").await;
    let scene = &keepers.scene;
    let mut held = 0;
    for seed in 1..13 {
        let (id, file) = keepers.expired(seed).await;
        keepers.ask(&id).await.expect(201);
        let approve = format!("/evidence/{id}/deletion/approve");
        keepers.boss.post_empty(&approve).await.expect(200);
        let (hold, approved) = tokio::join!(keepers.held(&id), keepers.chief.post_empty(&approve));
        let ended = keepers.ended(&id).await;
        let content = scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await;
        match hold.status {
            201 => {
                assert_eq!((&ended["state"], &ended["why"]), (&json!("dropped"), &json!("held")), "{}", approved.json);
                assert_eq!(content.expect(200).body, file);
                held += 1;
            }
            _ => {
                hold.problem(410, "erased");
                assert_eq!(ended["state"], "done");
                content.expect(410);
            }
        }
    }
    assert!(held > 0, "no hold was in time");
    whole_store_fits_but_for_terms(&app).await;
}

/// The terms of what is left were put back by hand, which is found; nothing else is.
async fn whole_store_fits_but_for_terms(app: &TestApp) {
    if Database::on_postgres() {
        return;
    }
    wait_until("nothing but the terms to differ", || async {
        let found = verify(app.dir()).await;
        let told: Vec<&str> = found.stdout.lines().filter(|line| line.starts_with("does not fit")).collect();
        told.iter().all(|line| line.contains("its keep_until is"))
    })
    .await;
}

#[tokio::test]
async fn the_same_bytes_of_another_item_stay() {
    let app = at_once().await;
    let keepers = Keepers::set(&app, "Same bytes").await;
    let scene = &keepers.scene;
    let mate = scene.station.officer("mate").await;
    let (file, at) = (jpeg(320, 240, 9), ago(30.0));
    let taken = json!({ "captured_at": at });
    let first = scene.officer.photo(&file, taken.clone()).await.expect(201).id();
    let second = mate.photo(&file, json!({})).await.expect(201).id();
    scene.officer.previewed(&first).await;
    mate.previewed(&second).await;
    for id in [&first, &second] {
        expire(&app, id).await;
    }
    keepers.approved(&first).await;
    assert_eq!(keepers.ended(&first).await["state"], "done");
    until_gone(&app, &preview(&first, 320)).await;
    assert_eq!(mate.bytes(&format!("/evidence/{second}/content"), &[]).await.expect(200).body, file);
    assert!(is_kept(&app, &original(&file)).await);
    mate.bytes(&format!("/evidence/{second}/preview?px=320"), &[]).await.expect(200);
    keepers.approved(&second).await;
    until_gone(&app, &original(&file)).await;

    // What was lawfully deleted does not come back, by neither door.
    let again = scene.officer.photo(&file, taken).await.problem(410, "erased");
    assert_eq!(again["evidence_id"], json!(first));
    until_gone(&app, &original(&file)).await;
    let metadata = json!({ "filename": "IMG_0001.jpg", "kind": "photo", "captured_at": at });
    let upload = upload_path(&scene.officer.tus_create(file.len(), &metadata, &[]).await.expect(201));
    let refused = scene.officer.tus_patch(&upload, 0, &file, &[]).await.expect(410);
    assert_eq!((&refused.json()["code"], &refused.json()["evidence_id"]), (&json!("erased"), &json!(first)));
    until_gone(&app, &original(&file)).await;
    scene.officer.tus_head(&upload).await.expect(410);
    // Taken at another moment it is another item.
    scene.officer.photo(&file, json!({ "captured_at": ago(20.0) })).await.expect(201);
    assert!(is_kept(&app, &original(&file)).await);
}

#[tokio::test]
async fn files_that_a_kill_left_behind_are_removed_afterwards() {
    if bucket::url().is_some() {
        // Nothing can stand in its place there: bucket.rs cuts the link instead.
        return;
    }
    let app = at_once().await;
    let keepers = Keepers::set(&app, "Killed").await;
    let (id, file) = keepers.expired(7).await;
    let path = app.dir().join("evidence").join(original(&file));
    // Something that cannot be removed stands in the file's place: the commit is through, the removal is not.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    keepers.approved(&id).await;
    assert_eq!(keepers.ended(&id).await["state"], "done");
    app.kill9();
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, &file).unwrap();
    app.sql("UPDATE job SET due_at = 1, lease_until = NULL WHERE kind = 'evidence.remove'".to_owned()).await;
    app.restart().await;
    until_gone(&app, &original(&file)).await;
    keepers.scene.officer.get(&format!("/evidence/{id}")).await.problem(410, "erased");
    whole_store_fits(&app).await;
}

#[tokio::test]
async fn nobody_approves_the_end_of_what_he_recorded() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Own").await;
    let id = keepers.boss.photo(&jpeg(64, 48, 1), json!({})).await.expect(201).id();
    expire(&app, &id).await;
    keepers.ask(&id).await.expect(201);
    let path = format!("/evidence/{id}/deletion/approve");
    keepers.boss.post_empty(&path).await.problem(403, "other_person_required");
    keepers.chief.post_empty(&path).await.expect(200);
    // Another unit's supervisor knows nothing of it.
    let (other, ..) = app.station("Elsewhere").await;
    other.supervisor("s").await.post_empty(&path).await.problem(404, "not_found");
}
