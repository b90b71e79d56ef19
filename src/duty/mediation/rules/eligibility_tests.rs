//! Each ground for and against a mediation by its article, and that nothing else stands in the way.

use std::collections::BTreeSet;

use super::super::law::Laws;
use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn law() -> &'static Law {
    Laws::builtin().unwrap().on(day("2026-11-23")).unwrap()
}

const SUSPECT: Uuid = Uuid::from_u128(1);
const VICTIM: Uuid = Uuid::from_u128(2);

fn party(id: Uuid, role: PartyRole) -> PartyFacts {
    PartyFacts { role: Some(role), birth_date: Some(day("1980-05-01")), consents: Some(true), ..PartyFacts::new(id) }
}

fn certificate(until: Option<&str>) -> Option<Certificate> {
    Some(Certificate { number: "苏调0001".to_owned(), valid_from: day("2025-01-01"), valid_until: until.map(day) })
}

/// A case of this kind in which everything is as it should be.
fn fine(kind: Kind) -> Facts {
    let people = kind == Kind::People;
    Facts {
        kind,
        date: day("2026-11-23"),
        nature: Some(if people { Nature::Civil } else { Nature::Fight }),
        minor: Some(true),
        ground: Some(Ground::KinNeighbours),
        bars: Vec::new(),
        no_loss_dispute: Some(true),
        performed_on_the_spot: Some(true),
        leader: Leader {
            kind: if people { LeaderKind::Auxiliary } else { LeaderKind::PoliceOfficer },
            certificate: if people { certificate(Some("2026-12-31")) } else { None },
            officers_present: u8::from(!people),
        },
        recording: Recording::Complete,
        signed_on_screen: true,
        parties: vec![party(SUSPECT, PartyRole::Suspect), party(VICTIM, PartyRole::Victim)],
    }
}

fn codes(facts: &Facts) -> Vec<Reason> {
    eligible(law(), facts).unwrap().into_iter().map(|finding| finding.code).collect()
}

/// What is found when one thing differs from a case in which everything is as it should be.
fn with(kind: Kind, change: impl FnOnce(&mut Facts)) -> Vec<Reason> {
    let mut facts = fine(kind);
    change(&mut facts);
    codes(&facts)
}

const POLICE: [Kind; 2] = [Kind::PoliceOnScene, Kind::Police];

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for kind in Kind::ALL {
        let findings = eligible(law(), &fine(*kind)).unwrap();
        assert_eq!(findings, [], "{kind}");
        assert!(may_begin(&findings) && may_sign(&findings) && may_take_effect(&findings));
    }
}

#[test]
fn every_bar_of_article_179_forbids_police_mediation() {
    for kind in POLICE {
        for (said, code) in [
            (SaidBar::Hired, Reason::Hired),
            (SaidBar::Gang, Reason::Gang),
            (SaidBar::Repeated, Reason::Repeated),
            (SaidBar::Refused, Reason::PartyRefuses),
            (SaidBar::NewViolation, Reason::NewViolation),
            (SaidBar::Fled, Reason::SuspectFled),
            (SaidBar::Other, Reason::OtherBar),
        ] {
            let mut facts = fine(kind);
            facts.bars = vec![said];
            let findings = eligible(law(), &facts).unwrap();
            assert_eq!(findings.len(), 1);
            assert_eq!((findings[0].code, findings[0].level), (code, Level::Bar));
            assert!(findings[0].article.contains("第一百七十九条"), "{}", findings[0].article);
            assert_eq!(findings[0].overridable, said == SaidBar::Other);
            assert!(!may_begin(&findings) && !may_sign(&findings));
        }
        assert_eq!(with(kind, |facts| facts.bars = SaidBar::ALL.to_vec()).len(), 7);
    }
}

