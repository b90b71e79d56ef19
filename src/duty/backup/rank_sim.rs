//! A call for help in small worlds: crews and lone people drive about, lose contact, get other work, sign off, change
//! crews; waves go out until enough have accepted. Each wave is ranked again with its input in another order, and with
//! somebody nearer; who was chosen, who was left out and why is judged by rules that were written down apart from it.

use std::collections::BTreeSet;

use super::super::Answer;
use super::super::rules::{MAX_WAVES, Offer, Step, accepted_units, pending_units, surplus, wave_step};
use super::*;
use crate::words::dice::Dice;
use crate::words::sim;

const KINDS: [Kind; 5] = [Kind::Help, Kind::OfficerDown, Kind::Weapon, Kind::Crowd, Kind::Pursuit];
const GRIDS: [&str; 3] = ["A", "B", "C"];

struct World {
    dice: Dice,
    people: Vec<Candidate>,
    crews: Vec<CrewId>,
    kind: Kind,
    requester: PersonId,
    for_person: PersonId,
    own_crew: Option<CrewId>,
    grid: Option<&'static str>,
    keep: HashMap<String, usize>,
    wanted: usize,
    spare: usize,
    already: HashSet<PersonId>,
    offers: Vec<(PersonId, Offer)>,
}

impl World {
    fn new(mut dice: Dice) -> Self {
        let crews: Vec<CrewId> = (0..dice.below(6)).map(|_| sim::id(&mut dice)).collect();
        let people: Vec<Candidate> = (0..2 + dice.below(24)).map(|_| person(&mut dice, &crews)).collect();
        let requester = people[0].person;
        let for_person = if dice.chance(0.2) { people[1].person } else { requester };
        let own = people.iter().find(|one| one.person == for_person).and_then(|one| one.crew);
        let keep = GRIDS.iter().map(|grid| ((*grid).to_owned(), dice.below(3))).collect();
        Self {
            kind: KINDS[dice.below(5)],
            own_crew: own.or(people[0].crew),
            grid: dice.chance(0.5).then(|| GRIDS[dice.below(3)]),
            wanted: 1 + dice.below(4),
            spare: dice.below(3),
            requester,
            for_person,
            keep,
            people,
            crews,
            dice,
            already: HashSet::new(),
            offers: Vec::new(),
        }
    }

    /// Minutes pass between two waves.
    fn drift(&mut self) {
        for one in &mut self.people {
            let fresh = person(&mut self.dice, &self.crews);
            match self.dice.below(12) {
                0 => one.reach = fresh.reach,
                1 => one.on_duty = fresh.on_duty,
                2 => one.held = fresh.held,
                3 => one.crew = fresh.crew,
                4 => one.grid = fresh.grid,
                5..=8 => one.fix = fresh.fix,
                _ => {}
            }
        }
    }

    fn unit(one: &Candidate) -> UnitKey {
        one.crew.map_or(UnitKey::Person(one.person), UnitKey::Crew)
    }

    /// Units on duty per grid, as the store counts them.
    fn strength(&self) -> HashMap<String, usize> {
        let mut units: HashMap<String, BTreeSet<UnitKey>> = HashMap::new();
        for one in self.people.iter().filter(|one| one.on_duty) {
            if let Some(grid) = &one.grid {
                units.entry(grid.clone()).or_default().insert(Self::unit(one));
            }
        }
        units.into_iter().map(|(grid, units)| (grid, units.len())).collect()
    }

    fn choose(&self, missing: usize, people: Vec<Candidate>) -> Choice {
        let ask = Ask {
            kind: self.kind,
            requester: self.requester,
            for_person: self.for_person,
            own_crew: self.own_crew,
            grid: self.grid,
            already: &self.already,
            missing,
            spare: self.spare,
            strength: &self.strength(),
            keep: &self.keep,
        };
        choose(&ask, people)
    }

    fn wave(&mut self, missing: usize) -> Choice {
        let choice = self.choose(missing, self.people.clone());
        self.check_people(&choice);
        self.check_units(&choice, missing);
        self.check_grids(&choice, missing);
        let mut turned = self.people.clone();
        for at in (1..turned.len()).rev() {
            turned.swap(at, self.dice.below(at + 1));
        }
        assert_eq!(self.choose(missing, turned), choice, "the order of the input changes nothing");
        self.check_nearer(&choice, missing);
        choice
    }

