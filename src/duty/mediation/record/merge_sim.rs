//! Three terminals write one record in small worlds: offline most of the time, reading the server's state now and then,
//! sending what they wrote in any order, again and late. What must come of it is judged by what each author *had in his
//! store* when he wrote, which the world notes in sets apart from versions, bases and counters.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::words::dice::Dice;
use crate::words::sim;
use crate::words::sim::ServerTime;

const PATHS: [&str; 8] = [
    "place",
    "facts",
    "parties/01900000-0000-7000-8000-00000000000a/name",
    "parties/01900000-0000-7000-8000-00000000000a/phone",
    "parties/01900000-0000-7000-8000-00000000000a/removed",
    "parties/01900000-0000-7000-8000-00000000000b/name",
    "parties/01900000-0000-7000-8000-00000000000b/phone",
    "parties/01900000-0000-7000-8000-00000000000b/removed",
];

/// What (id, path) is to the store.
type Key = (Uuid, String);

fn key(edit: &Edit) -> Key {
    (edit.id, edit.path.clone())
}

struct Terminal {
    device: Uuid,
    /// It numbers its edits; its ids then come in any order, as from a clock that is set about. Otherwise its ids rise.
    counts: bool,
    counter: i64,
    /// The version it read last.
    version: i64,
    /// Everything in its store: what it read and what it wrote.
    has: BTreeSet<Key>,
    /// Not acknowledged yet, one request each.
    outbox: Vec<Vec<Edit>>,
}

struct World {
    dice: Dice,
    time: ServerTime,
    terminals: Vec<Terminal>,
    /// The server: what it took in, and its version.
    edits: Vec<Edit>,
    version: i64,
    /// Requests on their way, with copies.
    flying: Vec<Vec<Edit>>,
    /// What its author had when he wrote it.
    had: BTreeMap<Key, BTreeSet<Key>>,
    /// What was no head any more at some time.
    superseded: BTreeSet<Key>,
    /// The values at each version that somebody read or the server came to.
    stood: BTreeMap<i64, Values>,
}

impl World {
    fn new(mut dice: Dice) -> Self {
        let terminals = (0..3).map(|_| Terminal {
            device: sim::id(&mut dice),
            counts: dice.chance(0.7),
            counter: 0,
            version: 0,
            has: BTreeSet::new(),
            outbox: Vec::new(),
        });
        Self {
            terminals: terminals.collect(),
            time: ServerTime::begin(&mut dice),
            dice,
            edits: Vec::new(),
            version: 0,
            flying: Vec::new(),
            had: BTreeMap::new(),
            superseded: BTreeSet::new(),
            stood: BTreeMap::from([(0, Values::new())]),
        }
    }

    fn step(&mut self) {
        self.time.pass(&mut self.dice);
        let who = self.dice.below(3);
        match self.dice.below(10) {
            0..=3 => self.write_some(who),
            4..=5 => self.send(who),
            6..=8 => self.arrive(),
            _ => self.read(who),
        }
    }

    /// A person writes a field, or a few in one request.
    fn write_some(&mut self, who: usize) {
        let mut fields: BTreeMap<&str, Value> = BTreeMap::new();
        for _ in 0..1 + self.dice.below(10) / 8 {
            let path = PATHS[self.dice.below(PATHS.len())];
            let value = match self.dice.below(5) {
                0 => Value::Null,
                _ if path.ends_with("/removed") => Value::from(true),
                n => Value::from(["甲", "乙", "丙", "𠀀"][n - 1]),
            };
            fields.insert(path, value);
        }
        self.write(who, fields);
    }

    fn write(&mut self, who: usize, fields: BTreeMap<&str, Value>) {
        let at = self.time.seen_by(&mut self.dice).as_micros();
        let random = self.dice.draw();
        let terminal = &mut self.terminals[who];
        terminal.counter += 1;
        let count = terminal.counter;
        let high = if terminal.counts { random } else { count.unsigned_abs() };
        let id = Uuid::from_u64_pair(high, random);
        let request: Vec<Edit> = fields
            .into_iter()
            .map(|(path, value)| Edit {
                id,
                path: path.to_owned(),
                value,
                base: terminal.version,
                version: 0,
                device: terminal.device,
                counter: if terminal.counts { count } else { 0 },
                by: terminal.device,
                at,
            })
            .collect();
        for edit in &request {
            self.had.insert(key(edit), terminal.has.clone());
        }
        terminal.has.extend(request.iter().map(key));
        terminal.outbox.push(request);
    }

    /// What waits sets out, in any order; some of it is taken off the list, the answer to the rest gets lost.
    fn send(&mut self, who: usize) {
        let outbox = &mut self.terminals[who].outbox;
        for _ in 0..1 + self.dice.below(3) {
            if outbox.is_empty() {
                return;
            }
            let at = self.dice.below(outbox.len());
            self.flying.push(outbox[at].clone());
            if self.dice.chance(0.6) {
                outbox.remove(at);
            }
        }
    }

