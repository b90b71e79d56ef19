//! The ranking by examples, one obstacle at a time, and a property test over any night.

use proptest::prelude::*;

use super::*;

fn person(eta_s: f64) -> Candidate {
    Candidate {
        person: PersonId::new(),
        force: Force::Police,
        crew: None,
        on_duty: true,
        reach: Reach::Socket,
        fix: Some(Fix { fresh: true, age_s: 3.0, distance_m: eta_s * 8.0, eta_s }),
        held: Held::Free,
        grid: None,
        there: false,
    }
}

struct Scene {
    requester: PersonId,
    own_crew: Option<CrewId>,
    kind: Kind,
    already: HashSet<PersonId>,
    strength: HashMap<String, usize>,
    missing: usize,
    spare: usize,
}

impl Scene {
    fn new() -> Self {
        Self {
            requester: PersonId::new(),
            own_crew: None,
            kind: Kind::Help,
            already: HashSet::new(),
            strength: HashMap::new(),
            missing: 3,
            spare: 2,
        }
    }

    fn choose(&self, candidates: Vec<Candidate>) -> Choice {
        choose(
            &Ask {
                kind: self.kind,
                requester: self.requester,
                for_person: self.requester,
                own_crew: self.own_crew,
                grid: None,
                already: &self.already,
                missing: self.missing,
                spare: self.spare,
                strength: &self.strength,
                keep: &HashMap::from([("A".to_owned(), 1), ("G0".to_owned(), 1), ("G1".to_owned(), 1)]),
            },
            candidates,
        )
    }
}

fn of(choice: &Choice, who: &Candidate) -> Verdict {
    choice.verdicts.iter().find(|verdict| verdict.person == who.person).unwrap().clone()
}

#[test]
fn two_partners_in_one_car_count_once_and_both_are_told() {
    let crew = CrewId::new();
    let car = [10.0, 12.0].map(|eta| Candidate { crew: Some(crew), ..person(eta) });
    let others: Vec<_> = (1..=6).map(|n| person(60.0 * f64::from(n))).collect();
    let all = car.iter().chain(&others).cloned().collect();
    let choice = Scene::new().choose(all);
    assert_eq!(choice.units, 5);
    assert_eq!(choice.told().count(), 6);
    assert!(car.iter().all(|member| of(&choice, member).role == Some(AlertRole::Respond)));
    assert_eq!(of(&choice, &others[4]).reason, Reason::Farther);
}

#[test]
fn the_callers_crew_and_people_already_there_are_informed_and_never_counted() {
    let mut scene = Scene::new();
    let crew = CrewId::new();
    scene.own_crew = Some(crew);
    let partner = Candidate { crew: Some(crew), ..person(1.0) };
    let beside = Candidate { there: true, ..person(1.0) };
    let far: Vec<_> = (1..=3).map(|n| person(60.0 * f64::from(n))).collect();
    let choice = scene.choose([&[partner.clone(), beside.clone()], far.as_slice()].concat());
    assert_eq!(choice.units, 3);
    assert_eq!(of(&choice, &partner).reason, Reason::OwnCrew);
    assert_eq!(of(&choice, &beside).reason, Reason::AlreadyThere);
    assert_eq!(of(&choice, &beside).role, Some(AlertRole::Informed));
}

#[test]
fn an_open_socket_comes_before_a_nearer_recent_contact() {
    let mut scene = Scene::new();
    scene.missing = 1;
    scene.spare = 0;
    let recent = Candidate { reach: Reach::Recent, ..person(10.0) };
    let socket = person(90.0);
    let choice = scene.choose(vec![recent.clone(), socket.clone()]);
    assert_eq!(of(&choice, &socket).role, Some(AlertRole::Respond));
    assert_eq!(of(&choice, &recent).role, None);
    let alone = scene.choose(vec![recent.clone()]);
    assert_eq!(of(&alone, &recent).reason, Reason::NearestRecent);
}

