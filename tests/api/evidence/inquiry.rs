//! Inquiries: exactly what they cover, only while they are open, only for whom they name; hidden until they end.

use super::*;
use crate::support::fix;

/// What is asked for: everything of a person in the last hour.
fn about(person: &Officer) -> Value {
    json!({
        "number": format!("督-{}", new_id()), "subject": { "person_id": person.person_id }, "from": ago(3_600.0),
        "to": ago(-3_600.0), "reason": "投诉核查", "expires_at": ago(-7_200.0),
    })
}

fn with(mut body: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A station with its scene, an inspector from another unit, and who may approve over both.
struct Bureau {
    scene: Scene,
    inspector: Officer,
    chief: Officer,
}

impl Bureau {
    async fn set(app: &TestApp, name: &str) -> Self {
        let scene = Scene::set(app, name).await;
        let inspector = app.unit(&format!("{name} inspection")).await.supervisor("inspector").await;
        // Of the unit above both.
        let chief = app.admin().await;
        Self { scene, inspector, chief }
    }

    /// An inquiry of the inspector, approved.
    async fn opened(&self, body: Value) -> String {
        let id = self.inspector.post("/inquiries", body).await.expect(201).id();
        let approved = self.chief.post_empty(&format!("/inquiries/{id}/approve")).await.expect(200);
        assert_eq!((&approved["state"], &approved["approved_by"]), (&json!("open"), &json!(self.chief.person_id)));
        id
    }
}

/// What each way of reading an item under an inquiry answers.
async fn statuses(who: &Officer, item: &str, inquiry: &str) -> Vec<u16> {
    let mut all = Vec::new();
    for way in ["", "/content", "/preview", "/custody"] {
        all.push(who.bytes(&format!("/evidence/{item}{way}?inquiry={inquiry}"), &[]).await.status);
    }
    all
}

/// The numbers of entries and whatever names a person in an item's custody, as its author sees it.
async fn custody(who: &Officer, id: &str) -> Vec<Value> {
    let touches = who.get(&format!("/evidence/{id}/custody")).await.expect(200);
    touches.items().iter().filter(|entry| entry["kind"] != "log_read").cloned().collect()
}

fn of_kind<'a>(entries: &'a [Value], kind: &str) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry["kind"] == kind).collect()
}

#[tokio::test]
async fn an_inquiry_opens_nothing_until_another_has_approved_it() {
    let app = TestApp::shared().await;
    let bureau = Bureau::set(&app, "Approval").await;
    let (id, _) = bureau.scene.photo(51).await;
    let inquiry = bureau.inspector.post("/inquiries", about(&bureau.scene.officer)).await.expect(201);
    assert_eq!(
        (&inquiry["state"], &inquiry["investigator_ids"]),
        (&json!("requested"), &json!([bureau.inspector.person_id]))
    );
    let inquiry = inquiry.id();
    assert_eq!(statuses(&bureau.inspector, &id, &inquiry).await, [403; 4], "nobody has approved it");
    let approve = format!("/inquiries/{inquiry}/approve");
    // Not who asked, not who is above only one of the two units, not whom it is about, not who sends people.
    bureau.inspector.post_empty(&approve).await.problem(403, "forbidden");
    let boss = bureau.scene.station.supervisor("boss").await;
    for who in [&boss, &bureau.scene.room, &bureau.scene.officer] {
        who.post_empty(&approve).await.problem(404, "not_found");
        who.get(&format!("/inquiries/{inquiry}")).await.problem(404, "not_found");
    }
    let longer = json!({ "expires_at": ago(-80_000.0) });
    bureau.chief.post(&approve, longer).await.problem(422, "invalid_field");
    let seen = bureau.chief.get("/inquiries").await.expect(200);
    assert!(seen.items().iter().any(|one| one["id"] == inquiry.as_str()), "what waits for him is found");
    for _ in 0..2 {
        bureau.chief.post_empty(&approve).await.expect(200);
    }
    assert_eq!(statuses(&bureau.inspector, &id, &inquiry).await, [200; 4]);
    // An investigator does not approve what he will look at.
    let own = with(about(&bureau.scene.officer), json!({ "investigator_ids": [bureau.chief.person_id] }));
    let own = bureau.inspector.post("/inquiries", own).await.expect(201).id();
    bureau.chief.post_empty(&format!("/inquiries/{own}/approve")).await.problem(403, "forbidden");
}

