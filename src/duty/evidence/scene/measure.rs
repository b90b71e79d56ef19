//! What there is against what a rule asks for. Pure: instants and counts in, what is missing out.

use serde::Serialize;

use super::{GapCode, Requirement};
use crate::words::time::Timestamp;

/// Stretches without a recording that are told; of more the longest.
const HOLES_MAX: usize = 20;

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Stretch {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Stretch {
    const fn ms(&self) -> i64 {
        let ms = self.to.millis_since(self.from);
        if ms > 0 { ms } else { 0 }
    }
}

/// One requirement, measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub requirement: Requirement,
    /// Seconds of recordings; photos; papers.
    pub have: i64,
    pub need: i64,
    /// What is missing, if anything is.
    pub code: Option<GapCode>,
    /// The stretch that was to be recorded, or in which photos and papers count.
    pub within: Option<Stretch>,
    /// The stretches of it without a recording, by time.
    pub missing: Vec<Stretch>,
}

/// The time from arrival to clear against the recordings of the unit's people, whichever of them made which.
pub fn recording(share: f64, visit: Option<Stretch>, recordings: &[Stretch]) -> Measured {
    let Some(visit) = visit else {
        return Measured {
            requirement: Requirement::Recording,
            have: 0,
            // Not known either; something.
            need: 1,
            code: Some(GapCode::ArrivalUnknown),
            within: None,
            missing: Vec::new(),
        };
    };
    let missing = holes(visit, recordings);
    let covered = visit.ms() - missing.iter().map(Stretch::ms).sum::<i64>();
    // To a second: more exact no two clocks are.
    let (have, need) = (covered / 1_000, (visit.ms() as f64 * share.clamp(0.0, 1.0)) as i64 / 1_000);
    Measured {
        requirement: Requirement::Recording,
        have,
        need,
        code: short_of_recording(have, need),
        within: Some(visit),
        missing: told(missing),
    }
}

/// Photos, or papers, that were captured in a stretch.
pub fn counted(requirement: Requirement, have: i64, need: i64, within: Stretch) -> Measured {
    Measured {
        requirement,
        have,
        need,
        code: short_of(requirement, have, need),
        within: Some(within),
        missing: Vec::new(),
    }
}

/// What is missing of a requirement that has so much of what it needs.
pub const fn short_of(requirement: Requirement, have: i64, need: i64) -> Option<GapCode> {
    if have >= need {
        return None;
    }
    Some(match (requirement, have) {
        (Requirement::Recording, _) => return short_of_recording(have, need),
        (Requirement::Photos, 0) => GapCode::NoPhotos,
        (Requirement::Photos, _) => GapCode::TooFewPhotos,
        (Requirement::MediationSignatures, 0) => GapCode::NoSignatures,
        (Requirement::MediationSignatures, _) => GapCode::TooFewSignatures,
    })
}

const fn short_of_recording(have: i64, need: i64) -> Option<GapCode> {
    match (have >= need, have) {
        (true, _) => None,
        (false, 0) => Some(GapCode::NoRecording),
        (false, _) => Some(GapCode::RecordingShort),
    }
}

/// What of a stretch none of the others covers, by time.
fn holes(of: Stretch, by: &[Stretch]) -> Vec<Stretch> {
    let mut by: Vec<Stretch> = by.iter().copied().filter(|one| one.from < of.to && one.to > of.from).collect();
    by.sort_by_key(|one| one.from);
    let (mut holes, mut at) = (Vec::new(), of.from);
    for one in by {
        if one.from > at {
            holes.push(Stretch { from: at, to: one.from });
        }
        at = at.max(one.to);
    }
    if of.to > at {
        holes.push(Stretch { from: at, to: of.to });
    }
    holes
}

fn told(mut holes: Vec<Stretch>) -> Vec<Stretch> {
    if holes.len() > HOLES_MAX {
        holes.sort_by_key(|hole| -hole.ms());
        holes.truncate(HOLES_MAX);
        holes.sort_by_key(|hole| hole.from);
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from_s: i64, to_s: i64) -> Stretch {
        Stretch { from: Timestamp::EPOCH.plus_secs(from_s), to: Timestamp::EPOCH.plus_secs(to_s) }
    }

    #[test]
    fn one_partners_camera_fills_the_hole_of_the_others() {
        let visit = Some(stretch(100, 700));
        let both = [stretch(50, 300), stretch(250, 500), stretch(600, 900)];
        let measured = recording(0.9, visit, &both);
        assert_eq!((measured.have, measured.need, measured.code), (500, 540, Some(GapCode::RecordingShort)));
        assert_eq!(measured.missing, [stretch(500, 600)]);
        let whole = recording(1.0, visit, &[stretch(0, 400), stretch(400, 700)]);
        assert_eq!((whole.have, whole.need, whole.code), (600, 600, None));
        let nothing = recording(0.9, visit, &[stretch(0, 100), stretch(700, 800)]);
        assert_eq!((nothing.have, nothing.code), (0, Some(GapCode::NoRecording)));
    }

    #[test]
    fn who_never_arrived_and_who_left_at_once() {
        assert_eq!(recording(0.9, None, &[]).code, Some(GapCode::ArrivalUnknown));
        for visit in [stretch(5, 5), stretch(9, 5)] {
            let measured = recording(1.0, Some(visit), &[]);
            assert_eq!((measured.have, measured.need, measured.code), (0, 0, None));
        }
    }

    #[test]
    fn counts_have_their_own_words() {
        let of = |requirement, have, need| counted(requirement, have, need, stretch(0, 1)).code;
        assert_eq!(of(Requirement::Photos, 0, 2), Some(GapCode::NoPhotos));
        assert_eq!(of(Requirement::Photos, 1, 2), Some(GapCode::TooFewPhotos));
        assert_eq!(of(Requirement::Photos, 2, 2), None);
        assert_eq!(of(Requirement::MediationSignatures, 0, 1), Some(GapCode::NoSignatures));
    }

    proptest! {
        #[test]
        fn covered_and_missing_make_the_whole(
            all in prop::collection::vec((0_i64..200, 0_i64..200), 0..30), to in 0_i64..200,
        ) {
            let recordings: Vec<Stretch> = all.iter().map(|(from, lasts)| stretch(*from, from + lasts)).collect();
            let visit = stretch(20, 20 + to);
            // Second by second.
            let covered = (20..20 + to)
                .filter(|second| all.iter().any(|(from, lasts)| (*from..from + lasts).contains(second)))
                .count();
            let measured = recording(1.0, Some(visit), &recordings);
            prop_assert_eq!(measured.have, i64::try_from(covered).unwrap());
            prop_assert_eq!(measured.code.is_none(), measured.have == to);
            prop_assert!(measured.missing.len() <= HOLES_MAX);
        }
    }
}
