//! The live table: one marker per person, kept in memory, fed by ingest, read by everything that asks "where".
//!
//! [`Live`] is a cheap clone. Changes go into [`state`] at once, so a read after an acknowledged fix sees it; watchers
//! are served from [`publish`]: each tick, what changed is encoded once and shared by all [`Subscription`]s. After a
//! restart the table is rebuilt from history, and contracts that ran out meanwhile show as silent.

mod frame;
pub mod index;
pub mod marker;
pub mod publish;
mod search;
mod silence;
pub mod state;
pub mod subscription;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::platform::policy::Actor;
use crate::platform::push::hub::{Hub, Reach};
use crate::words::geo::BBox;
use crate::words::ids::{CrewId, DeviceId, PersonId, UnitId};
use crate::words::time::{Clock, Timestamp};

pub use marker::{Cause, Facts, Freshness, LivePerson, LiveVehicle, Marker};
pub use publish::Record;
pub use search::Found;
pub use silence::Silence;
pub use state::{Subject, Update};
pub use subscription::{Encoding, LiveFrame, Scope, Subscription};

use marker::{Contact, Entry, cause};
use publish::Published;
use state::State;

/// The live table; clones share it.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    state: RwLock<State>,
    published: RwLock<Published>,
    /// Held for a whole tick. Snapshots tick too, from any thread: one that read a place and was overtaken before it
    /// published it would put the older place over the newer one, to stay until that subject changes again.
    ticking: Mutex<()>,
    version: watch::Sender<u64>,
    timer: Notify,
    silences: silence::Kept,
    hub: Arc<Hub>,
    clock: Clock,
}

impl Live {
    /// An empty table. `default_promise_s`: seconds a device that promises nothing is believed.
    pub fn new(hub: Arc<Hub>, clock: Clock, default_promise_s: i64) -> Self {
        // Versions go on rising over a restart: they start from the clock's milliseconds and rise by one a tick.
        let first = u64::try_from(clock.now().as_micros() / 1000).unwrap_or(0);
        let mut state = State::default();
        state.default_promise_s = default_promise_s;
        Self {
            inner: Arc::new(Inner {
                state: RwLock::new(state),
                published: RwLock::new(Published::new(first)),
                ticking: Mutex::new(()),
                version: watch::Sender::new(first),
                timer: Notify::new(),
                silences: silence::Kept::default(),
                hub,
                clock,
            }),
        }
    }

    /// Takes up new good places, after they were committed.
    pub fn apply(&self, updates: Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        let now = self.inner.clock.now();
        let mut state = self.inner.state.write();
        let mut sooner = false;
        for update in updates {
            sooner |= state.apply(update, now);
        }
        drop(state);
        if sooner {
            self.inner.timer.notify_one();
        }
    }

    /// Sets what is known of a person: duty, unit, crew, carried devices. Visible at the next tick.
    pub fn set_facts(&self, person: PersonId, facts: Facts) {
        self.inner.state.write().set_facts(person, facts, self.inner.clock.now());
    }

    /// A unit with everything below it has another path now. Visible at the next tick.
    pub fn move_unit(&self, from: &str, to: &str) {
        self.inner.state.write().move_unit(from, to, self.inner.clock.now());
    }

    /// Takes a person out altogether (disabled).
    pub fn drop_person(&self, person: &PersonId) {
        self.inner.state.write().drop_person(*person, self.inner.clock.now());
    }

    /// Takes a device's place out (revoked).
    pub fn drop_device(&self, device: &DeviceId) {
        self.inner.state.write().drop_device(*device, self.inner.clock.now());
    }

    /// What is known of a person.
    pub fn facts(&self, person: &PersonId) -> Option<Arc<Facts>> {
        self.inner.state.read().facts(person).cloned()
    }

    /// How long devices of a person without a promise of their own are believed, seconds; `None` ends the special rule.
    pub fn set_promise(&self, person: PersonId, seconds: Option<i64>) {
        let mut state = self.inner.state.write();
        match seconds {
            Some(seconds) => state.promises.insert(person, seconds),
            None => state.promises.remove(&person),
        };
    }

