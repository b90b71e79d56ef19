//! The live table's data and every change to it; [`super::Live`] puts a lock around it.
//!
//! Entries are per device. A person's marker is the best entry that reports for them ([`Entry::rank`]); a vehicle,
//! drone or checkpoint with nobody on duty in it has a marker of its own. Every visible change marks a slot dirty; the
//! tick publishes dirty slots.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::duty::location::fix::Fix;
use crate::platform::policy::DeviceKind;
use crate::words::ids::{DeviceId, IdMap, PersonId, UnitId};
use crate::words::time::Timestamp;

use super::index::NearIndex;
use super::marker::{Entry, Facts, OFF_AFTER_S, due_at};

/// Whom a published record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A person.
    Person(PersonId),
    /// A device that reports by itself.
    Device(DeviceId),
}

impl Subject {
    /// The person, if it is one.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person(person) => Some(*person),
            Self::Device(_) => None,
        }
    }
}

/// A new good place of a device.
#[derive(Debug, Clone)]
pub struct Update {
    /// The device.
    pub device: DeviceId,
    /// What it is, if the caller knows.
    pub kind: Option<DeviceKind>,
    /// Home of the device when nobody is on duty with it.
    pub unit: Option<(UnitId, Arc<str>)>,
    /// Whose fix it is.
    pub person: Option<PersonId>,
    /// The fix.
    pub fix: Fix,
}

/// One person, in one place of memory: a search looks at ten of a million.
#[derive(Default)]
pub struct Known {
    /// What is known; `None`: hidden.
    pub facts: Option<Arc<Facts>>,
    /// What reports for them; a few at most, so a list.
    devices: Vec<DeviceId>,
}

/// The data behind the lock.
#[derive(Default)]
pub struct State {
    /// Last good place per device.
    pub entries: IdMap<DeviceId, Entry>,
    /// What is known of people, and what reports for them.
    pub people: IdMap<PersonId, Known>,
    /// Units of devices that may report by themselves.
    pub homes: IdMap<DeviceId, (UnitId, Arc<str>)>,
    /// People on duty by place.
    pub near: NearIndex,
    /// Slots whose record must be published anew.
    pub dirty: HashSet<u32>,
    /// Slot → subject; a slot is never given to another.
    pub slots: Vec<Subject>,
    /// Open sharing groups: everybody in one sees the others.
    pub shares: HashMap<Uuid, HashSet<PersonId>>,
    /// Raised whenever `shares` changes.
    pub shares_version: u64,
    slot_of: IdMap<Subject, u32>,
    timers: BinaryHeap<Reverse<(Timestamp, DeviceId)>>,
    timer_at: IdMap<DeviceId, Timestamp>,
    /// Seconds a device without a promise is believed, for people under a special reporting policy.
    pub promises: IdMap<PersonId, i64>,
    /// The same for everybody else.
    pub default_promise_s: i64,
}

impl State {
    /// The slot of a subject.
    pub fn slot(&mut self, subject: Subject) -> u32 {
        if let Some(slot) = self.slot_of.get(&subject) {
            return *slot;
        }
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(subject);
        self.slot_of.insert(subject, slot);
        slot
    }

    /// Takes up a new place. True if a timer now ends earlier than any before.
    pub fn apply(&mut self, update: Update, now: Timestamp) -> bool {
        let Update { device, kind, unit, person, fix } = update;
        if let Some(unit) = unit {
            self.homes.insert(device, unit);
        }
        let before = self.entries.get(&device);
        let kind = kind.or(before.and_then(|entry| entry.kind));
        let before_person = before.and_then(|entry| entry.person);
        let due = due_at(&fix, self.promise_s(person));
        self.entries.insert(device, Entry { device, kind, person, fix, due_at: due, closed: false });
        if before_person != person
            && let Some(old) = before_person
        {
            self.leaves(old, device);
            self.refresh_person(old, now);
        }
        if let Some(person) = person {
            let devices = &mut self.people.entry(person).or_default().devices;
            if !devices.contains(&device) {
                devices.push(device);
            }
            self.refresh_person(person, now);
        }
        self.touch_device(device);
        self.set_timer(device, due)
    }

    /// The device does not report for the person any more.
    fn leaves(&mut self, person: PersonId, device: DeviceId) {
        if let Some(known) = self.people.get_mut(&person) {
            known.devices.retain(|one| *one != device);
        }
    }

    fn promise_s(&self, person: Option<PersonId>) -> i64 {
        person.and_then(|p| self.promises.get(&p).copied()).unwrap_or(self.default_promise_s)
    }

    /// Sets what is known of a person.
    pub fn set_facts(&mut self, person: PersonId, facts: Facts, now: Timestamp) {
        let known = self.people.entry(person).or_default();
        if known.facts.as_deref() == Some(&facts) {
            return;
        }
        known.facts = Some(Arc::new(facts));
        let devices = known.devices.clone();
        self.refresh_person(person, now);
        devices.into_iter().for_each(|device| self.touch_device(device));
    }

    /// Rewrites the paths of a unit that was hung elsewhere and of everything below it.
    pub fn move_unit(&mut self, from: &str, to: &str, now: Timestamp) {
        let moved = |path: &str| path.strip_prefix(from).map(|rest| Arc::from(format!("{to}{rest}")));
        let mut people = Vec::new();
        for (person, known) in &mut self.people {
            let Some(facts) = &mut known.facts else { continue };
            if let Some(path) = moved(&facts.unit_path) {
                Arc::make_mut(facts).unit_path = path;
                people.push(*person);
            }
        }
        people.into_iter().for_each(|person| self.refresh_person(person, now));
        let mut devices = Vec::new();
        for (device, (_, home)) in &mut self.homes {
            if let Some(path) = moved(home) {
                *home = path;
                devices.push(*device);
            }
        }
        devices.into_iter().for_each(|device| self.touch_device(device));
    }