#[test]
fn a_refusal_can_never_be_overridden_however_it_is_said() {
    for kind in Kind::ALL.iter().copied() {
        let mut said = fine(kind);
        said.bars = vec![SaidBar::Refused];
        let mut refuses = fine(kind);
        refuses.parties[1].consents = Some(false);
        for (facts, subject) in [(said, None), (refuses, Some(VICTIM))] {
            let findings = eligible(law(), &facts).unwrap();
            let refusal = findings.iter().find(|finding| finding.code == Reason::PartyRefuses).unwrap();
            assert_eq!((refusal.level, refusal.overridable, refusal.subject), (Level::Bar, false, subject));
            let article = if kind == Kind::People {
                "《人民调解法》第十七条"
            } else {
                "第一百七十九条第四项"
            };
            assert!(refusal.article.contains(article), "{}", refusal.article);
        }
    }
}

#[test]
fn the_police_mediate_minor_offences_for_a_ground_alone() {
    for kind in POLICE {
        assert_eq!(with(kind, |facts| facts.nature = Some(Nature::Civil)), [Reason::NoOffence]);
        assert_eq!(with(kind, |facts| facts.nature = None), [Reason::NatureMissing]);
        assert_eq!(with(kind, |facts| facts.minor = Some(false)), [Reason::NotMinor]);
        assert_eq!(with(kind, |facts| facts.minor = None), [Reason::GravityMissing]);
        assert_eq!(with(kind, |facts| facts.ground = None), [Reason::GroundMissing]);
        for nature in Nature::ALL.iter().filter(|nature| **nature != Nature::Civil) {
            assert_eq!(with(kind, |facts| facts.nature = Some(*nature)), []);
        }
    }
}

#[test]
fn on_the_spot_there_is_no_dispute_about_losses_and_nothing_left_to_do() {
    let scene = Kind::PoliceOnScene;
    assert_eq!(with(scene, |facts| facts.no_loss_dispute = Some(false)), [Reason::LossDispute]);
    assert_eq!(with(scene, |facts| facts.no_loss_dispute = None), [Reason::LossMissing]);
    assert_eq!(with(scene, |facts| facts.performed_on_the_spot = Some(false)), [Reason::NotOnTheSpot]);
    assert_eq!(with(scene, |facts| facts.performed_on_the_spot = None), [Reason::PerformanceMissing]);
    for kind in [Kind::Police, Kind::People] {
        let nothing =
            with(kind, |facts| (facts.no_loss_dispute, facts.performed_on_the_spot) = (Some(false), Some(false)));
        assert_eq!(nothing, [], "{kind}");
    }
}

#[test]
fn peoples_mediation_has_no_list_of_acts_and_leaves_the_punishment_to_the_police() {
    let people = Kind::People;
    for nature in [None, Some(Nature::Civil)] {
        assert_eq!(with(people, |facts| facts.nature = nature), []);
    }
    assert_eq!(with(people, |facts| (facts.minor, facts.ground) = (None, None)), []);
    let mut offence = fine(people);
    offence.nature = Some(Nature::Damage);
    let findings = eligible(law(), &offence).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].code, findings[0].level), (Reason::PoliceMustApprove, Level::Notice));
    assert!(may_take_effect(&findings));
    offence.bars = vec![SaidBar::Repeated];
    assert_eq!(codes(&offence), [Reason::PoliceMustApprove, Reason::WaiverExcluded]);
    offence.bars = vec![SaidBar::Refused];
    assert_eq!(codes(&offence), [Reason::PartyRefuses, Reason::PoliceMustApprove]);
    offence.bars = vec![SaidBar::Repeated];
    assert!(may_begin(&eligible(law(), &offence).unwrap()), "the civil side may be mediated all the same");
}

#[test]
fn an_auxiliary_leads_peoples_mediation_with_a_certificate_and_never_the_polices() {
    for kind in LeaderKind::ALL.iter().copied() {
        for police in POLICE {
            let found = with(police, |facts| {
                facts.leader.kind = kind;
                facts.leader.certificate = certificate(None);
            });
            let expected = if kind == LeaderKind::PoliceOfficer { vec![] } else { vec![Reason::LeaderNotPolice] };
            assert_eq!(found, expected, "{police} by {kind}");
        }
        let people = with(Kind::People, |facts| facts.leader.kind = kind);
        let expected = if kind == LeaderKind::Other { vec![Reason::LeaderNotMediator] } else { vec![] };
        assert_eq!(people, expected, "people by {kind}");
        let without = with(Kind::People, |facts| {
            facts.leader.kind = kind;
            facts.leader.certificate = None;
        });
        assert!(without.contains(&Reason::CertificateMissing), "{kind}");
    }
}

