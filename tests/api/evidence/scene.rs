//! The ledger of the scene: shown before clearing, never in its way, then a duty of a day in the room's list.

use super::*;

/// An officer's visit to a call: he has arrived, and has not left.
struct Visit {
    station: Unit,
    room: Officer,
    officer: Officer,
    incident: Value,
    assignment: Value,
    /// What is said to have been so many seconds ago was so long before this, however slow the machine is.
    begun: jiff::Timestamp,
}

impl Visit {
    /// At the scene of a call of this category since so many seconds before now; not yet arrived without any.
    async fn begin(app: &TestApp, name: &str, category: &str, arrived: Option<f64>) -> Self {
        let (station, room, officer) = app.station(name).await;
        let more = json!({ "category": category, "called_at": ago(1_200.0) });
        let incident = room.incident_with(station.near(0.0, 0.0), more).await;
        let assignment = room.assign(&incident, &[&officer]).await.remove(0);
        officer.event(&assignment, "accepted").await.ok();
        let visit = Self { station, room, officer, incident, assignment, begun: jiff::Timestamp::now() };
        if let Some(seconds) = arrived {
            visit.rung("on_scene", seconds).await.ok();
        }
        visit
    }

    fn before(&self, seconds: f64) -> String {
        let micros = self.begun.as_microsecond() - (seconds * 1e6) as i64;
        format!("{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap())
    }

    /// Whole seconds since it began.
    fn passed(&self) -> u32 {
        u32::try_from(jiff::Timestamp::now().duration_since(self.begun).as_secs()).unwrap()
    }

    /// A rung of the officer so many seconds ago.
    async fn rung(&self, event: &str, seconds: f64) -> Reply {
        let path = format!("/assignments/{}/events", self.assignment["id"].as_str().unwrap());
        self.officer.post(&path, json!({ "event": event, "at": self.before(seconds) })).await
    }

    fn incident_id(&self) -> &str {
        self.incident["id"].as_str().unwrap()
    }

    fn ledger(&self) -> String {
        format!("/assignments/{}/scene-ledger", self.assignment["id"].as_str().unwrap())
    }

    /// What the ledger says of each requirement: its name, what there is, what is needed, what is missing.
    async fn asked(&self) -> Vec<Value> {
        let ledger = self.officer.get(&self.ledger()).await.expect(200);
        let all = ledger["requirements"].as_array().unwrap();
        all.iter().map(|one| json!([one["requirement"], one["have"], one["need"], one["code"]])).collect()
    }

    /// The room's list, or another's.
    async fn list(&self, query: &str) -> Vec<Value> {
        self.room.get(&format!("/scene-gaps?{query}")).await.expect(200).items().clone()
    }

    async fn photo(&self, seed: u8, seconds: f64) {
        let more = json!({ "incident_id": self.incident_id(), "captured_at": self.before(seconds) });
        self.officer.photo(&jpeg(64, 48, seed), more).await.expect(201);
    }

    /// A recording of so many seconds that began so many seconds ago, of no incident: cameras know of none.
    async fn film(&self, who: &Officer, began: f64, lasts: u32) -> String {
        who.upload(&film_of(lasts), json!({ "captured_at": self.before(began) })).await
    }
}

fn requirements(gaps: &[Value]) -> Vec<&str> {
    gaps.iter().map(|gap| gap["requirement"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_gap_is_shown_before_clearing_comes_with_it_and_counts_down() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Ledger", "criminal", Some(600.0)).await;
    let mut desk = visit.room.socket().await;
    let asked = visit.asked().await;
    assert_eq!(asked[1], json!(["photos", 0, 2, "no_photos"]));
    let seconds = asked[0][2].as_i64().unwrap();
    let most = 541 + i64::from(visit.passed());
    // The answer may carry the instant of a batch that began just before the visit did by the test's clock.
    assert!((539..=most).contains(&seconds), "nine tenths of ten minutes: {asked:?}");
    assert_eq!((&asked[0][0], &asked[0][3]), (&json!("recording"), &json!("no_recording")));
    // Of a fight this morning at another place, and of now.
    visit.photo(1, 86_400.0).await;
    visit.photo(2, 300.0).await;
    assert_eq!(visit.asked().await[1], json!(["photos", 1, 2, "too_few_photos"]));
    visit.film(&visit.officer, 610.0, 100).await;
    wait_until("the film to count", || async { visit.asked().await[0][3] == "recording_short" }).await;
    let ledger = visit.room.get(&visit.ledger()).await.expect(200);
    assert_eq!((&ledger["rule"], &ledger["cleared_at"]), (&json!("criminal"), &Value::Null));
    assert_eq!(ledger["requirements"][0]["missing"].as_array().unwrap().len(), 1, "{}", ledger.json);
    assert!(visit.list("").await.is_empty(), "nothing is owed while he is there");

    let at = now();
    let path = format!("/assignments/{}/events", visit.assignment["id"].as_str().unwrap());
    let cleared = visit.officer.post(&path, json!({ "event": "cleared", "at": at })).await.expect(200);
    assert_eq!((&cleared["state"], &cleared["applied"]), (&json!("cleared"), &json!(true)));
    let gaps = cleared["gaps"].as_array().unwrap().clone();
    assert_eq!(requirements(&gaps), ["recording", "photos"]);
    let told = desk.expect("scene_gap.opened").await;
    assert_eq!(told["data"]["incident_id"], visit.incident["id"]);
    assert_eq!(told["data"]["gaps"].as_array().unwrap().len(), 2, "both in one message");
    // Said again, it is answered again, and nothing is opened twice.
    let again = visit.officer.post(&path, json!({ "event": "cleared", "at": at })).await.expect(200);
    assert_eq!((&again["duplicate"], &again["gaps"]), (&json!(true), &cleared["gaps"]));
    let listed = visit.list(&format!("unit_id={}&open=true", visit.station.id)).await;
    assert_eq!(listed.len(), 2);
    for gap in &listed {
        let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
        let due: jiff::Timestamp = gap["due_at"].as_str().unwrap().parse().unwrap();
        assert!(due.duration_until(day).as_secs().abs() < 120, "{gap}");
        assert_eq!((&gap["overdue"], &gap["state"]), (&json!(false), &json!("open")));
        assert!(gaps.iter().any(|said| said["gap_id"] == gap["id"] && said["due_at"] == gap["due_at"]), "{gap}");
    }
    let first = visit.room.get("/scene-gaps?limit=1").await.expect(200);
    let next = visit.list(&format!("limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_ne!(first.items()[0]["id"], next[0]["id"]);
    let line = visit.room.get(&format!("/incidents/{}/timeline", visit.incident_id())).await.expect(200);
    assert!(line.items().iter().any(|entry| entry["kind"] == "scene_gap.opened"), "{}", line.json);
}

#[tokio::test]
async fn what_comes_later_closes_its_gap_by_itself() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Later", "traffic", Some(600.0)).await;
    let mut desk = visit.room.socket().await;
    let mate = visit.station.officer("mate").await;
    visit.officer.event(&visit.assignment, "cleared").await.expect(200);
    desk.expect("scene_gap.opened").await;
    visit.photo(1, 86_400.0).await;
    visit.photo(2, 300.0).await;
    assert_eq!(visit.list("").await.len(), 2, "one of them was taken a day before");
    visit.photo(3, 200.0).await;
    let told = desk.expect("scene_gap.closed").await;
    assert_eq!(told["data"]["gaps"][0]["requirement"], "photos");
    assert_eq!((&told["data"]["gaps"][0]["state"], &told["data"]["gaps"][0]["have"]), (&json!("supplied"), &json!(2)));
    // Somebody else's camera proves nothing of this visit, nor does one of the hour before.
    visit.film(&mate, 610.0, 700).await;
    visit.film(&visit.officer, 4_000.0, 700).await;
    visit.film(&visit.officer, 605.0, 300).await;
    wait_until("half of it", || async { visit.list("").await[0]["code"] == "recording_short" }).await;
    visit.film(&visit.officer, 310.0, 400).await;
    let told = desk.expect("scene_gap.closed").await;
    assert_eq!(told["data"]["gaps"][0]["requirement"], "recording");
    assert!(visit.list("").await.is_empty());
    let all = visit.list(&format!("open=false&incident_id={}", visit.incident_id())).await;
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|gap| gap["state"] == "supplied" && gap["closed_by"].is_null()), "{all:?}");
    assert!(visit.asked().await.iter().all(|one| one[3].is_null()));
}

#[tokio::test]
async fn the_room_alone_says_why_something_cannot_be_supplied() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Explained", "hazard", Some(60.0)).await;
    let (_, elsewhere, _) = app.station("Elsewhere").await;
    let supervisor = visit.station.supervisor("boss").await;
    let stranger = visit.station.officer("stranger").await;
    visit.officer.event(&visit.assignment, "cleared").await.expect(200);
    let gap = visit.list("").await.remove(0);
    let path = format!("/scene-gaps/{}/close", gap["id"].as_str().unwrap());
    let why = || json!({ "reason": "The camera went into the river with the car" });
    for (who, status) in [(&visit.officer, 403), (&supervisor, 403), (&stranger, 404), (&elsewhere, 404)] {
        assert_eq!(who.post(&path, why()).await.status, status);
    }
    visit.room.post(&path, json!({})).await.problem(422, "invalid_field");
    visit.room.post(&path, json!({ "reason": "" })).await.problem(422, "invalid_field");
    let mut desk = visit.room.socket().await;
    let closed = visit.room.post(&path, why()).await.expect(200);
    assert_eq!((&closed["state"], &closed["closed_by"]), (&json!("explained"), &json!(visit.room.person_id)));
    assert_eq!(closed["reason"], why()["reason"]);
    desk.expect("scene_gap.closed").await;
    let again = visit.room.post(&path, json!({ "reason": "another" })).await.expect(200);
    assert_eq!(again["reason"], why()["reason"], "what was said first stays");
    assert!(visit.list("").await.is_empty());
    // Whose it is not does not look.
    for path in [visit.ledger(), format!("/scene-gaps?unit_id={}", visit.station.id)] {
        elsewhere.get(&path).await.problem(404, "not_found");
    }
    stranger.get(&visit.ledger()).await.problem(404, "not_found");
    assert!(elsewhere.get("/scene-gaps?open=false").await.expect(200).items().is_empty());
    visit.officer.get("/scene-gaps").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_gap_whose_day_is_over_is_told_once() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Overdue", "hazard", Some(60.0)).await;
    visit.officer.event(&visit.assignment, "cleared").await.expect(200);
    let mut desk = visit.room.socket().await;
    let incident = visit.incident_id();
    app.sql(format!("UPDATE scene_gap SET due_at = opened_at WHERE incident_id = '{incident}'")).await;
    let told = desk.expect("scene_gap.overdue").await;
    assert_eq!(told["data"]["gaps"][0]["overdue"], true);
    assert_eq!(visit.list("").await[0]["overdue"], true);
    // It is looked at each second.
    desk.expect_none("scene_gap.overdue", Duration::from_millis(2_500)).await;
    // Late is better than never.
    visit.photo(1, 30.0).await;
    desk.expect("scene_gap.closed").await;
    assert!(visit.list("").await.is_empty());
}

#[tokio::test]
async fn what_nobody_asks_for_is_no_gap() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Free", "assistance", Some(600.0)).await;
    assert!(visit.asked().await.is_empty());
    let cleared = visit.officer.event(&visit.assignment, "cleared").await.expect(200);
    assert_eq!(cleared["gaps"], json!([]));
    // Who was called off on the way was never there.
    let off = Visit::begin(&app, "Off", "criminal", None).await;
    let path = format!("/assignments/{}/cancel", off.assignment["id"].as_str().unwrap());
    off.room.post(&path, json!({})).await.expect(200);
    assert!(off.list("open=false").await.is_empty());
    // A rung of the way says nothing of gaps.
    let arrived = Visit::begin(&app, "Arrived", "criminal", None).await;
    assert!(arrived.officer.event(&arrived.assignment, "on_scene").await.expect(200)["gaps"].is_null());
}