    /// Tells how a device's socket ended: `clean` when the client closed it in good order. Explains a later silence.
    pub fn socket_ended(&self, device: &DeviceId, clean: bool) {
        self.inner.state.write().closed(device, clean, self.inner.clock.now());
    }

    /// Makes all `people` see each other whatever their units, until the group is shared anew or ended with an empty
    /// list. `group` is the id of the open backup or assignment that joins them.
    pub fn share(&self, group: impl Into<Uuid>, people: impl IntoIterator<Item = PersonId>) {
        self.inner.state.write().share(group.into(), people.into_iter().collect());
    }

    /// Ends a group of [`Live::share`].
    pub fn unshare(&self, group: impl Into<Uuid>) {
        self.share(group, []);
    }

    /// Whether an open group joins the two.
    pub fn shared(&self, one: &PersonId, other: &PersonId) -> bool {
        self.inner.state.read().shares.values().any(|people| people.contains(one) && people.contains(other))
    }

    /// The person's marker: the best of the devices that report for them, on duty or not.
    pub fn get(&self, person: &PersonId) -> Option<Marker> {
        let now = self.inner.clock.now();
        let state = self.inner.state.read();
        let entry = state.chosen(person, now)?;
        Some(self.marker(state.on_duty(person), *person, entry, now))
    }

    /// The marker of a crew: its best member's, a vehicle's report before a person's, fresh before silent.
    pub fn crew(&self, members: &[PersonId]) -> Option<Marker> {
        let now = self.inner.clock.now();
        members.iter().filter_map(|person| self.get(person)).max_by_key(|marker| {
            let vehicle = marker.device_kind == Some(crate::platform::policy::DeviceKind::VehicleUnit);
            (marker.freshness(now) == Freshness::Fresh, vehicle, marker.at)
        })
    }

    /// Everybody the scope may see and the box holds, as of now.
    pub fn people(&self, scope: &Scope, bbox: Option<&BBox>) -> (Vec<LivePerson>, Vec<LiveVehicle>) {
        let now = self.inner.clock.now();
        let state = self.inner.state.read();
        let peers = state.peers(&scope.viewer);
        let (mut people, mut vehicles) = (Vec::new(), Vec::new());
        for subject in &state.slots {
            let Some(record) = self.record(&state, *subject, now) else { continue };
            if scope.sees(&record, &peers) && bbox.is_none_or(|b| b.contains(record.position)) {
                match record.body {
                    publish::RecordBody::Person(person) => people.push(person),
                    publish::RecordBody::Vehicle(vehicle) => vehicles.push(vehicle),
                }
            }
        }
        (people, vehicles)
    }

    /// The version of what was last published; rises by one each tick in which something changed.
    pub fn version(&self) -> u64 {
        *self.inner.version.borrow()
    }

    /// A live subscription; call [`Subscription::snapshot`] first. See [`subscription`] for how to drive it.
    pub fn subscribe(&self, scope: Scope, bbox: Option<BBox>) -> Subscription {
        Subscription::new(self.clone(), scope, bbox, self.inner.version.subscribe())
    }

    /// What an actor may watch: a room seat its unit's subtree, or the part of it asked for; a field officer his own
    /// unit's people; everybody himself and those an open backup or assignment joins to him.
    ///
    /// `None` if the asked unit lies outside (say `not_found`). `unit_path` is the asked unit's path.
    pub fn scope_of(actor: &Actor, unit_path: Option<&str>) -> Option<Scope> {
        let path = unit_path.unwrap_or(&actor.unit_path);
        let whole = actor.kind.is_watching();
        if path != actor.unit_path && !(whole && actor.commands(path)) {
            return None;
        }
        let any = whole || actor.kind.is_field();
        Some(Scope { viewer: actor.person, unit_path: any.then(|| Arc::from(path)), subtree: whole })
    }

