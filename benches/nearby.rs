//! Who is nearest, in process: the library as any program would use it, on one core, 10 thousand to a million people in
//! one city, still and under 2,000 updates a second. `index` is the search alone; `live` is what a request costs after
//! its token is checked: search, the right to see each person, their marker and facts.
//!
//! ```text
//! cargo bench --bench nearby -- [--people N,N,…] [--seconds S] [--updates N]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that meets what it does not expect must fail loudly"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser as _;
use serde_json::{Value, json};
use suixing::duty::location::fix::{Fix, Flags, e7};
use suixing::duty::location::live::index::NearIndex;
use suixing::duty::location::live::{Facts, Live, Scope, Update};
use suixing::platform::policy::{DeviceKind, PersonKind};
use suixing::platform::push::hub::Hub;
use suixing::wiring::cli::print_line;
use suixing::words::dice::Dice;
use suixing::words::geo::Position;
use suixing::words::ids::{DeviceId, PersonId, UnitId};
use suixing::words::time::Clock;

/// The city of the generator's `nearby`.
const CITY: (f64, f64, f64, f64) = (119.3, 31.5, 119.83, 31.95);
/// People of one answer.
const K: usize = 10;
/// Metres a search reaches, as over REST.
const WITHIN_M: f64 = 20_000.0;

#[derive(clap::Parser)]
struct Args {
    /// How many people, one measurement each.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    people: Vec<usize>,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Updates per second.
    #[arg(long, default_value_t = 2_000)]
    updates: usize,
}

fn main() {
    let args = Args::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    for people in &args.people {
        let mut report = json!({"offered": {"people": people, "k": K, "updates_per_s": args.updates}, "sound": true});
        report["index_queries_per_s"] = index(*people, args.seconds);
        let city = City::of(*people);
        report["live_queries_per_s"] = json!(city.ask(args.seconds).round());
        let (asked, moved) = city.ask_while_moving(args.seconds, args.updates);
        report["live_moving_queries_per_s"] = json!(asked.round());
        report["updates_per_s"] = json!(moved.round());
        print_line(&report).unwrap();
    }
}

fn place(dice: &mut Dice) -> Position {
    Position::new(dice.between(CITY.0, CITY.2), dice.between(CITY.1, CITY.3)).unwrap()
}

/// Searches per second of the bare index.
fn index(people: usize, seconds: f64) -> Value {
    let (mut index, mut dice) = (NearIndex::default(), Dice::new(7));
    (0..people).for_each(|_| index.put(PersonId::new(), place(&mut dice)));
    json!(rate(seconds, || assert_eq!(index.by_distance(place(&mut dice), WITHIN_M).take(K).count(), K)).round())
}

/// Calls per second.
fn rate(seconds: f64, mut call: impl FnMut()) -> f64 {
    let (begun, mut calls) = (Instant::now(), 0_u32);
    let until = begun + Duration::from_secs_f64(seconds);
    while Instant::now() < until {
        (0..32).for_each(|_| call());
        calls += 32;
    }
    f64::from(calls) / begun.elapsed().as_secs_f64()
}

/// A live table full of people.
struct City {
    live: Live,
    clock: Clock,
    people: Vec<(PersonId, DeviceId)>,
    seat: Scope,
}

impl City {
    fn of(count: usize) -> Self {
        let clock = Clock::system();
        let live = Live::new(Arc::new(Hub::default()), clock.clone(), 3_600);
        let path: Arc<str> = Arc::from("/city/");
        let facts = Facts {
            kind: PersonKind::PoliceOfficer,
            unit_id: UnitId::new(),
            unit_path: Arc::clone(&path),
            on_duty: true,
            availability: "available".to_owned(),
            crew_id: None,
            has_vehicle: false,
            carried: vec![],
        };
        let mut dice = Dice::new(7);
        let people: Vec<(PersonId, DeviceId)> = (0..count).map(|_| (PersonId::new(), DeviceId::new())).collect();
        let seat = Scope { viewer: PersonId::new(), unit_path: Some(path), subtree: true };
        let city = Self { live, clock, people, seat };
        for who in &city.people {
            city.live.set_facts(who.0, facts.clone());
            city.report(*who, place(&mut dice));
        }
        city.live.tick();
        city
    }

    fn report(&self, (person, device): (PersonId, DeviceId), place: Position) {
        let at = self.clock.now().as_micros();
        let fix = Fix {
            at,
            received_ms: at / 1000,
            lon_e7: e7(place.lon),
            lat_e7: e7(place.lat),
            accuracy_dm: Some(60),
            speed_cms: Some(130),
            heading_ddeg: None,
            altitude_dm: None,
            battery_pct: None,
            next_within_s: Some(3_600),
            source: None,
            raw: None,
            flags: Flags::default(),
        };
        let kind = Some(DeviceKind::Handheld);
        self.live.apply(vec![Update { device, kind, unit: None, person: Some(person), fix }]);
    }

    /// Authorised searches per second.
    fn ask(&self, seconds: f64) -> f64 {
        let mut dice = Dice::new(11);
        rate(seconds, || {
            let found = self.live.nearest_seen(&self.seat, place(&mut dice), K, WITHIN_M, |_, _| true);
            assert_eq!(found.len(), K);
        })
    }

    /// The same while another thread reports and publishes; also the updates per second that were done.
    fn ask_while_moving(&self, seconds: f64, updates: usize) -> (f64, f64) {
        let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|threads| {
            let moving = || {
                let (start, mut dice) = (Instant::now(), Dice::new(9));
                let mut ticked = start;
                while !stop.load(Ordering::Relaxed) {
                    let due = (start.elapsed().as_secs_f64() * updates as f64) as usize;
                    while done.load(Ordering::Relaxed) < due {
                        self.report(self.people[dice.below(self.people.len())], place(&mut dice));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    if ticked.elapsed() >= Duration::from_millis(250) {
                        self.live.tick();
                        ticked = Instant::now();
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            threads.spawn(moving);
            let asked = self.ask(seconds);
            stop.store(true, Ordering::Relaxed);
            (asked, done.load(Ordering::Relaxed) as f64 / seconds)
        })
    }
}
