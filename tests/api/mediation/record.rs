//! A record is made, read, sent again; who may see it, and what of it.

use super::*;
use crate::support::merkle::sha256_hex;

#[tokio::test]
async fn a_record_is_made_and_read_back_with_its_particulars_masked() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Made").await;
    let (id, party) = (new_id(), new_id());
    let record = json!({
        "place": "城南派出所调解室",
        "began_at": "2026-01-02T11:04:05+08:00",
        "nature": "fight",
        "bars": [],
        "parties": { &party: {
            "role": "victim", "name": "王小明", "birth_date": "1949-12-31", "id_type": "resident_id",
            "id_number": "110105 19491231 002x", "phone": "138-0013-8000", "address": "江苏省常州市金坛区东门大街18号",
        } },
        "terms": { new_id(): { "what": "赔偿医药费", "creditor": party, "amount_fen": 120_050 } },
    });
    let made = scene.wang.put(&path(&id), scene.body(record.clone())).await.expect(201);
    assert_eq!((made.header("etag"), made.header("cache-control")), (Some("\"1\""), Some("no-store")));
    assert_eq!((&made["id"], &made["version"], &made["kind"]), (&json!(id), &json!(1), &json!("police")));
    assert_eq!((&made["incident_id"], &made["unit_id"]), (&scene.incident["id"], &json!(scene.station.id)));
    assert_eq!((&made["created_by"], &made["open_questions"]), (&json!(scene.wang.person_id), &json!(0)));
    for member in ["conflicts", "removals", "loose"] {
        assert_eq!(made[member], json!([]), "{member}");
    }
    assert_eq!(made["removed"], json!({}));
    let shown = &made["record"];
    let terms = record["terms"].as_object().unwrap();
    assert_eq!((&shown["place"], &shown["terms"]), (&record["place"], &json!(terms)));
    assert_eq!((&shown["began_at"], &shown["bars"]), (&json!("2026-01-02T03:04:05.000000Z"), &Value::Null));
    let seen = &shown["parties"][&party];
    assert_eq!((&seen["name"], &seen["role"]), (&json!("王小明"), &json!("victim")));
    assert_eq!((&seen["id_number"], &seen["phone"]), (&json!(ID_MASKED), &json!("138****8000")));
    assert_eq!((&seen["birth_date"], &seen["address"]), (&json!("1949****"), &json!("江苏省常州市**********")));

    for who in [&scene.wang, &scene.li, &scene.room] {
        let again = read(who, &id).await;
        assert_eq!((again.header("etag"), &again.json), (Some("\"1\""), &made.json));
    }
    assert_eq!(clear(&scene.li, &id, &format!("parties/{party}/id_number")).await, json!([ID_NUMBER]));
    // What tells who somebody is lies nowhere in clear.
    let of = format!("FROM mediation_edit WHERE mediation_id = '{id}'");
    assert_eq!(app.count(format!("{of} AND sealed IS NOT NULL AND value IS NULL")).await, 4);
    let plain =
        ["19491231", "1949-12-31", "8000", "东门大街"].map(|part| format!("value LIKE '%{part}%'")).join(" OR ");
    assert_eq!(app.count(format!("{of} AND ({plain})")).await, 0);
    // Who follows the incident sees that there is one.
    let timeline = scene.room.get(&format!("/incidents/{}/timeline", scene.incident_id())).await.expect(200);
    let lines: Vec<&Value> = timeline.items().iter().filter(|line| line["kind"] == "mediation.created").collect();
    assert_eq!(lines.len(), 1, "{}", timeline.json);
    assert_eq!(lines[0]["data"]["mediation_id"], json!(id));
}