    fn one(&self, person: PersonId) -> &Candidate {
        self.people.iter().find(|one| one.person == person).expect("one of them")
    }

    fn is_caller(&self, person: PersonId) -> bool {
        person == self.requester || person == self.for_person
    }

    /// One verdict each; nobody is told to come who must not.
    fn check_people(&self, choice: &Choice) {
        let judged: BTreeSet<PersonId> = choice.verdicts.iter().map(|verdict| verdict.person).collect();
        let all: BTreeSet<PersonId> = self.people.iter().map(|one| one.person).collect();
        assert_eq!((judged, choice.verdicts.len()), (all, self.people.len()), "one verdict each");
        for verdict in &choice.verdicts {
            let one = self.one(verdict.person);
            assert_eq!(verdict.unit, Self::unit(one));
            if self.is_caller(one.person) {
                assert_eq!((verdict.role, verdict.reason), (None, Reason::Caller));
            }
            if self.already.contains(&one.person) {
                assert_eq!(verdict.role, None, "nobody is told twice");
            }
            if matches!(verdict.role, Some(AlertRole::Respond | AlertRole::Perimeter)) {
                assert!(one.on_duty, "off duty, and told to come");
                assert!(!self.already.contains(&one.person), "told twice");
                assert!(!matches!(one.held, Held::Backup | Held::InTrouble), "torn from another call for help");
                assert!(!matches!(one.held, Held::Incident(priority) if priority < self.kind.rank()));
                assert!(self.own_crew.is_none() || one.crew != self.own_crew, "the caller's own crew is no help more");
            }
            let skipped_well = match verdict.reason {
                Reason::OffDuty => !one.on_duty,
                Reason::Nearest | Reason::NearestRecent | Reason::GridDrawn => verdict.role == Some(AlertRole::Respond),
                Reason::Perimeter => verdict.role == Some(AlertRole::Perimeter),
                Reason::OwnCrew | Reason::AlreadyThere => verdict.role == Some(AlertRole::Informed),
                _ => verdict.role.is_none(),
            };
            assert!(skipped_well, "{verdict:?} of {one:?}");
        }
    }

    /// What makes a unit one that can come: its people on duty, their best reach, soonest fresh fix, and what they may.
    fn able(&self, unit: UnitKey) -> Option<(Reach, f64, bool)> {
        let members: Vec<&Candidate> = self.people.iter().filter(|one| Self::unit(one) == unit).collect();
        if members.iter().any(|one| one.there || self.is_caller(one.person) || self.already.contains(&one.person))
            || self.own_crew.is_some_and(|own| unit == UnitKey::Crew(own))
        {
            return None;
        }
        let on: Vec<&&Candidate> = members.iter().filter(|one| one.on_duty).collect();
        let police = on.iter().any(|one| one.force == Force::Police);
        let respond = police || !self.kind.police_first() && on.iter().any(|one| one.force == Force::Auxiliary);
        let bound = on.iter().any(|one| match one.held {
            Held::Free => false,
            Held::Incident(priority) => priority < self.kind.rank(),
            Held::Backup | Held::InTrouble => true,
        });
        let reach = on.iter().map(|one| one.reach).max()?;
        let eta = on.iter().filter_map(|one| one.fix).filter(|fix| fix.fresh).map(|fix| fix.eta_s).reduce(f64::min)?;
        (!bound && respond && reach != Reach::None).then_some((reach, eta, police))
    }