    /// One request reaches the server, perhaps not for the last time.
    fn arrive(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let at = self.dice.below(self.flying.len());
        let request = if self.dice.chance(0.2) { self.flying[at].clone() } else { self.flying.swap_remove(at) };
        self.take_in(request);
        self.check();
    }

    fn take_in(&mut self, request: Vec<Edit>) {
        let known: BTreeSet<Key> = self.edits.iter().map(key).collect();
        let fresh: Vec<Edit> = request.into_iter().filter(|edit| !known.contains(&key(edit))).collect();
        if fresh.is_empty() {
            return;
        }
        self.version += 1;
        for edit in fresh {
            assert!(edit.base < self.version, "nobody read what was not there");
            self.edits.push(Edit { version: self.version, ..edit });
        }
    }

    /// The state of now, or an answer that took its time.
    fn read(&mut self, who: usize) {
        let terminal = &mut self.terminals[who];
        let behind = i64::try_from(self.dice.below(3)).expect("fits");
        let version = (self.version - behind).max(terminal.version);
        let seen = self.edits.iter().filter(|edit| edit.version <= version);
        terminal.has.extend(seen.map(key));
        terminal.version = version;
        assert_eq!(values_at(&self.edits, version), self.stood[&version], "what stood at {version} stood otherwise");
    }

    /// What must be a head: what no later author had before him.
    fn true_heads(&self) -> BTreeMap<&str, Vec<&Edit>> {
        let mut heads: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
        for edit in &self.edits {
            let of_field = || self.edits.iter().filter(|other| other.path == edit.path);
            if !of_field().any(|other| self.had[&key(other)].contains(&key(edit))) {
                heads.entry(edit.path.as_str()).or_default().push(edit);
            }
        }
        heads
    }

    fn check(&mut self) {
        let merged = merge(&self.edits);
        let gone = self.check_heads(&merged);
        self.check_removals(&merged);
        self.check_before();
        // Who replays the same edits has the same record.
        let mut turned: Vec<Edit> = self.edits.iter().chain(self.edits.iter().take(3)).cloned().collect();
        for at in (1..turned.len()).rev() {
            turned.swap(at, self.dice.below(at + 1));
        }
        assert_eq!(merge(&turned), merged, "order or repetition changes the record");
        self.superseded.extend(gone);
        self.stood.insert(self.version, merged.values);
    }