#[test]
fn a_certificate_counts_on_the_day_of_the_mediation() {
    let on = |date: &str, until: Option<&str>| {
        with(Kind::People, |facts| {
            facts.date = day(date);
            facts.leader.certificate = certificate(until);
        })
    };
    assert_eq!(on("2026-12-31", Some("2026-12-31")), [], "its last day belongs to it");
    assert_eq!(on("2027-01-01", Some("2026-12-31")), [Reason::CertificateExpired]);
    assert_eq!(on("2025-01-01", Some("2026-12-31")), [], "and its first");
    assert_eq!(on("2024-12-31", Some("2026-12-31")), [Reason::CertificateNotYet]);
    assert_eq!(on("2099-01-01", None), []);
    let nameless = Certificate { number: " ".to_owned(), valid_from: day("2025-01-01"), valid_until: None };
    let found = with(Kind::People, |facts| facts.leader.certificate = Some(nameless));
    assert_eq!(found, [Reason::CertificateMissing]);
}

#[test]
fn one_officer_alone_is_recorded_and_a_pending_upload_is_a_state_of_its_own() {
    for kind in POLICE {
        let recorded = |recording: Recording, officers: u8, on_screen: bool| {
            with(kind, |facts| {
                (facts.recording, facts.leader.officers_present, facts.signed_on_screen) =
                    (recording, officers, on_screen);
            })
        };
        assert_eq!(recorded(Recording::None, 1, false), [Reason::RecordingMissing]);
        assert_eq!(
            recorded(Recording::None, 0, true),
            [Reason::RecordingMissing],
            "nobody counted: the leader is there"
        );
        assert_eq!(recorded(Recording::Pending, 1, false), [Reason::RecordingPending]);
        assert_eq!(recorded(Recording::Complete, 1, true), []);
        assert_eq!(recorded(Recording::None, 2, false), [], "two officers and paper");
        assert_eq!(recorded(Recording::None, 2, true), [Reason::SigningRecordingMissing]);
        assert_eq!(recorded(Recording::Pending, 2, true), [Reason::RecordingPending]);
        let mut offline = fine(kind);
        offline.recording = Recording::Pending;
        let findings = eligible(law(), &offline).unwrap();
        assert!(may_sign(&findings), "they sign at the scene");
        assert!(!may_take_effect(&findings), "it takes effect when the recording is there");
    }
    assert_eq!(with(Kind::People, |facts| facts.recording = Recording::None), []);
}

#[test]
fn the_law_of_the_day_is_cited() {
    let mut facts = fine(Kind::Police);
    (facts.date, facts.recording) = (day("2025-12-31"), Recording::None);
    let before = eligible(Laws::builtin().unwrap().on(facts.date).unwrap(), &facts).unwrap();
    facts.date = day("2026-01-01");
    let after = eligible(Laws::builtin().unwrap().on(facts.date).unwrap(), &facts).unwrap();
    assert_eq!((before[0].code, after[0].code), (Reason::RecordingMissing, Reason::RecordingMissing));
    assert!(!before[0].article.contains("第一百零八条") && after[0].article.contains("第一百零八条"));
}

