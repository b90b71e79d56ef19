//! Terminals write fields and whole records apart from each other; what they sent arrives in any order and again. The record
//! that comes of it must not depend on that order, and each device's last word about a field must be among its heads.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{flatten, merge, removed, tree, values_at};
use super::*;
use crate::words::dice::Dice;
use crate::words::sim;
use serde_json::Value;
use uuid::Uuid;

const A: &str = "parties/01900000-0000-7000-8000-00000000000a";
const B: &str = "parties/01900000-0000-7000-8000-00000000000b";
const FIELDS: [&str; 3] = ["place", "facts", "cause"];
const WORDS: [&str; 3] = ["甲", "乙", "丙"];

/// What a terminal sends.
#[derive(Clone, Debug)]
enum Request {
    Fields(Vec<Edit>),
    /// A writing of no field, and the record as the terminal shows it.
    Whole(Edit, Values),
}

impl Request {
    fn writing(&self) -> &Edit {
        match self {
            Self::Fields(edits) => edits.first().expect("one at least"),
            Self::Whole(writing, _) => writing,
        }
    }
}

/// What the service keeps of a record.
#[derive(Clone, Debug, Default)]
struct Server {
    edits: Vec<Edit>,
    version: i64,
    wholes: Vec<Edit>,
}

impl Server {
    fn take_in(&mut self, request: &Request) {
        let here = request.writing().clone();
        let mut edits = match request {
            Request::Fields(edits) => edits.clone(),
            Request::Whole(_, wanted) => diff(&values_before(&self.edits, &here), wanted)
                .expect("no masks")
                .into_iter()
                .map(|(path, value)| Edit { path, value, ..here.clone() })
                .collect(),
        };
        let is_known = |edit: &Edit, edits: &[Edit]| edits.iter().any(|one| one.id == edit.id && one.path == edit.path);
        edits.retain(|edit| !is_known(edit, &self.edits));
        let late: Vec<Edit> = edits.iter().map(|edit| Edit { version: self.version + 1, ..edit.clone() }).collect();
        edits.extend(overtaken(&self.edits, &late, &self.wholes).expect("no masks"));
        if matches!(request, Request::Whole(..)) && self.wholes.iter().all(|whole| whole.id != here.id) {
            self.wholes.push(here);
        }
        if !edits.is_empty() {
            self.version += 1;
            self.edits.extend(edits.into_iter().map(|edit| Edit { version: self.version, ..edit }));
        }
    }
}

/// A person at a terminal that has no network: the record on its screen, and what it will send.
struct Terminal {
    device: Uuid,
    counts: bool,
    written: i64,
    base: i64,
    screen: Values,
    outbox: Vec<Request>,
}

impl Terminal {
    fn write(&mut self, dice: &mut Dice) {
        self.written += 1;
        let random = dice.draw();
        let high = if self.counts { random } else { self.written.unsigned_abs() };
        let writing = Edit {
            id: Uuid::from_u64_pair(high, random),
            path: String::new(),
            value: Value::Null,
            base: self.base,
            version: 0,
            device: self.device,
            counter: if self.counts { self.written } else { 0 },
            by: self.device,
            at: self.written,
        };
        let mut changed = Values::new();
        for _ in 0..1 + dice.below(3) {
            let (path, value) = change(dice);
            changed.insert(path, value);
        }
        for (path, value) in &changed {
            match value {
                Value::Null => self.screen.remove(path),
                value => self.screen.insert(path.clone(), value.clone()),
            };
        }
        // What a removed party was called is not on the screen, and so in no whole record.
        let request = if dice.chance(0.5) {
            Request::Whole(writing, flatten(&tree(&self.screen)).expect("as it was shown"))
        } else {
            let edits = changed.into_iter().map(|(path, value)| Edit { path, value, ..writing.clone() });
            Request::Fields(edits.collect())
        };
        self.outbox.push(request);
    }
}

