//! The streams of two people in small worlds, on the real recipes and the real tables: apps connect, read, confirm,
//! poll, forget everything and come back; the server trims, dies before a commit, restarts with its clock set, and finds
//! an older copy of its database. A model keeps every stream's whole history. What must hold is what an officer relies
//! on: what his app shows is that history without a gap, or he was told to reload; and a receipt says that this device
//! had this message.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::platform::db::React;
use crate::platform::db::memory::Memory;
use crate::platform::db::schema::{delivery, device_issue};
use crate::platform::jobs;
use crate::platform::push::cursor::Lost;
use crate::platform::push::outbox::{Draft, Subject};
use crate::words::dice::Dice;
use crate::words::sim::{self, ServerTime};

const STEPS: u64 = 50;

/// A connection: what the server remembers of it.
#[derive(Clone, Debug)]
struct Line {
    session_gen: i64,
    fetched: i64,
    stored: i64,
}

/// One app with its memory.
struct App {
    who: usize,
    holder: Holder,
    epoch: Option<String>,
    seq: i64,
    id: Option<MessageId>,
    /// Where it began, and what it received since.
    start: i64,
    have: Vec<(i64, MessageId)>,
    /// Everything that ever reached this device.
    ever: HashSet<MessageId>,
    numbers: HashMap<(String, i64), MessageId>,
    line: Option<Line>,
    /// A connection the server replaced.
    former: Option<Line>,
    /// A place it once confirmed from.
    old: Option<Known>,
    /// An older database came after its last reload: where it began then is not known to the server any more.
    put_back: bool,
}

impl App {
    fn known(&self) -> Known {
        Known { epoch: self.epoch.clone(), seq: self.seq, id: self.id }
    }

    fn begin(&mut self, found: &Resumption) {
        (self.epoch, self.seq, self.id) = (Some(found.epoch.clone()), found.from_seq, found.from_id);
        (self.start, self.put_back) = (found.from_seq, false);
        // A reload forgets what lay beyond its place: an older copy may come back before the app is there again.
        self.numbers.retain(|(_, seq), _| *seq <= found.from_seq);
        self.have.clear();
    }

    fn take(&mut self, seq: i64, id: MessageId) {
        let number = (self.epoch.clone().unwrap(), seq);
        assert_eq!(*self.numbers.entry(number).or_insert(id), id, "a number means one message within an epoch");
        self.ever.insert(id);
        if seq <= self.seq {
            return;
        }
        assert_eq!(seq, self.seq + 1, "a gap");
        (self.seq, self.id) = (seq, Some(id));
        self.have.push((seq, id));
    }

    fn forget(&mut self) {
        (self.epoch, self.seq, self.id, self.line, self.old) = (None, 0, None, None, None);
        self.numbers.clear();
        self.have.clear();
    }
}

type History = Vec<Vec<MessageId>>;
type Heard = Arc<Mutex<Vec<(PersonId, DeviceId, MessageId)>>>;

struct World<'a> {
    dice: Dice,
    time: ServerTime,
    store: &'a mut Memory,
    heard: Heard,
    react: React,
    people: [PersonId; 2],
    apps: Vec<App>,
    /// Every message of each stream, trimmed ones too: number n is at n - 1.
    history: History,
    copies: Vec<(usize, History)>,
    /// Whatever was too old to be kept, once.
    trimmed: HashSet<MessageId>,
    excused: HashSet<(DeviceId, MessageId)>,
}

