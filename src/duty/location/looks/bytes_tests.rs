//! Looks come back as they went in; anything else than what was written is refused.

use super::*;
use proptest::prelude::*;

/// Ids of a few, so that they come again, or of anybody.
fn any_id() -> impl Strategy<Value = Uuid> {
    prop_oneof![4 => (0..5_u64).prop_map(|n| Uuid::from_u128(n.into())), 1 => any::<u128>().prop_map(Uuid::from_u128)]
}

fn any_look() -> impl Strategy<Value = Arc<Look>> {
    let ids = (any::<u128>(), any_id(), any_id(), any_id());
    let people = proptest::collection::vec(any_id(), 0..12);
    let purpose = proptest::option::of(".{0,20}");
    (ids, any::<bool>(), purpose, 0..4_102_444_800_000_000_i64, people).prop_map(
        |((id, viewer, unit, device), near, purpose, at, people)| {
            let at = Timestamp::from_micros(at);
            let kind = if near { AccessKind::Nearby } else { AccessKind::Track };
            let viewer = (viewer.into(), unit.into(), device.into());
            let row = AccessRow::of_moment(Uuid::from_u128(id).into(), viewer, kind, purpose, at);
            Arc::new(Look { row, people: people.into_iter().map(PersonId::from).collect(), ends: None })
        },
    )
}

fn any_looks(least: usize) -> impl Strategy<Value = Vec<Arc<Look>>> {
    proptest::collection::vec(any_look(), least..30)
}

fn plain(looks: &[Arc<Look>]) -> Vec<Look> {
    looks.iter().map(|look| (**look).clone()).collect()
}

proptest! {
    #[test]
    fn what_goes_into_the_log_comes_out(looks in any_looks(0)) {
        prop_assert_eq!(decode(&log(&looks)).unwrap(), plain(&looks));
    }

    #[test]
    fn a_segment_has_everything_but_the_people(looks in any_looks(0)) {
        let expected: Vec<Look> =
            plain(&looks).into_iter().map(|look| Look { people: Vec::new(), ..look }).collect();
        prop_assert_eq!(decode(&segment(&looks)).unwrap(), expected);
    }

    #[test]
    fn one_altered_bit_is_noticed(looks in any_looks(1), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = log(&looks);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn a_cut_is_noticed(looks in any_looks(1), at in any::<prop::sample::Index>()) {
        let bytes = log(&looks);
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn damage_with_a_right_checksum_never_panics(looks in any_looks(1), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = log(&looks);
        bytes.truncate(bytes.len() - 4);
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = decode(&codec::with_checksum(bytes));
    }

    #[test]
    fn noise_with_a_right_checksum_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&codec::with_checksum(noise));
    }
}

#[test]
fn a_busy_log_takes_less_than_forty_bytes_a_look() {
    let people: Vec<PersonId> = (0..100).map(|_| PersonId::new()).collect();
    let askers: Vec<(PersonId, UnitId, DeviceId)> =
        (0..10).map(|_| (PersonId::new(), UnitId::new(), DeviceId::new())).collect();
    let looks: Vec<Arc<Look>> = (0..1_000)
        .map(|n: usize| {
            let at = Timestamp::from_micros(1_767_225_600_000_000 + n as i64 * 100);
            let purpose = Some("who is free".to_owned());
            let row = AccessRow::of_moment(AccessId::new(), askers[n % 10], AccessKind::Nearby, purpose, at);
            let shown = (0..10).map(|i| people[(n * 7 + i) % 100]).collect();
            Arc::new(Look { row, people: shown, ends: None })
        })
        .collect();
    let bytes = log(&looks);
    assert!(bytes.len() < 1_000 * 40, "{}", bytes.len());
}
