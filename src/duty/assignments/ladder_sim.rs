//! An assignment in small worlds: people tap on terminals whose clocks are wrong, taps come late and twice, devices and
//! browser tabs confirm, the room cancels, refuses a change, splits people off, other calls come first, the server is
//! away over deadlines. A model keeps what was said and derives from it what must be true: the state, what was applied,
//! which clock may end and which must run.

use std::collections::{HashMap, HashSet};

use super::super::clock_rules::{self, Change, Clock};
use super::super::clocks::allowed_s;
use super::super::escalation::{
    Available, Channel, Decision, Limit, Missed, REPEATS_MAX, Reached, decide, next_attempt, next_channel, unreached,
};
use super::super::store::{AssigneeKind, DeadlineState};
use super::*;
use crate::platform::config::{Dispatch, Mode};
use crate::words::dice::Dice;
use crate::words::ids::PersonId;
use crate::words::sim::{self, ServerTime};

#[path = "ladder_model.rs"]
mod model;

use model::Model;

const STEPS: u64 = 60;

/// Words of both ladders and of none.
const WORDS: [Rung; 14] = [
    Rung::Viewed,
    Rung::Viewed,
    Rung::Accepted,
    Rung::Accepted,
    Rung::EnRoute,
    Rung::OnScene,
    Rung::Cleared,
    Rung::ChangeRequested,
    Rung::Queued,
    Rung::Suspended,
    Rung::Declined,
    Rung::CancelConfirmed,
    Rung::CallerContacted,
    Rung::Signed,
];

#[derive(Clone, Debug)]
struct Member {
    id: PersonId,
    may_decline: bool,
    left: bool,
    /// His device confirmed it, or he said something.
    has: bool,
    viewed: bool,
}

/// A clock's row.
#[derive(Clone, Debug)]
struct Row {
    clock: Clock,
    attempt: i32,
    due: Timestamp,
    state: DeadlineState,
    /// The last way there is was taken with this one.
    last_way: bool,
}

struct World {
    dice: Dice,
    time: ServerTime,
    config: Dispatch,
    kind: AssigneeKind,
    priority: i32,
    standing: Standing,
    model: Model,
    members: Vec<Member>,
    rows: Vec<Row>,
    tried: HashMap<(PersonId, Limit), Vec<Channel>>,
    heard: HashSet<(Rung, PersonId, Timestamp)>,
    on_the_way: Vec<(usize, Rung, Timestamp)>,
    added: u32,
    recorded: u64,
}

impl World {
    fn new(mut dice: Dice) -> Self {
        let kind = [AssigneeKind::Crew, AssigneeKind::Crew, AssigneeKind::Person, AssigneeKind::Agency][dice.below(4)];
        let count = if kind == AssigneeKind::Crew { 1 + dice.below(3) } else { 1 };
        let member = |_| Member {
            id: sim::id(&mut dice),
            may_decline: dice.chance(0.2),
            left: false,
            has: false,
            viewed: false,
        };
        let members: Vec<Member> = (0..count).map(member).collect();
        let (time, priority) = (ServerTime::begin(&mut dice), 1 + dice.below(4) as i32);
        let mut world = Self {
            dice,
            time,
            config: Dispatch::default(),
            kind,
            priority,
            standing: Standing::sent(),
            model: Model { height: 1, ..Model::default() },
            members,
            rows: Vec::new(),
            tried: HashMap::new(),
            heard: HashSet::new(),
            on_the_way: Vec::new(),
            added: 0,
            recorded: 0,
        };
        for limit in clock_rules::running(kind, State::Sent) {
            let people: Vec<Option<PersonId>> = match limit {
                Limit::Delivered => world.members.iter().map(|member| Some(member.id)).collect(),
                _ => vec![None],
            };
            people.into_iter().for_each(|person| world.open(*limit, person, 0, None));
        }
        world
    }

    fn open(&mut self, limit: Limit, person: Option<PersonId>, attempt: i32, wait_s: Option<i64>) {
        let wait_s = wait_s.unwrap_or_else(|| allowed_s(&self.config, limit, self.priority));
        let clock = Clock { limit, person };
        assert!(!self.running().any(|row| row.clock == clock), "{clock:?} runs twice");
        let due = self.time.now().plus_secs(wait_s);
        self.rows.push(Row { clock, attempt, due, state: DeadlineState::Open, last_way: false });
    }