#[tokio::test]
async fn the_same_again_changes_nothing() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Again").await;
    let (id, party) = (new_id(), new_id());
    let mut body = scene.body(json!({ "place": "门口", "parties": { &party: { "phone": "13800138000" } } }));
    body["edit_id"] = json!(new_id());
    body["counter"] = json!(1);
    let first = scene.wang.put(&path(&id), body.clone()).await.expect(201);
    // The answer was lost, so there is no version to name.
    let second = scene.wang.put(&path(&id), body.clone()).await.expect(200);
    assert_eq!(second.json, first.json);
    // The same said anew by somebody who sees what stands.
    body["edit_id"] = json!(new_id());
    assert_eq!(put(&scene.li, &id, 1, body.clone()).await.expect(200)["version"], 1);
    assert_eq!(edits(&scene.wang, &id).await.len(), 2);

    // A change sent again, also after others went on.
    body["edit_id"] = json!(new_id());
    body["counter"] = json!(2);
    body["record"]["place"] = json!("院内");
    assert_eq!(put(&scene.wang, &id, 1, body.clone()).await.expect(200)["version"], 2);
    assert_eq!(put(&scene.wang, &id, 1, body.clone()).await.expect(200)["version"], 2);
    let field = json!({ "fields": { "place": "街上" }, "edit_id": new_id() });
    for _ in 0..2 {
        assert_eq!(patch_as(&scene.li, &id, 2, field.clone()).await.expect(200)["version"], 3);
    }
    // Also where its sender names what he read meanwhile: it does not undo what he had not seen when he wrote.
    for version in [1, 2, 3] {
        let late = put(&scene.wang, &id, version, body.clone()).await.expect(200);
        assert_eq!((&late["version"], &late["record"]["place"]), (&json!(3), &json!("街上")));
    }
    assert_eq!(edits(&scene.wang, &id).await.len(), 4);

    // Two writings of one terminal that overtook each other, the second of which comes again.
    let id = scene.made(json!({ "place": "门口" })).await;
    let whole = |record: Value, counter: i64| {
        let mut body = scene.body(record);
        body["edit_id"] = json!(new_id());
        body["counter"] = json!(counter);
        body
    };
    let one = whole(json!({ "place": "院内" }), 1);
    let two = whole(json!({ "place": "院内", "cause": "停车" }), 2);
    for (body, version) in [(&two, 2), (&one, 3), (&two, 3), (&one, 3)] {
        let done = put(&scene.li, &id, 1, body.clone()).await.expect(200);
        assert_eq!((&done["version"], &done["record"]), (&json!(version), &two["record"]));
    }

    // A record of which nothing is known yet is one, too.
    let (id, body) = (new_id(), scene.body(json!({})));
    scene.wang.put(&path(&id), body.clone()).await.expect(201);
    patch(&scene.li, &id, 1, json!({ "place": "桥头" })).await.expect(200);
    let again = scene.wang.put(&path(&id), body).await.expect(200);
    assert_eq!((&again["version"], &again["record"]), (&json!(2), &json!({ "place": "桥头" })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_made_by_many_at_once_is_made_once() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Once").await;
    let id = new_id();
    let path = path(&id);
    let mut body = scene.body(json!({ "place": "门口" }));
    body["edit_id"] = json!(new_id());
    let sent = (0..6).map(|_| scene.wang.put(&path, body.clone()));
    let mut statuses: Vec<u16> = futures_util::future::join_all(sent).await.iter().map(|one| one.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    assert_eq!(read(&scene.wang, &id).await["version"], 1);
    assert_eq!(edits(&scene.wang, &id).await.len(), 1);
}

#[tokio::test]
async fn it_is_there_after_the_server_was_killed() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Killed").await;
    let party = new_id();
    let id = scene.made(json!({ "place": "甲", "parties": { &party: { "id_number": ID_NUMBER } } })).await;
    patch(&scene.li, &id, 1, json!({ "place": "乙" })).await.expect(200);
    patch(&scene.wang, &id, 1, json!({ "place": "丙" })).await.expect(200);
    let (before, history) = (read(&scene.room, &id).await, edits(&scene.room, &id).await);
    assert_eq!((&before["version"], &before["open_questions"]), (&json!(3), &json!(1)));
    app.restart().await;
    assert_eq!(read(&scene.room, &id).await.json, before.json);
    assert_eq!(edits(&scene.room, &id).await, history);
    assert_eq!(clear(&scene.wang, &id, &format!("parties/{party}/id_number")).await, json!([ID_NUMBER]));
    let settled = patch(&scene.li, &id, 3, json!({ "place": "乙" })).await.expect(200);
    assert_eq!((&settled["version"], &settled["open_questions"]), (&json!(4), &json!(0)));
}

#[tokio::test]
async fn who_has_to_do_with_it_writes_who_answers_for_them_reads_and_nobody_else_knows() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Own").await;
    let other = app.unit("Other").await;
    let party = new_id();
    let id = scene.made(json!({ "place": "门口", "parties": { &party: { "phone": "13800138000" } } })).await;
    let (boss, keeper) = (
        scene.station.supervisor("boss").await,
        scene.station.person("keeper", "custodian").await.login_browser().await,
    );
    let strangers = [
        scene.station.officer("stranger").await,
        other.officer("stranger").await,
        other.dispatcher("room").await,
        other.supervisor("boss").await,
    ];
    let whole = scene.body(json!({ "place": "别处" }));
    let asked = json!({ "fields": [format!("parties/{party}/phone")], "purpose": "联系" });
    let particulars = format!("{}/particulars", path(&id));
    for who in &strangers {
        who.get(&path(&id)).await.problem(404, "not_found");
        who.get(&format!("{}/edits", path(&id))).await.problem(404, "not_found");
        put(who, &id, 1, whole.clone()).await.problem(404, "not_found");
        patch(who, &id, 1, json!({ "place": "别处" })).await.problem(404, "not_found");
        who.post(&particulars, asked.clone()).await.problem(404, "not_found");
        who.put(&path(&new_id()), whole.clone()).await.problem(404, "not_found");
    }
    for who in [&boss, &keeper] {
        assert_eq!(read(who, &id).await["record"]["parties"][&party]["phone"], "138****8000");
        assert_eq!(edits(who, &id).await.len(), 2);
        put(who, &id, 1, whole.clone()).await.problem(403, "forbidden");
        patch(who, &id, 1, json!({ "place": "别处" })).await.problem(403, "forbidden");
        who.post(&particulars, asked.clone()).await.problem(403, "forbidden");
        // Of an incident that a custodian does not see as such he learns by its records alone.
        who.put(&path(&new_id()), whole.clone()).await.problem(403, "forbidden");
    }
    assert_eq!(read(&scene.room, &id).await["version"], 1, "nobody changed it");
    patch(&scene.room, &id, 1, json!({ "place": "大门口" })).await.expect(200);
    for missing in [new_id(), scene.incident_id().to_owned()] {
        scene.wang.get(&path(&missing)).await.problem(404, "not_found");
        patch(&scene.wang, &missing, 1, json!({ "place": "x" })).await.problem(404, "not_found");
    }
    let mut nowhere = whole;
    nowhere["incident_id"] = json!(new_id());
    scene.wang.put(&path(&new_id()), nowhere).await.problem(404, "not_found");
}

