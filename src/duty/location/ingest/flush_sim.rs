//! Tracks in small worlds: devices with wrong clocks bring fixes late, twice and for former bearers; flushes commit, fail,
//! or commit while the process dies; segments are sealed for their age, their size and the log's length; the server
//! starts again from what was committed, or from an older copy. A model keeps every (device, time) once. Whatever
//! happened, a track is the model's, to the last digit that is kept, and a repeat is told as such.

use std::collections::BTreeMap;

use super::super::restore::take_up;
use super::*;
use crate::duty::location::fix::{FixIn, FixSource, degrees};
use crate::duty::location::history::{MAX_OPEN_FIXES, MAX_OPEN_MS};
use crate::duty::location::log;
use crate::duty::location::service::merged;
use crate::words::dice::Dice;
use crate::words::geo::Datum;
use crate::words::sim::{self, End, ServerTime};

const STEPS: u64 = 24;

/// The three tables.
#[derive(Clone, Default)]
struct Tables {
    log: BTreeMap<i64, Vec<u8>>,
    segments: Vec<SegmentRow>,
    tails: BTreeMap<(DeviceId, String), TailRow>,
}

impl Tables {
    fn commit(&mut self, rows: &Rows) {
        self.segments.extend(rows.segments.iter().cloned());
        if let Some(log) = &rows.log {
            assert!(self.log.insert(rows.n, log.clone()).is_none(), "a number is used once");
        }
        for tail in &rows.tails {
            self.tails.insert((tail.device_id, tail.author.clone()), tail.clone());
        }
        if let Some(bound) = rows.trim_before {
            self.log.retain(|n, _| *n >= bound);
        }
    }

    fn of_device(&self, device: DeviceId, from: i64, to: i64) -> Vec<Vec<u8>> {
        let met = |row: &&SegmentRow| row.device_id == device && row.to_at >= from && row.from_at <= to;
        self.segments.iter().filter(met).map(|row| row.body.clone()).collect()
    }

    fn of_person(&self, person: PersonId, from: i64, to: i64) -> Vec<(DeviceId, Vec<u8>)> {
        let met = |row: &&SegmentRow| row.person_id == Some(person) && row.to_at >= from && row.from_at <= to;
        self.segments.iter().filter(met).map(|row| (row.device_id, row.body.clone())).collect()
    }
}

/// A call: the device, and its fixes with whose they are.
type Brings = (DeviceId, Vec<(Option<PersonId>, Fix)>);

/// Everything acknowledged: whose it is, and the fix as it was first read back.
type Model = BTreeMap<(DeviceId, i64), (Option<PersonId>, Fix)>;

struct World {
    dice: Dice,
    time: ServerTime,
    devices: Vec<DeviceId>,
    people: Vec<PersonId>,
    max_log: u64,
    tables: Tables,
    history: History,
    states: HashMap<DeviceId, DeviceState>,
    model: Model,
    copies: Vec<(Tables, Model)>,
    reports: i64,
    /// A few worlds fill segments by their size; the others are quick.
    busy: bool,
}

impl World {
    fn new(mut dice: Dice) -> Self {
        let max_log = [20, 60, 400, 1_000_000][dice.below(4)];
        Self {
            time: ServerTime::begin(&mut dice),
            devices: (0..3).map(|_| sim::id(&mut dice)).collect(),
            people: (0..3).map(|_| sim::id(&mut dice)).collect(),
            max_log,
            tables: Tables::default(),
            history: History::new(max_log),
            states: HashMap::new(),
            model: Model::new(),
            copies: Vec::new(),
            reports: 0,
            busy: dice.chance(0.05),
            dice,
        }
    }

