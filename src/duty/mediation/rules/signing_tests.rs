//! Who has to sign, who may for somebody else, and what is still lacking.

use proptest::prelude::*;

use super::super::law::Laws;
use super::*;

const A: Uuid = Uuid::from_u128(0xA);
const B: Uuid = Uuid::from_u128(0xB);
const GUARDIAN: Uuid = Uuid::from_u128(0xC);
const DELEGATE: Uuid = Uuid::from_u128(0xD);
const INTERPRETER: Uuid = Uuid::from_u128(0xE);
const LEADER: Uuid = Uuid::from_u128(0xF);
const SCRIBE: Uuid = Uuid::from_u128(0x10);
const READER: Uuid = Uuid::from_u128(0x11);
const WITNESS: Uuid = Uuid::from_u128(0x12);

const fn seat(party: Uuid) -> Seat {
    Seat { party, delegate: None, guardian: None, interpreter: None }
}

fn roster() -> Roster {
    Roster { leader: LEADER, seats: vec![seat(A), seat(B)] }
}

fn ids(signers: &[Signer]) -> Vec<Uuid> {
    signers.iter().map(|signer| signer.id).collect()
}

fn law(kind: Kind) -> &'static KindLaw {
    Laws::builtin().unwrap().on("2026-11-23".parse().unwrap()).unwrap().kind(kind).unwrap()
}

fn mark(status: SignStatus) -> Mark {
    Mark {
        signer: Signer { id: A, role: SignerRole::Party, for_party: None },
        status,
        has_strokes: status == SignStatus::Signed,
        has_image: status == SignStatus::Fingerprint,
        scribe: Some(SCRIBE),
        reader: Some(READER),
        witness: Some(WITNESS),
        clip: Some((1_000, 9_000)),
        reason: Some("走了".to_owned()),
    }
}

/// The field that is refused.
fn lacks(kind: Kind, mark: &Mark) -> String {
    let error = check_mark(law(kind), mark, &[A, B]).unwrap_err();
    error.members().get("field").and_then(|field| field.as_str()).unwrap_or("conflict").to_owned()
}

#[test]
fn both_sides_and_the_leader_sign() {
    for kind in Kind::ALL {
        let signers = required(*kind, &roster());
        assert_eq!(ids(&signers), [A, B, LEADER], "{kind}");
        assert_eq!(signers[2].role, SignerRole::Leader);
    }
}

#[test]
fn delegates_sign_in_place_and_guardians_beside() {
    let mut roster = roster();
    roster.seats[0].guardian = Some(GUARDIAN);
    roster.seats[1].delegate = Some(DELEGATE);
    roster.seats[0].interpreter = Some(INTERPRETER);
    roster.seats[1].interpreter = Some(INTERPRETER);
    let signers = required(Kind::Police, &roster);
    assert_eq!(ids(&signers), [A, GUARDIAN, DELEGATE, INTERPRETER, LEADER], "the interpreter of both signs once");
    assert_eq!((signers[1].for_party, signers[2].for_party), (Some(A), Some(B)));
    assert_eq!((signers[2].role, signers[3].role), (SignerRole::Delegate, SignerRole::Interpreter));
}

#[test]
fn each_form_has_what_it_needs() {
    for kind in Kind::ALL.iter().copied() {
        for status in [SignStatus::Signed, SignStatus::Fingerprint, SignStatus::Refused, SignStatus::Left] {
            assert!(check_mark(law(kind), &mark(status), &[A, B]).is_ok(), "{kind} {status}");
        }
        assert_eq!(lacks(kind, &mark(SignStatus::Pending)), "status");
        assert_eq!(lacks(kind, &Mark { has_strokes: false, ..mark(SignStatus::Signed) }), "strokes");
        let scanned = Mark { has_strokes: false, has_image: true, ..mark(SignStatus::Signed) };
        assert!(check_mark(law(kind), &scanned, &[A, B]).is_ok(), "signed on paper");
        for status in [SignStatus::Refused, SignStatus::Left] {
            assert_eq!(lacks(kind, &Mark { reason: None, ..mark(status) }), "reason");
            assert_eq!(lacks(kind, &Mark { reason: Some(" \n".to_owned()), ..mark(status) }), "reason");
            assert_eq!(lacks(kind, &Mark { reason: Some("长".repeat(501)), ..mark(status) }), "reason");
            assert!(check_mark(law(kind), &Mark { reason: Some("长".repeat(500)), ..mark(status) }, &[A, B]).is_ok());
        }
    }
}

#[test]
fn a_fingerprint_has_a_scribe_a_reader_and_a_witness_who_is_neither() {
    let with = |change: fn(&mut Mark)| {
        let mut print = mark(SignStatus::Fingerprint);
        change(&mut print);
        lacks(Kind::PoliceOnScene, &print)
    };
    assert_eq!(with(|print| print.has_image = false), "image");
    assert_eq!(with(|print| print.scribe = None), "scribe");
    assert_eq!(with(|print| print.reader = None), "reader");
    assert_eq!(with(|print| print.witness = None), "witness");
    assert_eq!(with(|print| print.scribe = Some(B)), "scribe");
    assert_eq!(with(|print| print.reader = Some(A)), "reader");
    assert_eq!(with(|print| print.witness = Some(B)), "witness", "the other party");
    assert_eq!(with(|print| print.witness = Some(A)), "witness", "himself");
    assert_eq!(with(|print| print.witness = print.scribe), "witness");
    assert_eq!(with(|print| print.witness = print.reader), "witness");
    let same = Mark { reader: Some(SCRIBE), ..mark(SignStatus::Fingerprint) };
    assert!(check_mark(law(Kind::People), &same, &[A, B]).is_ok(), "one person may write and read");
}