#[tokio::test]
async fn an_arrival_that_is_told_late_says_what_should_have_been_recorded() {
    let app = TestApp::shared().await;
    let visit = Visit::begin(&app, "Late", "dispute", None).await;
    let cleared = visit.officer.event(&visit.assignment, "cleared").await.expect(200);
    assert_eq!(cleared["gaps"][0]["code"], "arrival_unknown");
    let most = 55 + i64::from(visit.passed());
    visit.rung("on_scene", 60.0).await.expect(200);
    let gap = visit.list("").await.remove(0);
    assert_eq!(gap["code"], "no_recording");
    // A write carries the instant of the batch it joined, which may have begun some milliseconds before `begun`.
    assert!((53..=most).contains(&gap["need"].as_i64().unwrap()), "{gap}");
    visit.film(&visit.officer, 90.0, 90 + visit.passed()).await;
    wait_until("the gap to close", || async { visit.list("").await.is_empty() }).await;
}

#[tokio::test]
async fn what_the_incident_must_have_is_owed_by_who_leaves_last() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Two").await;
    let zhao = station.officer("zhao").await;
    zhao.sign_on().await;
    let incident = room.incident_with(station.near(0.0, 0.0), json!({ "category": "80" })).await;
    let sent = room.assign(&incident, &[&wang, &zhao]).await;
    let of = |who: &Officer| sent.iter().find(|one| one["person_id"] == who.person_id.as_str()).unwrap().clone();
    for who in [&wang, &zhao] {
        who.event(&of(who), "on_scene").await.ok();
    }
    let first = wang.event(&of(&wang), "cleared").await.expect(200);
    assert_eq!((&first["gaps"][0]["code"], &first["gaps"][0]["gap_id"]), (&json!("no_photos"), &Value::Null));
    assert!(room.get("/scene-gaps").await.expect(200).items().is_empty(), "Zhao is still there");
    // Over the socket it is the same answer.
    let mut terminal = zhao.socket().await;
    let request = new_id();
    terminal.send(json!({
        "type": "assignment_event", "request_id": request, "assignment_id": of(&zhao)["id"], "event": "cleared",
        "at": now(),
    }));
    let reply = terminal.reply(&request).await;
    let listed = room.get("/scene-gaps").await.expect(200);
    assert_eq!(listed.items().len(), 1);
    assert_eq!(reply["body"]["gaps"][0]["gap_id"], listed.items()[0]["id"]);
    assert_eq!(listed.items()[0]["assignment_id"], of(&zhao)["id"]);
}

