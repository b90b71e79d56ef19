//! The live table through its own interface: fusing, freshness, sharing, subscriptions, both encodings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::*;
use crate::duty::location::fix::{Fix, Flags, e7};
use crate::duty::location::live_bin;
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::words::geo::Position;

fn fix(at: Timestamp, lon: f64, lat: f64, next: Option<u32>) -> Fix {
    Fix {
        at: at.as_micros(),
        received_ms: at.as_micros() / 1000 + 1,
        lon_e7: e7(lon),
        lat_e7: e7(lat),
        accuracy_dm: Some(50),
        speed_cms: Some(130),
        heading_ddeg: Some(900),
        altitude_dm: None,
        battery_pct: None,
        next_within_s: next,
        source: None,
        raw: None,
        flags: Flags::default(),
    }
}

struct World {
    live: Live,
    clock: Clock,
    unit: UnitId,
}

impl World {
    fn new() -> Self {
        let clock = Clock::system();
        Self { live: Live::new(Arc::new(Hub::default()), clock.clone(), 60), clock, unit: UnitId::new() }
    }

    fn facts(&self, path: &str, on_duty: bool) -> Facts {
        Facts {
            kind: PersonKind::PoliceOfficer,
            unit_id: self.unit,
            unit_path: Arc::from(path),
            on_duty,
            availability: if on_duty { "available" } else { "off_duty" }.to_owned(),
            crew_id: None,
            has_vehicle: false,
            carried: vec![],
        }
    }

    fn officer(&self, path: &str) -> PersonId {
        let person = PersonId::new();
        self.live.set_facts(person, self.facts(path, true));
        person
    }

    fn report(&self, person: PersonId, device: DeviceId, fix: Fix) {
        let kind = Some(DeviceKind::Handheld);
        self.live.apply(vec![Update { device, kind, unit: None, person: Some(person), fix }]);
    }

    fn place(&self, person: PersonId, lon: f64, lat: f64) {
        self.report(person, DeviceId::new(), fix(self.clock.now(), lon, lat, None));
    }

    fn seat(&self, path: &str) -> Scope {
        Scope { viewer: PersonId::new(), unit_path: Some(Arc::from(path)), subtree: true }
    }
}

/// What a JSON client has on its screen.
#[derive(Default)]
struct Screen(HashMap<String, Value>);

impl Screen {
    fn take(&mut self, frame: &LiveFrame) {
        assert!(frame.bytes.len() <= subscription::FRAME_MAX);
        let json: Value = serde_json::from_slice(&frame.bytes).unwrap();
        assert_eq!(json["version"], frame.version);
        let snapshot = json["type"] == "live_snapshot";
        if snapshot {
            self.0.clear();
        }
        for person in json[if snapshot { "people" } else { "changed" }].as_array().unwrap() {
            self.0.insert(person["person_id"].as_str().unwrap().to_owned(), person.clone());
        }
        for gone in json["removed"].as_array().into_iter().flatten() {
            assert!(self.0.remove(gone.as_str().unwrap()).is_some(), "removed without having been shown");
        }
    }

    fn follow(&mut self, live: &Live, sub: &mut Subscription) {
        live.tick();
        while let Some(frame) = sub.delta(Encoding::Json) {
            self.take(&frame);
        }
    }

    fn shows(&self, person: PersonId) -> bool {
        self.0.contains_key(&person.to_string())
    }
}

#[test]
fn a_person_is_where_the_carried_fresh_accurate_device_is() {
    let w = World::new();
    let person = w.officer("/a/");
    let (phone, camera) = (DeviceId::new(), DeviceId::new());
    let now = w.clock.now();
    w.report(person, camera, fix(now.plus_secs(-1), 119.6, 31.7, None));
    w.report(person, phone, fix(now.plus_secs(-2), 119.5, 31.7, None));
    assert_eq!(w.live.get(&person).unwrap().device_id, camera, "newest of equals");
    w.live.set_facts(person, Facts { carried: vec![phone], ..w.facts("/a/", true) });
    assert_eq!(w.live.get(&person).unwrap().device_id, phone, "carried comes first");
    let rough = Fix { accuracy_dm: Some(9_000), ..fix(now, 119.7, 31.7, None) };
    w.report(person, DeviceId::new(), rough);
    assert_eq!(w.live.get(&person).unwrap().device_id, phone);
}