    /// Forgets a person (disabled) or hides them until facts are set again.
    pub fn drop_person(&mut self, person: PersonId, now: Timestamp) {
        if let Some(known) = self.people.get_mut(&person) {
            known.facts = None;
        }
        self.refresh_person(person, now);
    }

    /// Forgets a device (revoked): its place is nobody's any more.
    pub fn drop_device(&mut self, device: DeviceId, now: Timestamp) {
        let Some(entry) = self.entries.remove(&device) else { return };
        if let Some(person) = entry.person {
            self.leaves(person, device);
            self.refresh_person(person, now);
        }
        self.touch_device(device);
    }

    /// The entry a person's marker stands on.
    pub fn chosen(&self, person: &PersonId, now: Timestamp) -> Option<&Entry> {
        self.best(self.people.get(person)?, now)
    }

    /// The same, for whoever has looked the person up already.
    pub fn best(&self, known: &Known, now: Timestamp) -> Option<&Entry> {
        let carried = known.facts.as_ref().map(|facts| facts.carried.as_slice()).unwrap_or_default();
        known
            .devices
            .iter()
            .filter_map(|device| self.entries.get(device))
            .max_by_key(|entry| entry.rank(carried.contains(&entry.device), now))
    }

    /// What is known of a person.
    pub fn facts(&self, person: &PersonId) -> Option<&Arc<Facts>> {
        self.people.get(person)?.facts.as_ref()
    }

    /// Everybody of whom something is known.
    pub fn all_facts(&self) -> impl Iterator<Item = (&PersonId, &Arc<Facts>)> {
        self.people.iter().filter_map(|(person, known)| Some((person, known.facts.as_ref()?)))
    }

    /// Whether the person is signed on.
    pub fn on_duty(&self, person: &PersonId) -> bool {
        self.facts(person).is_some_and(|facts| facts.on_duty)
    }

    /// Brings index and record of a person up to date.
    pub fn refresh_person(&mut self, person: PersonId, now: Timestamp) {
        let on_duty = |known: &&Known| known.facts.as_ref().is_some_and(|facts| facts.on_duty);
        let known = self.people.get(&person).filter(on_duty);
        match known.and_then(|known| self.best(known, now)).map(|entry| entry.fix.position()) {
            Some(place) => self.near.put(person, place),
            None => self.near.remove(&person),
        }
        let slot = self.slot(Subject::Person(person));
        self.dirty.insert(slot);
    }

    fn touch_device(&mut self, device: DeviceId) {
        let known = self.slot_of.contains_key(&Subject::Device(device));
        if known || self.alone(&device).is_some() {
            let slot = self.slot(Subject::Device(device));
            self.dirty.insert(slot);
        }
    }

    /// The entry of a device that stands for itself: it can, and nobody on duty reports with it.
    pub fn alone(&self, device: &DeviceId) -> Option<&Entry> {
        let entry = self.entries.get(device)?;
        let can = matches!(entry.kind, Some(DeviceKind::VehicleUnit | DeviceKind::Drone | DeviceKind::FixedCheckpoint));
        let manned = entry.person.is_some_and(|person| self.on_duty(&person));
        (can && !manned && self.homes.contains_key(device)).then_some(entry)
    }

    fn set_timer(&mut self, device: DeviceId, at: Timestamp) -> bool {
        if self.timer_at.get(&device).is_some_and(|set| *set <= at) {
            return false;
        }
        let first = self.timers.peek().is_none_or(|Reverse((next, _))| at < *next);
        self.timer_at.insert(device, at);
        self.timers.push(Reverse((at, device)));
        first
    }

    /// When the next contract may run out.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Marks everything whose freshness changes at or before `now`. Returns how many contracts ran out.
    pub fn run_timers(&mut self, now: Timestamp) -> usize {
        let mut expired = 0;
        while let Some(Reverse((at, device))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at < now) {
            self.timers.pop();
            if self.timer_at.get(&device) != Some(&at) {
                continue;
            }
            self.timer_at.remove(&device);
            let Some(entry) = self.entries.get(&device) else { continue };
            let (due, person) = (entry.due_at, entry.person);
            if due >= now {
                self.set_timer(device, due);
                continue;
            }
            let off = due.plus_secs(OFF_AFTER_S);
            if off >= now {
                self.set_timer(device, off);
            }
            expired += 1;
            if let Some(person) = person {
                self.refresh_person(person, now);
            }
            self.touch_device(device);
        }
        expired
    }

    /// Notes how a device's socket ended; a clean end explains a later silence.
    pub fn closed(&mut self, device: &DeviceId, clean: bool, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(device) else { return };
        entry.closed = clean;
        if let Some(person) = entry.person {
            self.refresh_person(person, now);
        }
    }

    /// Opens, replaces or (empty) ends a sharing group.
    pub fn share(&mut self, group: Uuid, people: HashSet<PersonId>) {
        let before = self.shares.get(&group);
        if before == Some(&people) || (before.is_none() && people.is_empty()) {
            return;
        }
        self.shares_version += 1;
        if people.is_empty() {
            self.shares.remove(&group);
        } else {
            self.shares.insert(group, people);
        }
    }

    /// Everybody who shares an open group with the person, not the person.
    pub fn peers(&self, person: &PersonId) -> HashSet<PersonId> {
        let groups = self.shares.values().filter(|people| people.contains(person));
        groups.flatten().filter(|other| *other != person).copied().collect()
    }
}