impl World<'_> {
    fn write<T>(&mut self, recipe: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let outcome = self.store.write(self.time.now(), Some(&self.react), recipe);
        let heard = std::mem::take(&mut *self.heard.lock());
        for (person, device, message) in heard {
            self.check_receipt(person, device, message);
        }
        outcome
    }

    /// Where it began is lost with the database; then at least one of his devices had it, or it had been trimmed. What
    /// was excused once may be found in the rows later.
    fn check_receipt(&mut self, person: PersonId, device: DeviceId, message: MessageId) {
        let of = |app: &&App| app.holder.person == person;
        let app = self.apps.iter().filter(of).find(|app| app.holder.device == device).expect("a device of his");
        if app.ever.contains(&message) || self.excused.contains(&(device, message)) {
            return;
        }
        let other = self.apps.iter().filter(of).any(|app| !app.holder.browser && app.ever.contains(&message));
        let place = self.history[app.who].iter().position(|id| *id == message);
        let (start, seq, back) = (app.start, app.seq, app.put_back);
        assert!(
            back && (other || self.trimmed.contains(&message)),
            "a receipt of what no device had: message {place:?}, by one who began after {start} and is at {seq}; an older \
             copy came since: {back}",
        );
        self.excused.insert((device, message));
    }

    fn send(&mut self) {
        let far = self.dice.chance(0.005);
        let mut to: Vec<PersonId> = if far { (0..70).map(|_| sim::id(&mut self.dice)).collect() } else { Vec::new() };
        let chosen = 1 + self.dice.below(3);
        to.extend(self.people.iter().enumerate().filter(|(n, _)| chosen & (1 << n) != 0).map(|(_, person)| *person));
        let draft = any_draft();
        if self.dice.chance(0.1) {
            self.store.die_in(self.time.now(), |tx| outbox::send(tx, &to, &draft));
            return;
        }
        let id = self.write(|tx| outbox::send(tx, &to, &draft)).unwrap();
        while let Some(job) = self.write(|tx| jobs::claim(tx, jobs::Kinds::Except(&[]))).unwrap() {
            self.write(|tx| outbox::fanout_chunk(tx, &job)).unwrap();
        }
        for who in 0..2 {
            if chosen & (1 << who) != 0 {
                self.history[who].push(id);
            }
        }
    }

    fn row(&mut self, who: usize) -> Option<outbox::StreamRow> {
        outbox::stream_fetch(self.store.conn(), &self.people[who]).unwrap()
    }

    /// What the model says about a device that knows this, before the server is asked.
    fn expect(&mut self, at: usize) -> Option<Lost> {
        let (who, known) = (self.apps[at].who, self.apps[at].known());
        let Some(epoch) = known.epoch else { return Some(Lost::NewDevice) };
        let Some(row) = self.row(who) else { return Some(Lost::Diverged) };
        let there = usize::try_from(known.seq - 1).ok().and_then(|n| self.history[who].get(n)).copied();
        if epoch != row.epoch || known.seq > row.last_seq {
            Some(Lost::Diverged)
        } else if known.seq == 0 {
            (row.trimmed_seq > 0).then_some(Lost::NewDevice)
        } else if known.seq < row.trimmed_seq {
            Some(Lost::Trimmed)
        } else if there == known.id {
            None
        } else {
            Some(Lost::Diverged)
        }
    }

    fn resumed(&mut self, at: usize, expected: Option<Lost>, found: &Resumption) {
        assert_eq!(found.lost, expected, "{:?} met {found:?}", self.apps[at].known());
        let app = &mut self.apps[at];
        if found.lost.is_none() {
            assert_eq!((Some(&found.epoch), found.from_seq), (app.epoch.as_ref(), app.seq));
            return;
        }
        app.begin(found);
        if !app.holder.browser {
            let person = app.holder.person;
            let skipped: i64 = delivery::table
                .filter(delivery::recipient.eq(person))
                .filter(delivery::seq.le(found.from_seq))
                .filter(delivery::seq.gt(self.row(self.apps[at].who).unwrap().trimmed_seq))
                .filter(delivery::received_at.is_null())
                .count()
                .get_result(self.store.conn())
                .unwrap();
            assert_eq!(skipped, 0, "a reload leaves out what nobody has");
        }
    }

    fn connect(&mut self, at: usize) {
        let expected = self.expect(at);
        let (holder, known) = (self.apps[at].holder, self.apps[at].known());
        if self.dice.chance(0.1) {
            self.store.die_in(self.time.now(), |tx| greet_recipe(tx, holder, &known));
        }
        let (session_gen, found) = self.write(|tx| greet_recipe(tx, holder, &known)).unwrap();
        self.resumed(at, expected, &found);
        let app = &mut self.apps[at];
        app.former = app.line.take().or(app.former.take());
        app.line = Some(Line { session_gen, fetched: found.from_seq, stored: found.from_seq });
    }

    fn read(&mut self, at: usize, limit: i64) -> bool {
        let app = &mut self.apps[at];
        let Some(line) = &mut app.line else { return false };
        let page = outbox::messages_after(self.store.conn(), &app.holder.person, line.fetched, limit).unwrap();
        for message in &page {
            line.fetched = message.seq;
        }
        for message in &page {
            app.take(message.seq, message.id);
        }
        !page.is_empty()
    }

    fn confirm(&mut self, at: usize, whole: bool) {
        let (holder, seq) = (self.apps[at].holder, self.apps[at].seq);
        let Some(Line { session_gen, stored, fetched }) = self.apps[at].line.clone() else { return };
        let up_to = if whole { seq } else { stored + 1 + self.dice.below(4) as i64 }.min(seq).min(fetched);
        if up_to <= stored {
            return;
        }
        let recipe = |tx: &mut Tx<'_>| receipt_recipe(tx, holder, session_gen, stored, up_to);
        if !whole && self.dice.chance(0.1) {
            self.store.die_in(self.time.now(), recipe);
            return;
        }
        assert!(self.write(recipe).unwrap(), "the newest connection writes");
        if let Some(line) = &mut self.apps[at].line {
            line.stored = up_to;
        }
    }

    fn confirm_late(&mut self, at: usize) {
        let app = &self.apps[at];
        if let (Some(Line { session_gen, stored, .. }), Some(_)) = (app.former.clone(), &app.line) {
            let (holder, seq) = (app.holder, app.seq);
            let before = cursor::cursor_fetch(self.store.conn(), &holder.device, &holder.person).unwrap();
            let late = self.write(|tx| receipt_recipe(tx, holder, session_gen, stored, seq.max(stored))).unwrap();
            let after = cursor::cursor_fetch(self.store.conn(), &holder.device, &holder.person).unwrap();
            assert!(!late && before == after, "a replaced connection moves nothing");
        }
    }

    fn poll(&mut self, at: usize) {
        if self.apps[at].line.is_some() {
            return;
        }
        let expected = self.expect(at);
        let (holder, known, now) = (self.apps[at].holder, self.apps[at].known(), self.time.now());
        let found = match look(self.store.conn(), holder, &known, now).unwrap() {
            Some(found) => found,
            None => self.write(|tx| look_recipe(tx, holder, &known)).unwrap(),
        };
        self.resumed(at, expected, &found);
        let limit = 1 + self.dice.below(20) as i64;
        let page = outbox::messages_after(self.store.conn(), &holder.person, found.from_seq, limit).unwrap();
        for message in page {
            self.apps[at].take(message.seq, message.id);
        }
    }

    /// A receipt by REST of where the app is, or of where it once was.
    fn confirm_polled(&mut self, at: usize) {
        let app = &mut self.apps[at];
        let stale = self.dice.chance(0.3);
        let Some(known) = (if stale { app.old.clone() } else { Some(app.known()) }) else { return };
        let Some(epoch) = known.epoch.clone() else { return };
        if self.dice.chance(0.3) {
            app.old = Some(known.clone());
        }
        let (holder, who) = (app.holder, app.who);
        let row = self.row(who);
        let there = usize::try_from(known.seq - 1).ok().and_then(|n| self.history[who].get(n)).copied();
        let mine = row.is_some_and(|row| {
            let named = known.seq == 0 || known.id.is_some() && (known.seq < row.trimmed_seq || there == known.id);
            row.epoch == epoch && known.seq <= row.last_seq && named
        });
        let outcome = self.write(|tx| polled_recipe(tx, holder, &epoch, known.seq, known.id));
        assert_eq!(outcome.is_ok(), mine, "{known:?}: {outcome:?}");
    }

    fn restart(&mut self, again: Option<usize>) {
        for app in &mut self.apps {
            (app.line, app.former) = (None, None);
        }
        if let Some(which) = again {
            self.copies.truncate(which + 1);
            let (copy, history) = self.copies[which].clone();
            self.store.put_back(copy);
            self.history = history;
            self.apps.iter_mut().for_each(|app| app.put_back = true);
        }
        self.time.restart(&mut self.dice);
    }

    fn trim(&mut self) {
        while self.write(outbox::trim).unwrap() > 0 {}
        for who in 0..2 {
            self.check_kept(who);
        }
    }

    /// What is kept is the end of the history, and every receipt in it is true.
    fn check_kept(&mut self, who: usize) {
        let Some(row) = self.row(who) else { return };
        let person = self.people[who];
        let kept = outbox::messages_after(self.store.conn(), &person, row.trimmed_seq, 10_000).unwrap();
        let kept: Vec<MessageId> = kept.iter().map(|message| message.id).collect();
        let trimmed = usize::try_from(row.trimmed_seq).unwrap();
        self.trimmed.extend(&self.history[who][..trimmed]);
        assert_eq!(kept, self.history[who][trimmed..], "what is kept is the end of the history");
        let received: Vec<(MessageId, Option<DeviceId>)> = delivery::table
            .filter(delivery::recipient.eq(person))
            .filter(delivery::received_at.is_not_null())
            .select((delivery::message_id, delivery::received_device))
            .load(self.store.conn())
            .unwrap();
        for (message, device) in received {
            self.check_receipt(person, device.unwrap(), message);
        }
    }

    fn step(&mut self) {
        let at = self.dice.below(self.apps.len());
        match self.dice.below(100) {
            0..=24 => self.send(),
            25..=38 => self.connect(at),
            39..=56 => {
                let limit = 1 + self.dice.below(6) as i64;
                self.read(at, limit);
            }
            57..=68 => self.confirm(at, false),
            69 => self.confirm_late(at),
            70..=76 => self.poll(at),
            77..=82 => self.confirm_polled(at),
            83..=86 => self.apps[at].line = None,
            87..=88 => self.apps[at].forget(),
            89..=90 => self.restart(None),
            91..=93 => self.copies.push((self.store.copy(), self.history.clone())),
            94..=96 => {
                if !self.copies.is_empty() {
                    let which = self.dice.below(self.copies.len());
                    self.restart(Some(which));
                    // Numbers are given out again before everybody has said hello; some confirm at once.
                    for _ in 0..self.dice.below(4) {
                        self.send();
                        let at = self.dice.below(self.apps.len());
                        self.confirm_polled(at);
                    }
                }
            }
            _ => {
                let days = self.dice.below(9) as i64;
                self.time.wait_ms(days * 86_400_000);
                // Who reads nothing for so long has been cut off; a connection reads at once.
                self.apps.iter_mut().for_each(|app| app.line = None);
                self.trim();
            }
        }
    }

    /// Everybody connects, reads and confirms all there is.
    fn settle(&mut self) {
        for at in 0..self.apps.len() {
            self.connect(at);
        }
        for at in 0..self.apps.len() {
            let epoch = self.row(self.apps[at].who).map(|row| row.epoch);
            if self.apps[at].epoch != epoch {
                self.connect(at);
            }
            while self.read(at, 20) {}
            self.confirm(at, true);
            let app = &self.apps[at];
            let start = usize::try_from(app.start).unwrap();
            let have: Vec<MessageId> = app.have.iter().map(|(_, id)| *id).collect();
            assert_eq!(have, self.history[app.who][start..], "an app ends with its stream, from where it began");
        }
        for who in 0..2 {
            self.check_kept(who);
            let waiting: i64 = delivery::table
                .filter(delivery::recipient.eq(self.people[who]))
                .filter(delivery::seq.gt(self.row(who).map_or(0, |row| row.trimmed_seq)))
                .filter(delivery::received_at.is_null())
                .count()
                .get_result(self.store.conn())
                .unwrap();
            assert_eq!(waiting, 0, "what his devices confirmed is received");
        }
    }
}