#[test]
fn past_its_due_time_a_marker_is_silent_and_off_duty_it_is_nowhere() {
    let w = World::new();
    let person = w.officer("/a/");
    let now = w.clock.now();
    w.report(person, DeviceId::new(), fix(now.plus_secs(-100), 119.5, 31.7, Some(10)));
    let marker = w.live.get(&person).unwrap();
    assert_eq!(marker.due_at, now.plus_secs(-100 + 10 + 3));
    assert_eq!(marker.freshness(now), Freshness::Silent);
    assert_eq!(marker.freshness(now.plus_secs(-90)), Freshness::Fresh);
    assert_eq!(marker.freshness(now.plus_secs(2_000)), Freshness::Off);
    assert_eq!(marker.cause, Some(Cause::NoNetwork));
    let here = Position::new(119.5, 31.7).unwrap();
    assert_eq!(w.live.nearest(here, 5, 1e6, |_, _| true).len(), 1);
    w.live.set_facts(person, w.facts("/a/", false));
    assert!(w.live.nearest(here, 5, 1e6, |_, _| true).is_empty());
    assert!(w.live.people(&w.seat("/a/"), None).0.is_empty());
    assert_eq!(w.live.get(&person).unwrap().cause, Some(Cause::SignedOff));
}

#[test]
fn the_nearest_one_sees_are_those_on_ones_map_by_distance() {
    let w = World::new();
    let here = Position::new(119.5, 31.7).unwrap();
    let people: Vec<PersonId> = (0..90).map(|n| w.officer(["/a/", "/a/b/", "/c/"][n % 3])).collect();
    for (n, person) in people.iter().enumerate() {
        // Scattered without an order, some signed off.
        w.place(*person, 119.5 + f64::from((n * 37 % 90) as u32) * 1e-3, 31.7);
        if n % 10 == 9 {
            w.live.set_facts(*person, w.facts("/a/", false));
        }
    }
    let seat = w.seat("/a/");
    let friend = people[2];
    w.live.share(uuid::Uuid::now_v7(), [seat.viewer, friend]);
    let mut map: Vec<(PersonId, f64)> = w
        .live
        .people(&seat, None)
        .0
        .iter()
        .map(|person| (person.person_id, here.distance_m(Position::new(person.lon, person.lat).unwrap())))
        .collect();
    map.sort_by(|one, other| one.1.total_cmp(&other.1));
    let ids = |found: &[(PersonId, f64)]| found.iter().map(|(person, _)| *person).collect::<Vec<_>>();
    let found = |found: &[Found]| found.iter().map(|one| one.marker.person_id).collect::<Vec<_>>();
    assert_eq!(found(&w.live.nearest_seen(&seat, here, 1_000, 1e6, |_, _| true)), ids(&map));
    assert!(ids(&map).contains(&friend) && map.len() < people.len());
    // The limit counts whom one wants, not whom one passes over.
    let far: Vec<_> = map.iter().filter(|(person, _)| *person != map[0].0).take(7).copied().collect();
    assert_eq!(found(&w.live.nearest_seen(&seat, here, 7, 1e6, |person, _| *person != map[0].0)), ids(&far));
}