#[tokio::test]
async fn the_rules_are_the_stations_own() {
    let rules = "[evidence]\nscene_due_s = 3600\n\
        scene_rules = [{ category = \"20\", photos = 1 }, { category = \"2001\", mediation_signatures = 2 }]\n";
    let app = TestApp::builder().config(rules).start().await;
    let fight = Visit::begin(&app, "Own", "200199", Some(60.0)).await;
    assert_eq!(fight.asked().await, [json!(["mediation_signatures", 0, 2, "no_signatures"])]);
    fight.officer.event(&fight.assignment, "cleared").await.expect(200);
    let paper = json!({ "filename": "agreement.pdf", "kind": "document", "incident_id": fight.incident_id() });
    for n in 0..2 {
        let mut paper = paper.clone();
        paper["captured_at"] = json!(ago(20.0));
        fight.officer.upload(format!("%PDF-1.7 {n}").as_bytes(), paper).await;
    }
    wait_until("both papers", || async { fight.list("").await.is_empty() }).await;
    // A kill forgets no countdown.
    let other = Visit::begin(&app, "Other", "201000", Some(60.0)).await;
    other.officer.event(&other.assignment, "cleared").await.expect(200);
    let gap = other.list("").await.remove(0);
    let (opened, due): (jiff::Timestamp, jiff::Timestamp) =
        (gap["opened_at"].as_str().unwrap().parse().unwrap(), gap["due_at"].as_str().unwrap().parse().unwrap());
    assert_eq!(opened.duration_until(due).as_secs(), 3_600);
    app.restart().await;
    let mut desk = other.room.socket().await;
    app.sql(format!("UPDATE scene_gap SET due_at = opened_at WHERE incident_id = '{}'", other.incident_id())).await;
    desk.expect("scene_gap.overdue").await;
}
