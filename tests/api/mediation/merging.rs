//! Several write one record apart from each other: nothing is lost, and who has seen both decides.

use super::*;

/// The values of the one conflict there is, the latest first, with their authors.
fn values(record: &Reply, field: &str) -> Vec<(Value, Value)> {
    let conflicts = record["conflicts"].as_array().unwrap();
    assert_eq!((conflicts.len(), &conflicts[0]["field"]), (1, &json!(field)), "{}", record.json);
    let values = conflicts[0]["values"].as_array().unwrap();
    values.iter().map(|one| (one["value"].clone(), one["by"].clone())).collect()
}

fn by(who: &Officer, value: &str) -> (Value, Value) {
    (json!(value), json!(who.person_id))
}

/// One field, written `seconds` ago as the `counter`-th of its device.
fn writing(field: &str, value: &str, counter: i64, seconds: f64) -> Value {
    json!({ "fields": { field: value }, "edit_id": new_id(), "counter": counter, "edited_at": ago(seconds) })
}

#[tokio::test]
async fn what_two_write_offline_from_one_base_comes_together_field_by_field() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Together").await;
    let party = new_id();
    let record = json!({
        "place": "门口", "cause": "停车", "parties": { &party: { "name": "甲", "occupation": "司机" } },
    });
    let id = scene.made(record.clone()).await;
    let (mut wangs, mut lis) = (record.clone(), record);
    wangs["place"] = json!("院内");
    wangs["parties"][&party]["occupation"] = Value::Null;
    let (guest, term) = (new_id(), new_id());
    lis["cause"] = json!("停车位");
    lis["parties"][&guest] = json!({ "name": "乙" });
    lis["terms"] = json!({ &term: { "what": "道歉", "debtor": guest } });
    put(&scene.wang, &id, 1, scene.body(wangs)).await.expect(200);
    let both = put(&scene.li, &id, 1, scene.body(lis)).await.expect(200);
    let expected = json!({
        "place": "院内", "cause": "停车位", "parties": { &party: { "name": "甲" }, &guest: { "name": "乙" } },
        "terms": { &term: { "what": "道歉", "debtor": guest } },
    });
    assert_eq!((&both["version"], &both["record"]), (&json!(3), &expected));
    assert_eq!((&both["conflicts"], &both["open_questions"]), (&json!([]), &json!(0)));
    // Of each field who wrote it, what he had seen, and when it came.
    let all = edits(&scene.room, &id).await;
    let place: Vec<&Value> = all.iter().filter(|edit| edit["field"] == "place").collect();
    assert_eq!(place.len(), 2, "{all:?}");
    let second = place[1];
    assert_eq!((&second["value"], &second["by"]), (&json!("院内"), &json!(scene.wang.person_id)));
    assert_eq!((&second["base"], &second["version"]), (&json!(1), &json!(2)));
    assert_eq!(second["device_id"], json!(scene.wang.device_id()));
}

#[tokio::test]
async fn a_true_conflict_keeps_both_until_somebody_who_saw_both_decides() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Conflict").await;
    let id = scene.made(json!({ "facts": "甲乙争吵" })).await;
    // Li wrote first and was connected last: the later writing is shown, not the later arrival.
    patch_as(&scene.wang, &id, 1, writing("facts", "甲推了乙", 1, 10.0)).await.expect(200);
    let met = patch_as(&scene.li, &id, 1, writing("facts", "乙推了甲", 1, 60.0)).await.expect(200);
    assert_eq!((&met["open_questions"], &met["record"]["facts"]), (&json!(1), &json!("甲推了乙")));
    assert_eq!(values(&met, "facts"), [by(&scene.wang, "甲推了乙"), by(&scene.li, "乙推了甲")]);
    let listed = scene.room.get(&format!("/mediations?incident_id={}", scene.incident_id())).await.expect(200);
    assert_eq!(listed.items()[0]["open_questions"], 1);

    // Who writes another field, sends the whole record back as it is shown, or saw one alone, decides nothing.
    let mut shown = met["record"].clone();
    shown["place"] = json!("门口");
    let other = put(&scene.room, &id, 3, scene.body(shown)).await.expect(200);
    assert_eq!((&other["version"], &other["open_questions"]), (&json!(4), &json!(1)));
    patch_as(&scene.li, &id, 2, writing("facts", "互相推搡", 2, 0.0)).await.expect(200);
    let still = read(&scene.wang, &id).await;
    assert_eq!(still["open_questions"], 0, "Li saw what Wang wrote, and his own");
    patch_as(&scene.wang, &id, 4, writing("facts", "甲先推了乙", 2, 0.0)).await.expect(200);
    let again = read(&scene.wang, &id).await;
    assert_eq!(values(&again, "facts").len(), 2, "Wang had not seen the last: {}", again.json);

    // The one that is shown already, said by who saw both.
    let version = again["version"].as_i64().unwrap();
    let chosen = again["record"]["facts"].clone();
    let settled = patch(&scene.room, &id, version, json!({ "facts": chosen })).await.expect(200);
    assert_eq!((&settled["open_questions"], &settled["conflicts"]), (&json!(0), &json!([])));
    assert_eq!(settled["record"]["facts"], chosen);
    // And nothing of what was ever written is gone.
    let said: Vec<Value> = edits(&scene.room, &id)
        .await
        .iter()
        .filter(|edit| edit["field"] == "facts")
        .map(|edit| edit["value"].clone())
        .collect();
    let all = ["甲乙争吵", "甲推了乙", "乙推了甲", "互相推搡", "甲先推了乙"].map(Value::from);
    assert_eq!((said.len(), &said[..5]), (6, all.as_slice()));
}

