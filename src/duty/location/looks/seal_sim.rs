//! Looks in small worlds: rows of the log are committed, refused, or committed while the process dies; rounds of sealing
//! are broken off before, in and after any of their commits; the server starts again from what was committed, or from an
//! older copy; what was owed is written late, and now and then twice. A model keeps every look once. Whatever happened,
//! each person is told of each look at him once, latest first, and the log holds what memory holds and nothing else.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::put;
use crate::duty::location::access::{AccessKind, Look};
use crate::duty::location::looks::book::{Book, nobody};
use crate::duty::location::looks::{bytes, read};
use crate::duty::location::store::{self, AccessRow, LookSegmentRow};
use crate::platform::db::Tx;
use crate::platform::db::memory::Memory;
use crate::words::dice::Dice;
use crate::words::error::Error;
use crate::words::ids::{AccessId, PersonId, SegmentId};
use crate::words::sim::{self, End, ServerTime};
use crate::words::time::Timestamp;

const STEPS: u64 = 40;

/// Seconds a look waits here until it is sealed.
const SEAL_S: i64 = 5;

/// The whole of time.
const EVER: (Timestamp, Timestamp) = (Timestamp::EPOCH, Timestamp::from_micros(i64::MAX));

/// Every look that is committed.
type Model = BTreeMap<AccessId, Arc<Look>>;

struct World<'a> {
    dice: Dice,
    time: ServerTime,
    store: &'a mut Memory,
    people: Vec<PersonId>,
    book: Book,
    next_n: i64,
    model: Model,
    copies: Vec<(usize, Model)>,
}

impl World<'_> {
    fn end(&mut self) -> End {
        match self.dice.below(10) {
            0..=6 => End::Done,
            7 => End::Fails,
            8 => End::DiesBefore,
            _ => End::DiesAfter,
        }
    }

    fn look(&mut self) -> Arc<Look> {
        let known: Vec<Arc<Look>> = self.model.values().cloned().collect();
        if self.dice.chance(0.05)
            && let Some(again) = self.dice.pick(&known)
        {
            return Arc::clone(again);
        }
        let late_s = if self.dice.chance(0.1) { self.dice.below(3_600) } else { 0 };
        let at = self.time.now().plus_secs(-i64::try_from(late_s).unwrap());
        let people: Vec<PersonId> = self.people.iter().filter(|_| self.dice.chance(0.4)).copied().collect();
        let id = sim::id(&mut self.dice);
        let viewer = *self.dice.pick(&self.people).unwrap();
        let viewer = (viewer, sim::id(&mut self.dice), sim::id(&mut self.dice));
        let kind = if people.len() == 1 { AccessKind::Track } else { AccessKind::Nearby };
        let purpose = self.dice.chance(0.5).then(|| "why".to_owned());
        let row = AccessRow::of_moment(id, viewer, kind, purpose, at);
        Arc::new(Look { row, people, ends: None })
    }

    /// Some looks are asked for at once: one row.
    fn ask(&mut self, end: End) {
        let count = 1 + self.dice.below(3);
        let looks: Vec<Arc<Look>> = (0..count).map(|_| self.look()).collect();
        let (n, now, body) = (self.next_n, self.time.now(), bytes::log(&looks));
        self.next_n += 1;
        let recipe = |tx: &mut Tx<'_>| {
            store::look_log_insert(tx.conn(), n, 1, &body, now)?;
            if end == End::Fails { Err(Error::busy(1)) } else { Ok(()) }
        };
        if end == End::DiesBefore {
            self.store.die_in(now, recipe);
            self.start();
            return;
        }
        if self.store.write(now, None, recipe).is_err() {
            assert!(end == End::Fails);
            return;
        }
        self.model.extend(looks.iter().map(|look| (look.row.id, Arc::clone(look))));
        if end == End::DiesAfter {
            self.start();
        } else {
            self.book.take_up(n, &looks, now);
        }
    }

    /// One commit of a round of sealing, which is begun if it is due.
    fn seal(&mut self, end: End) {
        let now = self.time.now();
        if !self.book.begin(now, SEAL_S) {
            return;
        }
        let chunk = self.book.next(2).expect("a round has somebody left");
        let reader = *self.dice.pick(&self.people).unwrap();
        let open = self.book.of_person(&reader, EVER.0, EVER.1, 500);
        let segments = chunk.segments();
        let recipe = |tx: &mut Tx<'_>| {
            put(tx.conn(), &segments, &chunk.log_rows)?;
            if end == End::Fails { Err(Error::busy(1)) } else { Ok(()) }
        };
        if end == End::DiesBefore {
            self.store.die_in(now, recipe);
            self.start();
            return;
        }
        let done = self.store.write(now, None, recipe).is_ok();
        assert_eq!(done, end != End::Fails);
        // Somebody who read memory before the commit reads the segments after it.
        let seen = read::naming(self.store.conn(), &reader, open, EVER.0, EVER.1, 500).unwrap();
        assert_eq!(seen, self.expected(&reader, EVER, 500), "beside the commit");
        match end {
            End::Done => self.book.done(&chunk),
            End::DiesAfter => self.start(),
            _ => {}
        }
    }

    fn start(&mut self) {
        self.time.restart(&mut self.dice);
        let log = store::look_log_all(self.store.conn()).unwrap();
        (self.book, self.next_n) = Book::restored(log, self.time.now()).unwrap();
    }

    fn told(&mut self, person: &PersonId, between: (Timestamp, Timestamp), most: i64) -> Vec<AccessRow> {
        let open = self.book.of_person(person, between.0, between.1, usize::try_from(most).unwrap());
        read::naming(self.store.conn(), person, open, between.0, between.1, most).unwrap()
    }

    fn expected(&self, person: &PersonId, (from, to): (Timestamp, Timestamp), most: usize) -> Vec<AccessRow> {
        let shows = |look: &&Arc<Look>| {
            let mut others = look.people.iter().filter(|shown| **shown != look.row.viewer_id);
            if *person == nobody() { others.next().is_none() } else { others.any(|shown| shown == person) }
        };
        let looks = self.model.values().filter(shows).filter(|look| (from..=to).contains(&look.row.from_at));
        let mut rows: Vec<AccessRow> = looks.map(|look| look.row.clone()).collect();
        rows.sort_by_key(|row| (Reverse(row.from_at), row.id));
        rows.truncate(most);
        rows
    }

    fn step(&mut self) {
        let end = self.end();
        match self.dice.below(100) {
            0..=44 => self.ask(end),
            45..=84 => self.seal(end),
            85..=88 => self.start(),
            89..=92 => self.time.wait_ms(SEAL_S * 1_000),
            93..=96 => self.copies.push((self.store.copy(), self.model.clone())),
            _ => {
                if let Some(at) = (!self.copies.is_empty()).then(|| self.dice.below(self.copies.len())) {
                    self.copies.truncate(at + 1);
                    let (copy, model) = self.copies[at].clone();
                    self.store.put_back(copy);
                    self.model = model;
                    self.start();
                }
            }
        }
    }

    /// One person a step, everybody in the end.
    fn check(&mut self, people: &[PersonId]) {
        for person in people {
            assert_eq!(self.told(person, EVER, 500), self.expected(person, EVER, 500), "all of them, once");
            assert_eq!(self.told(person, EVER, 3), self.expected(person, EVER, 3), "the latest");
            let to = self.time.now().plus_secs(-60);
            let part = (to.plus_secs(-600), to);
            assert_eq!(self.told(person, part, 4), self.expected(person, part, 4), "a part of them");
        }
        let log: Vec<i64> = store::look_log_all(self.store.conn()).unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(log, self.book.rows(), "the log is what is open");
    }
}