#[test]
fn a_minors_guardian_comes_unless_one_of_sixteen_lives_on_its_own_earnings() {
    let aged = |kind: Kind, birth: &str, guardian: Guardian, declines: bool| {
        with(kind, |facts| {
            facts.parties[1].birth_date = Some(day(birth));
            (facts.parties[1].guardian, facts.parties[1].declines_guardian) = (guardian, declines);
        })
    };
    for kind in Kind::ALL.iter().copied() {
        for birth in ["2012-03-04", "2009-03-04"] {
            assert_eq!(aged(kind, birth, Guardian::None, false), [Reason::GuardianMissing], "{kind} {birth}");
            assert_eq!(aged(kind, birth, Guardian::Notified, false), [Reason::GuardianNotCome]);
            assert_eq!(aged(kind, birth, Guardian::Present, false), []);
        }
        assert_eq!(aged(kind, "2012-03-04", Guardian::None, true), [Reason::GuardianMissing], "too young to decline");
        assert_eq!(aged(kind, "2009-03-04", Guardian::None, true), [Reason::GuardianDeclined]);
        assert_eq!(aged(kind, "2008-11-22", Guardian::None, false), [], "18 since today");
        assert_eq!(aged(kind, "2008-11-23", Guardian::None, false), [Reason::GuardianMissing], "18 tomorrow");
        assert_eq!(aged(kind, "2010-11-22", Guardian::None, true), [Reason::GuardianDeclined], "16 since today");
        assert_eq!(aged(kind, "2010-11-23", Guardian::None, true), [Reason::GuardianMissing], "16 tomorrow");
        assert_eq!(aged(kind, "2027-01-01", Guardian::None, false), [Reason::BirthDateMissing], "not born");
        assert_eq!(with(kind, |facts| facts.parties[0].birth_date = None), [Reason::BirthDateMissing]);
    }
}

#[test]
fn a_suspect_comes_himself_and_who_was_wronged_may_send_somebody() {
    let sent = |kind: Kind, who: usize, present: bool, written_scope: bool| {
        with(kind, |facts| facts.parties[who].delegate = Some(Delegate { present, written_scope }))
    };
    for kind in POLICE {
        assert_eq!(sent(kind, 0, true, true), [Reason::SuspectDelegates]);
        assert_eq!(sent(kind, 1, true, true), []);
        assert_eq!(sent(kind, 1, true, false), [Reason::DelegateScopeMissing]);
        assert_eq!(sent(kind, 1, false, true), [Reason::DelegateNotCome]);
        let both = with(kind, |facts| {
            facts.parties[1].role = Some(PartyRole::Both);
            facts.parties[1].delegate = Some(Delegate { present: true, written_scope: true });
        });
        assert_eq!(both, [Reason::SuspectDelegates], "who fought back is a suspect, too");
    }
    assert_eq!(sent(Kind::People, 0, true, true), [], "a quarrel has no suspect");
}

#[test]
fn both_sides_are_there_agree_and_understand() {
    for kind in Kind::ALL.iter().copied() {
        assert!(with(kind, |facts| facts.parties.truncate(1)).contains(&Reason::PartiesMissing));
        assert_eq!(with(kind, |facts| facts.parties.clear()), [Reason::PartiesMissing]);
        assert_eq!(with(kind, |facts| facts.parties[0].consents = None), [Reason::ConsentMissing]);
        assert_eq!(
            with(kind, |facts| facts.parties[0].interpreter = Interpreter::Needed),
            [Reason::InterpreterMissing]
        );
        assert_eq!(with(kind, |facts| facts.parties[0].interpreter = Interpreter::Present), []);
    }
    for kind in POLICE {
        let two_victims = with(kind, |facts| facts.parties[0].role = Some(PartyRole::Victim));
        assert_eq!(two_victims, [Reason::PartiesMissing], "nobody did it");
        let fought = with(kind, |facts| facts.parties.iter_mut().for_each(|party| party.role = Some(PartyRole::Both)));
        assert_eq!(fought, []);
        assert_eq!(with(kind, |facts| facts.parties[0].role = None), [Reason::RoleMissing]);
        let found = with(kind, |facts| facts.parties[0].role = Some(PartyRole::Party));
        assert_eq!(found, [Reason::PartiesMissing, Reason::RoleMissing]);
    }
    let quarrel =
        with(Kind::People, |facts| facts.parties.iter_mut().for_each(|party| party.role = Some(PartyRole::Party)));
    assert_eq!(quarrel, []);
}

#[test]
fn the_gravest_comes_first_and_each_finding_names_its_party() {
    let mut facts = fine(Kind::Police);
    facts.parties[0].consents = None;
    facts.parties[1].consents = Some(false);
    facts.recording = Recording::Pending;
    facts.parties[0].birth_date = Some(day("2009-01-01"));
    facts.parties[0].declines_guardian = true;
    let findings = eligible(law(), &facts).unwrap();
    let levels: Vec<Level> = findings.iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::Bar, Level::Missing, Level::Pending, Level::Notice]);
    assert_eq!(findings[0].subject, Some(VICTIM));
    assert_eq!(findings[1].subject, Some(SUSPECT));
    let wire = serde_json::to_value(&findings[2]).unwrap();
    assert_eq!((wire["code"].as_str(), wire["level"].as_str()), (Some("recording_pending"), Some("pending")));
    assert!(wire.get("subject").is_none() && wire["article"].as_str().unwrap().contains("第一百零八条"));
}