    /// A report as an app makes it.
    fn report(&mut self, device: DeviceId) -> FixIn {
        let dice = &mut self.dice;
        let again = self.model.range((device, i64::MIN)..=(device, i64::MAX)).map(|((_, at), _)| *at);
        let again: Vec<i64> = if dice.chance(0.1) { again.collect() } else { Vec::new() };
        self.reports += 1;
        let at = match dice.pick(&again) {
            Some(at) => Timestamp::from_micros(*at),
            None if dice.chance(0.7) => self.time.now().plus_millis(self.reports - 1_000),
            None => self.time.seen_by(dice),
        };
        let far = dice.chance(0.03);
        let (lon, lat) = if far { (dice.between(-180.0, 180.0), dice.between(-90.0, 90.0)) } else { (119.5, 31.7) };
        let (lon, lat) =
            if dice.chance(0.02) { (0.0, 0.0) } else { (lon + dice.unit() / 1e3, lat + dice.unit() / 1e3) };
        let mut some = |low, high| dice.chance(0.5).then(|| dice.between(low, high));
        FixIn {
            at,
            lon: lon.clamp(-180.0, 180.0),
            lat: lat.clamp(-90.0, 90.0),
            accuracy_m: some(0.0, 500.0),
            speed_mps: some(0.0, 60.0),
            heading_deg: some(0.0, 360.0),
            altitude_m: some(-100.0, 4_000.0),
            battery_pct: some(0.0, 100.0),
            next_within_s: some(0.0, 600.0),
            datum: [None, Some(Datum::Wgs84), Some(Datum::Gcj02), Some(Datum::Bd09)][dice.below(4)],
            source: [None, Some(FixSource::Gnss), Some(FixSource::Fused)][dice.below(3)],
            author: None,
        }
    }

    /// Up to three calls of one flush, each fix filed under its author.
    fn calls(&mut self) -> Vec<Brings> {
        let mut calls = Vec::new();
        for _ in 0..self.dice.below(4) {
            let device = self.devices[self.dice.below(3)];
            let many = match self.dice.below(40) {
                0 if self.busy => 400 + self.dice.below(800),
                0..=4 => 10 + self.dice.below(20),
                _ => self.dice.below(5),
            };
            let (mut fixes, bearer) = (Vec::new(), self.people[self.dice.below(3)]);
            let former = if many > 100 { 0.0 } else { 0.3 };
            for _ in 0..many {
                let input = self.report(device);
                let fix = Fix::take(&input, self.time.now()).expect("in range");
                check_units(&input, &fix);
                let other = [None, Some(self.people[0]), Some(self.people[1])][self.dice.below(3)];
                let author = if self.dice.chance(former) { other } else { Some(bearer) };
                fixes.push((author, fix));
                if self.dice.chance(0.05) {
                    fixes.push((author, fix));
                }
            }
            calls.push((device, fixes));
        }
        calls
    }

    fn flush(&mut self, end: End) {
        let calls = self.calls();
        let now = self.time.now();
        let brought: Vec<Brought<'_>> =
            calls.iter().map(|(device, fixes)| Brought { device: *device, fixes }).collect();
        let tables = &self.tables;
        let sealed = |device, from, to| Ok(tables.of_device(device, from, to));
        let flush = decide(&self.history, &self.states, &brought, now, sealed).expect("segments are whole");
        let (first, last) = (i64::MIN, i64::MAX);
        let reader = self.people[self.dice.below(3)];
        let (open, before) = (self.history.of_person(reader, first, last), self.expected(reader, first, last));
        let rows = rows(&flush, &self.states, now);
        if matches!(end, End::Done | End::DiesAfter) && !flush.plan.is_empty() {
            self.tables.commit(&rows);
        }
        if matches!(end, End::Done | End::DiesAfter) {
            self.learn(&calls, &flush);
        }
        match end {
            End::Done => {
                // Somebody who read memory before the commit reads the segments after it.
                let seen = merged(open, self.tables.of_person(reader, first, last), first, last).unwrap();
                let whole = self.holds(&seen, reader, &before);
                assert!(whole, "a reader beside the commit loses or doubles nothing");
                self.history.apply(&flush.plan, now.as_micros() / 1000);
                self.states.extend(flush.states);
            }
            End::Fails => self.history.continue_after(rows.n),
            End::DiesBefore | End::DiesAfter => self.start(),
        }
    }

