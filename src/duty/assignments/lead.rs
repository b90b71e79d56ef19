//! Who must lead: a police call needs a police officer; auxiliaries work under
//! one. Categories in the configuration let a grid worker or mediator go first. Pure.

use crate::platform::policy::PersonKind;

/// What a request to assign amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// Needs the seat's override, which is then flagged.
    NeedsOverride,
}

/// Judges everybody who would be on the incident: those sent now and those on it already.
pub fn judge(civil_category: bool, sent: &[PersonKind], already: &[PersonKind]) -> Verdict {
    let police = |kinds: &[PersonKind]| kinds.contains(&PersonKind::PoliceOfficer);
    if police(sent) || police(already) {
        return Verdict::Fine;
    }
    let civil_first = |kind: &PersonKind| {
        matches!(
            kind,
            PersonKind::GridWorker
                | PersonKind::GridChief
                | PersonKind::Mediator
                | PersonKind::Guard
                | PersonKind::Volunteer
        )
    };
    if civil_category && sent.iter().any(civil_first) {
        return Verdict::Fine;
    }
    Verdict::NeedsOverride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auxiliaries_alone_need_an_override_even_for_a_quarrel() {
        assert_eq!(judge(false, &[PersonKind::Auxiliary], &[]), Verdict::NeedsOverride);
        assert_eq!(judge(true, &[PersonKind::Auxiliary], &[]), Verdict::NeedsOverride);
    }

    #[test]
    fn a_mediator_may_go_first_to_a_quarrel_only() {
        assert_eq!(judge(true, &[PersonKind::Mediator], &[]), Verdict::Fine);
        assert_eq!(judge(false, &[PersonKind::Mediator], &[]), Verdict::NeedsOverride);
    }

    #[test]
    fn one_officer_leads_all_who_come_with_or_after_him() {
        assert_eq!(judge(false, &[PersonKind::Auxiliary, PersonKind::PoliceOfficer], &[]), Verdict::Fine);
        assert_eq!(judge(false, &[PersonKind::Guard], &[PersonKind::PoliceOfficer]), Verdict::Fine);
    }
}
