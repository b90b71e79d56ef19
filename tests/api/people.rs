//! Units, people, devices: who sees and changes what.

use crate::support::{PASSWORD, TestApp, new_id};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_form_a_tree_and_scope_follows_it() {
    let app = TestApp::shared().await;
    let county = app.unit("County").await;
    let station = county.child("Station", "station_command_room").await;
    let post = station.child("Post", "street_post").await;
    let elsewhere = app.unit("Elsewhere").await;
    let chief = county.administrator("chief").await;
    let local = station.administrator("local").await;

    let units = chief.get("/units").await.expect(200);
    let names: Vec<_> = units.items().iter().map(|u| u["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["County", "Station", "Post"], "parents before children");
    let path = units.items()[2]["path"].as_str().unwrap();
    assert!(path.ends_with(&format!("/{}/{}/{}/", county.id, station.id, post.id)));

    // Below: seen and changed. Above: seen, not changed. Beside: hidden.
    local.patch(&format!("/units/{}", post.id), json!({ "name": "Post 2" })).await.expect(200);
    local.get(&format!("/units/{}", county.id)).await.expect(200);
    local.patch(&format!("/units/{}", county.id), json!({ "name": "Mine" })).await.problem(404, "not_found");
    local.get(&format!("/units/{}", elsewhere.id)).await.problem(404, "not_found");
    let body = json!({ "name": "Team", "kind": "team", "parent_id": elsewhere.id });
    local.post("/units", body).await.problem(404, "not_found");
    let own = local.post("/units", json!({ "name": "Team", "kind": "team" })).await.expect(201);
    assert_eq!(own["parent_id"], station.id);
    station.officer("li").await.post("/units", json!({ "name": "T", "kind": "team" })).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_unit_takes_its_people_along() {
    let app = TestApp::shared().await;
    let county = app.unit("County").await;
    let old = county.child("Old", "station_command_room").await;
    let new = county.child("New", "station_command_room").await;
    let post = old.child("Post", "street_post").await;
    let officer = post.officer("li").await;
    let (watched, watcher) = (format!("/people/{}", officer.person_id), new.dispatcher("room").await);
    watcher.get(&watched).await.problem(404, "not_found");
    let chief = county.administrator("chief").await;
    chief.patch(&format!("/units/{}", post.id), json!({ "parent_id": new.id })).await.expect(200);
    watcher.get(&watched).await.expect(200);
    old.dispatcher("room").await.get(&watched).await.problem(404, "not_found");
    // A tree has no circles, and nobody moves the ground he stands on.
    let circle = json!({ "parent_id": post.id });
    chief.patch(&format!("/units/{}", new.id), circle).await.problem(409, "conflict");
    chief.patch(&format!("/units/{}", county.id), json!({ "parent_id": new.id })).await.problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_all_kinds_with_their_particulars() {
    let app = TestApp::shared().await;
    let unit = app.unit("Kinds").await;
    let admin = unit.admin();
    let kinds = [
        ("police_officer", "police_officer"),
        ("officer", "police_officer"),
        ("police", "police_officer"),
        ("auxiliary", "auxiliary"),
        ("mediator", "mediator"),
        ("grid_chief", "grid_chief"),
        ("grid_worker", "grid_worker"),
        ("guard", "guard"),
        ("volunteer", "volunteer"),
        ("dispatcher", "dispatcher"),
        ("supervisor", "supervisor"),
        ("custodian", "custodian"),
        ("administrator", "administrator"),
        ("admin", "administrator"),
        ("service_account", "service_account"),
    ];
    for (asked, kept) in kinds {
        let body = json!({
            "username": format!("k-{}", new_id()), "password": PASSWORD, "name": "王小明",
            "kind": asked, "unit_id": unit.id,
        });
        let made = admin.post("/people", body).await.expect(201);
        assert_eq!(made["kind"], kept);
        assert!(made.json.get("password").is_none());
    }
    let body = json!({
        "username": format!("m-{}", new_id()), "password": PASSWORD, "name": "Mediator", "kind": "mediator",
        "unit_id": unit.id, "badge_no": "T-1", "phone": "+86 138 0013 8000", "identity_no": "11010119900307123x",
        "certificate": { "number": "RMTJ-7", "issuer": "司法局", "expires_on": "2027-12-31" },
    });
    let made = admin.post("/people", body.clone()).await.expect(201);
    assert_eq!(made["phone"], "13800138000");
    assert_eq!(made["identity_no"], "11010119900307123X");
    assert_eq!(made["certificate"], json!({ "number": "RMTJ-7", "issuer": "司法局", "expires_on": "2027-12-31" }));
    admin.post("/people", body).await.problem(409, "already_exists");

    // Personal numbers are for administrators and oneself; a colleague sees the rest.
    let path = format!("/people/{}", made.id());
    let seen = unit.dispatcher("room").await.get(&path).await.expect(200);
    assert!(seen.json.get("phone").is_none() && seen.json.get("identity_no").is_none(), "{}", seen.json);
    assert_eq!(seen["certificate"]["number"], "RMTJ-7");

    // Changed and erased, guarded by the version.
    let changed = admin.patch(&path, json!({ "badge_no": null, "phone": null, "name": "调解员" })).await.expect(200);
    assert_eq!((&changed["badge_no"], &changed["name"]), (&json!(null), &json!("调解员")));
    assert!(changed.json.get("phone").is_none());
    let stale = admin.send("PATCH", &path, &[("if-match", "\"1\"")], Some(json!({ "name": "X" }))).await;
    assert_eq!(stale.problem(412, "stale")["current_version"], 2);
    admin.send("PATCH", &path, &[("if-match", "\"2\"")], Some(json!({ "name": "X" }))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_number_is_found_by_its_index_and_lies_nowhere_in_clear() {
    let app = TestApp::start().await;
    let unit = app.unit("Phone").await;
    let admin = unit.administrator("chief").await;
    let phone = "13912345678";
    let body = json!({
        "username": "holder", "password": PASSWORD, "name": "Holder", "kind": "police_officer",
        "unit_id": unit.id, "phone": phone,
    });
    let made = admin.post("/people", body).await.expect(201);
    for written in ["13912345678", "%2B86%20139%201234%205678", "0086-139-1234-5678"] {
        let found = admin.get(&format!("/people?phone={written}")).await.expect(200);
        assert_eq!(found.items().len(), 1, "{written}");
        assert_eq!(found.items()[0]["id"], made["id"]);
    }
    assert!(admin.get("/people?phone=13900000000").await.expect(200).items().is_empty());
    admin.get("/people?phone=nonsense").await.problem(422, "invalid_field");
    unit.dispatcher("room").await.get(&format!("/people?phone={phone}")).await.problem(403, "forbidden");
    app.terminate().await;
    for entry in std::fs::read_dir(app.dir()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(phone.len()).any(|w| w == phone.as_bytes()), "the number lies in clear on the disk");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_paged_and_narrowed() {
    let app = TestApp::shared().await;
    let unit = app.unit("Pages").await;
    let room = unit.dispatcher("room").await;
    for n in 0..7 {
        unit.person(&format!("p{n}"), if n % 2 == 0 { "guard" } else { "volunteer" }).await;
    }
    let mut names = Vec::new();
    let mut path = "/people?limit=3".to_owned();
    loop {
        let page = room.get(&path).await.expect(200);
        assert!(page.items().len() <= 3);
        names.extend(page.items().iter().map(|p| p["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/people?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "room"]);
    assert_eq!(room.get("/people?kind=guard").await.expect(200).items().len(), 4);
    assert_eq!(room.get("/people?q=p3").await.expect(200).items().len(), 1);
    for bad in ["limit=0", "limit=501", "limit=x", "cursor=%21%21", "cursor=AAAA", "kind=king", "nonsense=1"] {
        let reply = room.get(&format!("/people?{bad}")).await;
        assert!(matches!(reply.status, 400 | 422), "{bad}: {} {}", reply.status, reply.json);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_people_and_units() {
    let app = TestApp::shared().await;
    let unit = app.unit("Bounds").await;
    let admin = unit.admin();
    let good = json!({
        "username": format!("b-{}", new_id()), "password": PASSWORD, "name": "B", "kind": "guard", "unit_id": unit.id,
    });
    let wrong = [
        ("username", json!("")),
        ("username", json!("with space")),
        ("username", json!("x".repeat(65))),
        ("password", json!("short")),
        ("password", json!("x".repeat(257))),
        ("name", json!(" ")),
        ("name", json!("a\u{7}b")),
        ("name", json!("x".repeat(65))),
        ("kind", json!("king")),
        ("unit_id", json!("nowhere")),
        ("badge_no", json!("x".repeat(65))),
        ("phone", json!("call me")),
        ("identity_no", json!("!")),
        ("certificate", json!({ "number": "1", "expires_on": "2027-02-30" })),
        ("source", json!("110")),
        ("surprise", json!(1)),
    ];
    for (field, value) in wrong {
        let mut body = good.clone();
        body[field] = value.clone();
        let reply = admin.post("/people", body).await;
        assert_eq!(reply.status, 422, "{field} = {value}: {}", reply.json);
    }
    let mut lost = good.clone();
    lost["unit_id"] = json!(new_id());
    admin.post("/people", lost).await.problem(404, "not_found");
    // The same request under one key makes one person; another body under it is told.
    let key = new_id();
    let first = admin.post_keyed("/people", &key, good.clone()).await.expect(201);
    assert_eq!(admin.post_keyed("/people", &key, good.clone()).await.expect(201).id(), first.id());
    let mut other = good;
    other["name"] = json!("Other");
    admin.post_keyed("/people", &key, other).await.problem(422, "key_reused");
    for (field, value) in [("name", ""), ("kind", "Bad Kind"), ("kind", "")] {
        let mut body = json!({ "name": "U", "kind": "team" });
        body[field] = json!(value);
        admin.post("/units", body).await.problem(422, "invalid_field");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_a_person_take_effect_at_once() {
    let app = TestApp::shared().await;
    let unit = app.unit("Facts").await;
    let person = unit.dispatcher("room").await;
    let body = json!({ "name": "Team", "kind": "team" });
    person.post("/units", body.clone()).await.problem(403, "forbidden");
    let path = format!("/people/{}", person.person_id);
    unit.admin().patch(&path, json!({ "kind": "administrator" })).await.expect(200);
    person.post("/units", body.clone()).await.expect(201);
    unit.admin().patch(&path, json!({ "kind": "dispatcher" })).await.expect(200);
    person.post("/units", body).await.problem(403, "forbidden");
    let chief = unit.administrator("chief").await;
    chief.post_empty(&format!("/people/{}/disable", chief.person_id)).await.problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_comes_from_the_command_line() {
    let app = TestApp::start().await;
    app.terminate().await;
    let again = app.command(&["admin", "create", "--username", "admin", "--password-stdin"], "another one\n").await;
    assert_ne!(again.code, 0, "the name is taken");
    let weak = app.command(&["admin", "create", "--username", "second", "--password-stdin"], "short\n").await;
    assert_ne!(weak.code, 0);
    let second = app.command(&["admin", "create", "--username", "Second", "--password-stdin"], "long enough\n").await;
    assert_eq!(second.code, 0, "{}", second.stderr);
    app.restart().await;
    let body = json!({ "username": "second", "password": "long enough" });
    let reply = app.call("POST", "/auth/login", Some(&body)).await.expect(200);
    assert_eq!(reply["person"]["kind"], "administrator");
}
