//! A model of the two tables, killed at any commit: everything committed is there, once.

use super::*;
use crate::duty::location::codec;
use crate::words::ids::{DeviceId, PersonId};
use proptest::prelude::*;

fn fix(at: i64) -> Fix {
    Fix { at, received_ms: at / 1000, lon_e7: (at % 1000) as i32, lat_e7: 5, ..Fix::default() }
}

#[derive(Default)]
struct Tables {
    log: BTreeMap<i64, Vec<u8>>,
    segments: Vec<Sealed>,
    sealed_log: HashMap<Key, i64>,
}

impl Tables {
    fn commit(&mut self, plan: &Plan) {
        if let Some(blob) = &plan.log {
            assert!(self.log.insert(plan.n, blob.clone()).is_none(), "a number is used once");
        }
        for sealed in &plan.sealed {
            self.sealed_log.insert(sealed.key, plan.n - 1);
            self.segments.push(sealed.clone());
        }
        if let Some(bound) = plan.trim_before {
            self.log.retain(|n, _| *n >= bound);
        }
    }

    fn restart(&self, max_log: u64) -> History {
        let mut history = History::new(max_log);
        history.continue_after(self.sealed_log.values().copied().max().unwrap_or(0));
        for (n, blob) in &self.log {
            let groups = log::decode(blob).unwrap();
            history.replay(*n, &groups, |key| self.sealed_log.get(key).is_none_or(|sealed| n > sealed));
        }
        history
    }

    fn all(&self, history: &History, key: Key) -> Vec<i64> {
        let sealed = self.segments.iter().filter(|s| s.key == key).flat_map(|s| codec::decode(&s.body).unwrap());
        let open = history.of_person(key.author.unwrap(), 0, i64::MAX).into_iter().map(|(_, fix)| fix);
        let mut all: Vec<i64> = sealed.chain(open).map(|fix| fix.at).collect();
        all.sort_unstable();
        all
    }
}

#[derive(Debug, Clone)]
enum Step {
    Flush(Vec<(usize, u16)>),
    /// The process dies after the commit and before the plan is taken up.
    FlushAndDie(Vec<(usize, u16)>),
    Wait(i64),
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    let groups = proptest::collection::vec((0..3usize, 1..700u16), 0..3);
    prop_oneof![
        6 => groups.clone().prop_map(Step::Flush),
        2 => groups.prop_map(Step::FlushAndDie),
        1 => (1..4_000_000i64).prop_map(Step::Wait),
        2 => Just(Step::Die),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn everything_committed_is_there_once(steps in proptest::collection::vec(step(), 1..30), max_log in 100..5_000u64) {
        let keys: Vec<Key> = (0..3).map(|_| Key { device: DeviceId::new(), author: Some(PersonId::new()) }).collect();
        let (mut tables, mut history) = (Tables::default(), History::new(max_log));
        let mut written: HashMap<Key, Vec<i64>> = HashMap::new();
        let (mut now_ms, mut clock) = (1_000_000i64, 0i64);
        for step in steps {
            match step {
                Step::Wait(ms) => now_ms += ms,
                Step::Die => history = tables.restart(max_log),
                Step::Flush(ref groups) | Step::FlushAndDie(ref groups) => {
                    let mut fixes: BTreeMap<Key, Vec<Fix>> = BTreeMap::new();
                    for (who, n) in groups {
                        for _ in 0..*n {
                            clock += 1;
                            fixes.entry(keys[*who]).or_default().push(fix(clock));
                            written.entry(keys[*who]).or_default().push(clock);
                        }
                    }
                    let plan = history.plan(fixes, now_ms);
                    tables.commit(&plan);
                    if matches!(step, Step::FlushAndDie(_)) {
                        history = tables.restart(max_log);
                    } else {
                        history.apply(&plan, now_ms);
                    }
                }
            }
            for key in &keys {
                prop_assert_eq!(tables.all(&history, *key), written.get(key).cloned().unwrap_or_default());
            }
            prop_assert!(tables.segments.iter().all(|s| s.fixes <= MAX_OPEN_FIXES));
        }
    }
}

#[test]
fn the_log_is_bounded_and_trimmed() {
    let (mut tables, mut history) = (Tables::default(), History::new(1_000));
    let keys: Vec<Key> = (0..20).map(|_| Key { device: DeviceId::new(), author: None }).collect();
    for round in 0..500i64 {
        let groups = keys.iter().map(|key| (*key, vec![fix(round)])).collect();
        let plan = history.plan(groups, round);
        tables.commit(&plan);
        history.apply(&plan, round);
        assert!(history.log_fixes() <= 1_100, "{}", history.log_fixes());
    }
    assert!(tables.log.len() < 60);
    let idle = history.plan(BTreeMap::new(), MAX_OPEN_MS * 2);
    tables.commit(&idle);
    history.apply(&idle, MAX_OPEN_MS * 2);
    assert_eq!((tables.log.len(), history.log_fixes()), (0, 0));
}

#[test]
fn those_who_signed_on_together_are_not_sealed_together() {
    let (mut tables, mut history) = (Tables::default(), History::new(1_000_000));
    let keys: Vec<Key> = (0..300).map(|_| Key { device: DeviceId::new(), author: Some(PersonId::new()) }).collect();
    let mut at_once = Vec::new();
    for round in 0..600i64 {
        let groups = keys.iter().map(|key| (*key, vec![fix(round)])).collect();
        let plan = history.plan(groups, round);
        at_once.push(plan.sealed.len());
        tables.commit(&plan);
        history.apply(&plan, round);
    }
    assert!(at_once.iter().all(|sealed| *sealed <= MAX_SEALS_PER_FLUSH), "{at_once:?}");
    assert_eq!(at_once.iter().sum::<usize>(), keys.len());
    for key in &keys {
        assert_eq!(tables.all(&history, *key), (0..600).collect::<Vec<_>>());
    }
}
