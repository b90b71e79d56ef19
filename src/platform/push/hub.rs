//! Who is connected now. Holds no messages: it wakes the writer of a socket,
//! which reads the outbox itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::words::ids::{DeviceId, PersonId, SessionId};
use crate::words::time::Timestamp;

/// A socket counts as two-way contact this long after the device's last frame.
pub const SOCKET_CONTACT_S: f64 = 45.0;
/// A REST call of a carried device counts as recent contact this long.
pub const REST_CONTACT_S: f64 = 60.0;

/// Why the server ends a socket; each has its close code in `api-spec/ws.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The same device said hello on a newer socket.
    Replaced,
    /// Session, device or person was revoked.
    Revoked,
    /// Too many sockets of one person wait for their hello.
    Crowded,
    /// The server stops or restarts.
    Stopping,
}

/// One open socket.
pub struct Link {
    pub id: u64,
    pub person: PersonId,
    pub device: DeviceId,
    pub session: Option<SessionId>,
    /// Wakes the socket's writer: new must-deliver messages, a live tick, or an ending.
    pub wake: Notify,
    ending: parking_lot::Mutex<Option<Ending>>,
    last_in: AtomicI64,
    /// The hello was answered: from here on the socket proves contact.
    greeted: AtomicBool,
    /// Highest number of the person's stream this socket was told of.
    expected: AtomicI64,
    /// Counts how often the person's rights may have changed.
    rights: AtomicU64,
}

impl Link {
    /// Notes a frame from the device.
    pub fn touch(&self, now: Timestamp) {
        self.last_in.store(now.as_micros(), Ordering::Relaxed);
    }

    pub fn last_in(&self) -> Timestamp {
        Timestamp::from_micros(self.last_in.load(Ordering::Relaxed))
    }

    /// Asks the socket to end; the first reason stands.
    pub fn end(&self, why: Ending) {
        self.ending.lock().get_or_insert(why);
        self.wake.notify_one();
    }

    pub fn ending(&self) -> Option<Ending> {
        *self.ending.lock()
    }