    /// Encodes what changed since the last tick, once for all watchers. Called every tick; cheap when nothing changed.
    pub fn tick(&self) -> u64 {
        let _one_at_a_time = self.inner.ticking.lock();
        let now = self.inner.clock.now();
        let dirty = std::mem::take(&mut self.inner.state.write().dirty);
        if dirty.is_empty() {
            return self.version();
        }
        let mut dirty: Vec<u32> = dirty.into_iter().collect();
        dirty.sort_unstable();
        let state = self.inner.state.read();
        let records: Vec<(u32, Subject, Option<Record>)> = dirty
            .into_iter()
            .filter_map(|slot| {
                let subject = *state.slots.get(slot as usize)?;
                Some((slot, subject, self.record(&state, subject, now)))
            })
            .collect();
        drop(state);
        let version = self.inner.published.write().publish(records);
        self.inner.version.send_replace(version);
        version
    }

    /// Waits for the next contract to run out and marks what it concerns, for ever. One task runs this.
    pub async fn watch_contracts(&self) {
        loop {
            let now = self.inner.clock.now();
            let expired = self.inner.state.write().run_timers(now);
            if expired > 0 {
                metrics::counter!("suixing_live_silences_total").increment(expired as u64);
            }
            let next = self.inner.state.read().next_timer();
            let wait =
                next.map_or(60_000_000, |at| (at.as_micros() - now.as_micros() + 1_000).clamp(1_000, 60_000_000));
            let wait = std::time::Duration::from_micros(u64::try_from(wait).unwrap_or(1_000));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.inner.timer.notified() => {}
            }
        }
    }

    /// The record of a subject as of `now`; `None` when it is on nobody's map.
    fn record(&self, state: &State, subject: Subject, now: Timestamp) -> Option<Record> {
        match subject {
            Subject::Person(person) => {
                let known = state.people.get(&person)?;
                let facts = known.facts.as_ref()?;
                let entry = state.best(known, now)?;
                let marker = self.marker(facts.on_duty, person, entry, now);
                Some(Record::person(&marker, facts, now))
            }
            Subject::Device(device) => {
                let entry = state.alone(&device)?;
                let (_, path) = state.homes.get(&device)?;
                let freshness = entry.freshness(now);
                let why = cause(&entry.fix, freshness, || self.contact(entry, now));
                Some(Record::vehicle(entry, freshness, why, path))
            }
        }
    }

    fn marker(&self, on_duty: bool, person: PersonId, entry: &Entry, now: Timestamp) -> Marker {
        let why = if on_duty {
            cause(&entry.fix, entry.freshness(now), || self.contact(entry, now))
        } else {
            Some(Cause::SignedOff)
        };
        Marker {
            person_id: person,
            device_id: entry.device,
            device_kind: entry.kind,
            position: entry.fix.position(),
            at: entry.fix.at(),
            received_at: entry.fix.received(),
            due_at: entry.due_at,
            accuracy_m: entry.fix.accuracy_m(),
            speed_mps: entry.fix.speed_mps(),
            heading_deg: entry.fix.heading_deg(),
            battery_pct: entry.fix.battery_pct,
            on_duty,
            cause: why,
        }
    }

    fn contact(&self, entry: &Entry, now: Timestamp) -> Contact {
        let reached = entry.person.map_or(Reach::None, |person| self.inner.hub.reach(&person, &[entry.device], now));
        match reached {
            Reach::None if entry.closed => Contact::Closed,
            Reach::None => Contact::Absent,
            Reach::Recent | Reach::Socket => Contact::Present,
        }
    }

    /// People whose last known crew this is.
    pub fn people_of_crew(&self, crew: &CrewId) -> Vec<PersonId> {
        let state = self.inner.state.read();
        state.all_facts().filter(|(_, facts)| facts.crew_id == Some(*crew)).map(|(person, _)| *person).collect()
    }

    /// Everybody known to be on duty.
    pub fn on_duty(&self) -> Vec<PersonId> {
        let state = self.inner.state.read();
        state.all_facts().filter(|(_, facts)| facts.on_duty).map(|(person, _)| *person).collect()
    }

    /// Unit of a device that reports by itself.
    pub fn home_of(&self, device: &DeviceId) -> Option<UnitId> {
        self.inner.state.read().homes.get(device).map(|(unit, _)| *unit)
    }

    /// Number of people on duty with a known place.
    pub fn placed(&self) -> usize {
        self.inner.state.read().near.count()
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