#[tokio::test]
async fn it_stays_of_its_incident_and_of_its_kind() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Stays").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    let second = scene.room.incident(scene.station.near(50.0, 0.0)).await;
    scene.room.assign(&second, &[&scene.wang]).await;
    for (member, other) in [("incident_id", second["id"].clone()), ("kind", json!("people"))] {
        let mut body = scene.body(json!({ "place": "别处" }));
        body[member] = other;
        let refused = put(&scene.wang, &id, 1, body).await.problem(409, "conflict");
        assert_eq!((&refused["incident_id"], &refused["kind"]), (&scene.incident["id"], &json!("police")));
    }
    let now = read(&scene.wang, &id).await;
    assert_eq!((&now["version"], &now["record"]["place"]), (&json!(1), &json!("门口")));
}

#[tokio::test]
async fn particulars_are_shown_for_a_purpose_that_is_kept() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Purpose").await;
    let party = new_id();
    let field = |name: &str| format!("parties/{party}/{name}");
    let id = scene.made(json!({ "parties": { &party: { "name": "甲", "id_number": ID_NUMBER } } })).await;
    let ask = format!("{}/particulars", path(&id));
    let audited = || async {
        let which = format!("subject_id = '{id}' AND action = 'mediation.particulars_read'");
        let whom = format!("person_id = '{}' AND device_id = '{}'", scene.li.person_id, scene.li.device_id());
        let why = "detail LIKE '%核对身份%' AND detail LIKE '%id_number%'";
        (
            app.count(format!("FROM audit WHERE {which}")).await,
            app.count(format!("FROM audit WHERE {which} AND {whom} AND {why}")).await,
        )
    };
    let fields = json!([field("id_number")]);
    for wrong in [
        json!({ "fields": fields }),
        json!({ "fields": fields, "purpose": "" }),
        json!({ "fields": fields, "purpose": "字".repeat(201) }),
        json!({ "fields": [], "purpose": "p" }),
        json!({ "fields": [field("name")], "purpose": "p" }),
        json!({ "fields": ["facts"], "purpose": "p" }),
        json!({ "fields": ["nothing"], "purpose": "p" }),
        json!({ "fields": vec![field("phone"); 121], "purpose": "p" }),
    ] {
        scene.li.post(&ask, wrong).await.problem(422, "invalid_field");
    }
    assert_eq!(audited().await, (0, 0));
    let body = json!({ "fields": [field("id_number"), field("phone")], "purpose": "核对身份" });
    let told = scene.li.post(&ask, body).await.expect(200);
    assert_eq!(told.header("cache-control"), Some("no-store"));
    let expected = json!({ "version": 1, "items": [
        { "field": field("id_number"), "values": [ID_NUMBER] },
        { "field": field("phone"), "values": [] },
    ] });
    assert_eq!(told.json, expected);
    assert_eq!(audited().await, (1, 1));
    // The number itself is not in it, nor what it could be tried out against.
    let hash = sha256_hex(ID_NUMBER.as_bytes());
    let leak = format!("detail LIKE '%{ID_NUMBER}%' OR detail LIKE '%{hash}%'");
    assert_eq!(app.count(format!("FROM audit WHERE subject_id = '{id}' AND ({leak})")).await, 0);

    // Where people disagree, each of them says it in clear, and only so.
    patch(&scene.wang, &id, 1, json!({ field("id_number"): "110105194912310038" })).await.expect(200);
    patch(&scene.li, &id, 1, json!({ field("id_number"): "E12345678" })).await.expect(200);
    let both = clear(&scene.wang, &id, &field("id_number")).await;
    assert_eq!(both, json!(["E12345678", "110105194912310038"]));
    let shown = read(&scene.wang, &id).await;
    let text = format!("{}{:?}", shown.json, edits(&scene.room, &id).await);
    assert!(text.contains("110105********0038") && text.contains("*********"), "{text}");
    assert!(!text.contains("E1234") && !text.contains("194912"), "{text}");
}