    /// Asks the socket to look at the person's rights again.
    pub fn ask_recheck(&self) {
        self.rights.fetch_add(1, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// How often that was asked so far.
    pub fn rights(&self) -> u64 {
        self.rights.load(Ordering::Acquire)
    }

    pub fn is_greeted(&self) -> bool {
        self.greeted.load(Ordering::Relaxed)
    }

    /// Highest number of the stream that is known to exist.
    pub fn expected(&self) -> i64 {
        self.expected.load(Ordering::Acquire)
    }

    /// The stream reaches `seq`.
    pub fn expect_up_to(&self, seq: i64) {
        self.expected.fetch_max(seq, Ordering::AcqRel);
    }

    /// A read that began when `seen` was expected found nothing beyond `last`.
    pub fn expect_no_more(&self, seen: i64, last: i64) {
        // Lost only when somebody raised it meanwhile, and then it must stay raised.
        let _ = self.expected.compare_exchange(seen, last, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Proven two-way contact with a person's carried devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    None,
    /// Authenticated REST traffic within [`REST_CONTACT_S`].
    Recent,
    /// An open socket with a frame within [`SOCKET_CONTACT_S`].
    Socket,
}

/// The connection table.
#[derive(Default)]
pub struct Hub {
    next: AtomicU64,
    people: RwLock<HashMap<PersonId, Vec<Arc<Link>>>>,
    /// The newest greeted socket of each device.
    devices: RwLock<HashMap<DeviceId, Arc<Link>>>,
    /// Last authenticated REST call per device and who made it.
    rest: RwLock<HashMap<DeviceId, (PersonId, Timestamp)>>,
}

impl Hub {
    /// Registers a socket; it proves contact only after [`Hub::greeted`].
    pub fn join(&self, person: PersonId, device: DeviceId, session: Option<SessionId>, now: Timestamp) -> Arc<Link> {
        let link = Arc::new(Link {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            person,
            device,
            session,
            wake: Notify::new(),
            ending: parking_lot::Mutex::new(None),
            last_in: AtomicI64::new(now.as_micros()),
            greeted: AtomicBool::new(false),
            expected: AtomicI64::new(0),
            rights: AtomicU64::new(0),
        });
        self.people.write().entry(person).or_default().push(Arc::clone(&link));
        link
    }

    /// The socket's hello was answered; an older socket of the same device ends
    /// as replaced, also that of a shared handset's previous holder.
    pub fn greeted(&self, link: &Arc<Link>) {
        link.greeted.store(true, Ordering::Relaxed);
        if let Some(older) = self.devices.write().insert(link.device, Arc::clone(link))
            && older.id != link.id
        {
            older.end(Ending::Replaced);
        }
    }

    /// Forgets a socket.
    pub fn leave(&self, link: &Link) {
        let mut people = self.people.write();
        if let Some(links) = people.get_mut(&link.person) {
            links.retain(|l| l.id != link.id);
            if links.is_empty() {
                people.remove(&link.person);
            }
        }
        drop(people);
        let mut devices = self.devices.write();
        if devices.get(&link.device).is_some_and(|newest| newest.id == link.id) {
            devices.remove(&link.device);
        }
    }

    /// A person's stream reached `seq`: wakes every socket of that person.
    pub fn nudge(&self, person: &PersonId, seq: i64) {
        if let Some(links) = self.people.read().get(person) {
            for link in links.iter().filter(|link| link.expected() < seq) {
                link.expect_up_to(seq);
                link.wake.notify_one();
            }
        }
    }

    /// Open sockets of a person.
    pub fn count_of(&self, person: &PersonId) -> usize {
        self.people.read().get(person).map_or(0, Vec::len)
    }

    /// Open sockets.
    pub fn count(&self) -> usize {
        self.people.read().values().map(Vec::len).sum()
    }

    /// Ends every socket for which `which` holds.
    pub fn end_where(&self, why: Ending, which: impl Fn(&Link) -> bool) {
        for links in self.people.read().values() {
            for link in links.iter().filter(|l| which(l)) {
                link.end(why);
            }
        }
    }

    /// Lets every socket for which `which` holds look at its person's rights again.
    pub fn recheck_where(&self, which: impl Fn(&Link) -> bool) {
        for links in self.people.read().values() {
            links.iter().filter(|link| which(link)).for_each(|link| link.ask_recheck());
        }
    }

    /// Notes an authenticated REST call.
    pub fn touch_rest(&self, person: PersonId, device: DeviceId, now: Timestamp) {
        self.rest.write().insert(device, (person, now));
    }

    /// Contact with a person over the given carried devices.
    pub fn reach(&self, person: &PersonId, carried: &[DeviceId], now: Timestamp) -> Reach {
        if let Some(links) = self.people.read().get(person)
            && links.iter().any(|l| {
                l.is_greeted()
                    && l.ending().is_none()
                    && carried.contains(&l.device)
                    && now.secs_since(l.last_in()) <= SOCKET_CONTACT_S
            })
        {
            return Reach::Socket;
        }
        let rest = self.rest.read();
        let recent = carried.iter().any(|device| {
            rest.get(device).is_some_and(|(who, at)| who == person && now.secs_since(*at) <= REST_CONTACT_S)
        });
        if recent { Reach::Recent } else { Reach::None }
    }

    /// The devices of a person with an open socket now.
    pub fn devices_online(&self, person: &PersonId) -> Vec<DeviceId> {
        self.people
            .read()
            .get(person)
            .map(|links| links.iter().filter(|l| l.is_greeted()).map(|l| l.device).collect())
            .unwrap_or_default()
    }

    /// Forgets REST contacts that no longer count; a periodic duty.
    pub fn trim(&self, now: Timestamp) {
        self.rest.write().retain(|_, (_, at)| now.secs_since(*at) <= REST_CONTACT_S);
    }
}
