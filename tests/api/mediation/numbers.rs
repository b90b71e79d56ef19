//! Serial numbers: none twice and none lost, however many ask at once; every one accounted for.

use crate::support::{Officer, Reply, TestApp, Unit, ago, new_id, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SERIES: &str = "xczatj";

fn blocks(unit: &Unit) -> String {
    format!("/units/{}/number-blocks", unit.id)
}

fn numbers(unit: &Unit, more: &str) -> String {
    format!("/units/{}/numbers{more}", unit.id)
}

async fn lease(who: &Officer, unit: &Unit, count: i64) -> Reply {
    who.post(&blocks(unit), json!({ "series": SERIES, "count": count })).await
}

fn list(reply: &Value) -> Vec<i64> {
    reply.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

fn held(block: &Reply) -> Vec<i64> {
    list(&block["numbers"])
}

/// The one series of the unit, as its summary tells it.
async fn summary(who: &Officer, unit: &Unit) -> Value {
    let reply = who.get(&numbers(unit, &format!("/summary?series={SERIES}"))).await.expect(200);
    let own: Vec<&Value> = reply.items().iter().filter(|run| run["printed"].is_null()).collect();
    assert_eq!(own.len(), 1, "{}", reply.json);
    own[0].clone()
}

/// Every number of the register, page by page.
async fn register(who: &Officer, unit: &Unit, narrowed: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = who.get(&numbers(unit, &format!("?limit=7{narrowed}{cursor}"))).await.expect(200);
        all.extend(page.items().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// What year it is for documents.
fn year() -> i64 {
    let now = jiff::Timestamp::now();
    i64::from(jiff::tz::Offset::constant(8).to_datetime(now).year())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_terminals_lease_at_once_and_no_number_is_given_twice_or_left_out() {
    let app = TestApp::shared().await;
    let unit = app.unit("Numbers").await;
    let room = unit.dispatcher("room").await;
    let mut terminals = Vec::new();
    for name in ["wang", "li", "zhao", "chen"] {
        let first = unit.officer(name).await;
        for _ in 0..4 {
            terminals.push(first.login_handheld().await);
        }
        terminals.push(first);
    }
    assert_eq!(terminals.len(), 20);
    // The very first numbers of the series, too: nobody has asked before.
    let asked = terminals.iter().map(|terminal| lease(terminal, &unit, 7));
    let given = futures_util::future::join_all(asked).await;
    let mut all = BTreeSet::new();
    for (terminal, block) in terminals.iter().zip(given) {
        let block = block.expect(201);
        assert_eq!((&block["device_id"], &block["year"]), (&json!(terminal.device_id()), &json!(year())));
        let held = held(&block);
        assert_eq!((held.len(), held[0], held[6]), (7, block["from"].as_i64().unwrap(), block["to"].as_i64().unwrap()));
        let text = block["texts"][0].as_str().unwrap();
        assert_eq!(text, format!("Numbers现调字〔{}〕第{:06}号", year(), held[0]));
        for n in held {
            assert!(all.insert(n), "{n} was given twice");
        }
    }
    assert!(all.iter().copied().eq(1..=140), "{all:?}");
    let run = summary(&room, &unit).await;
    assert_eq!((&run["highest"], &run["leased"]), (&json!(140), &json!(140)));
    assert_eq!((&run["complete"], &run["missing"]), (&json!(true), &json!([])));
    let register = register(&room, &unit, "&state=leased").await;
    let listed: Vec<i64> = register.iter().map(|row| row["number"].as_i64().unwrap()).collect();
    assert!(listed.iter().copied().eq(1..=140), "in order, each once: {listed:?}");
    let devices: BTreeSet<&str> = register.iter().map(|row| row["device_id"].as_str().unwrap()).collect();
    assert_eq!(devices.len(), 20, "each number says who has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leases_and_returns_at_once_leave_every_number_in_one_place() {
    let app = TestApp::shared().await;
    let unit = app.unit("Coming and going").await;
    let wang = unit.officer("wang").await;
    let mut terminals = vec![wang.clone()];
    for _ in 0..7 {
        terminals.push(wang.login_handheld().await);
    }
    for _ in 0..3 {
        let unit = &unit;
        let turns = terminals.iter().map(|terminal| async move {
            let block = lease(terminal, unit, 5).await.expect(201);
            let spoilt = json!({ "void": [{ "number": held(&block)[0], "reason": "打印机卡纸" }] });
            terminal.post(&format!("/number-blocks/{}/return", block.id()), spoilt).await.expect(200);
            let again = lease(terminal, unit, 2).await.expect(201);
            held(&again)
        });
        let kept: Vec<i64> = futures_util::future::join_all(turns).await.into_iter().flatten().collect();
        assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), 16, "nobody has another's: {kept:?}");
    }
    let run = summary(&wang, &unit).await;
    assert_eq!((&run["void"], &run["leased"], &run["complete"]), (&json!(24), &json!(48), &json!(true)), "{run}");
    let sum: i64 = ["leased", "overdue", "used", "void", "returned", "reserved"]
        .iter()
        .map(|state| run[*state].as_i64().unwrap())
        .sum();
    assert_eq!(run["highest"], sum, "{run}");
}

#[tokio::test]
async fn what_comes_back_is_given_again_before_new_ones_and_a_void_number_keeps_its_place() {
    let app = TestApp::shared().await;
    let unit = app.unit("Back").await;
    let (wang, li) = (unit.officer("wang").await, unit.officer("li").await);
    let block = lease(&wang, &unit, 6).await.expect(201);
    let path = format!("/number-blocks/{}/return", block.id());
    for wrong in [
        json!({ "void": [{ "number": 7, "reason": "r" }] }),
        json!({ "void": [{ "number": 2, "reason": "" }] }),
        json!({ "void": [{ "number": 2, "reason": "字".repeat(201) }] }),
    ] {
        wang.post(&path, wrong).await.problem(422, "invalid_field");
    }
    assert_eq!(summary(&wang, &unit).await["leased"], 6, "a refused return changes nothing");
    let spoilt = json!({ "void": [{ "number": 2, "reason": "写错作废" }] });
    for _ in 0..2 {
        let back = wang.post(&path, spoilt.clone()).await.expect(200);
        assert_eq!((&back["unspent"], &back["numbers"]), (&json!([]), &json!([1, 2, 3, 4, 5, 6])));
        assert!(back["closed_at"].is_string());
    }
    assert_eq!(held(&lease(&li, &unit, 8).await.expect(201)), [1, 3, 4, 5, 6, 7, 8, 9]);
    let void = register(&wang, &unit, "&state=void").await;
    assert_eq!(void.len(), 1);
    let two = (&void[0]["number"], &void[0]["reason"], &void[0]["person_id"]);
    assert_eq!(two, (&json!(2), &json!("写错作废"), &json!(wang.person_id)));
}

#[tokio::test]
async fn the_same_request_twice_leases_once() {
    let app = TestApp::shared().await;
    let unit = app.unit("Twice").await;
    let wang = unit.officer("wang").await;
    let (key, body) = (new_id(), json!({ "series": SERIES }));
    let first = wang.post_keyed(&blocks(&unit), &key, body.clone()).await.expect(201);
    assert_eq!(held(&first).len(), 10, "ten unless told");
    let again = wang.post_keyed(&blocks(&unit), &key, body).await.expect(201);
    assert_eq!(first.json, again.json);
    let other = json!({ "series": SERIES, "count": 3 });
    wang.post_keyed(&blocks(&unit), &key, other).await.problem(422, "key_reused");
    assert_eq!(summary(&wang, &unit).await["highest"], 10);
}

#[tokio::test]
async fn a_lease_is_bounded_and_a_terminal_does_not_hoard() {
    let app = TestApp::shared().await;
    let unit = app.unit("Bounds").await;
    let wang = unit.officer("wang").await;
    for wrong in [
        json!({ "series": SERIES, "count": 0 }),
        json!({ "series": SERIES, "count": 51 }),
        json!({ "series": "other" }),
        json!({}),
        json!({ "series": SERIES, "year": year() - 1 }),
        json!({ "series": SERIES, "year": year() + 2 }),
    ] {
        wang.post(&blocks(&unit), wrong).await.problem(422, "invalid_field");
    }
    for _ in 0..2 {
        lease(&wang, &unit, 50).await.expect(201);
    }
    let refused = lease(&wang, &unit, 1).await.problem(409, "conflict");
    assert_eq!((&refused["held"], &refused["limit"]), (&json!(100), &json!(100)));
    // Another of his devices has its own.
    assert_eq!(held(&lease(&wang.login_handheld().await, &unit, 1).await.expect(201)), [101]);
}

#[tokio::test]
async fn each_year_and_each_series_begins_at_one() {
    let app = TestApp::shared().await;
    let unit = app.unit("Years").await;
    let wang = unit.officer("wang").await;
    lease(&wang, &unit, 5).await.expect(201);
    // A year goes by.
    let last = year() - 1;
    for statement in [
        format!("UPDATE serial_number SET year = {last}, book = '{last}' WHERE unit_id = '{}'", unit.id),
        format!("UPDATE number_counter SET book = '{last}' WHERE unit_id = '{}'", unit.id),
        format!("UPDATE number_block SET year = {last} WHERE unit_id = '{}'", unit.id),
    ] {
        app.sql(statement).await;
    }
    assert_eq!(held(&lease(&wang, &unit, 2).await.expect(201)), [1, 2]);
    let other = json!({ "series": "rmtj", "count": 1 });
    let other = wang.post(&blocks(&unit), other).await.expect(201);
    assert_eq!(other["texts"], json!([format!("Years人调字〔{}〕第000001号", year())]));
    let all = wang.get(&numbers(&unit, "/summary")).await.expect(200);
    let seen: Vec<(&str, i64, i64)> = all
        .items()
        .iter()
        .map(|run| (run["series"].as_str().unwrap(), run["year"].as_i64().unwrap(), run["highest"].as_i64().unwrap()))
        .collect();
    assert_eq!(seen, [("rmtj", year(), 1), (SERIES, last, 5), (SERIES, year(), 2)]);
    assert_eq!(register(&wang, &unit, &format!("&series={SERIES}&year={last}")).await.len(), 5);
    let narrowed = wang.get(&numbers(&unit, &format!("/summary?year={last}"))).await.expect(200);
    assert_eq!(narrowed.items().len(), 1, "{}", narrowed.json);
}

#[tokio::test]
async fn who_may_do_what() {
    let app = TestApp::shared().await;
    let (unit, other) = (app.unit("Own").await, app.unit("Other").await);
    let room = unit.dispatcher("room").await;
    let boss = unit.supervisor("boss").await;
    let keeper = unit.person("keeper", "custodian").await.login_browser().await;
    let guard = unit.member("guard", "guard").await;
    let (wang, li) = (unit.officer("wang").await, unit.officer("li").await);
    let stranger = other.officer("stranger").await;
    let strange_room = other.dispatcher("room").await;
    for kind in ["auxiliary", "mediator", "grid_worker"] {
        lease(&unit.member("x", kind).await, &unit, 1).await.expect(201);
    }
    lease(&room, &unit, 1).await.expect(201);
    for who in [&guard, &boss, &keeper] {
        lease(who, &unit, 1).await.problem(403, "forbidden");
    }
    let block = lease(&wang, &unit, 4).await.expect(201);
    let back = format!("/number-blocks/{}/return", block.id());
    let void = json!({ "series": SERIES, "number": held(&block)[0], "reason": "遗失" });
    for who in [&stranger, &strange_room] {
        lease(who, &unit, 1).await.problem(404, "not_found");
        who.get(&numbers(&unit, "")).await.problem(404, "not_found");
        who.get(&numbers(&unit, "/summary")).await.problem(404, "not_found");
        who.post(&back, json!({})).await.problem(404, "not_found");
        who.post(&numbers(&unit, "/void"), void.clone()).await.problem(404, "not_found");
    }
    for who in [&room, &boss, &keeper, &guard, &li, &unit.service("intake").await] {
        let status = if who.username.starts_with("intake") { 404 } else { 200 };
        who.get(&numbers(&unit, "")).await.expect(status);
    }
    // Another's block is not his to give back, nor a number his to void.
    li.post(&back, json!({})).await.problem(403, "forbidden");
    li.post(&numbers(&unit, "/void"), void.clone()).await.problem(403, "forbidden");
    keeper.post(&numbers(&unit, "/void"), void.clone()).await.problem(403, "forbidden");
    for _ in 0..2 {
        let voided = boss.post(&numbers(&unit, "/void"), void.clone()).await.expect(200);
        assert_eq!((&voided["state"], &voided["person_id"]), (&json!("void"), &json!(boss.person_id)));
    }
    // His own device or he himself, on another one; and the room for a device that is lost.
    wang.login_browser().await.post(&back, json!({})).await.expect(200);
    let lost = lease(&wang, &unit, 2).await.expect(201);
    let returned = room.post(&format!("/number-blocks/{}/return", lost.id()), json!({})).await.expect(200);
    assert_eq!(returned["unspent"], json!([]));
    let nothing = json!({ "series": SERIES, "number": 9_999, "reason": "r" });
    room.post(&numbers(&unit, "/void"), nothing).await.problem(422, "invalid_field");
    let neither = json!({ "series": SERIES, "reason": "r" });
    room.post(&numbers(&unit, "/void"), neither).await.problem(422, "invalid_field");
    room.post(&format!("/number-blocks/{}/return", new_id()), json!({})).await.problem(404, "not_found");
    room.get(&numbers(&unit, "?cursor=eA")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn preprinted_forms_are_accounted_for_by_themselves() {
    let app = TestApp::shared().await;
    let unit = app.unit("Forms").await;
    let (wang, room) = (unit.officer("wang").await, unit.dispatcher("room").await);
    let path = numbers(&unit, "/preprinted");
    let booklet = json!({ "series": SERIES, "number": "现调 00101", "last": "现调００１５０" });
    let made = wang.post(&path, booklet).await.expect(201);
    let shown = (&made["first"], &made["last"], &made["count"]);
    assert_eq!(shown, (&json!("现调00101"), &json!("现调00150"), &json!(50)));
    // One that is known is not registered again, alone or among others; and then none of the others is.
    let again = json!({ "series": SERIES, "number": "现调120" });
    let known = wang.post(&path, again).await.problem(409, "already_exists");
    assert_eq!((&known["number"], &known["state"]), (&json!("现调00120"), &json!("reserved")));
    let reaching = json!({ "series": SERIES, "number": "现调00141", "last": "现调00160" });
    wang.post(&path, reaching).await.problem(409, "already_exists");
    let single = json!({ "series": SERIES, "number": "现调00151" });
    wang.post(&path, single).await.expect(201);
    for wrong in [
        json!({ "series": SERIES, "number": "现调" }),
        json!({ "series": SERIES, "number": "现调00200", "last": "现调00199" }),
        json!({ "series": SERIES, "number": "现调00200", "last": "人调00210" }),
        json!({ "series": SERIES, "number": "现调00200", "last": "现调00400" }),
        json!({ "series": SERIES, "number": "现调\u{0}1" }),
        // It could be taken for one of the unit's own.
        json!({ "series": SERIES, "number": format!("Forms现调字〔{}〕第000001号", year()) }),
    ] {
        wang.post(&path, wrong).await.problem(422, "invalid_field");
    }
    // The unit's own begin at 1 as ever.
    assert_eq!(held(&lease(&wang, &unit, 1).await.expect(201)), [1]);
    let spoilt = json!({ "series": SERIES, "printed": "现调00102", "reason": "受潮" });
    let voided = room.post(&numbers(&unit, "/void"), spoilt).await.expect(200);
    assert_eq!((&voided["text"], &voided["printed"]), (&json!("现调00102"), &json!(true)));
    let all = room.get(&numbers(&unit, "/summary")).await.expect(200);
    let forms = all.items().iter().find(|run| run["printed"] == "现调*").unwrap();
    assert_eq!((&forms["reserved"], &forms["void"]), (&json!(50), &json!(1)));
    assert_eq!((&forms["highest"], &forms["complete"]), (&json!(151), &Value::Null));
    assert_eq!(register(&room, &unit, "").await.len(), 52);
}

#[tokio::test]
async fn what_is_held_too_long_stays_held_until_somebody_says_what_became_of_it() {
    let app = TestApp::shared().await;
    let unit = app.unit("Overdue").await;
    let (wang, room) = (unit.officer("wang").await, unit.dispatcher("room").await);
    let block = lease(&wang, &unit, 3).await.expect(201);
    let (id, soon) = (block.id(), block["expires_at"].as_str().unwrap());
    assert!(soon > ago(-6.9 * 86_400.0).as_str() && soon < ago(-7.1 * 86_400.0).as_str(), "a week: {soon}");
    // A week goes by.
    for table in ["number_block", "serial_number"] {
        let column = if table == "number_block" { "id" } else { "block_id" };
        app.sql(format!("UPDATE {table} SET expires_at = 1 WHERE {column} = '{id}'")).await;
    }
    let card = || async {
        let cards = room.get("/cards").await.expect(200);
        cards.items().iter().find(|card| card["subject_id"] == id.as_str()).cloned()
    };
    wait_until("the room is told", || async { card().await.is_some() }).await;
    let told = card().await.unwrap();
    assert_eq!((&told["kind"], &told["data"]["count"]), (&json!("numbers.overdue"), &json!(3)));
    assert_eq!((&told["data"]["device_id"], &told["unit_id"]), (&json!(wang.device_id()), &json!(unit.id)));
    let run = summary(&room, &unit).await;
    assert_eq!((&run["overdue"], &run["leased"], &run["complete"]), (&json!(3), &json!(0), &json!(true)));
    assert_eq!(register(&room, &unit, "&state=overdue").await.len(), 3);
    assert!(register(&room, &unit, "&state=leased").await.is_empty());
    assert_eq!(held(&lease(&room, &unit, 1).await.expect(201)), [4], "none of them is given to another");
    let back = json!({ "void": [{ "number": 1, "reason": "终端遗失" }] });
    room.post(&format!("/number-blocks/{id}/return"), back).await.expect(200);
    assert!(card().await.is_none(), "the card is closed");
    assert_eq!(held(&lease(&room, &unit, 3).await.expect(201)), [2, 3, 5]);
}
