//! What the sequencer promises, on the real schema.

use serde_json::json;

use super::*;
use crate::duty::evidence::custody::entry::TouchKind;
use crate::duty::evidence::custody::keys::Ring;
use crate::duty::evidence::custody::{log, tree};
use crate::platform::db::batch;
use crate::platform::db::memory::Memory;
use crate::platform::keys::KeySource;
use crate::words::ids::EvidenceId;

struct Fixed;
impl KeySource for Fixed {
    fn master(&self) -> Result<[u8; 32]> {
        Ok([5; 32])
    }
}

struct World {
    db: Memory,
    keys: Keys,
    now: Timestamp,
}

impl World {
    fn begin() -> Self {
        let now = Timestamp::from_micros(1_767_225_600_000_000);
        Self { db: Memory::open(), keys: Keys::open(&Fixed).unwrap(), now }
    }

    fn touch(&mut self, evidence: Option<&EvidenceId>, kind: TouchKind) -> CustodyId {
        self.now = self.now.plus_millis(1);
        let said = log::Touch { evidence, kind, actor: None, device: None, detail: json!({"purpose": "test"}) };
        self.db.write(self.now, None, |tx| log::touch(tx, said)).unwrap()
    }

    fn turn(&mut self, holder: &str) -> Result<Turn> {
        let keys = &self.keys;
        self.db.write(self.now, None, |tx| sequence(tx, keys, holder))
    }

    fn pass_ms(&mut self, ms: i64) {
        self.now = self.now.plus_millis(ms);
    }

    fn numbers(&mut self, ids: &[CustodyId]) -> Vec<Option<i64>> {
        ids.iter().map(|id| store::entry_fetch(self.db.conn(), id).unwrap().n).collect()
    }
}

#[test]
fn entries_are_numbered_in_order_and_the_head_is_over_all_of_them() {
    let mut world = World::begin();
    assert_eq!(world.turn("a").unwrap(), Turn::default(), "an empty log has no head");
    let ids: Vec<_> = (0..300).map(|_| world.touch(None, TouchKind::LogRead)).collect();
    let first = world.turn("a").unwrap();
    assert_eq!(first, Turn { numbered: 128, signed: true, more: true });
    assert_eq!(world.turn("a").unwrap(), Turn { numbered: 128, signed: false, more: true });
    assert_eq!(world.turn("a").unwrap(), Turn { numbered: 44, signed: false, more: false });
    world.pass_ms(HEAD_EVERY_MS);
    assert!(world.turn("a").unwrap().signed);
    assert_eq!(world.turn("a").unwrap(), Turn::default());
    assert_eq!(world.numbers(&ids), (0..300).map(Some).collect::<Vec<_>>());
    let conn = world.db.conn();
    let (ring, wrong) = Ring::of(&keys::published(conn).unwrap());
    assert!(wrong.is_empty(), "{wrong:?}");
    let heads: Vec<_> = store::heads_after(conn, 0, 10).unwrap().iter().map(TreeHead::from).collect();
    assert_eq!(heads.iter().map(|head| head.size).collect::<Vec<_>>(), [128, 300]);
    let roots: Vec<_> = heads.iter().map(|head| head.check(&ring).unwrap()).collect();
    let path = proof::consistency(conn, 128, 300).unwrap();
    assert!(tree::extends(128, 300, &roots[0], &roots[1], &path));
    for n in [0, 127, 128, 255, 299] {
        let row = store::entry_fetch(conn, &ids[n as usize]).unwrap();
        let text = log::entry_text(&row).unwrap();
        let leaf = crate::duty::evidence::custody::entry::leaf_of(row.salt.as_deref().unwrap(), &text);
        assert_eq!(leaf.as_slice(), row.leaf.as_slice());
        let path = proof::inclusion(conn, n, 300).unwrap();
        assert!(tree::includes(n, 300, &leaf, &path, &roots[1]), "entry {n}");
    }
}

