//! Live frames as they leave: JSON text or [`live_bin`].

use bytes::Bytes;

use crate::duty::location::live_bin;

use super::publish::Shown;
use super::state::Subject;
use super::subscription::Encoding;

/// A frame under way.
pub enum Writer {
    /// Text.
    Json(Json),
    /// Binary.
    Bin(live_bin::Writer),
}

/// The four lists of a JSON frame, each without its brackets.
#[derive(Default)]
pub struct Json {
    people: Vec<u8>,
    vehicles: Vec<u8>,
    people_gone: Vec<u8>,
    vehicles_gone: Vec<u8>,
}

impl Writer {
    /// An empty frame.
    pub fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::Json(Json::default()),
            Encoding::Bin => Self::Bin(live_bin::Writer::default()),
        }
    }

    /// Bytes so far, without head and tail.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.lists().iter().map(|list| list.len()).sum(),
            Self::Bin(bin) => bin.len(),
        }
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Json(_) => self.len() == 0,
            Self::Bin(bin) => bin.is_empty(),
        }
    }

    /// A subject in view; `known`: its handle was introduced before.
    pub fn record(&mut self, handle: u32, subject: Subject, now: &Shown, known: bool) {
        match self {
            Self::Json(json) => json.list(subject, false, |list| list.extend_from_slice(&now.json)),
            Self::Bin(bin) => {
                if !known {
                    bin.name(handle, subject);
                }
                bin.record(&now.sight.bin, now.sight.at_ms);
            }
        }
    }

    /// A subject that is out of view.
    pub fn remove(&mut self, handle: u32, subject: Subject) {
        match self {
            Self::Json(json) => json.list(subject, true, |list| {
                let id = match subject {
                    Subject::Person(person) => person.to_string(),
                    Subject::Device(device) => device.to_string(),
                };
                list.push(b'"');
                list.extend_from_slice(id.as_bytes());
                list.push(b'"');
            }),
            Self::Bin(bin) => bin.remove(handle),
        }
    }

    /// The whole frame.
    pub fn finish(self, version: u64, snapshot: bool, more: bool) -> Bytes {
        match self {
            Self::Json(json) => json.finish(version, snapshot, more),
            Self::Bin(bin) => bin.finish(version, snapshot, more),
        }
    }
}

impl Json {
    fn lists(&self) -> [&Vec<u8>; 4] {
        [&self.people, &self.vehicles, &self.people_gone, &self.vehicles_gone]
    }

    /// Adds to the list that a subject belongs to.
    fn list(&mut self, subject: Subject, gone: bool, add: impl FnOnce(&mut Vec<u8>)) {
        let list = match (subject, gone) {
            (Subject::Person(_), false) => &mut self.people,
            (Subject::Device(_), false) => &mut self.vehicles,
            (Subject::Person(_), true) => &mut self.people_gone,
            (Subject::Device(_), true) => &mut self.vehicles_gone,
        };
        if !list.is_empty() {
            list.push(b',');
        }
        add(list);
    }

    fn finish(self, version: u64, snapshot: bool, more: bool) -> Bytes {
        let kind = if snapshot { "live_snapshot" } else { "live_delta" };
        let size: usize = self.lists().iter().map(|list| list.len()).sum();
        let mut out = Vec::with_capacity(size + 192);
        out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"version\":{version}").as_bytes());
        let names = if snapshot { ["people", "vehicles"] } else { ["changed", "vehicles_changed"] };
        let gone = ["removed", "vehicles_removed"];
        for (name, list) in names.iter().chain(&gone).zip(self.lists()) {
            // The lists of people are always there, but nothing leaves a picture that begins.
            let wanted = *name == "people" || (!snapshot && ["changed", "removed"].contains(name));
            if wanted || !list.is_empty() {
                out.extend_from_slice(format!(",\"{name}\":[").as_bytes());
                out.extend_from_slice(list);
                out.push(b']');
            }
        }
        if more {
            out.extend_from_slice(b",\"more\":true");
        }
        out.push(b'}');
        Bytes::from(out)
    }
}