/// Two people: one with a terminal, a second one and a browser, the other with a terminal; what is carried is issued.
fn apps(dice: &mut Dice, store: &mut Memory, people: [PersonId; 2]) -> Vec<App> {
    let app = |(who, browser): (usize, bool)| {
        let holder = Holder { person: people[who], device: sim::id(dice), browser };
        if !browser {
            diesel::insert_into(device_issue::table)
                .values((
                    device_issue::id.eq(holder.device.to_string()),
                    device_issue::device_id.eq(holder.device.to_string()),
                    device_issue::person_id.eq(holder.person.to_string()),
                    device_issue::issued_at.eq(0_i64),
                ))
                .execute(store.conn())
                .unwrap();
        }
        App {
            who,
            holder,
            epoch: None,
            seq: 0,
            id: None,
            start: 0,
            have: Vec::new(),
            ever: HashSet::new(),
            numbers: HashMap::new(),
            line: None,
            former: None,
            old: None,
            put_back: false,
        }
    };
    [(0, false), (0, false), (0, true), (1, false)].map(app).into()
}

/// A message whose content does not matter.
fn any_draft() -> Draft<'static> {
    Draft { kind: "check_in.due", subject: Subject::new("person", "x"), version: 1, args: json!({}), urgent: false }
}

/// A reaction that writes down what is confirmed.
fn listening() -> (Heard, React) {
    let heard: Heard = Arc::default();
    let into = Arc::clone(&heard);
    let react: React = Arc::new(move |_tx, event| {
        if let Event::Received { person, device, message, .. } = event {
            into.lock().push((*person, *device, *message));
        }
        Ok(())
    });
    (heard, react)
}

#[test]
fn stream_simulated() {
    let mut store = Memory::open();
    let (heard, react) = listening();
    sim::worlds("stream", 600, |mut dice| {
        store.wipe();
        let people = [sim::id(&mut dice), sim::id(&mut dice)];
        let apps = apps(&mut dice, &mut store, people);
        let (time, heard, react) = (ServerTime::begin(&mut dice), Arc::clone(&heard), Arc::clone(&react));
        let (history, copies, trimmed) = (vec![Vec::new(), Vec::new()], Vec::new(), HashSet::new());
        let (store, excused) = (&mut store, HashSet::new());
        let mut world = World { dice, time, store, heard, react, people, apps, history, copies, trimmed, excused };
        for _ in 0..STEPS {
            world.time.pass(&mut world.dice.fork(7));
            world.step();
        }
        world.settle();
        STEPS
    });
}

#[path = "stream_tests.rs"]
mod tests;
