//! What may be relied on when documents take numbers, on a real schema: none twice, none lost, whatever the order.

use std::collections::HashMap;

use super::rules::NumberState;
use super::service::{BlockReturn, NewNumberBlock, Voided, lease_in, return_in, tell_overdue};
use super::store;
use super::view::{NumberBlock, NumberRun};
use super::{Number, Series, Use, of_mediation, take_leased, take_next, take_printed, void_used};
use crate::duty::officers::{UnitRow, store as officers};
use crate::platform::cards;
use crate::platform::config::Numbers;
use crate::platform::db::memory::Memory;
use crate::platform::policy::{Actor, DeviceKind, PersonKind};
use crate::words::dice::Dice;
use crate::words::error::{Code, Result};
use crate::words::ids::{DeviceId, MediationId, NumberBlockId, PersonId, UnitId};
use crate::words::sim;
use crate::words::time::Timestamp;

const SERIES: Series = Series::OnScene;
const YEAR: i32 = 2026;

/// One unit with its numbers.
struct House {
    memory: Memory,
    unit: UnitRow,
    settings: Numbers,
    now: Timestamp,
}

impl House {
    fn new() -> Self {
        let mut memory = Memory::open();
        let id = UnitId::new();
        let now = Timestamp::parse("2026-06-01T00:00:00Z").unwrap();
        let unit = UnitRow {
            id,
            name: "城南派出所".to_owned(),
            kind: "station_command_room".to_owned(),
            parent_id: None,
            path: format!("/{id}/"),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        officers::unit_insert(memory.conn(), &unit).unwrap();
        Self { memory, unit, settings: Numbers::default(), now }
    }

    /// Somebody of the unit on a device.
    fn actor(&self, device: DeviceId) -> Actor {
        Actor {
            person: PersonId::new(),
            kind: PersonKind::PoliceOfficer,
            name: "wang".to_owned(),
            unit: self.unit.id,
            unit_path: self.unit.path.clone(),
            device,
            device_kind: DeviceKind::Handheld,
            session: None,
            source: None,
        }
    }

    fn lease(&mut self, device: DeviceId, count: i64) -> Result<NumberBlock> {
        let actor = self.actor(device);
        let ask = NewNumberBlock { series: SERIES, count: Some(count), year: None };
        let (settings, unit) = (&self.settings, &self.unit);
        let id = self.memory.write(self.now, None, |tx| lease_in(tx, settings, &actor, unit, &ask))?;
        NumberBlock::fetch(self.memory.conn(), &id)
    }

    fn give_back(&mut self, id: &NumberBlockId, void: &[i64]) -> Result<()> {
        let actor = self.actor(DeviceId::new());
        let void = void.iter().map(|n| Voided { number: *n, reason: "spoilt".to_owned() }).collect();
        let block = store::block_fetch(self.memory.conn(), id)?;
        self.memory.write(self.now, None, |tx| return_in(tx, &actor, &block, &BlockReturn { void }))
    }

    fn next(&mut self, usage: &Use) -> Result<Number> {
        let (settings, unit) = (&self.settings, &self.unit);
        self.memory.write(self.now, None, |tx| take_next(tx, settings, unit, SERIES, YEAR, usage))
    }

    fn leased(&mut self, n: i64, usage: &Use) -> Result<Number> {
        let unit = self.unit.id;
        self.memory.write(self.now, None, |tx| take_leased(tx, &unit, SERIES, YEAR, n, usage))
    }

    fn printed(&mut self, text: &str, usage: &Use) -> Result<Number> {
        let (settings, unit) = (&self.settings, &self.unit);
        self.memory.write(self.now, None, |tx| take_printed(tx, settings, unit, SERIES, text, usage))
    }

    fn withdraw(&mut self, number: &Number) -> Result<()> {
        self.memory.write(self.now, None, |tx| void_used(tx, number, &PersonId::new(), "withdrawn"))
    }

    /// Tells of every block that is overdue; how many there were.
    fn tell(&mut self) -> usize {
        let due = store::blocks_overdue(self.memory.conn(), self.now, 100).unwrap();
        for id in &due {
            self.memory.write(self.now, None, |tx| tell_overdue(tx, id)).unwrap();
        }
        due.len()
    }

    fn cards(&mut self) -> usize {
        cards::cards_open(self.memory.conn(), &[self.unit.id], 100).unwrap().len()
    }

    fn runs(&mut self) -> Vec<NumberRun> {
        let now = self.now;
        let counters = store::counters_of(self.memory.conn(), &self.unit.id).unwrap();
        counters.iter().map(|row| NumberRun::count(self.memory.conn(), row, now).unwrap()).collect()
    }
}

fn on(device: DeviceId) -> Use {
    Use { mediation: MediationId::new(), by: PersonId::new(), device }
}

fn code<T>(outcome: Result<T>) -> Code {
    outcome.err().expect("is refused").code()
}

#[test]
fn documents_are_numbered_from_one_and_a_document_once() {
    let mut house = House::new();
    let first = on(DeviceId::new());
    let number = house.next(&first).unwrap();
    assert_eq!((number.n, number.text.as_str()), (1, "城南派出所现调字〔2026〕第000001号"));
    assert_eq!(house.next(&first).unwrap(), number, "the same document again");
    assert_eq!(house.next(&on(DeviceId::new())).unwrap().n, 2);
    let (unit, settings, now) = (house.unit.clone(), house.settings.clone(), house.now);
    for (series, year) in [(Series::Police, YEAR), (SERIES, YEAR + 1)] {
        let usage = on(DeviceId::new());
        let other = house.memory.write(now, None, |tx| take_next(tx, &settings, &unit, series, year, &usage)).unwrap();
        assert_eq!((other.n, other.year), (1, year), "each series and each year begins at 1");
    }
    assert_eq!(of_mediation(house.memory.conn(), SERIES, &first.mediation).unwrap(), Some(number));
}

#[test]
fn what_comes_back_is_handed_out_before_new_ones_and_void_stays_void() {
    let mut house = House::new();
    let block = house.lease(DeviceId::new(), 5).unwrap();
    assert_eq!((block.from, block.to, &block.numbers), (1, 5, &vec![1, 2, 3, 4, 5]));
    house.give_back(&block.id, &[3]).unwrap();
    house.give_back(&block.id, &[3]).unwrap();
    assert_eq!(house.next(&on(DeviceId::new())).unwrap().n, 1);
    let again = house.lease(DeviceId::new(), 5).unwrap();
    assert_eq!(again.numbers, [2, 4, 5, 6, 7]);
    let run = house.runs().remove(0);
    assert_eq!((run.highest, run.used, run.void, run.leased, run.returned), (7, 1, 1, 5, 0));
    assert_eq!((run.complete, run.missing.len()), (Some(true), 0));
    // The one that came back is not the old block's any more.
    let old = NumberBlock::fetch(house.memory.conn(), &block.id).unwrap();
    assert!(old.unspent.is_empty() && old.closed_at.is_some());
    assert_eq!(code(house.give_back(&block.id, &[2])), Code::InvalidField);
}

#[test]
fn a_number_that_was_used_offline_is_taken_also_after_its_time() {
    let mut house = House::new();
    let (device, other) = (DeviceId::new(), DeviceId::new());
    let block = house.lease(device, 2).unwrap();
    assert_eq!(code(house.leased(1, &on(other))), Code::Forbidden, "it is another device's");
    assert_eq!(code(house.leased(3, &on(device))), Code::InvalidField, "nobody has it");
    let document = on(device);
    let number = house.leased(1, &document).unwrap();
    assert_eq!(house.leased(1, &document).unwrap(), number, "the same again");
    assert_eq!(code(house.leased(1, &on(device))), Code::AlreadyExists, "on another document");
    assert_eq!(code(house.leased(2, &document)), Code::Conflict, "a document has one number");
    house.now = block.expires_at;
    assert_eq!((house.tell(), house.cards()), (1, 1));
    let run = house.runs().remove(0);
    assert_eq!((run.leased, run.overdue, run.used, run.returned), (0, 1, 1, 0), "nothing came back by itself");
    house.leased(2, &on(device)).unwrap();
    assert_eq!(house.cards(), 0, "the room has nothing more to look at");
    assert!(NumberBlock::fetch(house.memory.conn(), &block.id).unwrap().closed_at.is_some());
}

#[test]
fn the_room_is_told_once_and_what_was_given_again_is_not_taken_from_the_old_device() {
    let mut house = House::new();
    let (lost, other) = (DeviceId::new(), DeviceId::new());
    let block = house.lease(lost, 3).unwrap();
    house.now = block.expires_at.plus_secs(-1);
    assert_eq!((house.tell(), house.cards()), (0, 0));
    house.now = block.expires_at;
    assert_eq!((house.tell(), house.tell(), house.cards()), (1, 0, 1));
    house.give_back(&block.id, &[2]).unwrap();
    assert_eq!(house.cards(), 0);
    // 1 and 3 are free, but nobody has them: paper that comes late counts still.
    house.leased(3, &on(lost)).unwrap();
    assert_eq!(house.lease(other, 1).unwrap().numbers, [1]);
    assert_eq!(code(house.leased(1, &on(lost))), Code::AlreadyExists, "given again");
    assert_eq!(code(house.leased(2, &on(lost))), Code::Conflict, "void");
    house.leased(1, &on(other)).unwrap();
    assert_eq!(code(house.leased(1, &on(lost))), Code::AlreadyExists, "and used");
}

#[test]
fn a_withdrawn_document_leaves_its_number_void() {
    let mut house = House::new();
    let document = on(DeviceId::new());
    let number = house.next(&document).unwrap();
    for _ in 0..2 {
        house.withdraw(&number).unwrap();
    }
    assert_eq!(of_mediation(house.memory.conn(), SERIES, &document.mediation).unwrap(), None);
    assert_eq!(house.next(&document).unwrap().n, 2, "made anew it has a new number");
    let kept = store::number_find(house.memory.conn(), &number.run, 1).unwrap().unwrap();
    assert_eq!((kept.state, kept.mediation_id), (NumberState::Void, Some(document.mediation)));
}

#[test]
fn a_form_has_its_own_number_which_counts_once() {
    let mut house = House::new();
    let document = on(DeviceId::new());
    let number = house.printed("现调 No.0001", &document).unwrap();
    assert_eq!(number.text, "现调No.0001");
    assert_eq!(house.printed("现调No.0001", &document).unwrap(), number);
    assert_eq!(code(house.printed("现调No.0001", &on(DeviceId::new()))), Code::AlreadyExists);
    assert_eq!(code(house.printed("现调No.0002", &document)), Code::Conflict, "a document has one number");
    assert_eq!(code(house.printed("no number", &on(DeviceId::new()))), Code::InvalidField);
    let ours = "城南派出所现调字〔2026〕第000001号";
    assert_eq!(code(house.printed(ours, &on(DeviceId::new()))), Code::InvalidField, "one of ours is not scanned");
    assert_eq!(house.next(&on(DeviceId::new())).unwrap().n, 1, "and ours are not moved by it");
    let runs = house.runs();
    let (forms, own): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.printed.is_some());
    assert_eq!((forms.len(), own.len()), (1, 1));
    assert_eq!((forms[0].printed.as_deref(), forms[0].complete, forms[0].used), (Some("现调No.*"), None, 1));
}