    /// Returns what is superseded.
    fn check_heads(&self, merged: &Merged<'_>) -> Vec<Key> {
        let wanted = self.true_heads();
        let found = heads(&self.edits);
        assert_eq!(wanted.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
        for (path, wanted) in &wanted {
            let keys = |edits: &[&Edit]| -> BTreeSet<Key> { edits.iter().map(|edit| key(edit)).collect() };
            assert_eq!(keys(wanted), keys(&found[path]), "heads of {path}");
            let shown = wanted.iter().max_by_key(|edit| (edit.at, edit.id)).expect("at least one");
            let differ = wanted.iter().any(|edit| edit.value != shown.value);
            // Nothing is lost: a head is the value, says the same, or is in the conflict.
            assert_eq!(merged.conflicts.get(*path).map(|list| keys(list)), differ.then(|| keys(wanted)));
            let entry = entry_of(path).filter(|_| path.ends_with("/removed"));
            let undecided = entry.is_some_and(|entry| merged.removals.contains_key(entry));
            let value = (!shown.value.is_null() && !undecided).then_some(&shown.value);
            assert_eq!(merged.values.get(*path), value, "{path}");
            assert_eq!(merged.emptied.contains(*path), shown.value.is_null());
        }
        assert!(merged.values.keys().all(|path| wanted.contains_key(path.as_str())));
        let now: BTreeSet<Key> = wanted.values().flatten().map(|edit| key(edit)).collect();
        assert!(self.superseded.is_disjoint(&now), "a ghost came back");
        self.edits.iter().map(key).filter(|edit| !now.contains(edit)).collect()
    }

    /// What an author had before him is found again, whatever arrived since.
    fn check_before(&self) {
        let Some(edit) = self.edits.last() else { return };
        let had = &self.had[&key(edit)];
        let before: Vec<Edit> = self.edits.iter().filter(|other| had.contains(&key(other))).cloned().collect();
        assert_eq!(values_before(&self.edits, edit), merge(&before).values, "before {edit:?}");
    }

    /// Nobody removes unasked what he had not before him.
    fn check_removals(&self, merged: &Merged<'_>) {
        let heads = self.true_heads();
        let knew = |one: &Edit, other: &Edit| one.id == other.id || self.had[&key(one)].contains(&key(other));
        for (flag, flags) in heads.iter().filter(|(path, _)| path.ends_with("/removed")) {
            let entry = entry_of(flag).expect("of an entry");
            let shown = flags.iter().max_by_key(|edit| (edit.at, edit.id)).expect("at least one");
            let removers: Vec<&&Edit> = flags.iter().filter(|edit| !edit.value.is_null()).collect();
            let filled = heads.iter().filter(|(path, _)| path.starts_with(entry) && path != &flag).flat_map(|(_, e)| e);
            let unseen: BTreeSet<Key> = filled
                .filter(|edit| !edit.value.is_null())
                .filter(|edit| removers.iter().all(|remover| !knew(remover, edit) && !knew(edit, remover)))
                .map(|edit| key(edit))
                .collect();
            let asked = !shown.value.is_null() && !unseen.is_empty();
            let found = merged.removals.get(entry).map(|list| list.iter().map(|edit| key(edit)).collect());
            assert_eq!(found, asked.then_some(unseen), "removal of {entry}");
        }
        assert!(merged.removals.keys().all(|entry| heads.contains_key(format!("{entry}/removed").as_str())));
    }

    /// Everybody comes online; everything typed arrives; somebody answers what is open.
    fn settle(&mut self) {
        for who in 0..3 {
            self.flying.extend(std::mem::take(&mut self.terminals[who].outbox));
        }
        while !self.flying.is_empty() {
            self.arrive();
        }
        let taken: BTreeSet<Key> = self.edits.iter().map(key).collect();
        assert!(self.had.keys().eq(taken.iter()), "an edit did not come through");
        let who = self.dice.below(3);
        self.terminals[who].has.extend(taken);
        self.terminals[who].version = self.version;
        let merged = merge(&self.edits);
        let mut answers: BTreeMap<&str, Value> = BTreeMap::new();
        for (path, heads) in &merged.conflicts {
            let chosen = self.dice.pick(heads).expect("two at least");
            answers.insert(path, chosen.value.clone());
        }
        let flags: Vec<String> = merged.removals.keys().map(|entry| format!("{entry}/removed")).collect();
        for flag in &flags {
            answers.insert(flag, if self.dice.chance(0.5) { Value::from(true) } else { Value::Null });
        }
        let expected = answers.clone().into_iter().map(|(path, value)| (path.to_owned(), value)).collect::<Values>();
        let answers = answers.into_iter().map(|(path, value)| (PATHS[index_of(path)], value)).collect();
        self.write(who, answers);
        let request = self.terminals[who].outbox.pop().expect("just written");
        if !request.is_empty() {
            self.take_in(request);
            self.check();
        }
        let merged = merge(&self.edits);
        assert!(merged.is_settled(), "answered, and still open: {merged:?}");
        for (path, value) in expected {
            assert_eq!(merged.values.get(&path).cloned().unwrap_or_default(), value, "{path} was answered");
        }
    }
}

fn index_of(path: &str) -> usize {
    PATHS.iter().position(|one| *one == path).expect("one of ours")
}

#[test]
fn three_terminals_simulated() {
    let mut open = 0;
    sim::worlds("mediation merge", 2_500, |dice| {
        let mut world = World::new(dice);
        let steps = 20 + world.dice.below(50);
        for _ in 0..steps {
            world.step();
        }
        open += usize::from(!merge(&world.edits).is_settled());
        world.settle();
        steps as u64
    });
    assert!(open > 0, "worlds in which nobody disagrees prove nothing");
}

/// Heads of each field, values, entries whose removal is open.
type End = (BTreeMap<String, BTreeSet<Key>>, Values, BTreeSet<String>);

/// What was written apart comes to the same record whichever way it arrives: the state it was written on is common, all
/// arrives before anybody reads again, and only the order differs.
#[test]
fn any_order_of_arrival_simulated() {
    sim::worlds("mediation arrival", 2_500, |dice| {
        let mut world = World::new(dice);
        for _ in 0..world.dice.below(15) {
            world.step();
        }
        let common = world.edits.len();
        for _ in 0..2 + world.dice.below(12) {
            let who = world.dice.below(3);
            world.write_some(who);
        }
        world.flying.clear();
        let mut ends: Vec<End> = Vec::new();
        for _ in 0..3 {
            let (edits, version) = (world.edits.clone(), world.version);
            let mut requests: Vec<Vec<Edit>> =
                world.terminals.iter().flat_map(|terminal| terminal.outbox.clone()).collect();
            while !requests.is_empty() {
                let request = requests.swap_remove(world.dice.below(requests.len()));
                world.take_in(request.clone());
                if world.dice.chance(0.2) {
                    world.take_in(request);
                }
            }
            let merged = merge(&world.edits);
            let keys = heads(&world.edits)
                .into_iter()
                .map(|(path, list)| (path.to_owned(), list.into_iter().map(key).collect()));
            ends.push((keys.collect(), merged.values.clone(), merged.removals.keys().cloned().collect()));
            (world.edits, world.version) = (edits, version);
        }
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "after {common} edits: {ends:#?}");
        ends.len() as u64
    });
}