    fn running(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state == DeadlineState::Open)
    }

    /// What follows every rung: the clocks.
    fn settle(&mut self, from: State, rung: Rung, about: Option<PersonId>, applied: bool) {
        let to = self.standing.state();
        let open: Vec<usize> = (0..self.rows.len()).filter(|at| self.rows[*at].state == DeadlineState::Open).collect();
        let clocks: Vec<Clock> = open.iter().map(|at| self.rows[*at].clock).collect();
        let turn = clock_rules::turn(&clocks, &Change { kind: self.kind, from, to, rung, about, applied });
        for (index, state) in turn.ends {
            let row = &mut self.rows[open[index]];
            row.state = state;
            let clock = row.clock;
            assert!(state == DeadlineState::Paused && to.is_paused() || self.came(clock), "{clock:?} ended by {rung}");
        }
        turn.begins.into_iter().for_each(|limit| self.open(limit, None, 0, None));
    }

    /// What the clock waited for is there, or cannot come any more.
    fn came(&self, clock: Clock) -> bool {
        let model = &self.model;
        let on = |state: State| model.state() == state;
        match clock.limit {
            Limit::Delivered => {
                let him = self.members.iter().find(|member| Some(member.id) == clock.person);
                !model.open() || model.height >= 4 || him.is_some_and(|him| him.has || him.left)
            }
            Limit::Viewed => {
                let him = |member: &&Member| clock.person.is_none_or(|person| person == member.id);
                let gone = clock.person.is_some() && self.members.iter().filter(him).all(|member| member.left);
                !model.open() || model.height >= 4 || gone || self.members.iter().any(|member| member.viewed)
            }
            Limit::Accepted => !model.open() || model.height >= 4,
            Limit::EnRoute => !model.open() || model.height >= 5,
            Limit::OnScene => !model.open() || model.height >= 6,
            Limit::Waiting => !on(State::Queued) && !on(State::Suspended),
            Limit::Change => !on(State::ChangeRequested),
            Limit::CancelConfirmed => model.confirmed || !model.open() && !on(State::Cancelled),
            Limit::Feedback | Limit::Signed => false,
        }
    }

    /// A tap arrives, perhaps again.
    fn tap(&mut self, who: usize, rung: Rung, claimed: Timestamp) {
        let member = self.members[who].clone();
        let at = claimed.min(self.time.now());
        if !self.heard.insert((rung, member.id, claimed)) {
            return;
        }
        let (open, before, belongs) = (self.model.open(), self.standing, !member.left);
        let outcome = step(self.standing, rung, at, Speaker { belongs, may_decline: member.may_decline });
        let from = before.state();
        let outcome = match (rung, outcome) {
            (Rung::Signed, outcome) => return assert_eq!(outcome, Err(Refusal::NotOnThisLadder)),
            (Rung::Declined, outcome) if !member.may_decline => {
                return assert_eq!(outcome, Err(Refusal::OfficersAskForChange));
            }
            (Rung::CancelConfirmed, outcome) if !self.model.asked && self.model.ended != Some(State::Cancelled) => {
                return assert_eq!(outcome, Err(Refusal::NothingToConfirm));
            }
            (_, outcome) => outcome.expect("everything else is recorded"),
        };
        self.recorded += 1;
        if rung == Rung::CancelConfirmed {
            let heard = belongs && (open || self.model.ended == Some(State::Cancelled));
            assert_eq!(outcome.applied, heard, "a confirmation by one of them");
            if belongs && open {
                self.model.ended = Some(State::Cancelled);
            }
            self.model.confirmed |= heard;
            self.model.asked &= !belongs;
        } else {
            assert_eq!(outcome.applied, open && belongs, "{rung} on {from}");
            if outcome.applied {
                self.model.say(rung, at);
                self.model.human |= self.model.height >= 4;
            } else {
                assert_eq!(outcome.standing, before, "what is not applied moves nothing");
            }
        }
        self.standing = outcome.standing;
        self.members[who].has = true;
        self.members[who].viewed |= outcome.applied && rung.height().is_some_and(|height| height >= 3);
        self.settle(from, rung, Some(member.id), outcome.applied);
    }

    /// A device, or a browser tab, has the offer.
    fn receipt(&mut self, who: usize, carried: bool) {
        let member = self.members[who].clone();
        let (from, open) = (self.standing.state(), self.model.open());
        let speaker = Speaker { belongs: !member.left && carried, may_decline: false };
        let outcome = step(self.standing, Rung::Delivered, self.time.now(), speaker).expect("recorded");
        assert_eq!(outcome.applied, open && carried && !member.left);
        assert!(outcome.standing.height <= self.standing.height.max(2), "a machine's word is no human's");
        if outcome.applied {
            self.model.say(Rung::Delivered, self.time.now());
        }
        self.recorded += 1;
        self.standing = outcome.standing;
        self.members[who].has |= carried;
        self.settle(from, Rung::Delivered, carried.then_some(member.id), outcome.applied);
    }

    fn room(&mut self) {
        let from = self.standing.state();
        match self.dice.below(7) {
            0 if self.model.open() && !self.model.asked => {
                self.standing = cancel(self.standing);
                if self.model.height >= 6 {
                    self.model.asked = true;
                    self.model.confirmed = false;
                } else {
                    self.model.ended = Some(State::Cancelled);
                }
                self.settle(from, Rung::Cancelled, None, true);
                if self.model.asked {
                    self.open(Limit::CancelConfirmed, None, 0, None);
                }
            }
            1 if from == State::ChangeRequested => {
                self.standing = resume(self.standing);
                self.model.pauses.clear();
                let seat = sim::id(&mut self.dice);
                self.settle(from, Rung::Sent, Some(seat), true);
                self.start_missing();
            }
            2 | 3 if self.model.open() && self.members.iter().filter(|member| !member.left).count() > 1 => {
                let who = self.dice.below(self.members.len());
                self.members[who].left = true;
                let gone = Some(self.members[who].id);
                self.stop(|clock| matches!(clock.limit, Limit::Delivered | Limit::Viewed) && clock.person == gone);
            }
            4 if self.model.open() && self.kind != AssigneeKind::Agency && self.model.height < 4 => {
                // Something safety-relevant changed: they must look again.
                self.members.iter_mut().for_each(|member| member.viewed = false);
                self.stop(|clock| clock.limit == Limit::Viewed);
                self.open(Limit::Viewed, None, 0, None);
            }
            5 if from == State::Queued => {
                // The call before it is over.
                self.standing = resume(self.standing);
                self.model.pauses.clear();
                self.settle(from, Rung::Accepted, None, true);
            }
            6 if from.is_active() => {
                // Another call comes first.
                let at = self.standing.moved_at.map_or(self.time.now(), |moved| moved.max(self.time.now()));
                let outcome = step(self.standing, Rung::Suspended, at, OFFICER_OF_RECORD).expect("a rule");
                self.model.say(Rung::Suspended, at);
                self.standing = outcome.standing;
                self.settle(from, Rung::Suspended, None, true);
            }
            _ => {}
        }
    }

    fn start_missing(&mut self) {
        let open: Vec<Clock> = self.running().map(|row| row.clock).collect();
        let paused = |row: &&Row| row.state == DeadlineState::Paused && row.clock.limit == Limit::Delivered;
        let waited: HashSet<PersonId> = self.rows.iter().filter(paused).filter_map(|row| row.clock.person).collect();
        let silent = |member: &&Member| !member.left && !member.has && waited.contains(&member.id);
        let silent: Vec<PersonId> = self.members.iter().filter(silent).map(|member| member.id).collect();
        let missing = clock_rules::missing(&open, self.kind, self.standing.state(), &silent);
        missing.into_iter().for_each(|clock| self.open(clock.limit, clock.person, 0, None));
    }

    fn stop(&mut self, which: impl Fn(&Clock) -> bool) {
        for row in self.rows.iter_mut().filter(|row| row.state == DeadlineState::Open && which(&row.clock)) {
            row.state = DeadlineState::Met;
        }
    }

    /// The poller's turn: whatever is due is escalated, each clock once.
    fn poll(&mut self) {
        let now = self.time.now();
        for at in 0..self.rows.len() {
            if self.rows[at].state == DeadlineState::Open && self.rows[at].due <= now {
                self.miss(at);
            }
        }
        assert!(self.running().all(|row| row.due > now), "nothing is overdue after a turn");
    }

    fn miss(&mut self, at: usize) {
        self.rows[at].state = DeadlineState::Missed;
        let Row { clock, attempt, .. } = self.rows[at].clone();
        assert!(!self.came(clock), "{clock:?} was escalated although it came");
        let decision = decide(&Missed {
            limit: clock.limit,
            mode: [Mode::AutoAdd, Mode::Suggest, Mode::CardOnly][self.dice.below(3)],
            accepted: self.standing.height >= ACCEPTED,
            area_silent: self.dice.chance(0.1),
            added: self.added,
            added_max: self.config.auto_add_max,
        });
        match decision {
            Decision::Hold => self.again(at, decision, Some(i64::from(self.config.area_silent_hold_s))),
            Decision::NextChannel => self.next_way(at),
            Decision::Add => {
                assert!(!self.model.human, "somebody has it: nobody is added");
                self.added += 1;
                assert!(self.added <= self.config.auto_add_max);
                self.again(at, decision, None);
            }
            Decision::Suggest | Decision::Card => self.again(at, decision, None),
        }
        assert!(attempt <= REPEATS_MAX, "it ends with a card");
    }

    fn again(&mut self, at: usize, decision: Decision, wait_s: Option<i64>) {
        let Row { clock, attempt, .. } = self.rows[at].clone();
        match next_attempt(decision, None, attempt) {
            Some(next) => self.open(clock.limit, clock.person, next, wait_s),
            None => {
                assert_eq!((attempt, decision == Decision::Hold), (REPEATS_MAX, false), "it was given up too early");
                self.rows[at].last_way = true;
            }
        }
    }

    fn next_way(&mut self, at: usize) {
        let Row { clock, attempt, .. } = self.rows[at].clone();
        let reached = |m: &Member| Reached { person: m.id, left: m.left, viewed: m.viewed };
        let reached: Vec<Reached> = self.members.iter().map(reached).collect();
        for person in unreached(clock.person, &reached) {
            assert!(!self.members.iter().any(|m| m.id == person && m.left), "who left is not looked for");
            let dice = &mut self.dice;
            let available = Available {
                other_devices: dice.chance(0.5),
                partner: dice.chance(0.5),
                push_adapter: dice.chance(0.5),
            };
            let tried = self.tried.entry((person, clock.limit)).or_default();
            let (skipped, next) = next_channel(tried, available);
            tried.extend(skipped);
            let Some(channel) = next else {
                assert!(tried.contains(&Channel::VoiceCard), "a human voice is the last way");
                self.rows[at].last_way = true;
                continue;
            };
            assert!(!tried.contains(&channel), "no way twice");
            tried.push(channel);
            match next_attempt(Decision::NextChannel, Some(channel), attempt) {
                Some(next) => {
                    let wait = Dispatch::of(&self.config.channel_s, self.priority);
                    self.open(clock.limit, Some(person), next, Some(i64::from(wait)));
                }
                None => self.rows[at].last_way = true,
            }
        }
    }

    fn step(&mut self) {
        let who = self.dice.below(self.members.len());
        match self.dice.below(100) {
            0..=34 => {
                let rung = *self.dice.pick(&WORDS).expect("words");
                let seen = self.time.seen_by(&mut self.dice);
                self.on_the_way.push((who, rung, seen));
            }
            35..=64 => {
                if !self.on_the_way.is_empty() {
                    let which = self.dice.below(self.on_the_way.len());
                    let (who, rung, at) = self.on_the_way[which];
                    if self.dice.chance(0.7) {
                        self.on_the_way.swap_remove(which);
                    }
                    self.tap(who, rung, at);
                }
            }
            65..=76 => {
                let carried = self.dice.chance(0.7);
                self.receipt(who, carried);
            }
            77..=89 => self.room(),
            _ => self.time.wait_ms(60_000),
        }
    }

    /// What must hold at any moment.
    fn check(&self, height_before: u8) {
        let state = self.standing.state();
        assert_eq!(state, self.model.state(), "{:?} against {:?}", self.standing, self.model);
        assert!(self.standing.height >= height_before, "the ladder moved back");
        assert!(self.standing.height < ACCEPTED || self.model.human, "taken on by no human");
        if self.kind == AssigneeKind::Agency {
            return;
        }
        let runs = |limit: Limit| self.running().any(|row| row.clock.limit == limit);
        // The newest of its kind went through all its repeats: the card stays with the room.
        let carded = |limit: Limit| self.rows.iter().any(|row| row.clock.limit == limit && row.last_way);
        let must = |limit: Limit| assert!(runs(limit) || carded(limit), "{state} without {limit}: {:#?}", self.rows);
        match state {
            State::Sent | State::Delivered | State::Viewed => must(Limit::Accepted),
            State::Accepted => must(Limit::EnRoute),
            State::EnRoute => must(Limit::OnScene),
            State::Queued | State::Suspended => must(Limit::Waiting),
            State::ChangeRequested => must(Limit::Change),
            State::Cleared => must(Limit::Feedback),
            State::Cancelled if self.model.confirmed => assert!(!runs(Limit::CancelConfirmed), "it was confirmed"),
            State::Cancelled => must(Limit::CancelConfirmed),
            _ => {}
        }
        if self.model.asked && self.model.open() {
            must(Limit::CancelConfirmed);
        }
        if matches!(state, State::Sent | State::Delivered | State::Viewed) {
            for member in self.members.iter().filter(|member| !member.left && !member.has) {
                let his = |row: &&Row| row.clock == Clock { limit: Limit::Delivered, person: Some(member.id) };
                let waits = self.rows.iter().filter(his).any(|row| row.state == DeadlineState::Open || row.last_way);
                assert!(waits, "nobody waits for a receipt: {:#?}", self.rows);
            }
        }
    }
}

#[test]
fn ladder_simulated() {
    let mut recorded = 0;
    sim::worlds("ladder", 3_000, |dice| {
        let mut world = World::new(dice);
        for _ in 0..STEPS {
            let height = world.standing.height;
            world.time.pass(&mut world.dice.fork(7));
            // Away for hours or not: the first thing it does is look for what is due.
            world.poll();
            world.step();
            world.check(height);
        }
        recorded += world.recorded;
        STEPS
    });
    assert!(recorded > 0);
}