#[test]
fn each_obstacle_is_named() {
    let cases: Vec<(Candidate, Reason)> = vec![
        (Candidate { on_duty: false, ..person(5.0) }, Reason::OffDuty),
        (Candidate { reach: Reach::None, ..person(5.0) }, Reason::Unreachable),
        (Candidate { fix: None, ..person(5.0) }, Reason::NoFix),
        (Candidate { fix: person(5.0).fix.map(|fix| Fix { fresh: false, ..fix }), ..person(5.0) }, Reason::StaleFix),
        (Candidate { held: Held::Incident(1), ..person(5.0) }, Reason::HigherPriority),
        (Candidate { held: Held::Backup, ..person(5.0) }, Reason::OnOtherBackup),
        (Candidate { held: Held::InTrouble, ..person(5.0) }, Reason::InTrouble),
        (Candidate { force: Force::Other, ..person(5.0) }, Reason::KindNotAllowed),
    ];
    let choice = Scene::new().choose(cases.iter().map(|case| case.0.clone()).collect());
    assert_eq!(choice.units, 0);
    for (candidate, reason) in &cases {
        assert_eq!(of(&choice, candidate).reason, *reason);
    }
}

#[test]
fn nobody_is_torn_from_priority_one_for_plain_help_but_a_weapon_outranks_a_noise_call() {
    let busy = |priority| Candidate { held: Held::Incident(priority), ..person(5.0) };
    let mut scene = Scene::new();
    assert_eq!(scene.choose(vec![busy(1)]).units, 0);
    assert_eq!(scene.choose(vec![busy(2)]).units, 1);
    scene.kind = Kind::Weapon;
    assert_eq!(scene.choose(vec![busy(1)]).units, 1);
}

#[test]
fn police_first_for_a_weapon_others_hold_the_perimeter_only_while_police_are_short() {
    let mut scene = Scene::new();
    scene.kind = Kind::Weapon;
    let auxiliary = Candidate { force: Force::Auxiliary, ..person(1.0) };
    let guard = Candidate { force: Force::Guard, ..person(1.0) };
    let officers: Vec<_> = (1..=3).map(|n| person(100.0 * f64::from(n))).collect();
    let short = scene.choose(vec![auxiliary.clone(), guard.clone(), officers[0].clone()]);
    assert_eq!(short.units, 1);
    assert_eq!(of(&short, &auxiliary).role, Some(AlertRole::Perimeter));
    assert_eq!(of(&short, &guard).reason, Reason::KindNotAllowed);
    let enough = scene.choose([officers, vec![auxiliary.clone()]].concat());
    assert_eq!(enough.units, 3);
    assert_eq!(of(&enough, &auxiliary).role, None);
}

#[test]
fn an_auxiliary_beside_an_officer_is_one_police_unit() {
    let mut scene = Scene::new();
    scene.kind = Kind::OfficerDown;
    let crew = Some(CrewId::new());
    let choice = scene
        .choose(vec![Candidate { crew, ..person(20.0) }, Candidate { crew, force: Force::Auxiliary, ..person(20.0) }]);
    assert_eq!((choice.units, choice.told().count()), (1, 2));
}

#[test]
fn a_crew_is_sent_without_the_member_who_has_signed_off() {
    let crew = Some(CrewId::new());
    let on = Candidate { crew, ..person(20.0) };
    let off = Candidate { crew, on_duty: false, ..person(20.0) };
    let choice = Scene::new().choose(vec![on.clone(), off.clone()]);
    assert_eq!((choice.units, of(&choice, &on).role), (1, Some(AlertRole::Respond)));
    assert_eq!((of(&choice, &off).role, of(&choice, &off).reason), (None, Reason::OffDuty));
}

#[test]
fn a_grid_keeps_its_last_unit_unless_nobody_else_can_come() {
    let mut scene = Scene::new();
    scene.missing = 1;
    scene.spare = 1;
    scene.strength = HashMap::from([("A".to_owned(), 1)]);
    let last = Candidate { grid: Some("A".into()), ..person(5.0) };
    let other = person(300.0);
    let choice = scene.choose(vec![last.clone(), other]);
    assert_eq!(of(&choice, &last).reason, Reason::KeptForGrid);
    let alone = scene.choose(vec![last.clone()]);
    assert_eq!(of(&alone, &last).reason, Reason::GridDrawn);
    scene.strength.insert("A".into(), 2);
    assert_eq!(of(&scene.choose(vec![last.clone()]), &last).reason, Reason::Nearest);
}