#[test]
fn looks_simulated() {
    let mut store = Memory::open();
    sim::worlds("looks", 200, |mut dice| {
        store.wipe();
        let time = ServerTime::begin(&mut dice);
        let people: Vec<PersonId> = (0..5).map(|_| sim::id(&mut dice)).collect();
        let everybody: Vec<PersonId> = people.iter().copied().chain([nobody()]).collect();
        let mut world = World {
            people,
            dice,
            time,
            store: &mut store,
            book: Book::default(),
            next_n: 1,
            model: Model::new(),
            copies: Vec::new(),
        };
        for _ in 0..STEPS {
            world.time.pass(&mut world.dice.fork(7));
            world.step();
            let one = everybody[world.dice.below(everybody.len())];
            world.check(&[one]);
        }
        world.check(&everybody);
        // Left alone, everything gets sealed and the log is empty.
        world.time.wait_ms(SEAL_S * 1_000);
        while world.book.begin(world.time.now(), SEAL_S) {
            world.seal(End::Done);
        }
        world.check(&everybody);
        assert!(world.book.rows().is_empty());
        STEPS
    });
}

#[test]
fn a_segment_is_kept_until_its_last_look_is_old() {
    let mut store = Memory::open();
    let person = PersonId::new();
    let hour = |n: i64| Timestamp::EPOCH.plus_secs(n * 3_600);
    let segment = |from: i64, to: i64| LookSegmentRow {
        id: SegmentId::new(),
        person_id: person,
        from_at: hour(from),
        to_at: hour(to),
        looks: 0,
        body: bytes::segment(&[]),
    };
    let segments = [segment(1, 2), segment(1, 10), segment(9, 11)];
    store.write(hour(11), None, |tx| put(tx.conn(), &segments, &[])).unwrap();
    assert_eq!(store.write(hour(12), None, |tx| store::look_segments_trim(tx.conn(), hour(10))).unwrap(), 1);
    let left = store::look_segments(store.conn(), &person, EVER.0, EVER.1, 0, 10).unwrap();
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [segments[2].id, segments[1].id]);
}
