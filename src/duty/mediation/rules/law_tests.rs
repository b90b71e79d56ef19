//! Which articles are in force on which day, and that each reason has its words.

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn laws() -> &'static Laws {
    Laws::builtin().unwrap()
}

#[test]
fn a_date_has_the_law_of_its_day() {
    let (before, after) = (laws().on(day("2025-12-31")).unwrap(), laws().on(day("2026-01-01")).unwrap());
    assert_eq!((before.from, after.from), (day("2019-01-01"), day("2026-01-01")));
    assert_eq!(laws().on(day("2040-01-01")).unwrap().from, after.from);
    assert!(laws().on(day("2018-12-31")).is_err());
    let basis = |law: &Law| law.kind(Kind::Police).unwrap().basis.clone();
    assert!(basis(before).contains("2012年修正") && basis(after).contains("2025年修订"));
    let recording = |law: &Law| law.reason(Reason::RecordingMissing).unwrap().clone();
    assert!(!recording(before).article.contains("第一百零八条"));
    assert!(recording(after).article.contains("第一百零八条") && recording(after).zh.contains("全程同步"));
    assert_eq!(recording(before).level, recording(after).level, "what a later version does not say stays");
    assert_eq!(before.clocks, after.clocks);
    assert_eq!(before.kind(Kind::People).unwrap(), after.kind(Kind::People).unwrap());
}

#[test]
fn every_reason_is_told_in_both_languages_with_its_article() {
    for law in laws().versions() {
        for reason in Reason::ALL {
            let told = law.reason(*reason).unwrap();
            for kind in Kind::ALL {
                let article = told.article(*kind);
                assert!(article.contains("第") && !article.contains(' '), "{reason}: {article}");
            }
            assert!(told.zh.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c)), "{reason}");
            assert!(told.en.is_ascii() && told.en.len() > 10, "{reason}");
            assert!(
                !told.zh.ends_with('。') && !told.en.ends_with('.'),
                "{reason}: sentences are joined by those who show them"
            );
        }
    }
}

#[test]
fn only_judgements_can_be_overridden_and_never_a_refusal() {
    for law in laws().versions() {
        let overridable: Vec<Reason> =
            law.reasons.iter().filter(|(_, told)| told.overridable).map(|(reason, _)| *reason).collect();
        assert_eq!(overridable, [Reason::OtherBar, Reason::BirthDateMissing, Reason::GuardianNotCome]);
    }
}

#[test]
fn the_kinds_ask_for_what_the_law_says() {
    for law in laws().versions() {
        let kind = |kind: Kind| law.kind(kind).unwrap();
        let (scene, police, people) = (kind(Kind::PoliceOnScene), kind(Kind::Police), kind(Kind::People));
        assert_eq!((scene.document.zh.as_str(), scene.copies.form.as_str()), ("现场治安调解协议书", "一式三联"));
        assert_eq!((police.document.zh.as_str(), police.copies.form.as_str()), ("治安调解协议书", "一式三份"));
        assert_eq!((people.document.zh.as_str(), people.copies.count), ("人民调解协议书", 3));
        assert!(people.needs_seal && people.oral_allowed && people.certificate && people.natures.is_none());
        for police in [scene, police] {
            assert!(!police.needs_seal && !police.oral_allowed && police.full_recording && police.offence);
            assert_eq!(police.natures.as_ref().map(Vec::len), Some(9), "the nine acts of article 178");
            assert_eq!(police.bars, SaidBar::ALL, "the seven items of article 179");
            assert_eq!(police.leaders, [LeaderKind::PoliceOfficer]);
        }
        assert!(!people.leaders.contains(&LeaderKind::Other) && people.leaders.contains(&LeaderKind::Auxiliary));
        assert_eq!((scene.rounds, police.rounds, people.rounds), (Some(1), Some(2), None));
        assert!(scene.video_only && !police.video_only && !people.video_only);
        assert_eq!((law.clocks.first.days, law.clocks.second.days), (3, 7));
        assert_eq!((law.clocks.judicial_confirmation.days, law.clocks.people_finish.months), (30, 1));
    }
}

#[test]
fn a_broken_law_is_refused_with_what_is_wrong() {
    let whole: Value = serde_json::from_str(BUILTIN).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        Laws::parse(&changed.to_string()).unwrap_err().detail_text().to_owned()
    };
    assert!(with("/versions", serde_json::json!([])).contains("no version"));
    assert!(with("/versions/1/from", serde_json::json!("2018-01-01")).contains("come after"));
    assert!(with("/versions/1/from", serde_json::json!("2019-01-01")).contains("come after"), "two of one day");
    assert!(with("/versions/0/reasons/hired", Value::Null).contains("hired"));
    assert!(with("/versions/1/kinds/police", Value::Null).contains("no police"), "a law may not take a kind away");
    assert!(with("/versions/0/kinds/police/rounds", serde_json::json!("two")).contains("rounds"));
    assert!(
        with(
            "/versions/0/reasons/party_refuses",
            serde_json::json!({
                "level": "bar", "overridable": true, "article": "第一条", "zh": "不", "en": "no"
            })
        )
        .contains("against his will")
    );
    assert!(Laws::parse("{").is_err());
}
