//! What watchers are served from: the latest record of every subject, encoded once per change, and a ring of which
//! slots each tick touched.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::duty::location::live_bin::{self, BinRecord};
use crate::words::geo::Position;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

use super::marker::{Cause, Entry, Facts, Freshness, LivePerson, LiveVehicle, Marker};
use super::state::Subject;

/// Ticks remembered: a watcher behind by more (a minute at four a second) looks at every slot once.
const RING: usize = 240;

/// What a record shows.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordBody {
    /// A person.
    Person(LivePerson),
    /// A device by itself.
    Vehicle(LiveVehicle),
}

/// One subject as watchers see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Path of the unit it belongs to.
    pub unit_path: Arc<str>,
    /// Where.
    pub position: Position,
    /// Signed on, or a vehicle: visible to its unit, not only to peers.
    pub open: bool,
    /// The person, if it is one.
    pub person: Option<PersonId>,
    /// What is shown.
    pub body: RecordBody,
}

impl Record {
    /// The record of a person.
    pub fn person(marker: &Marker, facts: &Facts, now: Timestamp) -> Self {
        Self {
            unit_path: Arc::clone(&facts.unit_path),
            position: marker.position,
            open: facts.on_duty,
            person: Some(marker.person_id),
            body: RecordBody::Person(LivePerson {
                person_id: marker.person_id,
                lon: marker.position.lon,
                lat: marker.position.lat,
                at: marker.at,
                freshness: marker.freshness(now),
                cause: marker.cause,
                due_at: marker.due_at,
                accuracy_m: marker.accuracy_m,
                speed_mps: marker.speed_mps,
                heading_deg: marker.heading_deg,
                battery_pct: marker.battery_pct,
                device_id: marker.device_id,
                unit_id: facts.unit_id,
                crew_id: facts.crew_id,
                kind: facts.kind,
                availability: facts.availability.clone(),
            }),
        }
    }

    /// The record of a device by itself.
    pub fn vehicle(entry: &Entry, freshness: Freshness, cause: Option<Cause>, unit_path: &Arc<str>) -> Self {
        let position = entry.fix.position();
        Self {
            unit_path: Arc::clone(unit_path),
            position,
            open: true,
            person: None,
            body: RecordBody::Vehicle(LiveVehicle {
                device_id: entry.device,
                kind: entry.kind.unwrap_or(crate::platform::policy::DeviceKind::VehicleUnit),
                lon: position.lon,
                lat: position.lat,
                at: entry.fix.at(),
                freshness,
                cause,
                due_at: entry.due_at,
                speed_mps: entry.fix.speed_mps(),
                heading_deg: entry.fix.heading_deg(),
            }),
        }
    }
}

/// What watchers are shown of a subject, and what they ask of it. It holds no pointer but that to its JSON: a thousand
/// watchers go over it each tick.
#[derive(Debug, Clone)]
pub struct Shown {
    /// All but the JSON.
    pub sight: Sight,
    /// Its JSON object.
    pub json: Bytes,
}

/// What decides who may see it, and what a binary frame needs.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// Number of its unit's path, see [`Published::path`].
    pub unit: u32,
    /// [`Record::open`].
    pub open: bool,
    /// Where.
    pub position: Position,
    /// Device time of the fix, milliseconds since the epoch.
    pub at_ms: i64,
    /// Its 16 binary bytes.
    pub bin: BinRecord,
}

impl Shown {
    fn new(slot: u32, unit: u32, record: &Record) -> Self {
        let (json, at) = match &record.body {
            RecordBody::Person(person) => (serde_json::to_vec(person), person.at),
            RecordBody::Vehicle(vehicle) => (serde_json::to_vec(vehicle), vehicle.at),
        };
        let sight = Sight {
            unit,
            open: record.open,
            position: record.position,
            at_ms: at.as_micros().div_euclid(1000),
            bin: live_bin::record(slot, record),
        };
        Self { sight, json: Bytes::from(json.unwrap_or_default()) }
    }
}

/// One change of the last tick, with everything a binary frame asks of it side by side: most watchers have seen all
/// before it, and a thousand of them go over the same changes one after the other.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Its slot.
    pub slot: u32,
    /// Whom it is about.
    pub subject: Subject,
    /// What is shown; `None`: on nobody's map any more.
    pub now: Option<Sight>,
}

/// One slot of the published table.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Whom it is about.
    pub subject: Subject,
    /// Version of its last change.
    pub version: u64,
    /// What to show; `None`: on nobody's map.
    pub now: Option<Shown>,
}

/// The published table.
#[derive(Debug)]
pub struct Published {
    /// Version of the last tick that changed something.
    pub version: u64,
    slots: Vec<Option<Slot>>,
    /// Paths of units by number. One that nobody belongs to any more stays: there are as many as units were ever named.
    paths: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    ring: VecDeque<(u64, Arc<[u32]>)>,
    last: Vec<Glance>,
}

impl Published {
    /// An empty table at that version.
    pub fn new(version: u64) -> Self {
        Self {
            version,
            slots: Vec::new(),
            paths: Vec::new(),
            numbers: HashMap::new(),
            ring: VecDeque::with_capacity(RING),
            last: Vec::new(),
        }
    }

    /// Takes up one tick's changes; returns the new version.
    pub fn publish(&mut self, records: Vec<(u32, Subject, Option<Record>)>) -> u64 {
        self.version += 1;
        let version = self.version;
        let touched: Arc<[u32]> = records.iter().map(|(slot, _, _)| *slot).collect();
        self.last.clear();
        for (slot, subject, record) in records {
            let index = slot as usize;
            if self.slots.len() <= index {
                self.slots.resize(index + 1, None);
            }
            let now = record.map(|record| Shown::new(slot, self.number(&record.unit_path), &record));
            self.last.push(Glance { slot, subject, now: now.as_ref().map(|now| now.sight) });
            if let Some(place) = self.slots.get_mut(index) {
                *place = Some(Slot { subject, version, now });
            }
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
        }
        self.ring.push_back((version, touched));
        version
    }

    fn number(&mut self, path: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let number = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.push(Arc::clone(path));
        self.numbers.insert(Arc::clone(path), number);
        number
    }

    /// The path of the unit of that number.
    pub fn path(&self, number: u32) -> Option<&Arc<str>> {
        self.paths.get(number as usize)
    }

    /// One slot.
    pub fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Every slot that was ever published.
    pub fn slots(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.slots.iter().enumerate().filter_map(|(i, slot)| Some((u32::try_from(i).ok()?, slot.as_ref()?)))
    }

    /// What the tick of [`Published::version`] changed.
    pub fn last(&self) -> &[Glance] {
        &self.last
    }

    /// Calls `with` for every slot changed after `version`, possibly more than once each.
    pub fn changed_after(&self, version: u64, mut with: impl FnMut(u32, &Slot)) {
        let oldest = self.ring.front().map_or(self.version, |(v, _)| *v);
        if version.saturating_add(1) < oldest {
            self.slots().filter(|(_, slot)| slot.version > version).for_each(|(i, slot)| with(i, slot));
            return;
        }
        // Newest first: most watchers are one tick behind.
        for (_, touched) in self.ring.iter().rev().take_while(|(v, _)| *v > version) {
            for i in touched.iter() {
                if let Some(slot) = self.slot(*i) {
                    with(*i, slot);
                }
            }
        }
    }
}
