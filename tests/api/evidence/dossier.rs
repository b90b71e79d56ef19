//! The dossier of an incident: order, whose word, what was known when, what is missing, and a proof of all of it.

use super::*;
use crate::support::fix;
use std::collections::BTreeMap;
use suixing::duty::evidence::custody::archive;

/// Names and contents, in the order of the archive.
type Files = Vec<(String, Vec<u8>)>;

fn unpack(bytes: &[u8]) -> Files {
    let mut files = Vec::new();
    archive::read(bytes, |name, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        files.push((name.to_owned(), bytes));
        Ok(())
    })
    .unwrap();
    files
}

/// Packs again with sums that fit: what somebody does who knows the format.
fn repack(mut files: Files) -> Vec<u8> {
    let sum = |(name, content): &(String, Vec<u8>)| format!("{}  {name}\n", sha256_hex(content));
    let sums: String = files.iter().filter(|(name, _)| name != "SHA256SUMS").map(sum).collect();
    *content(&mut files, "SHA256SUMS") = sums.into_bytes();
    let mut bytes = Vec::new();
    let mut writer = archive::Writer::new(&mut bytes, 1_767_225_600);
    for (name, content) in &files {
        writer.add(name, content.len() as u64, &mut content.as_slice()).unwrap();
    }
    writer.end().unwrap();
    bytes
}

fn content<'a>(files: &'a mut Files, name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(known, _)| known.starts_with(name)).unwrap_or_else(|| panic!("no {name}")).1
}

fn json_of(files: &Files, name: &str) -> Value {
    serde_json::from_slice(&files.iter().find(|(known, _)| known == name).unwrap().1).unwrap()
}

/// The archive as an answer.
async fn dossier(who: &Officer, incident: &str, more: &str) -> Raw {
    who.bytes(&format!("/incidents/{incident}/dossier?purpose=court{more}"), &[]).await.expect(200)
}

/// What `suixing verify` says of these bytes: code and words.
async fn told(app: &TestApp, name: &str, bytes: &[u8]) -> (i32, String) {
    let path = app.dir().join(format!("{name}-{}.tar", new_id()));
    std::fs::write(&path, bytes).unwrap();
    let said = verify(&path).await;
    std::fs::remove_file(&path).unwrap();
    (said.code, format!("{}{}", said.stdout, said.stderr))
}

fn of_kind<'a>(timeline: &'a Value, kind: &str) -> Vec<&'a Value> {
    timeline["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == kind).collect()
}

/// A station where everything happens that a dossier tells of: offer and receipt, rungs, places in time and late, a
/// photo, a call for help with answers, feedback, a hold.
struct Shift {
    scene: Scene,
    boss: Officer,
    mate: Officer,
    photo: String,
    file: Vec<u8>,
    backup: String,
}

impl Shift {
    async fn set(app: &TestApp, name: &str) -> Self {
        let (station, room, officer) = app.station(name).await;
        let boss = station.supervisor("boss").await;
        let mate = station.officer("mate").await;
        mate.sign_on().await;
        let mut near = fix(station.near(200.0, 0.0), 0.0);
        near["next_within_s"] = json!(600);
        mate.positions(vec![near]).await.ok();
        let (mut own, mut helper) = (officer.socket().await, mate.socket().await);
        let incident = room.incident(station.near(0.0, 0.0)).await;
        let assignment = room.assign(&incident, &[&officer]).await.remove(0);
        let offer = own.expect("assignment.offered").await;
        own.ack(offer["seq"].as_i64().unwrap());
        wait_until("the receipt is on the ladder", || async {
            let path = format!("/assignments/{}", assignment["id"].as_str().unwrap());
            let seen = room.get(&path).await.expect(200);
            seen["rungs"].as_array().unwrap().iter().any(|rung| rung["rung"] == "delivered")
        })
        .await;
        for event in ["viewed", "accepted", "en_route"] {
            officer.event(&assignment, event).await.ok();
        }
        // Out of reach for five minutes: what was taken then comes now, with what is taken now.
        let mut fixes: Vec<Value> =
            (0..5).map(|n| fix(station.near(500.0 - 100.0 * f64::from(n), 0.0), 500.0 - 60.0 * f64::from(n))).collect();
        let mut here = fix(station.near(0.0, 0.0), 0.0);
        here["next_within_s"] = json!(600);
        fixes.push(here);
        officer.positions(fixes).await.ok();
        officer.event(&assignment, "on_scene").await.ok();
        let scene = Scene { station, room, officer, incident, assignment };
        let (photo, file) = scene.photo(77).await;
        let backup = scene.officer.post("/backups", json!({})).await.expect(201).id();
        let alert = helper.expect("backup.alert").await;
        helper.ack(alert["seq"].as_i64().unwrap());
        mate.post(&format!("/backups/{backup}/responses"), json!({ "answer": "coming" })).await.expect(200);
        let path = format!("/incidents/{}", scene.incident_id());
        boss.post(&format!("{path}/holds"), json!({ "reason": "投诉" })).await.expect(201);
        let feedback = json!({ "stage": "first", "text": "到达现场，双方已分开" });
        scene.officer.post(&format!("{path}/feedbacks"), feedback).await.expect(201);
        wait_until("the helper's receipt", || async {
            let seen = scene.room.get(&format!("/backups/{backup}")).await.expect(200);
            seen["timeline"].as_array().unwrap().iter().any(|event| event["kind"] == "received")
        })
        .await;
        Self { scene, boss, mate, photo, file, backup }
    }