    fn check_units(&self, choice: &Choice, missing: usize) {
        let units_of = |want: fn(&Verdict) -> bool| -> BTreeSet<UnitKey> {
            choice.verdicts.iter().filter(|verdict| want(verdict)).map(|verdict| verdict.unit).collect()
        };
        let chosen = units_of(|verdict| verdict.role == Some(AlertRole::Respond));
        let farther = units_of(|verdict| verdict.reason == Reason::Farther);
        let posts = units_of(|verdict| verdict.role == Some(AlertRole::Perimeter));
        assert_eq!(chosen.len(), choice.units, "a crew counts once");
        assert!(choice.units <= missing + self.spare);
        let rank = |unit: &UnitKey| self.able(*unit).unwrap_or_else(|| panic!("{unit:?} cannot come"));
        for unit in &chosen {
            let (reach, eta, police) = rank(unit);
            assert!(police || !self.kind.police_first(), "nobody but police is sent before a weapon");
            for left in &farther {
                let (other, soon, _) = rank(left);
                assert!(
                    other < reach || other == reach && soon >= eta || self.is_drawn(choice, *unit),
                    "{left:?} is nearer"
                );
            }
        }
        assert!(farther.is_empty() || choice.units >= missing + self.spare, "left out although more were wanted");
        let all: BTreeSet<UnitKey> = self.people.iter().map(Self::unit).collect();
        let able = all.iter().filter(|unit| self.able(**unit).is_some()).count();
        assert!(choice.units >= able.min(missing), "too few were sent although more could come");
        assert!(posts.is_empty() || choice.units < missing, "a perimeter instead of those who can come");
        assert!(posts.len() <= missing.saturating_sub(choice.units));
    }

    fn is_drawn(&self, choice: &Choice, unit: UnitKey) -> bool {
        choice.verdicts.iter().any(|verdict| verdict.unit == unit && verdict.reason == Reason::GridDrawn)
    }

    /// A grid keeps its strength while anybody else can come.
    fn check_grids(&self, choice: &Choice, missing: usize) {
        let strength = self.strength();
        for grid in GRIDS.iter().filter(|grid| Some(**grid) != self.grid) {
            let of_grid = |unit: UnitKey| {
                let mut members: Vec<&Candidate> =
                    self.people.iter().filter(|one| Self::unit(one) == unit && one.on_duty).collect();
                members.sort_by_key(|one| one.person);
                members.iter().find_map(|one| one.grid.as_deref()) == Some(*grid)
            };
            let sent: BTreeSet<UnitKey> = choice
                .verdicts
                .iter()
                .filter(|verdict| matches!(verdict.reason, Reason::Nearest | Reason::NearestRecent))
                .map(|verdict| verdict.unit)
                .filter(|unit| of_grid(*unit))
                .collect();
            let left = strength.get(*grid).copied().unwrap_or(0).saturating_sub(sent.len());
            assert!(sent.is_empty() || left >= self.keep[*grid], "grid {grid} was stripped to {left}");
        }
        let drawn: BTreeSet<UnitKey> = choice
            .verdicts
            .iter()
            .filter(|verdict| verdict.reason == Reason::GridDrawn)
            .map(|verdict| verdict.unit)
            .collect();
        assert!(drawn.is_empty() || choice.units <= missing, "drawn from a grid although others could come");
        assert!(
            !choice.verdicts.iter().any(|verdict| verdict.reason == Reason::KeptForGrid) || choice.units >= missing,
            "kept for a grid although nobody else could come"
        );
    }

    /// Whoever comes nearer, all else alike, is not ranked worse.
    fn check_nearer(&mut self, choice: &Choice, missing: usize) {
        let who = self.people[self.dice.below(self.people.len())].clone();
        let Some(fix) = who.fix else { return };
        let nearer = Fix { eta_s: fix.eta_s * self.dice.unit(), distance_m: fix.distance_m * 0.5, ..fix };
        let mut moved = self.people.clone();
        moved.iter_mut().filter(|one| one.person == who.person).for_each(|one| one.fix = Some(nearer));
        let after = self.choose(missing, moved);
        let place = |choice: &Choice| {
            let role = choice.verdicts.iter().find(|verdict| verdict.person == who.person).and_then(|v| v.role);
            match role {
                Some(AlertRole::Respond) => 0,
                Some(AlertRole::Perimeter) => 1,
                Some(AlertRole::Informed) => 2,
                None => 3,
            }
        };
        assert!(place(&after) <= place(choice), "{who:?} came nearer and was ranked worse");
        assert_eq!(after.units, choice.units, "as many are sent");
    }