#[test]
fn a_contract_that_runs_out_is_pushed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let w = World::new();
        let person = w.officer("/a/");
        let mut sub = w.live.subscribe(w.seat("/"), None);
        let mut screen = Screen::default();
        let watcher = tokio::spawn({
            let live = w.live.clone();
            async move { live.watch_contracts().await }
        });
        let now = w.clock.now();
        // Ends 300 ms from now: 1 s promised, 3 s grace, 3.7 s gone.
        w.report(person, DeviceId::new(), fix(now.plus_millis(-3_700), 119.5, 31.7, Some(1)));
        screen.take(&sub.snapshot(Encoding::Json));
        assert_eq!(screen.0[&person.to_string()]["freshness"], "fresh");
        let ticker = tokio::spawn({
            let live = w.live.clone();
            async move {
                loop {
                    live.tick();
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            }
        });
        let told = async {
            while screen.0[&person.to_string()]["freshness"] != "silent" {
                sub.changed().await;
                while let Some(frame) = sub.delta(Encoding::Json) {
                    screen.take(&frame);
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("the silence is pushed");
        assert!(w.clock.now() > w.live.get(&person).unwrap().due_at, "not before it is due");
        assert_eq!(screen.0[&person.to_string()]["cause"], "no_network");
        ticker.abort();
        watcher.abort();
    });
}

#[test]
fn scopes_boxes_and_shares_decide_who_is_shown() {
    let w = World::new();
    let (mine, other, child) = (w.officer("/a/b/"), w.officer("/a/c/"), w.officer("/a/b/d/"));
    for person in [mine, other, child] {
        w.place(person, 119.5, 31.7);
    }
    let mut seat = w.live.subscribe(w.seat("/a/b/"), Some("119,31,120,32".parse().unwrap()));
    let field = Scope { viewer: mine, unit_path: Some(Arc::from("/a/b/")), subtree: false };
    let mut officer = w.live.subscribe(field, None);
    let (mut seat_screen, mut field_screen) = (Screen::default(), Screen::default());
    seat_screen.take(&seat.snapshot(Encoding::Json));
    field_screen.take(&officer.snapshot(Encoding::Json));
    assert!(seat_screen.shows(mine) && seat_screen.shows(child) && !seat_screen.shows(other));
    assert!(field_screen.shows(mine) && !field_screen.shows(child) && !field_screen.shows(other));

    let backup = crate::words::ids::BackupId::new();
    w.live.share(backup, [mine, other]);
    field_screen.follow(&w.live, &mut officer);
    seat_screen.follow(&w.live, &mut seat);
    assert!(field_screen.shows(other), "joined by a backup");
    assert!(!seat_screen.shows(other));
    w.live.set_facts(other, w.facts("/a/c/", false));
    field_screen.follow(&w.live, &mut officer);
    assert!(field_screen.shows(other), "off duty, yet in the same alarm");
    w.live.unshare(backup);
    field_screen.follow(&w.live, &mut officer);
    assert!(!field_screen.shows(other), "the right ends with the alarm");

    w.place(mine, 118.0, 31.7);
    seat_screen.follow(&w.live, &mut seat);
    assert!(!seat_screen.shows(mine), "left the box");
    w.live.set_facts(child, w.facts("/a/b/d/", false));
    seat_screen.follow(&w.live, &mut seat);
    assert!(seat_screen.0.is_empty());
}

#[test]
fn a_slow_watcher_gets_the_latest_of_everything_in_small_frames() {
    let w = World::new();
    let people: Vec<(PersonId, DeviceId)> = (0..600).map(|_| (w.officer("/a/"), DeviceId::new())).collect();
    let start = w.clock.now();
    for (person, device) in &people {
        w.report(*person, *device, fix(start, 119.5, 31.7, None));
    }
    let mut sub = w.live.subscribe(w.seat("/"), None);
    let mut screen = Screen::default();
    let first = sub.snapshot(Encoding::Json);
    assert!(first.more, "600 people do not fit in one frame");
    screen.take(&first);
    for tick in 1..=300i64 {
        for (person, device) in people.iter().skip((tick % 7) as usize).step_by(7) {
            w.report(*person, *device, fix(start.plus_millis(tick), 119.5, 31.7 + tick as f64 * 1e-5, None));
        }
        w.live.tick();
        if tick % 100 == 0 {
            screen.take(&sub.delta(Encoding::Json).unwrap());
        }
    }
    screen.follow(&w.live, &mut sub);
    assert_eq!(screen.0.len(), 600);
    let (now, _) = w.live.people(&w.seat("/"), None);
    for person in now {
        assert_eq!(screen.0[&person.person_id.to_string()]["lat"], person.lat);
    }
    assert!(sub.delta(Encoding::Json).is_none());
}

#[test]
fn the_binary_frames_say_the_same_in_sixteen_bytes() {
    let w = World::new();
    let people: Vec<(PersonId, DeviceId)> = (0..50).map(|_| (w.officer("/a/"), DeviceId::new())).collect();
    let start = w.clock.now();
    for (i, (person, device)) in people.iter().enumerate() {
        w.report(*person, *device, fix(start.plus_secs(-(i as i64) * 60), 119.5 + i as f64 * 1e-3, -31.7, Some(3_600)));
    }
    let mut sub = w.live.subscribe(w.seat("/"), None);
    let snapshot = live_bin::read(&sub.snapshot(Encoding::Bin).bytes).unwrap();
    assert!(snapshot.snapshot && snapshot.names.len() == 50 && snapshot.records.len() == 50);
    let names: HashMap<u32, uuid::Uuid> = snapshot.names.iter().map(|(h, _, id)| (*h, *id)).collect();
    for seen in &snapshot.records {
        let person = PersonId::from(names[&seen.handle]);
        let marker = w.live.get(&person).unwrap();
        assert!((seen.lon - marker.position.lon).abs() < 1e-7 && (seen.lat - marker.position.lat).abs() < 1e-7);
        assert_eq!(seen.at.as_micros() / 1_000_000, marker.at.as_micros() / 1_000_000);
        assert_eq!((seen.freshness, seen.speed_mps), (marker.freshness(w.clock.now()), Some(1.5)));
        assert!((seen.heading_deg.unwrap() - 90.0).abs() < 1.0);
    }
    for (person, device) in people.iter().take(20) {
        w.report(*person, *device, fix(start.plus_secs(1), 119.6, -31.7, None));
    }
    w.live.set_facts(people[40].0, w.facts("/a/", false));
    w.live.tick();
    let frame = sub.delta(Encoding::Bin).unwrap();
    assert_eq!(frame.bytes.len(), live_bin::HEAD_BYTES + 20 * 16 + 3);
    let delta = live_bin::read(&frame.bytes).unwrap();
    assert!(!delta.snapshot && delta.names.is_empty() && delta.records.len() == 20);
    assert_eq!(names[&delta.removed[0]], uuid::Uuid::from(people[40].0));
    assert!(live_bin::read(&frame.bytes[..frame.bytes.len() - 1]).is_none());
}

#[test]
fn a_vehicle_without_people_has_its_own_marker() {
    let w = World::new();
    let car = DeviceId::new();
    let driver = w.officer("/a/");
    let update = |person| Update {
        device: car,
        kind: Some(DeviceKind::VehicleUnit),
        unit: Some((w.unit, Arc::from("/a/"))),
        person,
        fix: fix(w.clock.now(), 119.5, 31.7, None),
    };
    w.live.apply(vec![update(None)]);
    assert_eq!(w.live.people(&w.seat("/a/"), None).1.len(), 1);
    w.live.apply(vec![update(Some(driver))]);
    let (people, vehicles) = w.live.people(&w.seat("/a/"), None);
    assert_eq!((people.len(), vehicles.len()), (1, 0));
    w.live.set_facts(driver, w.facts("/a/", false));
    let (people, vehicles) = w.live.people(&w.seat("/a/"), None);
    assert_eq!((people.len(), vehicles.len()), (0, 1));
}

#[test]
fn ticks_of_many_threads_never_put_an_older_place_over_a_newer_one() {
    let w = World::new();
    let people: Vec<(PersonId, DeviceId)> = (0..20).map(|_| (w.officer("/a/"), DeviceId::new())).collect();
    let start = w.clock.now().plus_secs(-60);
    // Rounds, each of which ends with everybody standing still: only then is there one right answer.
    for round in 1..=100_i64 {
        let moving = AtomicBool::new(true);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    while moving.load(Ordering::Relaxed) {
                        w.live.tick();
                    }
                });
            }
            // A watcher with much to read: ticks meet at its lock, where the later one may come in first.
            threads.spawn(|| {
                while moving.load(Ordering::Relaxed) {
                    let published = w.live.inner.published.read();
                    (0..50).for_each(|_| _ = std::hint::black_box(published.slots().count()));
                }
            });
            for step in 0..20 {
                let at = start.plus_millis(round * 100 + step);
                for (person, device) in &people {
                    w.report(
                        *person,
                        *device,
                        fix(at, 119.0, 30.0 + f64::from(i32::try_from(step).unwrap()) / 100.0, None),
                    );
                }
            }
            moving.store(false, Ordering::Relaxed);
        });
        let mut screen = Screen::default();
        let mut sub = w.live.subscribe(w.seat("/a/"), None);
        screen.take(&sub.snapshot(Encoding::Json));
        for (person, _) in &people {
            let drawn = screen.0[&person.to_string()]["lat"].as_f64().unwrap();
            let known = w.live.get(person).unwrap().position.lat;
            assert!((drawn - known).abs() < 1e-9, "round {round}: {drawn} is drawn, {known} is known");
        }
    }
}