    /// The alarm is over; an open one colours other tests of the shared server.
    async fn end(&self) {
        let path = format!("/backups/{}/close", self.backup);
        self.scene.room.post(&path, json!({ "reason": "resolved" })).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_stands_in_order_with_whose_word_it_is() {
    let app = TestApp::shared().await;
    let shift = Shift::set(&app, "Order").await;
    let answer = dossier(&shift.boss, shift.scene.incident_id(), "").await;
    assert_eq!(answer.header("content-type"), "application/x-tar");
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"suixing-dossier-"));
    let files = unpack(&answer.body);
    let timeline = json_of(&files, "timeline.json");
    let entries = timeline["entries"].as_array().unwrap();
    let at = |entry: &Value| entry["at"].as_str().unwrap().to_owned();
    assert!(entries.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "{timeline:#}");
    let place_of = |kind: &str| {
        let found = entries.iter().position(|entry| entry["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {timeline:#}"))
    };
    let order = [
        "incident.created",
        "assignment.created",
        "rung.delivered",
        "rung.accepted",
        "rung.en_route",
        "rung.on_scene",
        "backup.pressed",
        "backup.answered",
        "hold.set",
        "feedback.given",
    ];
    assert!(order.windows(2).all(|pair| place_of(pair[0]) < place_of(pair[1])), "{timeline:#}");

    // A machine's receipt is a machine's word, the tap a human's.
    for (kind, word) in [
        ("rung.delivered", "machine"),
        ("rung.viewed", "human"),
        ("rung.accepted", "human"),
        ("backup.pressed", "human"),
        ("backup.alerted", "server"),
        ("backup.received", "machine"),
        ("backup.answered", "human"),
        ("evidence.received", "machine"),
        ("position", "machine"),
        ("feedback.given", "human"),
    ] {
        let lines = of_kind(&timeline, kind);
        assert!(!lines.is_empty() && lines.iter().all(|line| line["word"] == word), "{kind}: {lines:#?}");
    }
    let delivered = of_kind(&timeline, "rung.delivered")[0];
    assert_eq!(delivered["device_id"], shift.scene.officer.device_id());
    let received = of_kind(&timeline, "backup.received")[0];
    assert_eq!(received["person_id"], shift.mate.person_id);
    // His alarm, with who was told and who said he comes.
    let answered = of_kind(&timeline, "backup.answered")[0];
    assert_eq!((&answered["data"]["answer"], &answered["person_id"]), (&json!("coming"), &json!(shift.mate.person_id)));
    let photo = of_kind(&timeline, "evidence.received")[0];
    assert_eq!(photo["data"]["sha256"], json!(sha256_hex(&shift.file)));
    assert_eq!(photo["data"]["evidence_id"], json!(shift.photo));
    assert!(of_kind(&timeline, "feedback.given")[0]["data"]["text"].as_str().unwrap().contains("双方已分开"));

