//! Repeatable writes in small worlds: apps repeat what they never heard the answer of, reuse keys, ask for different
//! things under one; the server refuses, dies before the commit, forgets old keys, has an older copy put back. A model
//! knows what was carried out, and that it was carried out once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::platform::db::memory::Memory;
use crate::platform::db::schema::meta;
use crate::platform::http::body::request_hash;
use crate::words::dice::Dice;
use crate::words::sim::{self, ServerTime};

const STEPS: u64 = 40;

/// What an app sends; `at` is its own clock's, which decides nothing.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    person: PersonId,
    key: String,
    method: &'static str,
    path: &'static str,
    body: String,
}

/// The first answer under a key, as the model keeps it.
#[derive(Clone, Debug)]
struct First {
    request: Request,
    done: Done,
    at: Timestamp,
}

/// What must be true of the database.
#[derive(Clone, Debug, Default)]
struct Model {
    first: BTreeMap<(PersonId, String), First>,
    effects: BTreeSet<String>,
}

/// How a recipe ends when it is let run.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Done,
    /// Refused after it has written.
    Refused,
    /// The process dies before the commit.
    Dies,
}

struct World<'a> {
    dice: Dice,
    time: ServerTime,
    store: &'a mut Memory,
    people: Vec<PersonId>,
    model: Model,
    copies: Vec<(usize, Model)>,
    sent: Vec<Request>,
    effects: u32,
}

impl World<'_> {
    fn request(&mut self) -> Request {
        if self.dice.chance(0.5)
            && let Some(again) = self.dice.pick(&self.sent).cloned()
        {
            return again;
        }
        let seen = self.time.seen_by(&mut self.dice);
        let wish = self.dice.below(3);
        let request = Request {
            person: *self.dice.pick(&self.people).unwrap(),
            key: format!("k{}", self.dice.below(5)),
            method: ["POST", "PATCH"][self.dice.below(2)],
            path: ["/a", "/a/b"][self.dice.below(2)],
            body: if self.dice.chance(0.2) { json!({ "at": seen }).to_string() } else { format!("{{\"w\":{wish}}}") },
        };
        self.sent.push(request.clone());
        request
    }

    fn ask(&mut self, request: &Request, end: End) {
        let name = format!("e{}", self.effects);
        self.effects += 1;
        let status = [200, 201][self.dice.below(2)];
        let done = Done::new(status, json!({ "id": name }));
        let hash = request_hash(request.method, request.path, request.body.as_bytes());
        let now = self.time.now();
        let effect = |tx: &mut Tx<'_>| {
            diesel::insert_into(meta::table).values((meta::key.eq(&name), meta::value.eq("x"))).execute(tx.conn())?;
            if end == End::Refused { Err(Error::conflict("not now")) } else { Ok(done.clone()) }
        };
        let recipe = |tx: &mut Tx<'_>| in_txn(tx, &request.person, &request.key, &hash, &effect);
        if end == End::Dies {
            self.store.die_in(now, recipe);
            return;
        }
        let answer = self.store.write(now, None, recipe);
        let place = (request.person, request.key.clone());
        match self.model.first.get(&place) {
            Some(first) if first.request == *request => {
                assert_eq!(answer.unwrap(), Done { replayed: true, ..first.done.clone() }, "a repeat");
            }
            Some(_) => assert!(answer.unwrap_err().is(Code::KeyReused), "another request under the key"),
            None if end == End::Refused => assert!(answer.unwrap_err().is(Code::Conflict)),
            None => {
                assert_eq!(answer.unwrap(), done, "the first");
                self.model.effects.insert(name);
                self.model.first.insert(place, First { request: request.clone(), done, at: now });
            }
        }
    }

    fn forget_old(&mut self) {
        let now = self.time.now();
        let gone = self.store.write(now, None, trim).unwrap();
        let before = self.model.first.len();
        let kept_from = now.plus_secs(-30 * 86_400);
        self.model.first.retain(|_, first| first.at >= kept_from);
        assert_eq!(gone, before - self.model.first.len(), "keys live thirty days by the server's clock");
    }

    fn step(&mut self) {
        match self.dice.below(100) {
            0..=69 => {
                let request = self.request();
                self.ask(&request, End::Done);
            }
            70..=76 => {
                let request = self.request();
                self.ask(&request, End::Refused);
            }
            77..=82 => {
                let request = self.request();
                self.ask(&request, End::Dies);
            }
            83..=88 => self.forget_old(),
            89..=91 => self.time.wait_ms(12 * 86_400_000),
            92..=94 => self.copies.push((self.store.copy(), self.model.clone())),
            95..=96 => self.time.restart(&mut self.dice),
            _ => {
                if let Some(at) = (!self.copies.is_empty()).then(|| self.dice.below(self.copies.len())) {
                    self.copies.truncate(at + 1);
                    let (copy, model) = self.copies[at].clone();
                    self.store.put_back(copy);
                    self.model = model;
                }
            }
        }
    }

    fn check(&mut self) {
        let found: Vec<String> = meta::table.select(meta::key).load(self.store.conn()).unwrap();
        let found: BTreeSet<String> = found.into_iter().filter(|key| key.starts_with('e')).collect();
        assert_eq!(found, self.model.effects, "what was carried out");
    }
}

#[test]
fn idempotency_simulated() {
    let mut store = Memory::open();
    sim::worlds("idempotency", 1_500, |mut dice| {
        store.wipe();
        let people = (0..3).map(|_| sim::id(&mut dice)).collect();
        let time = ServerTime::begin(&mut dice);
        let mut world = World {
            dice,
            time,
            store: &mut store,
            people,
            model: Model::default(),
            copies: Vec::new(),
            sent: Vec::new(),
            effects: 0,
        };
        for _ in 0..STEPS {
            world.time.pass(&mut world.dice.fork(7));
            world.step();
            world.check();
        }
        STEPS
    });
}