#[test]
fn words_count_in_peoples_mediation_alone_and_as_a_stretch_of_a_recording() {
    assert!(check_mark(law(Kind::People), &mark(SignStatus::Oral), &[A, B]).is_ok());
    for kind in [Kind::Police, Kind::PoliceOnScene] {
        assert_eq!(lacks(kind, &mark(SignStatus::Oral)), "conflict");
    }
    let clip = |clip: Option<(i64, i64)>| lacks(Kind::People, &Mark { clip, ..mark(SignStatus::Oral) });
    assert_eq!(clip(None), "oral");
    assert_eq!(clip(Some((-1, 5))), "oral/from_ms");
    assert_eq!(clip(Some((5, 5))), "oral/to_ms");
    assert_eq!(clip(Some((6, 5))), "oral/to_ms");
}

fn given(signer: Uuid, status: SignStatus, hash: &str) -> Given {
    Given { signer, status, hash: hash.to_owned(), voided: false }
}

#[test]
fn it_is_complete_when_everybody_signed_this_content() {
    let signers = required(Kind::Police, &roster());
    let mut marks: Vec<Given> = Vec::new();
    assert_eq!(ids(&standing(&signers, &marks, "h1").missing), [A, B, LEADER]);
    marks.push(given(A, SignStatus::Signed, "h1"));
    marks.push(given(B, SignStatus::Fingerprint, "h1"));
    assert_eq!(ids(&standing(&signers, &marks, "h1").missing), [LEADER]);
    marks.push(given(LEADER, SignStatus::Signed, "h1"));
    let done = standing(&signers, &marks, "h1");
    assert!(done.complete && done.missing.is_empty() && done.fallen.is_empty() && done.blocked_by.is_empty());
    // One comma later.
    let changed = standing(&signers, &marks, "h2");
    assert!(!changed.complete);
    assert_eq!(ids(&changed.fallen), [A, B, LEADER]);
    // And a signature that was voided does not come back with the old content.
    marks[0].voided = true;
    assert_eq!(ids(&standing(&signers, &marks, "h1").fallen), [A]);
}

#[test]
fn who_refuses_or_leaves_blocks_until_he_signs_or_the_content_changes() {
    let signers = required(Kind::Police, &roster());
    let mut marks = vec![
        given(A, SignStatus::Signed, "h1"),
        given(LEADER, SignStatus::Signed, "h1"),
        given(B, SignStatus::Refused, "h1"),
    ];
    let refused = standing(&signers, &marks, "h1");
    assert_eq!((refused.complete, ids(&refused.blocked_by)), (false, vec![B]));
    let other = standing(&signers, &marks, "h2");
    assert_eq!((ids(&other.blocked_by), ids(&other.missing), ids(&other.fallen)), (vec![], vec![B], vec![A, LEADER]));
    marks.push(given(B, SignStatus::Signed, "h1"));
    assert!(standing(&signers, &marks, "h1").complete, "signed later");
    marks.push(given(A, SignStatus::Left, "h1"));
    assert_eq!(ids(&standing(&signers, &marks, "h1").blocked_by), [A], "took it back before it took effect");
}

#[test]
fn nobody_required_is_not_complete_and_strangers_count_for_nothing() {
    assert!(!standing(&[], &[], "h").complete);
    let signers = required(Kind::People, &roster());
    let marks = [given(WITNESS, SignStatus::Refused, "h"), given(A, SignStatus::Pending, "h")];
    let standing = standing(&signers, &marks, "h");
    assert_eq!((ids(&standing.missing).len(), standing.blocked_by.len()), (3, 0));
}

proptest! {
    /// Each signer is in exactly one place, whatever came in.
    #[test]
    fn nobody_is_lost(marks in prop::collection::vec((0_usize..4, 0_usize..6, 0_usize..2, any::<bool>()), 0..24)) {
        let signers = required(Kind::Police, &roster());
        let who = [A, B, LEADER, WITNESS];
        let marks: Vec<Given> = marks
            .into_iter()
            .map(|(signer, status, hash, voided)| Given {
                signer: who[signer],
                status: SignStatus::ALL[status],
                hash: ["h1", "h2"][hash].to_owned(),
                voided,
            })
            .collect();
        let stands = standing(&signers, &marks, "h1");
        let open = stands.missing.len() + stands.fallen.len() + stands.blocked_by.len();
        let last = |id: Uuid| {
            let about = |one: &&Given| one.signer == id && one.hash == "h1" && !one.voided && one.status != SignStatus::Pending;
            marks.iter().rfind(about).map(|one| one.status)
        };
        let done = signers.iter().filter(|signer| last(signer.id).is_some_and(SignStatus::is_given)).count();
        prop_assert_eq!(open + done, signers.len());
        prop_assert_eq!(stands.complete, done == signers.len());
        for signer in &stands.blocked_by {
            prop_assert!(last(signer.id).is_some_and(SignStatus::blocks));
        }
    }
}