#[tokio::test]
async fn what_is_asked_for_is_checked() {
    let app = TestApp::shared().await;
    let bureau = Bureau::set(&app, "Asking").await;
    let (who, officer) = (&bureau.inspector, &bureau.scene.officer);
    let body = about(officer);
    for wrong in [
        json!({ "number": "" }),
        json!({ "reason": "" }),
        json!({ "subject": {} }),
        json!({ "subject": { "person_id": officer.person_id, "incident_ids": [bureau.scene.incident_id()] } }),
        json!({ "subject": { "person_id": new_id() } }),
        json!({ "subject": { "incident_ids": [new_id()] } }),
        json!({ "unit_ids": [new_id()] }),
        json!({ "investigator_ids": [new_id()] }),
        // Nobody looks into himself.
        json!({ "investigator_ids": [officer.person_id] }),
        json!({ "subject": { "person_id": who.person_id } }),
        json!({ "from": ago(0.0), "to": ago(60.0) }),
        json!({ "from": ago(367.0 * 86_400.0) }),
        json!({ "expires_at": ago(1.0) }),
        json!({ "expires_at": ago(-93.0 * 86_400.0) }),
    ] {
        who.post("/inquiries", with(body.clone(), wrong)).await.problem(422, "invalid_field");
    }
    who.post("/inquiries", body.clone()).await.expect(201);
    who.post("/inquiries", body.clone()).await.problem(409, "already_exists");
    let key = new_id();
    let first = who.post_keyed("/inquiries", &key, about(officer)).await;
    assert_eq!(first.status, 201);
    for other in [&bureau.scene.room, officer] {
        other.post("/inquiries", about(who)).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn exactly_the_subject_in_its_time_and_its_units_can_be_read() {
    let app = TestApp::shared().await;
    let bureau = Bureau::set(&app, "Scope").await;
    let scene = &bureau.scene;
    let (covered, file) = scene.photo(52).await;
    let mate = scene.station.officer("mate").await;
    let others = mate.photo(&jpeg(64, 48, 53), json!({})).await.expect(201).id();
    let earlier = json!({ "captured_at": ago(5_000.0) });
    let earlier = scene.officer.photo(&jpeg(64, 48, 54), earlier).await.expect(201).id();
    let inquiry = bureau.opened(about(&scene.officer)).await;
    let who = &bureau.inspector;

    who.get(&format!("/evidence/{covered}")).await.problem(404, "not_found");
    assert_eq!(statuses(who, &covered, &inquiry).await, [200; 4]);
    let content = who.bytes(&format!("/evidence/{covered}/content?inquiry={inquiry}"), &[]).await.expect(200);
    assert_eq!(content.body, file);
    assert_eq!(statuses(who, &others, &inquiry).await, [404; 4], "another person");
    assert_eq!(statuses(who, &earlier, &inquiry).await, [404; 4], "another time");
    let listed = who.get(&format!("/evidence?inquiry={inquiry}")).await.expect(200);
    let ids: Vec<&str> = listed.items().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [covered.as_str()]);
    // It reads: it does not export, mark, hold or link.
    for (way, status) in [("/bundle", 422), ("/receipt", 404), ("/looks", 422)] {
        let answer = who.get(&format!("/evidence/{covered}{way}?inquiry={inquiry}")).await;
        assert!([status, 404].contains(&answer.status), "{way}: {}", answer.json);
    }
    // Another unit.
    let elsewhere = app.unit("Elsewhere").await;
    let narrowed = with(about(&scene.officer), json!({ "unit_ids": [elsewhere.id] }));
    let narrowed = bureau.opened(narrowed).await;
    assert_eq!(statuses(who, &covered, &narrowed).await, [404; 4], "another unit");
    assert!(who.get(&format!("/evidence?inquiry={narrowed}")).await.expect(200).items().is_empty());
    let here = bureau.opened(with(about(&scene.officer), json!({ "unit_ids": [scene.station.id] }))).await;
    assert_eq!(statuses(who, &covered, &here).await, [200; 4]);
    // About an incident: what belongs to it, whoever made it.
    let of_call = with(about(&scene.officer), json!({ "subject": { "incident_ids": [scene.incident_id()] } }));
    let of_call = bureau.opened(of_call).await;
    assert_eq!(statuses(who, &covered, &of_call).await, [200; 4]);
    assert_eq!(statuses(who, &others, &of_call).await, [404; 4], "of no incident");

    // Whoever is not named has nothing of it, also who asked, also who has rights of his own: a look cannot be hidden
    // behind an inquiry.
    let (_, _, stranger) = app.station("Strangers").await;
    let boss = scene.station.supervisor("boss").await;
    for other in [&stranger, &boss, &scene.room, &scene.officer] {
        assert_eq!(statuses(other, &covered, &inquiry).await, [404; 4]);
    }
    let named = app.unit("Inspectors").await.officer("named").await;
    let body = with(about(&scene.officer), json!({ "investigator_ids": [named.person_id] }));
    let by_others = bureau.opened(body).await;
    assert_eq!(statuses(&named, &covered, &by_others).await, [200; 4]);
    assert_eq!(statuses(who, &covered, &by_others).await, [404; 4]);
    assert_eq!(statuses(who, &covered, &new_id()).await, [404; 4]);
    let inside = with(about(&mate), json!({ "investigator_ids": [boss.person_id] }));
    let inside = bureau.opened(inside).await;
    boss.get(&format!("/evidence/{covered}")).await.expect(200);
    assert_eq!(statuses(&boss, &covered, &inside).await, [404; 4], "his own right does not count under it");
}

#[tokio::test]
async fn a_track_is_read_in_the_time_of_the_inquiry_only() {
    let app = TestApp::shared().await;
    let bureau = Bureau::set(&app, "Track").await;
    let (scene, who) = (&bureau.scene, &bureau.inspector);
    scene.officer.positions(vec![fix(scene.station.near(0.0, 0.0), 600.0)]).await.ok();
    let body = with(about(&scene.officer), json!({ "to": ago(0.0) }));
    let inquiry = bureau.opened(body).await;
    let path = format!("/people/{}/track", scene.officer.person_id);
    who.get(&path).await.problem(404, "not_found");
    let track = who.get(&format!("{path}?inquiry={inquiry}&purpose=arrival")).await.expect(200);
    assert_eq!(track["fixes"].as_array().unwrap().len(), 1, "{}", track.json);
    let part = format!("{path}?inquiry={inquiry}&from={}&to={}", ago(900.0), ago(300.0));
    assert_eq!(who.get(&part).await.expect(200)["fixes"].as_array().unwrap().len(), 1);
    for (from, to) in [(ago(7_200.0), ago(300.0)), (ago(900.0), ago(-60.0))] {
        let path = format!("{path}?inquiry={inquiry}&from={from}&to={to}");
        who.get(&path).await.problem(403, "forbidden");
    }
    let mate = scene.station.officer("mate").await;
    who.get(&format!("/people/{}/track?inquiry={inquiry}", mate.person_id)).await.problem(404, "not_found");
    scene.room.get(&format!("{path}?inquiry={inquiry}")).await.problem(404, "not_found");

    // Hidden from him while it is open, then told with its number.
    let told = || async {
        let looks = scene.officer.get("/me/looked-at").await.expect(200);
        looks.items().iter().filter(|look| look["viewer_id"] == json!(who.person_id)).cloned().collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());
    let number = bureau.chief.post_empty(&format!("/inquiries/{inquiry}/close")).await.expect(200)["number"].clone();
    who.get(&format!("{path}?inquiry={inquiry}")).await.problem(410, "gone");
    let looks = told().await;
    assert_eq!(looks.len(), 2, "{looks:?}");
    assert!(looks.iter().all(|look| look["inquiry"] == number && look["kind"] == "track"), "{looks:?}");
    assert_eq!(looks[1]["purpose"], "arrival");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_are_hidden_from_the_subject_until_it_is_closed_and_leave_no_trace_before() {
    let app = TestApp::start().await;
    let bureau = Bureau::set(&app, "Hidden").await;
    let (scene, who) = (&bureau.scene, &bureau.inspector);
    let (id, _) = scene.photo(55).await;
    let keeper = scene.custodian().await;
    let item = format!("/evidence/{id}");
    // Until nothing more comes by itself: the second hash, the numbers in the log.
    let version = wait_for("the second hash", || async {
        let item = scene.officer.get(&item).await.expect(200).json;
        item["sm3"].is_string().then(|| item["version"].clone())
    })
    .await;
    let before = wait_for("the numbers", || async {
        let entries = custody(&scene.officer, &id).await;
        entries.iter().all(|entry| entry["n"].is_i64()).then_some(entries)
    })
    .await;

    let inquiry = bureau.opened(about(&scene.officer)).await;
    assert_eq!(statuses(who, &id, &inquiry).await, [200; 4]);
    who.get(&format!("/evidence?inquiry={inquiry}")).await.expect(200);
    // Neither in the custody, nor among the looks, nor by a count or a number anywhere.
    assert_eq!(custody(&scene.officer, &id).await, before);
    assert!(scene.officer.get(&format!("{item}/looks")).await.expect(200).items().is_empty());
    assert_eq!(scene.officer.get(&item).await.expect(200)["version"], version);
    let bundle = scene.officer.bytes(&format!("{item}/bundle"), &[]).await.expect(200);
    let whole = app.dir().join("subject.tar");
    std::fs::write(&whole, &bundle.body).unwrap();
    let verified = verify(&whole).await;
    assert_eq!(verified.code, 0, "{} {}", verified.stdout, verified.stderr);
    let text = String::from_utf8_lossy(&bundle.body);
    assert!(!text.contains(&who.person_id) && !text.contains(&inquiry), "nothing of it in his own bundle");
    // What else is looked at is told as ever.
    scene.room.get(&format!("{item}?purpose=report")).await.expect(200);
    let told = scene.officer.get(&format!("{item}/looks")).await.expect(200);
    assert_eq!(told.items().len(), 1, "{}", told.json);
    assert_eq!(of_kind(&custody(&scene.officer, &id).await, "viewed").len(), 1);
    // Its keeper, whom it is not about, is told at once.
    let seen = keeper.get(&format!("{item}/looks")).await.expect(200);
    let under: Vec<_> = seen.items().iter().filter(|look| look["viewer_id"] == json!(who.person_id)).collect();
    assert_eq!(under.len(), 4, "{}", seen.json);
    // Who answers for it sees every look.
    let full = bureau.chief.get(&format!("/inquiries/{inquiry}")).await.expect(200);
    let number = full["number"].clone();
    let what: Vec<&str> = full["looks"].as_array().unwrap().iter().map(|look| look["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["list", "custody", "preview", "content", "metadata"]);

    who.post_empty(&format!("/inquiries/{inquiry}/close")).await.expect(200);
    assert_eq!(statuses(who, &id, &inquiry).await, [410; 4], "closed is closed");
    let told = scene.officer.get(&format!("{item}/looks")).await.expect(200);
    let under: Vec<_> = told.items().iter().filter(|look| look["viewer_id"] == json!(who.person_id)).collect();
    assert_eq!(under.len(), 4, "{}", told.json);
    for look in &under {
        assert_eq!((&look["inquiry"]["number"], &look["inquiry"]["reason"]), (&number, &json!("投诉核查")));
        assert_eq!(look["inquiry"]["approved_by"], json!(bureau.chief.person_id));
        assert!(look["inquiry"]["ended_at"].is_string() && look["at"].as_str() < look["inquiry"]["ended_at"].as_str());
    }
    // And in the custody, each naming the entry that stood in the log all the time.
    let disclosed = wait_for("the custody is told", || async {
        let entries = custody(&scene.officer, &id).await;
        let told: Vec<Value> = of_kind(&entries, "disclosed").into_iter().cloned().collect();
        (told.len() == 4).then_some(told)
    })
    .await;
    for entry in &disclosed {
        assert_eq!((&entry["detail"]["inquiry"], &entry["detail"]["viewer_id"]), (&number, &json!(who.person_id)));
        assert!(entry["detail"]["entry_id"].is_string() && entry["actor_id"].is_null());
    }
    if app.ready()["database"] == "sqlite" {
        wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    }
    // Told once.
    app.restart().await;
    let again = scene.officer.login_handheld().await;
    let entries = custody(&again, &id).await;
    assert_eq!(of_kind(&entries, "disclosed").len(), 4, "{entries:?}");
}

#[tokio::test]
async fn the_end_of_its_term_cuts_it_off_at_once_and_tells() {
    let app = TestApp::start().await;
    let bureau = Bureau::set(&app, "Term").await;
    let (scene, who) = (&bureau.scene, &bureau.inspector);
    let (id, _) = scene.photo(56).await;
    let inquiry = bureau.opened(about(&scene.officer)).await;
    assert_eq!(statuses(who, &id, &inquiry).await, [200; 4]);
    let looks = format!("/evidence/{id}/looks");
    assert!(scene.officer.get(&looks).await.expect(200).items().is_empty());
    // Its time is over now, by whatever clock.
    app.sql(format!("UPDATE inquiry SET expires_at = requested_at + 1 WHERE id = '{inquiry}'")).await;
    assert_eq!(statuses(who, &id, &inquiry).await, [410; 4]);
    who.get(&format!("/evidence?inquiry={inquiry}")).await.problem(410, "gone");
    let path = format!("/people/{}/track?inquiry={inquiry}", scene.officer.person_id);
    who.get(&path).await.problem(410, "gone");
    let told = scene.officer.get(&looks).await.expect(200);
    assert_eq!(told.items().len(), 4, "{}", told.json);
    assert!(told.items().iter().all(|look| look["inquiry"]["number"].is_string()), "{}", told.json);
    wait_until("the custody is told", || async {
        of_kind(&custody(&scene.officer, &id).await, "disclosed").len() == 4
    })
    .await;
    let seen = who.get(&format!("/inquiries/{inquiry}")).await.expect(200);
    assert_eq!((&seen["state"], &seen["closed_at"]), (&json!("expired"), &Value::Null));
    bureau.chief.post_empty(&format!("/inquiries/{inquiry}/approve")).await.problem(410, "gone");
}

#[tokio::test]
async fn one_that_waits_can_be_taken_back_and_is_then_over() {
    let app = TestApp::shared().await;
    let bureau = Bureau::set(&app, "Back").await;
    let (id, _) = bureau.scene.photo(57).await;
    let inquiry = bureau.inspector.post("/inquiries", about(&bureau.scene.officer)).await.expect(201).id();
    let close = format!("/inquiries/{inquiry}/close");
    bureau.scene.room.post_empty(&close).await.problem(404, "not_found");
    for _ in 0..2 {
        assert_eq!(bureau.inspector.post_empty(&close).await.expect(200)["state"], "closed");
    }
    bureau.chief.post_empty(&format!("/inquiries/{inquiry}/approve")).await.problem(410, "gone");
    assert_eq!(statuses(&bureau.inspector, &id, &inquiry).await, [410; 4]);
}