#[tokio::test]
async fn a_mask_that_is_sent_back_is_no_edit() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Mask").await;
    let party = new_id();
    let number = format!("parties/{party}/id_number");
    let particulars = json!({
        "name": "甲", "id_number": ID_NUMBER, "phone": "13800138000", "address": "东门大街18号", "birth_date": "1949-12-31",
    });
    let id = scene.made(json!({ "facts": "吵架", "parties": { &party: particulars } })).await;
    // A browser that shows what it may and sends the whole form back.
    let mut form = read(&scene.room, &id).await["record"].clone();
    form["parties"][&party]["name"] = json!("甲乙");
    let kept = put(&scene.room, &id, 1, scene.body(form.clone())).await.expect(200);
    assert_eq!((&kept["version"], &kept["record"]), (&json!(2), &form));
    let by_room: Vec<Value> = edits(&scene.room, &id)
        .await
        .into_iter()
        .filter(|edit| edit["version"] == 2)
        .map(|e| e["field"].clone())
        .collect();
    assert_eq!(by_room, [json!(format!("parties/{party}/name"))]);
    assert_eq!(clear(&scene.wang, &id, &number).await, json!([ID_NUMBER]));
    // Something else behind a mask is not a value.
    form["parties"][&party]["id_number"] = json!("320105********002X");
    let refused = put(&scene.room, &id, 2, scene.body(form.clone())).await.problem(422, "invalid_field");
    assert!(refused.json.to_string().contains(&number), "{}", refused.json);
    patch(&scene.room, &id, 2, json!({ number.clone(): ID_MASKED })).await.problem(422, "invalid_field");
    // Left out it is emptied, like anything else.
    form["parties"][&party].as_object_mut().unwrap().remove("id_number");
    assert_eq!(put(&scene.room, &id, 2, scene.body(form)).await.expect(200)["version"], 3);
    assert_eq!(clear(&scene.wang, &id, &number).await, json!([]));
}