#[test]
fn a_wider_wave_speaks_to_nobody_twice() {
    let mut scene = Scene::new();
    let all: Vec<_> = (1..=12).map(|n| person(10.0 * f64::from(n))).collect();
    let first = scene.choose(all.clone());
    scene.already = first.told().map(|verdict| verdict.person).collect();
    let second = scene.choose(all.clone());
    assert_eq!(second.units, 5);
    assert!(second.told().all(|verdict| !scene.already.contains(&verdict.person)));
    assert!(of(&second, &all[5]).role.is_some());
}

fn any_candidate() -> impl Strategy<Value = (Candidate, u8)> {
    (
        (0_u8..4, 0_u8..3, any::<bool>(), 0_u8..6, 0_u8..8),
        proptest::option::of((any::<bool>(), 0.0_f64..2_000.0)),
        (proptest::option::of(0_u8..3), prop::bool::weighted(0.1)),
    )
        .prop_map(|((force, reach, on_duty, held, crew), fix, (grid, there))| {
            let candidate = Candidate {
                person: PersonId::new(),
                force: [Force::Police, Force::Auxiliary, Force::Guard, Force::Other][usize::from(force)],
                crew: None,
                on_duty: on_duty || held > 2,
                reach: [Reach::Socket, Reach::Recent, Reach::None][usize::from(reach)],
                fix: fix.map(|(fresh, eta_s)| Fix { fresh, age_s: 1.0, distance_m: eta_s * 5.0, eta_s }),
                held: match held {
                    0 => Held::Backup,
                    1 => Held::InTrouble,
                    2 => Held::Incident(1),
                    _ => Held::Free,
                },
                grid: grid.map(|number| format!("G{number}")),
                there,
            };
            (candidate, crew)
        })
}

proptest! {
    #[test]
    fn whatever_the_night_looks_like(
        people in prop::collection::vec(any_candidate(), 0..40),
        kind in prop::sample::select(vec![Kind::Help, Kind::OfficerDown, Kind::Weapon, Kind::Crowd, Kind::Pursuit]),
        missing in 1_usize..5,
        spare in 0_usize..3,
    ) {
        let crews: Vec<CrewId> = (0..4).map(|_| CrewId::new()).collect();
        let mut scene = Scene::new();
        scene.kind = kind;
        scene.missing = missing;
        scene.spare = spare;
        scene.own_crew = crews.first().copied();
        scene.strength = HashMap::from([("G0".into(), 1), ("G1".into(), 3)]);
        let candidates: Vec<Candidate> = people
            .into_iter()
            .map(|(candidate, crew)| Candidate { crew: crews.get(usize::from(crew)).copied(), ..candidate })
            .collect();
        let choice = scene.choose(candidates.clone());

        // One verdict each, none invented.
        prop_assert_eq!(choice.verdicts.len(), candidates.len());
        let respond: Vec<&Verdict> =
            choice.verdicts.iter().filter(|v| v.role == Some(AlertRole::Respond)).collect();
        let units: HashSet<UnitKey> = respond.iter().map(|v| v.unit).collect();
        prop_assert_eq!(units.len(), choice.units);
        prop_assert!(choice.units <= missing + spare);

        for unit in &units {
            let members: Vec<&Candidate> = candidates
                .iter()
                .filter(|c| c.crew.map_or(UnitKey::Person(c.person), UnitKey::Crew) == *unit && c.on_duty)
                .collect();
            prop_assert!(members.iter().any(|c| c.reach > Reach::None), "an unreachable unit was counted");
            prop_assert!(members.iter().any(|c| c.fix.is_some_and(|f| f.fresh)), "a stale unit was counted");
            prop_assert!(members.iter().any(|c| capability(c.force, kind) == Capability::Respond));
            prop_assert!(members.iter().all(|c| !matches!(c.held, Held::Backup | Held::InTrouble)));
            prop_assert!(members.iter().all(|c| !c.there));
            prop_assert!(*unit != UnitKey::Crew(crews[0]), "the caller's own crew was counted");
        }
        // Somebody able is left out as "farther" or for a grid only when enough were offered.
        if choice.verdicts.iter().any(|v| v.reason == Reason::Farther) {
            prop_assert_eq!(choice.units, missing + spare);
        }
        if choice.verdicts.iter().any(|v| v.reason == Reason::KeptForGrid) {
            prop_assert!(choice.units >= missing);
        }
        // The order of the input changes nothing.
        let mut turned = candidates;
        turned.reverse();
        prop_assert_eq!(scene.choose(turned), choice);
    }
}
