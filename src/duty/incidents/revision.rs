//! What a push from the source system means: incident identity is (source,
//! external number), content identity is the revision. Pure.

/// What an incoming push turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Known revision, same content: nothing happens.
    Same,
    /// To be applied.
    Newer,
    /// Kept as history, not applied.
    Older,
    /// Known revision with another content: refused.
    Conflict,
}

/// Judges `revision` with `hash` against the revisions already known.
pub fn judge(known: &[(i64, String)], revision: i64, hash: &str) -> Verdict {
    if let Some((_, had)) = known.iter().find(|(number, _)| *number == revision) {
        return if had == hash { Verdict::Same } else { Verdict::Conflict };
    }
    match known.iter().map(|(number, _)| *number).max() {
        Some(newest) if revision < newest => Verdict::Older,
        _ => Verdict::Newer,
    }
}

/// Fields whose change the officers on their way must hear aloud and look at.
pub const LOUD: [&str; 7] = ["location", "address", "category", "description", "hazards", "priority", "state"];

/// Whether one of `changed` is safety-relevant.
pub fn is_loud<S: AsRef<str>>(changed: &[S]) -> bool {
    changed.iter().any(|field| LOUD.contains(&field.as_ref()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(list: &[(i64, &str)]) -> Vec<(i64, String)> {
        list.iter().map(|(n, h)| (*n, (*h).to_owned())).collect()
    }

    #[test]
    fn the_four_verdicts() {
        let had = known(&[(1, "a"), (3, "c")]);
        assert_eq!(judge(&had, 3, "c"), Verdict::Same);
        assert_eq!(judge(&had, 1, "a"), Verdict::Same);
        assert_eq!(judge(&had, 3, "x"), Verdict::Conflict);
        assert_eq!(judge(&had, 1, "x"), Verdict::Conflict);
        assert_eq!(judge(&had, 2, "b"), Verdict::Older);
        assert_eq!(judge(&had, 4, "d"), Verdict::Newer);
        assert_eq!(judge(&[], 0, "a"), Verdict::Newer);
    }

    #[test]
    fn a_knife_is_loud_and_a_title_is_not() {
        assert!(is_loud(&["hazards"]));
        assert!(!is_loud(&["title", "called_at"]));
    }

    proptest! {
        #[test]
        fn the_newest_revision_wins_in_any_order(mut order in Just((1_i64..8).collect::<Vec<_>>()).prop_shuffle(), extra in prop::collection::vec(1_i64..8, 0..8)) {
            order.extend(extra);
            let mut seen: Vec<(i64, String)> = Vec::new();
            let mut applied = 0;
            for revision in order {
                let hash = format!("h{revision}");
                match judge(&seen, revision, &hash) {
                    Verdict::Newer => { applied = revision; seen.push((revision, hash)); }
                    Verdict::Older => seen.push((revision, hash)),
                    Verdict::Same => {}
                    Verdict::Conflict => prop_assert!(false, "no other body was sent"),
                }
            }
            prop_assert_eq!(applied, 7);
        }
    }
}