#[tokio::test]
async fn the_same_said_by_two_is_no_conflict() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Agreed").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    for who in [&scene.wang, &scene.li] {
        patch(who, &id, 1, json!({ "place": "院内", "bars": ["fled", "gang"] })).await.expect(200);
    }
    let agreed = read(&scene.room, &id).await;
    assert_eq!((&agreed["version"], &agreed["open_questions"]), (&json!(3), &json!(0)));
    assert_eq!(agreed["record"], json!({ "place": "院内", "bars": ["fled", "gang"] }));
}

#[tokio::test]
async fn a_late_edit_brings_no_ghost_back() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Ghost").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    let early = writing("place", "桥上", 1, 30.0);
    // The terminal's second writing arrives before its first.
    patch_as(&scene.li, &id, 1, writing("place", "桥下", 2, 20.0)).await.expect(200);
    let late = patch_as(&scene.li, &id, 1, early.clone()).await.expect(200);
    assert_eq!((&late["record"]["place"], &late["open_questions"]), (&json!("桥下"), &json!(0)));
    // Somebody saw that and wrote anew; the first comes once more, and one from before that never came.
    patch(&scene.wang, &id, 3, json!({ "place": "河边" })).await.expect(200);
    patch_as(&scene.li, &id, 1, early).await.expect(200);
    let mut oldest = writing("place", "桥头", 0, 40.0);
    oldest["edit_id"] = json!("01900000-0000-7000-8000-000000000001");
    let last = patch_as(&scene.li, &id, 1, oldest).await.expect(200);
    assert_eq!((&last["record"]["place"], &last["open_questions"]), (&json!("河边"), &json!(0)), "{}", last.json);
    // An emptied field stays empty likewise.
    patch_as(&scene.li, &id, 5, writing("cause", "狗", 3, 9.0)).await.expect(200);
    let emptied = json!({ "fields": { "cause": null }, "counter": 5 });
    patch_as(&scene.li, &id, 6, emptied).await.expect(200);
    let late = patch_as(&scene.li, &id, 6, writing("cause", "猫", 4, 0.0)).await.expect(200);
    assert_eq!((&late["record"], &late["open_questions"]), (&json!({ "place": "河边" }), &json!(0)));
}

#[tokio::test]
async fn a_field_that_a_device_sets_back_to_its_base_is_an_edit() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Back").await;
    let id = scene.made(json!({ "place": "门口", "cause": "停车" })).await;
    let whole = |place: &str, counter: i64| {
        let mut body = scene.body(json!({ "place": place, "cause": "停车" }));
        body["counter"] = json!(counter);
        body
    };
    // Both were written offline before the terminal saw anything but version 1.
    put(&scene.li, &id, 1, whole("院内", 1)).await.expect(200);
    let back = put(&scene.li, &id, 1, whole("门口", 2)).await.expect(200);
    assert_eq!((&back["version"], &back["record"]["place"]), (&json!(3), &json!("门口")));
    assert_eq!(back["open_questions"], 0);
    // Another terminal of the same person knows nothing of that: what stood at its base is no edit of its.
    let second = scene.li.login_handheld().await;
    let same = put(&second, &id, 1, whole("门口", 1)).await.expect(200);
    assert_eq!(same["version"], 3);
    // And two terminals of one person are apart from each other.
    put(&scene.li, &id, 3, whole("南门", 3)).await.expect(200);
    let apart = put(&second, &id, 3, whole("北门", 2)).await.expect(200);
    assert_eq!(values(&apart, "place").len(), 2);
}