    // Places: five that were known too late, one in time; each with both its times.
    let places = of_kind(&timeline, "position");
    let late: Vec<_> = places.iter().filter(|place| place["late"] == true).collect();
    assert_eq!((places.len(), late.len()), (6, 5), "{places:#?}");
    for place in &late {
        assert!(place["observed_at"].as_str() < place["known_at"].as_str(), "{place}");
        assert_eq!(place["at"], place["observed_at"]);
    }
    // What is missing, and why.
    let gaps = timeline["gaps"].as_array().unwrap();
    let gap =
        |kind: &str| gaps.iter().find(|gap| gap["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {gaps:#?}"));
    assert_eq!((&gap("offline")["reason"], &gap("offline")["data"]["fixes"]), (&json!("arrived_later"), &json!(5)));
    assert_eq!(gap("no_recording")["reason"], "none_arrived");
    // Everybody who is named has a name.
    let people: Vec<&str> =
        timeline["people"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    for one in [&shift.scene.officer, &shift.mate, &shift.boss, &shift.scene.room] {
        assert!(people.contains(&one.person_id.as_str()), "{timeline:#}");
    }

    // For people: Chinese unless English is preferred; nothing from elsewhere.
    let page = String::from_utf8(files.iter().find(|(name, _)| name == "timeline.html").unwrap().1.clone()).unwrap();
    for words in ["lang=\"zh-CN\"", "到场", "双方已分开", "位置事后补报", "无现场音视频", "@media print"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    let path = format!("/incidents/{}/dossier?purpose=court&originals=false", shift.scene.incident_id());
    let english = shift.boss.bytes(&path, &[("accept-language", "en")]).await.expect(200);
    let page = String::from_utf8(content(&mut unpack(&english.body), "timeline.html").clone()).unwrap();
    assert!(page.contains("lang=\"en\"") && page.contains("on scene") && page.contains("device offline"), "{page}");

    // It is an export of the item and a look at who was sent; both hear of it.
    let custody = shift.scene.officer.get(&format!("/evidence/{}/custody", shift.photo)).await.expect(200);
    let exported: Vec<_> = custody.items().iter().filter(|entry| entry["kind"] == "exported").collect();
    assert_eq!(exported.len(), 2, "{}", custody.json);
    assert_eq!(
        (&exported[0]["detail"]["what"], &exported[0]["detail"]["purpose"]),
        (&json!("dossier"), &json!("court"))
    );
    assert_eq!(exported[0]["actor_id"], json!(shift.boss.person_id));
    let looks = shift.scene.officer.get("/me/looked-at").await.expect(200);
    let seen = looks.items().iter().filter(|look| look["viewer_id"] == json!(shift.boss.person_id)).count();
    assert_eq!(seen, 2, "{}", looks.json);
    shift.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dossier_is_checked_offline_and_whatever_was_changed_is_named() {
    let app = TestApp::start().await;
    let shift = Shift::set(&app, "Proof").await;
    let film = vec![7_u8; 300_000];
    let more = json!({ "incident_id": shift.scene.incident_id(), "filename": "现场 1.mp4" });
    let film_id = shift.scene.officer.upload(&film, more).await;
    let answer = dossier(&shift.boss, shift.scene.incident_id(), "").await;
    let (code, said) = told(&app, "whole", &answer.body).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 items with 2 originals") && said.contains(shift.scene.incident_id()), "{said}");
    let mut files = unpack(&answer.body);
    assert_eq!(files[0].0, "dossier.json");
    assert_eq!(files.last().unwrap().0, "SHA256SUMS");
    assert_eq!(*content(&mut files, &format!("evidence/{film_id}/original/现场 1.mp4")), film);
    assert_eq!(*content(&mut files, &format!("evidence/{}/original/", shift.photo)), shift.file);

    // One flipped bit, wherever it is, and where it matters by name.
    for (name, words) in [
        (
            format!("evidence/{film_id}/original/"),
            format!("evidence/{film_id}/original/现场 1.mp4 is not what SHA256SUMS"),
        ),
        (format!("evidence/{}/original/", shift.photo), format!("evidence/{}: original/", shift.photo)),
        (format!("evidence/{film_id}/custody.json"), format!("evidence/{film_id}/custody.json is not what SHA256SUMS")),
        ("timeline.json".to_owned(), "timeline.json is not what dossier.json says".to_owned()),
        ("timeline.html".to_owned(), "timeline.html is not what dossier.json says".to_owned()),
    ] {
        let wanted = content(&mut files, &name).clone();
        let at = answer.body.windows(wanted.len()).position(|window| window == wanted).unwrap() + wanted.len() / 2;
        let mut changed = answer.body.clone();
        changed[at] ^= 1;
        let (code, said) = told(&app, "flipped", &changed).await;
        assert!(code != 0 && said.contains(&words), "{name}: {words:?} is not in {said}");
    }
    for n in 0..24 {
        let mut changed = answer.body.clone();
        let at = n * answer.body.len() / 24 + n;
        changed[at] ^= 1 << (n % 8);
        let (code, said) = told(&app, "anywhere", &changed).await;
        assert_ne!(code, 0, "byte {at} of {}: {said}", answer.body.len());
    }
    let (code, said) = told(&app, "cut", &answer.body[..answer.body.len() - 1_536]).await;
    assert!(code != 0 && said.contains("the archive is damaged"), "{said}");

    // Somebody who knows the format and makes the sums fit.
    assert_eq!(told(&app, "same", &repack(files.clone())).await.0, 0);
    let mut kinder = files.clone();
    let text = String::from_utf8(content(&mut kinder, "timeline.json").clone()).unwrap();
    assert!(text.contains("arrived_later"));
    *content(&mut kinder, "timeline.json") = text.replace("arrived_later", "battery_low").into_bytes();
    let (code, said) = told(&app, "kinder", &repack(kinder)).await;
    assert!(code != 0 && said.contains("timeline.json is not what dossier.json says"), "{said}");
    let mut renamed = files.clone();
    let text = String::from_utf8(content(&mut renamed, "dossier.json").clone()).unwrap();
    *content(&mut renamed, "dossier.json") = text.replace("\"court\"", "\"other\"").into_bytes();
    let (code, said) = told(&app, "renamed", &repack(renamed)).await;
    assert!(code != 0 && said.contains("dossier.json is not the one that entry"), "{said}");
    let without: Files = files.iter().filter(|(name, _)| !name.contains(&film_id)).cloned().collect();
    let (code, said) = told(&app, "without", &repack(without)).await;
    assert!(
        code != 0 && said.contains(&format!("evidence/{film_id}: it is named, and nothing of it is here")),
        "{said}"
    );
    let original = |name: &str| name.contains(&film_id) && name.contains("/original/");
    let without: Files = files.iter().filter(|(name, _)| !original(name)).cloned().collect();
    let (code, said) = told(&app, "unshown", &repack(without)).await;
    assert!(code != 0 && said.contains(&format!("evidence/{film_id}: the original is missing")), "{said}");

    // Without the files themselves it is whole all the same, and says what is left out.
    let lean = dossier(&shift.boss, shift.scene.incident_id(), "&originals=false").await;
    assert!(lean.body.len() < answer.body.len() - film.len());
    assert_eq!(told(&app, "lean", &lean.body).await.0, 0);
    let manifest = json_of(&unpack(&lean.body), "dossier.json");
    assert!(manifest["items"].as_array().unwrap().iter().all(|item| item["original"] == "left_out"), "{manifest}");
    // And the whole store with these exports in it.
    if app.ready()["database"] == "sqlite" {
        wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_of_a_moment_it_tells_only_what_was_known_then() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Then").await;
    let boss = scene.station.supervisor("boss").await;
    let note = format!("/incidents/{}/notes", scene.incident_id());
    scene.room.post(&note, json!({ "text": "known before" })).await.expect(201);
    let (early, _) = scene.photo(1).await;
    let item = scene.room.get(&format!("/evidence/{early}")).await.expect(200);
    let then = item["findings"].as_array().unwrap().iter().map(|found| found["at"].as_str().unwrap()).max();
    let then = then.max(item["received_at"].as_str()).unwrap().to_owned();
    wait_until("the clock goes on", || async { now() > then }).await;

    // Taken before that moment, brought after it.
    scene.officer.positions(vec![fix(scene.station.near(0.0, 0.0), 240.0)]).await.ok();
    scene.room.post(&note, json!({ "text": "known after" })).await.expect(201);
    let more = json!({ "incident_id": scene.incident_id(), "captured_at": ago(200.0) });
    let late = scene.officer.photo(&jpeg(64, 48, 2), more).await.expect(201).id();
    scene.officer.previewed(&late).await;

    let answer = dossier(&boss, scene.incident_id(), &format!("&as_of={then}")).await;
    let files = unpack(&answer.body);
    let timeline = json_of(&files, "timeline.json");
    assert_eq!(timeline["as_of"], json!(then));
    let known: Vec<&str> =
        timeline["entries"].as_array().unwrap().iter().map(|entry| entry["known_at"].as_str().unwrap()).collect();
    assert!(!known.is_empty() && known.iter().all(|at| *at <= then.as_str()), "{timeline:#}");
    let text = timeline.to_string();
    assert!(text.contains("known before") && text.contains(&early), "{timeline:#}");
    assert!(!text.contains("known after") && !text.contains(&late), "{timeline:#}");
    assert!(of_kind(&timeline, "position").is_empty(), "{timeline:#}");
    let names: BTreeMap<_, _> = files.iter().cloned().collect();
    assert!(!names.keys().any(|name| name.contains(&late)) && names.keys().any(|name| name.contains(&early)));
    assert_eq!(told(&app, "then", &answer.body).await.0, 0);

    // Today all of it is known, and what came late says so.
    let today = json_of(&unpack(&dossier(&boss, scene.incident_id(), "").await.body), "timeline.json");
    let text = today.to_string();
    assert!(text.contains("known after") && text.contains(&late), "{today:#}");
    assert!(of_kind(&today, "position").iter().any(|place| place["late"] == true), "{today:#}");

    let path = format!("/incidents/{}/dossier?purpose=court", scene.incident_id());
    boss.get(&format!("{path}&as_of={}", ago(-600.0))).await.problem(422, "invalid_field");
    boss.get(&format!("{path}&as_of={}", ago(86_400.0))).await.problem(422, "invalid_field");
}

#[tokio::test]
async fn a_dossier_is_the_supervisors_and_wants_a_purpose() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Whose").await;
    let keeper = scene.custodian().await;
    let boss = scene.station.supervisor("boss").await;
    // What waits for the custodian's decision is not in it.
    let device = Signer::enrol(&scene.station).await;
    let holder = scene.station.person("holder", "police_officer").await.login_on(&device.id).await;
    holder.sign_on().await;
    scene.room.assign(&scene.incident, &[&holder]).await;
    let captured = ago(5.0);
    let admin = scene.station.admin();
    admin.post(&format!("/devices/{}/revoke", device.id), json!({ "reason": "lost" })).await.expect(200);
    let more = json!({ "captured_at": captured, "incident_id": scene.incident_id() });
    let made = device.photo(&jpeg(64, 48, 3), more).await.expect(201).json();
    let withheld = made["id"].as_str().unwrap();

    let path = format!("/incidents/{}/dossier", scene.incident_id());
    for (who, code) in [(&scene.officer, 403), (&scene.room, 403), (&keeper, 404)] {
        let answer = who.get(&format!("{path}?purpose=court")).await;
        assert_eq!(answer.status, code, "{}", answer.json);
    }
    let (_, _, stranger) = app.station("Elsewhere").await;
    stranger.get(&format!("{path}?purpose=court")).await.problem(404, "not_found");
    let other_boss = app.unit("Other").await.supervisor("boss").await;
    other_boss.get(&format!("{path}?purpose=court")).await.problem(404, "not_found");
    boss.get(&path).await.problem(422, "invalid_field");
    boss.get(&format!("{path}?purpose=")).await.problem(422, "invalid_field");
    boss.get(&format!("{path}?purpose={}", "x".repeat(201))).await.problem(422, "invalid_field");
    boss.get(&format!("/incidents/{}/dossier?purpose=x", new_id())).await.problem(404, "not_found");
    let answer = dossier(&boss, scene.incident_id(), "").await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(withheld));
}