    /// The model takes what was acknowledged, and holds the receipts against it.
    fn learn(&mut self, calls: &[Brings], flush: &Flush) {
        let mut brought: Vec<(DeviceId, usize, Option<PersonId>, Fix)> = Vec::new();
        for (index, (device, fixes)) in calls.iter().enumerate() {
            brought.extend(fixes.iter().map(|(author, fix)| (*device, index, *author, *fix)));
        }
        brought.sort_by_key(|(device, _, _, fix)| (*device, fix.at));
        let mut fresh = vec![0; calls.len()];
        let mut fresh_ones = HashSet::new();
        for (device, call, author, fix) in brought {
            if let std::collections::btree_map::Entry::Vacant(place) = self.model.entry((device, fix.at)) {
                place.insert((author, fix));
                fresh[call] += 1;
                fresh_ones.insert((device, fix.at));
            }
        }
        for (call, receipt) in flush.receipts.iter().enumerate() {
            let all = u32::try_from(calls[call].1.len()).unwrap();
            assert_eq!((receipt.stored, receipt.duplicates), (fresh[call], all - fresh[call]), "what a call is told");
        }
        // Flags are judged by what came before; they stay as they were first given.
        let sealed = flush.plan.sealed.iter().map(|sealed| (sealed.key, codec::decode(&sealed.body).expect("whole")));
        let logged = flush.plan.log.iter().flat_map(|log| log::decode(log).expect("whole"));
        for (key, fixes) in sealed.chain(logged) {
            for fix in fixes {
                let kept = self.model.get_mut(&(key.device, fix.at)).expect("nothing is kept that was not brought");
                if fresh_ones.contains(&(key.device, fix.at)) {
                    kept.1.flags = fix.flags;
                }
            }
        }
    }

    fn start(&mut self) {
        let tails = self.tables.tails.values().cloned().collect();
        let log = self.tables.log.clone().into_iter().collect();
        let restored = take_up(tails, log, self.max_log).expect("what was written can be read");
        (self.history, self.states) = (restored.history, restored.devices);
        self.time.restart(&mut self.dice);
    }

    fn track(&self, person: PersonId, from: i64, to: i64) -> Vec<(DeviceId, Fix)> {
        let open = self.history.of_person(person, from, to);
        merged(open, self.tables.of_person(person, from, to), from, to).expect("segments are whole")
    }

    fn expected(&self, person: PersonId, from: i64, to: i64) -> Vec<(DeviceId, Fix)> {
        let mut all: Vec<(DeviceId, Fix)> = self
            .model
            .iter()
            .filter(|((_, at), (author, _))| *author == Some(person) && (from..=to).contains(at))
            .map(|((device, _), (_, fix))| (*device, *fix))
            .collect();
        all.sort_by_key(|(device, fix)| (fix.at, *device));
        all
    }

    /// What was read holds everything that was there before this flush, in order, once, and nothing else.
    fn holds(&self, seen: &[(DeviceId, Fix)], person: PersonId, before: &[(DeviceId, Fix)]) -> bool {
        let all: HashMap<(DeviceId, i64), Fix> = self
            .expected(person, i64::MIN, i64::MAX)
            .into_iter()
            .map(|(device, fix)| ((device, fix.at), fix))
            .collect();
        let places: Vec<(i64, DeviceId)> = seen.iter().map(|(device, fix)| (fix.at, *device)).collect();
        let seen: HashMap<(DeviceId, i64), Fix> = seen.iter().map(|(device, fix)| ((*device, fix.at), *fix)).collect();
        places.is_sorted_by(|a, b| a < b)
            && seen.iter().all(|(place, fix)| all.get(place) == Some(fix))
            && before.iter().all(|(device, fix)| seen.contains_key(&(*device, fix.at)))
    }

