//! Lists: by incident, by unit, one's own; page by page.

use super::*;
use std::collections::BTreeSet;

/// Every id of a list, page by page, each once.
async fn listed(who: &Officer, query: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = who.get(&format!("/mediations?limit=2{query}{cursor}")).await.expect(200);
        assert!(page.items().len() <= 2);
        assert_eq!(page.header("cache-control"), Some("no-store"));
        all.extend(page.items().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "one twice: {all:?}");
    all
}

#[tokio::test]
async fn records_are_listed_by_incident_by_unit_and_by_who_has_to_do_with_them() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Lists").await;
    let (team, elsewhere) = (scene.station.child("Team", "team").await, app.unit("Elsewhere").await);
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.insert(0, scene.made(json!({ "place": format!("{n}") })).await);
    }
    let incident = format!("&incident_id={}", scene.incident_id());
    for who in [&scene.wang, &scene.li, &scene.room] {
        assert_eq!(listed(who, &incident).await, ids, "the latest made first");
    }
    // One of another incident and kind, that only Li was sent to.
    let second = scene.room.incident(scene.station.near(90.0, 0.0)).await;
    scene.room.assign(&second, &[&scene.li]).await;
    let other = new_id();
    let body = json!({ "incident_id": second["id"], "kind": "people", "record": {} });
    scene.room.put(&path(&other), body).await.expect(201);
    let all: Vec<String> = [vec![other.clone()], ids.clone()].concat();
    assert_eq!(listed(&scene.wang, "").await, ids);
    assert_eq!(listed(&scene.li, "").await, all);
    assert_eq!(listed(&scene.room, "").await, all);
    assert_eq!(listed(&scene.room, "&kind=people").await, [other.as_str()]);
    assert_eq!(listed(&scene.room, &format!("{incident}&kind=people")).await, [] as [&str; 0]);
    let unit = format!("&unit_id={}", scene.station.id);
    let boss = scene.station.supervisor("boss").await;
    let keeper = scene.station.person("keeper", "custodian").await.login_browser().await;
    for who in [&scene.room, &boss, &keeper, scene.station.admin()] {
        assert_eq!(listed(who, &unit).await, all);
    }
    assert_eq!(listed(&scene.room, &format!("&unit_id={}", team.id)).await, [] as [&str; 0]);
    // What is not theirs is not there.
    let (strange_room, stranger) = (elsewhere.dispatcher("room").await, scene.station.officer("stranger").await);
    assert_eq!(listed(&strange_room, "").await, [] as [&str; 0]);
    assert_eq!(listed(&stranger, "").await, [] as [&str; 0]);
    for who in [&strange_room, &stranger] {
        who.get(&format!("/mediations?{}", &incident[1..])).await.problem(404, "not_found");
    }
    strange_room.get(&format!("/mediations?{}", &unit[1..])).await.problem(404, "not_found");
    scene.wang.get(&format!("/mediations?{}", &unit[1..])).await.problem(403, "forbidden");
    for (query, status, code) in [
        ("cursor=eA", 400, "invalid_cursor"),
        ("limit=0", 422, "invalid_field"),
        ("kind=other", 422, "invalid_field"),
        ("incident_id=1", 422, "invalid_field"),
        ("owner=me", 422, "invalid_field"),
    ] {
        scene.room.get(&format!("/mediations?{query}")).await.problem(status, code);
    }
    scene.room.get(&format!("/mediations?incident_id={}", new_id())).await.problem(404, "not_found");
    // Within one incident a unit narrows further.
    assert_eq!(listed(&scene.room, &format!("{incident}&unit_id={}", team.id)).await, [] as [&str; 0]);
}

#[tokio::test]
async fn edits_are_read_page_by_page_and_a_place_among_them_stays() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "History").await;
    let id = scene.made(json!({ "place": "0", "cause": "0", "facts": "0" })).await;
    let first = scene.wang.get(&format!("{}/edits?limit=2", path(&id))).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    // Somebody writes between two pages.
    patch(&scene.li, &id, 1, json!({ "application": "后来" })).await.expect(200);
    let rest = scene.wang.get(&format!("{}/edits?limit=200&cursor={cursor}", path(&id))).await.expect(200);
    let fields: Vec<&Value> = first.items().iter().chain(rest.items()).map(|edit| &edit["field"]).collect();
    assert_eq!(fields, ["cause", "facts", "place", "application"]);
    assert_eq!(rest["next_cursor"], Value::Null);
    for (query, status, code) in [("cursor=eA", 400, "invalid_cursor"), ("limit=0", 422, "invalid_field")] {
        scene.wang.get(&format!("{}/edits?{query}", path(&id))).await.problem(status, code);
    }
}
