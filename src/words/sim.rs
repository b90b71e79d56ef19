//! Seeds and time of the simulations: a core runs in process in thousands of small worlds, each decided by its seed.
//!
//! No wall clock, no waiting, no thread: a world that fails is repeated by its number alone. Called by the `*_sim`
//! tests beside the cores; `scripts/fault --cores` asks for more seeds.

use uuid::Uuid;

use super::dice::Dice;
use super::time::Timestamp;

/// Runs one world per seed and says how many steps there were. `SUIXING_SIM_SEEDS` and `SUIXING_SIM_FIRST` say which
/// seeds; `usual` of them, from 1, unless told.
pub fn worlds(core: &str, usual: u64, mut world: impl FnMut(Dice) -> u64) {
    let told = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let (first, seeds) = (told("SUIXING_SIM_FIRST").unwrap_or(1), told("SUIXING_SIM_SEEDS").unwrap_or(usual));
    let mut steps = 0;
    for seed in first..first + seeds {
        let _name = Name { core, seed };
        steps += world(Dice::new(seed));
    }
    assert!(seeds == 0 || steps >= seeds, "{core}: worlds in which nothing happens");
    println!("simulated {core}: {seeds} seeds from {first}, {steps} steps");
}

/// Names the seed when its world ends in a panic.
struct Name<'a> {
    core: &'a str,
    seed: u64,
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { core, seed } = self;
            eprintln!("{core}: seed {seed} failed; again: SUIXING_SIM_FIRST={seed} SUIXING_SIM_SEEDS=1");
        }
    }
}

/// An id that the seed decides, so that whatever is ordered by ids is ordered alike in every run.
pub fn id<I: From<Uuid>>(dice: &mut Dice) -> I {
    Uuid::from_u64_pair(dice.draw(), dice.draw()).into()
}

/// How a commit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// The database refuses it; the process goes on.
    Fails,
    /// The process dies, before or after the commit.
    DiesBefore,
    DiesAfter,
}

/// The server's clock of a world. It passes; only a restart may find it set back.
#[derive(Clone, Copy, Debug)]
pub struct ServerTime(Timestamp);

impl ServerTime {
    /// Somewhen in the night of a new year.
    pub fn begin(dice: &mut Dice) -> Self {
        let night = i64::try_from(dice.below(28_800_000)).expect("fits");
        Self(Timestamp::from_micros(1_767_225_600_000_000).plus_millis(night))
    }

    pub fn now(self) -> Timestamp {
        self.0
    }

    /// Mostly moments, now and then hours or days; never nothing.
    pub fn pass(&mut self, dice: &mut Dice) {
        let most_ms = match dice.below(100) {
            0..=79 => 2_000,
            80..=94 => 120_000,
            95..=97 => 7_200_000,
            _ => 3 * 86_400_000,
        };
        self.wait_ms(1 + i64::try_from(dice.below(most_ms)).expect("fits"));
    }

    /// So much later.
    pub fn wait_ms(&mut self, ms: i64) {
        self.0 = self.0.plus_millis(ms);
    }

    /// A process starts and finds the system's clock set by up to an hour, or as it should be.
    pub fn restart(&mut self, dice: &mut Dice) {
        if dice.chance(0.3) {
            let ms = i64::try_from(dice.below(7_200_000)).expect("fits") - 3_600_000;
            self.wait_ms(ms);
        }
        self.wait_ms(500);
    }

    /// What a device's clock shows: right, a little off, ten minutes off, or hours.
    pub fn seen_by(self, dice: &mut Dice) -> Timestamp {
        let most_ms = match dice.below(10) {
            0..=5 => 1_500,
            6..=7 => 30_000,
            8 => 600_000,
            _ => 6 * 3_600_000,
        };
        self.0
            .plus_millis(i64::try_from(dice.below(2 * most_ms)).expect("fits") - i64::try_from(most_ms).expect("fits"))
    }
}