#[test]
fn a_device_does_not_hoard() {
    let mut house = House::new();
    house.settings.held_max = 12;
    let device = DeviceId::new();
    let block = house.lease(device, 10).unwrap();
    let error = house.lease(device, 3).err().unwrap();
    assert_eq!((error.code(), error.members().get("held")), (Code::Conflict, Some(&serde_json::json!(10))));
    house.lease(device, 2).unwrap();
    house.give_back(&block.id, &[]).unwrap();
    house.lease(device, 10).unwrap();
    house.lease(DeviceId::new(), 10).unwrap();
    let run = house.runs().remove(0);
    assert_eq!((run.highest, run.leased, run.complete), (22, 22, Some(true)));
}

#[test]
fn whatever_happens_every_number_is_accounted_for_and_on_one_document() {
    sim::worlds("numbers", 20, |mut dice: Dice| {
        let mut house = House::new();
        let devices: Vec<DeviceId> = (0..4).map(|_| DeviceId::new()).collect();
        let (mut blocks, mut documents): (Vec<NumberBlock>, Vec<(Use, Number)>) = (Vec::new(), Vec::new());
        let steps = 60;
        for _ in 0..steps {
            let device = devices[dice.below(devices.len())];
            match dice.below(7) {
                0 => blocks.extend(house.lease(device, 1 + dice.below(6) as i64).ok()),
                1 => {
                    let usage = on(device);
                    let number = house.next(&usage).unwrap();
                    documents.push((usage, number));
                }
                // Any terminal with any number: its own, another's, one that went elsewhere long ago.
                2 | 3 if !blocks.is_empty() => {
                    let block = &blocks[dice.below(blocks.len())];
                    let n = block.numbers[dice.below(block.numbers.len())];
                    let usage = on(if dice.below(4) == 0 { device } else { block.device_id });
                    documents.extend(house.leased(n, &usage).ok().map(|number| (usage, number)));
                }
                4 if !blocks.is_empty() => {
                    let block = &blocks[dice.below(blocks.len())];
                    let void = [block.numbers[dice.below(block.numbers.len())]];
                    let spoilt: &[i64] = if dice.below(2) == 0 { &void } else { &[] };
                    let _refused = house.give_back(&block.id, spoilt);
                }
                5 if !documents.is_empty() => {
                    let (_, number) = documents.swap_remove(dice.below(documents.len()));
                    house.withdraw(&number).unwrap();
                }
                _ => {
                    house.now = house.now.plus_secs(86_400);
                    house.tell();
                }
            }
            let mut seen: HashMap<i64, MediationId> = HashMap::new();
            for (usage, number) in &documents {
                assert_eq!(seen.insert(number.n, usage.mediation), None, "{} twice", number.n);
                let kept = of_mediation(house.memory.conn(), SERIES, &usage.mediation).unwrap();
                assert_eq!(kept.as_ref(), Some(number));
            }
            for run in house.runs() {
                let sum = run.leased + run.overdue + run.used + run.void + run.returned + run.reserved;
                assert_eq!((run.complete, sum), (Some(true), run.highest));
                assert_eq!(run.used, documents.len() as i64);
            }
        }
        steps
    });
}