fn change(dice: &mut Dice) -> (String, Value) {
    let word = |dice: &mut Dice| match dice.below(4) {
        0 => Value::Null,
        n => Value::from(WORDS[n - 1]),
    };
    match dice.below(6) {
        0 => (format!("{}/removed", [A, B][dice.below(2)]), if dice.chance(0.7) { true.into() } else { Value::Null }),
        // Emptied of all it held, an entry is not in a whole record, as if it were removed: which of both it was only the
        // order of arrival tells, and if somebody else knows otherwise he is asked once more.
        1 | 2 => (format!("{}/name", [A, B][dice.below(2)]), Value::from(WORDS[dice.below(3)])),
        _ => (FIELDS[dice.below(3)].to_owned(), word(dice)),
    }
}

/// What each device says of each field in the end, what stands where nobody disagrees, and whose removal is open.
type End = (BTreeMap<String, BTreeSet<(Uuid, String)>>, Values, BTreeSet<String>);

fn end(edits: &[Edit]) -> End {
    let merged = merge(edits);
    let mut heads = BTreeMap::new();
    for (path, list) in &merged.conflicts {
        heads.insert(path.clone(), list.iter().map(|head| (head.device, head.value.to_string())).collect());
    }
    let mut values = merged.values.clone();
    values.retain(|path, _| !merged.conflicts.contains_key(path));
    // Of a disagreement that is open all is kept; which side is shown meanwhile goes by when each was written last.
    let open = |entry: &&String| !heads.contains_key(&format!("{entry}/removed"));
    let removals: BTreeSet<String> = merged.removals.keys().filter(open).cloned().collect();
    // An entry that stands removed shows nothing of what it held.
    let hidden = flatten(&removed(&values)).expect("as it was shown");
    values.retain(|path, _| !hidden.contains_key(path) || path.ends_with("/removed"));
    // One that holds nothing is nowhere, whether it was emptied or emptied and removed.
    let held = |entry: &str| {
        edits.iter().any(|edit| edit.path == format!("{entry}/name") && merged.values.contains_key(&edit.path))
    };
    values.retain(|path, _| !path.ends_with("/removed") || entry_of(path).is_some_and(held));
    (heads, values, removals)
}

#[test]
fn whole_records_and_fields_come_to_the_same_in_any_order_simulated() {
    let (mut added, mut wholes) = (0, 0);
    sim::worlds("mediation whole", 2_500, |mut dice| {
        let dice = &mut dice;
        // Something that all have read.
        let mut common = Server::default();
        for n in 0..dice.below(4) {
            let mut desk = Terminal {
                device: sim::id(dice),
                counts: true,
                written: i64::try_from(n).expect("few"),
                base: common.version,
                screen: values_at(&common.edits, common.version),
                outbox: Vec::new(),
            };
            desk.write(dice);
            desk.outbox.iter().for_each(|request| common.take_in(request));
        }
        let mut requests: Vec<Request> = Vec::new();
        for _ in 0..3 {
            let mut terminal = Terminal {
                device: sim::id(dice),
                counts: dice.chance(0.7),
                written: 0,
                base: common.version,
                screen: values_at(&common.edits, common.version),
                outbox: Vec::new(),
            };
            for _ in 0..1 + dice.below(4) {
                terminal.write(dice);
            }
            requests.extend(terminal.outbox);
        }
        wholes += requests.iter().filter(|request| matches!(request, Request::Whole(..))).count();
        // As they were written, one terminal after the other; then in any order, some twice.
        let mut ordered = common.clone();
        requests.iter().for_each(|request| ordered.take_in(request));
        let expected = end(&ordered.edits);
        for _ in 0..3 {
            let (mut server, mut left) = (common.clone(), requests.clone());
            let mut arrived = Vec::new();
            while !left.is_empty() {
                let request = left.swap_remove(dice.below(left.len()));
                server.take_in(&request);
                arrived.push(request);
                if dice.chance(0.2) {
                    let again = dice.below(arrived.len());
                    server.take_in(&arrived[again]);
                }
            }
            assert_eq!(end(&server.edits), expected, "sent: {requests:#?}\narrived: {arrived:#?}");
            added += usize::from(server.edits.len() > ordered.edits.len());
        }
        requests.len() as u64
    });
    assert!(wholes > 0 && added > 0, "worlds in which nothing is overtaken prove nothing");
}