    /// Answers of this wave, and what the tally says.
    fn answers(&mut self, choice: &Choice) {
        for verdict in choice.told() {
            self.already.insert(verdict.person);
            let answer = match self.dice.below(10) {
                0..=1 => Some(Answer::Declined),
                2..=3 => Some(Answer::Coming),
                4 => Some(Answer::Arrived),
                _ => None,
            };
            let role = verdict.role.expect("told");
            self.offers.push((verdict.person, Offer { unit: verdict.unit, role, answer, stood_down: false }));
        }
        let offers: Vec<Offer> = self.offers.iter().map(|(_, offer)| *offer).collect();
        let counts = |offer: &&Offer| matches!(offer.answer, Some(Answer::Coming | Answer::Arrived));
        let coming: BTreeSet<UnitKey> =
            offers.iter().filter(|one| one.role == AlertRole::Respond).filter(counts).map(|one| one.unit).collect();
        assert_eq!(accepted_units(&offers), coming.len(), "a crew counts once");
        let home = surplus(&offers, self.wanted);
        assert!(home.is_empty() || coming.len() >= self.wanted, "sent home too early");
        for at in &home {
            let offer = offers[*at];
            assert!(offer.role != AlertRole::Informed && !offer.stood_down && !coming.contains(&offer.unit));
            self.offers[*at].1.stood_down = true;
        }
        if coming.len() >= self.wanted {
            let offers: Vec<Offer> = self.offers.iter().map(|(_, offer)| *offer).collect();
            // Who changed crews may have a mate who comes although he was only informed: neither is sent home.
            let somebody = |unit| offers.iter().filter(counts).any(|one| one.unit == unit);
            let waiting = offers.iter().filter(|one| one.role == AlertRole::Respond && !one.stood_down);
            let waiting: BTreeSet<UnitKey> = waiting.map(|one| one.unit).filter(|unit| !somebody(*unit)).collect();
            assert!(waiting.is_empty(), "enough are coming: the rest were stood down");
            assert!(pending_units(&offers) <= offers.iter().filter(counts).count());
            assert!(surplus(&offers, self.wanted).is_empty(), "nobody is stood down twice");
        }
    }
}

/// Somebody, somewhere, with or without contact.
fn person(dice: &mut Dice, crews: &[CrewId]) -> Candidate {
    let eta_s = [30.0, 60.0, 90.0 + dice.between(0.0, 600.0), dice.between(1.0, 3_000.0)][dice.below(4)];
    let fix = Fix { fresh: dice.chance(0.85), age_s: dice.between(0.0, 60.0), distance_m: eta_s * 8.0, eta_s };
    Candidate {
        person: sim::id(dice),
        force: [Force::Police, Force::Police, Force::Police, Force::Auxiliary, Force::Guard, Force::Other]
            [dice.below(6)],
        crew: if dice.chance(0.6) { dice.pick(crews).copied() } else { None },
        on_duty: dice.chance(0.85),
        reach: [Reach::Socket, Reach::Socket, Reach::Socket, Reach::Recent, Reach::None][dice.below(5)],
        fix: dice.chance(0.9).then_some(fix),
        held: match dice.below(12) {
            0 => Held::Backup,
            1 => Held::InTrouble,
            2..=3 => Held::Incident(1 + dice.below(4) as u8),
            _ => Held::Free,
        },
        grid: dice.chance(0.6).then(|| GRIDS[dice.below(3)].to_owned()),
        there: dice.chance(0.04),
    }
}

#[test]
fn ranking_simulated() {
    sim::worlds("ranking", 3_000, |dice| {
        let mut world = World::new(dice);
        let mut waves = 0;
        for wave in 1.. {
            let offers: Vec<Offer> = world.offers.iter().map(|(_, offer)| *offer).collect();
            let accepted = accepted_units(&offers);
            let Step::Widen { missing } = wave_step(accepted, world.wanted, wave) else {
                assert!(accepted >= world.wanted || wave >= MAX_WAVES, "it stopped asking too early");
                break;
            };
            assert_eq!(missing, world.wanted - accepted);
            waves += 1;
            let choice = world.wave(missing);
            world.answers(&choice);
            world.drift();
        }
        waves.max(1)
    });
}