#[test]
fn only_the_holder_of_the_lease_numbers() {
    let mut world = World::begin();
    let id = world.touch(None, TouchKind::LogRead);
    assert_eq!(world.turn("a").unwrap().numbered, 1);
    let late = world.touch(None, TouchKind::LogRead);
    assert_eq!(world.turn("b").unwrap(), Turn::default());
    assert_eq!(world.numbers(&[id, late]), [Some(0), None]);
    world.pass_ms(LEASE_S * 1_000);
    assert_eq!(world.turn("b").unwrap().numbered, 1);
    assert_eq!(world.turn("a").unwrap(), Turn::default());
    assert_eq!(world.numbers(&[id, late]), [Some(0), Some(1)]);
}

#[test]
fn heads_keep_their_distance_and_an_idle_log_gets_none() {
    let mut world = World::begin();
    let due = |world: &mut World| {
        let now = world.now;
        is_due(world.db.conn(), now).unwrap()
    };
    assert!(!due(&mut world));
    world.touch(None, TouchKind::LogRead);
    assert!(due(&mut world));
    assert!(world.turn("a").unwrap().signed);
    assert!(!due(&mut world));
    world.touch(None, TouchKind::LogRead);
    assert!(!world.turn("a").unwrap().signed);
    assert!(!due(&mut world), "numbered, and too early for a head");
    world.pass_ms(HEAD_EVERY_MS);
    assert!(due(&mut world));
    assert!(world.turn("a").unwrap().signed);
    world.pass_ms(60_000);
    assert!(!due(&mut world));
}

#[test]
fn a_changed_log_is_never_signed_over() {
    for damage in [
        "UPDATE custody_entry SET leaf = zeroblob(32) WHERE n = 1",
        "DELETE FROM custody_node WHERE level = 1 AND n = 0",
        "DELETE FROM custody_entry WHERE n = 2",
        "UPDATE custody_head SET root = zeroblob(32)",
        "UPDATE custody_node SET hash = zeroblob(32) WHERE level = 1",
    ] {
        let mut world = World::begin();
        for _ in 0..3 {
            world.touch(None, TouchKind::LogRead);
        }
        assert!(world.turn("a").unwrap().signed);
        world.db.write(world.now, None, |tx| batch(tx.conn(), damage)).unwrap();
        world.touch(None, TouchKind::LogRead);
        world.pass_ms(HEAD_EVERY_MS);
        let outcome = world.turn("a");
        if damage.contains("n = 1") {
            // A leaf inside a full subtree is not read again when the log grows; `suixing verify` reads it.
            continue;
        }
        assert!(outcome.is_err(), "{damage}");
    }
}

#[test]
fn what_was_erased_keeps_its_leaf_and_the_tree_its_root() {
    let mut world = World::begin();
    let evidence = EvidenceId::new();
    let ids = [world.touch(Some(&evidence), TouchKind::Received), world.touch(Some(&evidence), TouchKind::Viewed)];
    let other = world.touch(None, TouchKind::LogRead);
    world.turn("a").unwrap();
    let root = proof::root(world.db.conn(), 3).unwrap();
    world.pass_ms(600);
    let said = log::Touch {
        evidence: Some(&evidence),
        kind: TouchKind::Deleted,
        actor: None,
        device: None,
        detail: json!({"reason": "expired"}),
    };
    let deletion = world.db.write(world.now, None, |tx| log::erase(tx, said)).unwrap();
    world.turn("a").unwrap();
    let conn = world.db.conn();
    assert_eq!(proof::root(conn, 3).unwrap(), root);
    for id in ids {
        let row = store::entry_fetch(conn, &id).unwrap();
        assert!(row.detail.is_none() && row.salt.is_none() && row.leaf.len() == 32, "{row:?}");
    }
    for id in [other, deletion] {
        assert!(store::entry_fetch(conn, &id).unwrap().detail.is_some());
    }
    assert_eq!(log::entries_of(conn, &evidence).unwrap().len(), 3);
}

#[test]
fn a_touch_that_was_rolled_back_never_was() {
    let mut world = World::begin();
    let said = || log::Touch { evidence: None, kind: TouchKind::LogRead, actor: None, device: None, detail: json!({}) };
    world.db.die_in(world.now, |tx| log::touch(tx, said()));
    let refused = world.db.write(world.now, None, |tx| {
        log::touch(tx, said())?;
        Err::<(), _>(Error::conflict("no"))
    });
    assert!(refused.is_err());
    assert_eq!(world.turn("a").unwrap(), Turn::default());
}