    fn step(&mut self) {
        match self.dice.below(100) {
            0..=64 => self.flush(End::Done),
            65..=70 => self.flush(End::Fails),
            71..=76 => self.flush(End::DiesBefore),
            77..=82 => self.flush(End::DiesAfter),
            83..=87 => self.start(),
            88..=92 => self.time.wait_ms(MAX_OPEN_MS),
            93..=96 => self.copies.push((self.tables.clone(), self.model.clone())),
            _ => {
                if let Some((tables, model)) = self.dice.pick(&self.copies).cloned() {
                    (self.tables, self.model) = (tables, model);
                    self.start();
                }
            }
        }
    }

    /// One person's track a step, everybody's in the end.
    fn check(&mut self, people: &[PersonId]) {
        for person in people.iter().copied() {
            let expected = self.expected(person, i64::MIN, i64::MAX);
            assert_eq!(self.track(person, i64::MIN, i64::MAX), expected, "the whole track");
            let stored = self.tables.of_person(person, i64::MIN, i64::MAX);
            let stored: usize = stored.iter().map(|(_, body)| codec::decode(body).unwrap().len()).sum();
            let open = self.history.of_person(person, i64::MIN, i64::MAX).len();
            assert_eq!(stored + open, expected.len(), "each fix is kept once");
            if let (Some((_, first)), Some((_, last))) = (expected.first(), expected.last()) {
                let span = usize::try_from(last.at - first.at).unwrap() + 1;
                let from = first.at + i64::try_from(self.dice.below(span)).unwrap();
                let to = from + i64::try_from(self.dice.below(span)).unwrap();
                assert_eq!(self.track(person, from, to), self.expected(person, from, to), "a part of it");
            }
        }
        assert!(self.tables.segments.iter().all(|row| row.fixes <= i64::from(MAX_OPEN_FIXES)));
        for device in &self.devices {
            let of = self.model.range((*device, i64::MIN)..=(*device, i64::MAX));
            let good = of.clone().filter(|(_, (_, fix))| fix.flags.is_clear()).map(|((_, at), _)| *at).max();
            let state = self.states.get(device);
            assert_eq!(
                state.and_then(|state| state.marker).map(|fix| fix.at),
                good,
                "the marker stands on the newest good fix"
            );
            let newest = of.map(|((_, at), _)| *at).max();
            assert_eq!(state.and_then(|state| state.newest_at), newest, "what a repeat is known by");
        }
    }
}

/// Kept to the stated units: 10⁻⁷ degrees, decimetres, centimetres a second, tenths of a degree, percent.
fn check_units(input: &FixIn, fix: &Fix) {
    let near = |told: Option<f64>, kept: Option<f64>, unit: f64| match (told, kept) {
        (Some(told), Some(kept)) => (told - kept).abs() <= unit / 2.0 + 1e-9,
        (told, kept) => told.is_none() && kept.is_none(),
    };
    assert_eq!(fix.at, input.at.as_micros());
    assert!(near(input.accuracy_m, fix.accuracy_m(), 0.1) && near(input.speed_mps, fix.speed_mps(), 0.01));
    assert!(
        near(input.altitude_m, fix.altitude_m(), 0.1) && near(input.battery_pct, fix.battery_pct.map(f64::from), 1.0)
    );
    let north = |told: Option<f64>| told.map(|told| if told >= 359.95 { told - 360.0 } else { told });
    assert!(near(north(input.heading_deg), fix.heading_deg(), 0.1), "{input:?}");
    let place = fix.raw.map_or((fix.lon_e7, fix.lat_e7), |raw| (raw.lon_e7, raw.lat_e7));
    assert!((degrees(place.0) - input.lon).abs() <= 0.51e-7 && (degrees(place.1) - input.lat).abs() <= 0.51e-7);
    assert_eq!(fix.raw.is_some(), matches!(input.datum, Some(Datum::Gcj02 | Datum::Bd09)));
}

#[test]
fn tracks_simulated() {
    sim::worlds("tracks", 500, |dice| {
        let mut world = World::new(dice);
        for _ in 0..STEPS {
            world.time.pass(&mut world.dice.fork(7));
            world.step();
            let one = world.people[world.dice.below(3)];
            world.check(&[one]);
        }
        let people = world.people.clone();
        world.check(&people);
        STEPS
    });
}