#[test]
fn every_reason_but_the_fields_can_be_found() {
    let mut found = BTreeSet::from([Reason::FieldMissing]);
    let mut look = |facts: &Facts| found.extend(codes(facts));
    for kind in Kind::ALL.iter().copied() {
        let mut empty = fine(kind);
        (empty.nature, empty.minor, empty.ground) = (None, None, None);
        (empty.no_loss_dispute, empty.performed_on_the_spot, empty.recording) = (None, None, Recording::None);
        empty.leader = Leader { kind: LeaderKind::Other, certificate: None, officers_present: 0 };
        empty.parties = vec![PartyFacts::new(SUSPECT)];
        look(&empty);
        let mut wrong = fine(kind);
        (wrong.nature, wrong.minor) =
            (Some(if kind == Kind::People { Nature::Fight } else { Nature::Civil }), Some(false));
        (wrong.no_loss_dispute, wrong.performed_on_the_spot) = (Some(false), Some(false));
        wrong.bars = SaidBar::ALL.to_vec();
        wrong.recording = Recording::Pending;
        wrong.leader.certificate = certificate(Some("2026-01-01"));
        wrong.parties[0].delegate = Some(Delegate { present: false, written_scope: false });
        wrong.parties[1].delegate = Some(Delegate { present: false, written_scope: false });
        wrong.parties[0].birth_date = Some(day("2009-01-01"));
        wrong.parties[0].declines_guardian = true;
        wrong.parties[1].birth_date = Some(day("2012-01-01"));
        wrong.parties[1].interpreter = Interpreter::Needed;
        look(&wrong);
        wrong.parties[1].guardian = Guardian::Notified;
        wrong.leader.certificate = Some(Certificate { valid_from: day("2027-01-01"), ..certificate(None).unwrap() });
        (wrong.recording, wrong.leader.officers_present) = (Recording::None, 2);
        look(&wrong);
    }
    let unfound: Vec<&Reason> = Reason::ALL.iter().filter(|reason| !found.contains(reason)).collect();
    assert!(unfound.is_empty(), "{unfound:?}");
}

#[test]
fn the_statutory_fields_are_those_of_the_articles() {
    let nothing = |_: &str| false;
    for kind in Kind::ALL.iter().copied() {
        let rows = statutory_fields(law(), kind).unwrap();
        let findings = missing(law(), kind, &nothing).unwrap();
        assert_eq!(findings.len(), rows.len());
        assert!(missing(law(), kind, &|_| true).unwrap().is_empty());
        for finding in &findings {
            assert_eq!(finding.code, Reason::FieldMissing);
            let article = if kind == Kind::People {
                "《人民调解法》第二十九条"
            } else {
                "第一百八十四条第二款"
            };
            assert!(finding.article.contains(article) && finding.field.is_some() && !finding.overridable);
        }
        let one = missing(law(), kind, &|field| field != "facts").unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!((one[0].field.as_deref(), one[0].level), (Some("facts"), Level::Missing));
        assert!(one[0].zh.contains('：') && one[0].en.contains(": "));
        // A date or "at once" says until when.
        for said in ["terms/*/due_on", "performed_on_the_spot"] {
            let found = missing(law(), kind, &|field| field == said).unwrap();
            assert!(!found.iter().any(|finding| finding.field.as_deref() == Some("terms/*/due_on")), "{said}");
        }
    }
    let may = |kind: Kind| {
        let found = missing(law(), kind, &nothing).unwrap();
        found.iter().filter(|finding| finding.level == Level::Notice).count()
    };
    assert_eq!((may(Kind::Police), may(Kind::PoliceOnScene), may(Kind::People)), (0, 0, 4));
}