#[tokio::test]
async fn an_entry_that_one_removes_while_another_fills_it_is_asked_about() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Removed").await;
    let (party, gone) = (new_id(), new_id());
    let (entry, lost) = (format!("parties/{party}"), format!("parties/{gone}"));
    let record = json!({
        "parties": { &party: { "name": "甲" }, &gone: { "name": "乙", "phone": "13800138000" } },
        "terms": { new_id(): { "what": "赔偿", "debtor": gone } },
    });
    let id = scene.made(record.clone()).await;
    // Not in the whole record any more: removed, and kept.
    let mut without = record.clone();
    without["parties"].as_object_mut().unwrap().remove(&gone);
    let removed = put(&scene.wang, &id, 1, scene.body(without.clone())).await.expect(200);
    assert_eq!(removed["record"], without);
    let kept = json!({ "parties": { &gone: { "name": "乙", "phone": "138****8000" } } });
    assert_eq!((&removed["removed"], &removed["open_questions"]), (&kept, &json!(0)));
    let debtor = format!("terms/{}/debtor", record["terms"].as_object().unwrap().keys().next().unwrap());
    assert_eq!(removed["loose"], json!([debtor]), "who pays is not there");

    // Two apart: one removes, the other writes into it.
    patch(&scene.wang, &id, 2, json!({ format!("{entry}/removed"): true })).await.expect(200);
    let met = patch(&scene.li, &id, 2, json!({ format!("{entry}/statement"): "他先骂人" })).await.expect(200);
    assert_eq!((&met["open_questions"], &met["conflicts"]), (&json!(1), &json!([])));
    let asked = &met["removals"][0];
    assert_eq!((&asked["field"], &asked["values"][0]["value"]), (&json!(entry), &json!("他先骂人")));
    assert_eq!(met["record"]["parties"][&party]["name"], "甲", "it stands until then");
    let decided = json!({ format!("{entry}/removed"): true });
    let settled = patch(&scene.room, &id, 4, decided).await.expect(200);
    assert_eq!((&settled["open_questions"], &settled["removals"]), (&json!(0), &json!([])));
    assert_eq!(settled["removed"]["parties"][&party]["statement"], "他先骂人");
    // Nothing of it is lost: it comes back whole.
    let back = patch(&scene.room, &id, 5, json!({ format!("{lost}/removed"): false })).await.expect(200);
    assert_eq!(back["record"]["parties"][&gone], kept["parties"][&gone]);
    assert_eq!(back["loose"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_lose_nothing() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Many").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    let parties: Vec<String> = (0..12).map(|_| new_id()).collect();
    let writers = [&scene.wang, &scene.li, &scene.room];
    let sent = parties.iter().enumerate().map(|(n, party)| {
        let fields =
            json!({ format!("parties/{party}/name"): format!("第{n}人"), format!("parties/{party}/phone"): "110" });
        patch(writers[n % writers.len()], &id, 1, fields)
    });
    let mut versions = Vec::new();
    for one in futures_util::future::join_all(sent).await {
        versions.push(one.expect(200)["version"].as_i64().unwrap());
    }
    let all = read(&scene.room, &id).await;
    assert_eq!((&all["version"], &all["open_questions"]), (&json!(13), &json!(0)));
    for (n, party) in parties.iter().enumerate() {
        assert_eq!(all["record"]["parties"][party], json!({ "name": format!("第{n}人"), "phone": "***" }));
    }
    let history = edits(&scene.room, &id).await;
    assert_eq!(history.len(), 1 + 2 * 12);
    let order: Vec<i64> = history.iter().map(|edit| edit["version"].as_i64().unwrap()).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn an_edit_id_stands_for_one_value_of_a_field() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Reused").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    let mut field = writing("place", "院内", 1, 0.0);
    patch_as(&scene.li, &id, 1, field.clone()).await.expect(200);
    // Somebody else's writing is not his, even of the same words.
    patch_as(&scene.wang, &id, 1, field.clone()).await.problem(422, "key_reused");
    field["fields"]["place"] = json!("街上");
    let refused = patch_as(&scene.li, &id, 1, field.clone()).await.problem(422, "key_reused");
    assert_eq!(refused["field"], "place");
    // Of another field it may stand, also in a request of its own.
    field["fields"] = json!({ "cause": "停车" });
    assert_eq!(patch_as(&scene.li, &id, 1, field).await.expect(200)["version"], 3);

    // A whole record under an id that came before with another one, where a field is as it was at the base.
    let mut body = scene.body(json!({ "place": "院内", "cause": "噪音" }));
    body["edit_id"] = json!(new_id());
    put(&scene.wang, &id, 3, body.clone()).await.expect(200);
    body["record"]["cause"] = json!("停车");
    let refused = put(&scene.wang, &id, 3, body.clone()).await.problem(422, "key_reused");
    assert_eq!(refused["field"], "cause");
    body["record"]["cause"] = json!("垃圾");
    put(&scene.wang, &id, 3, body).await.problem(422, "key_reused");
    let now = read(&scene.wang, &id).await;
    assert_eq!((&now["version"], &now["record"]), (&json!(4), &json!({ "place": "院内", "cause": "噪音" })));
}

#[tokio::test]
async fn the_version_that_was_seen_must_be_named_and_be_there() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Version").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    let whole = scene.body(json!({ "place": "院内" }));
    let single = json!({ "fields": { "place": "院内" } });
    for header in [None, Some("*"), Some("\"-1\""), Some("\"first\""), Some("")] {
        let headers: Vec<(&str, &str)> = header.map(|text| ("if-match", text)).into_iter().collect();
        scene.li.send("PUT", &path(&id), &headers, Some(whole.clone())).await.problem(422, "invalid_field");
        scene.li.send("PATCH", &path(&id), &headers, Some(single.clone())).await.problem(422, "invalid_field");
    }
    // A version that the server has not, such as after its database was copied back.
    for version in [2, i64::MAX] {
        let stale = put(&scene.li, &id, version, whole.clone()).await.problem(412, "stale");
        assert_eq!(stale["current_version"], 1);
        patch(&scene.li, &id, version, single["fields"].clone()).await.problem(412, "stale");
    }
    let now = read(&scene.li, &id).await;
    assert_eq!((&now["version"], &now["record"]["place"]), (&json!(1), &json!("门口")));
    assert_eq!(edits(&scene.li, &id).await.len(), 1);
    // Of one that is to be made there is none; and who names none has seen nothing.
    scene.wang.put(&path(&new_id()), whole.clone()).await.expect(201);
    let unseen = put(&scene.li, &id, 0, whole).await.expect(200);
    assert_eq!(values(&unseen, "place").len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_ahead_wins_nothing() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Clock").await;
    let id = scene.made(json!({ "place": "门口" })).await;
    patch_as(&scene.li, &id, 1, writing("place", "将来", 1, -86_400.0)).await.expect(200);
    let met = patch_as(&scene.wang, &id, 1, writing("place", "现在", 1, -3_600.0)).await.expect(200);
    assert_eq!(met["record"]["place"], "现在", "the later of the two came later: {}", met.json);
    for edit in edits(&scene.room, &id).await {
        assert!(edit["at"].as_str().unwrap() <= ago(0.0).as_str(), "{edit}");
    }
}

#[tokio::test]
async fn a_whole_record_that_overtakes_an_earlier_writing_has_the_last_word() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Overtaken").await;
    let party = new_id();
    let record = json!({ "place": "门口", "facts": "争吵", "parties": { &party: { "name": "甲" } } });
    let id = scene.made(record.clone()).await;
    let name = format!("parties/{party}/name");
    // Offline Wang writes two fields, thinks better of one and sends all of it; that comes first, and the others late.
    let mut whole = scene.body(json!({ "place": "门口", "facts": "推搡", "parties": { &party: { "name": "甲" } } }));
    (whole["counter"], whole["edit_id"]) = (json!(3), json!(new_id()));
    put(&scene.wang, &id, 1, whole.clone()).await.expect(200);
    let early = json!({
        "fields": { "place": "院内", "facts": "口角", &name: "乙" }, "counter": 1, "edit_id": new_id(),
    });
    for _ in 0..2 {
        let view = patch_as(&scene.wang, &id, 1, early.clone()).await.expect(200);
        assert_eq!((&view["record"]["place"], &view["record"]["facts"]), (&json!("门口"), &json!("推搡")));
        assert_eq!((&view["record"]["parties"][&party]["name"], &view["conflicts"]), (&json!("甲"), &json!([])));
    }
    // Nothing that was written is gone, and the same again is no change.
    let all = edits(&scene.room, &id).await;
    assert!(all.iter().any(|one| one["field"] == "place" && one["value"] == "院内"), "{all:?}");
    let version = read(&scene.wang, &id).await["version"].clone();
    assert_eq!(put(&scene.wang, &id, 1, whole.clone()).await.expect(200)["version"], version);
    // Of a device that does not count nothing follows from counters.
    let uncounted = json!({ "fields": { "cause": "停车" } });
    let view = patch_as(&scene.wang, &id, 1, uncounted).await.expect(200);
    assert_eq!(view["record"]["cause"], "停车");
    // What another wrote meanwhile is another's.
    let view = patch_as(&scene.li, &id, 1, writing("place", "大门口", 1, 5.0)).await.expect(200);
    assert_eq!(values(&view, "place").len(), 2, "{}", view["conflicts"]);
}
