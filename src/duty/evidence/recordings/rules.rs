//! Limits, the camera's clock, who wore it, which segments are one recording, gaps, the order of upload. Pure.

use std::collections::{BTreeMap, HashMap};

use super::{State, WearerBy};
use crate::duty::evidence::rules::{MARK_MS_MAX, MARK_TEXT_MAX};
use crate::words::error::{Error, Result};
use crate::words::ids::{PersonId, RecordingId};
use crate::words::time::Timestamp;

/// Recordings of one manifest: three weeks of shifts in segments of five minutes on one camera.
pub const RECORDINGS_MAX: usize = 2_000;
/// Marks of one recording: a press each five minutes of the longest one is less than three hundred.
pub const MARKS_MAX: usize = 300;
/// Milliseconds by which a camera's clock may be wrong: one that fell back to 1970 is still put right.
pub const OFFSET_MAX_MS: i64 = 70 * 366 * 86_400_000;
/// Milliseconds between segments that are one recording: cameras close a file and open the next within a second, and
/// write times in whole seconds.
pub const JOIN_GAP_MS: i64 = 2_000;
/// Seconds after its end within which a recording has to be handed in.
pub const HAND_IN_S: i64 = 86_400;

/// One recording as it was announced.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub size: i64,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Texts of its marks.
    pub marks: &'a [&'a str],
}

/// Errors: `invalid_field` when the offset is out of range.
pub fn check_offset(offset_ms: i64) -> Result<()> {
    if offset_ms.checked_abs().is_some_and(|abs| abs <= OFFSET_MAX_MS) {
        return Ok(());
    }
    Err(Error::field("clock_offset_ms", format!("must be between -{OFFSET_MAX_MS} and {OFFSET_MAX_MS}")))
}

/// One recording of a manifest; `n` is its place in the list. Errors: `invalid_field`.
pub fn check_recording(n: usize, named: &Named<'_>, size_max: i64) -> Result<()> {
    let field = |name: &str, rule: String| Err(Error::field(&format!("recordings[{n}].{name}"), rule));
    if !(0..=size_max).contains(&named.size) {
        return field("size", format!("must be between 0 and {size_max}"));
    }
    let length_ms = named.ended_at.millis_since(named.started_at);
    if !(0..=MARK_MS_MAX).contains(&length_ms) {
        return field("ended_at", format!("must be 0 to {MARK_MS_MAX} ms after started_at"));
    }
    if named.marks.len() > MARKS_MAX {
        return field("marks", format!("must be at most {MARKS_MAX}"));
    }
    for text in named.marks {
        let length = text.chars().count();
        if length == 0 || length > MARK_TEXT_MAX || text.chars().any(char::is_control) {
            return field(
                "marks",
                format!("a text must have 1 to {MARK_TEXT_MAX} characters and no control characters"),
            );
        }
    }
    Ok(())
}

/// The true time of what a camera says; its offset is its clock less the true time.
pub fn corrected(raw: Timestamp, offset_ms: i64) -> Timestamp {
    raw.plus_millis(offset_ms.saturating_neg())
}

/// When a recording is overdue.
pub fn deadline(ended_at: Timestamp) -> Timestamp {
    ended_at.plus_secs(HAND_IN_S)
}

/// One line of a camera's issue log.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub person: PersonId,
    pub from: Timestamp,
    /// None: still his.
    pub to: Option<Timestamp>,
}

impl Line {
    /// Milliseconds of a stretch during which it was his.
    fn share_ms(&self, from: Timestamp, to: Timestamp) -> i64 {
        let end = self.to.map_or(to, |end| end.min(to));
        end.millis_since(self.from.max(from))
    }

    fn meets(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from <= to && self.to.is_none_or(|end| end > from)
    }
}

/// Who wore a camera between two instants: the one person to whom it was issued then. Nobody and several are told
/// apart; either leaves the recording unclaimed.
pub fn wearer(lines: &[Line], from: Timestamp, to: Timestamp) -> (Option<PersonId>, WearerBy) {
    let mut people = lines.iter().filter(|line| line.meets(from, to)).map(|line| line.person);
    let Some(first) = people.next() else { return (None, WearerBy::Nobody) };
    if people.all(|person| person == first) { (Some(first), WearerBy::IssueLog) } else { (None, WearerBy::Several) }
}

/// Who had it for most of the time, and for how many milliseconds.
pub fn longest(lines: &[Line], from: Timestamp, to: Timestamp) -> Option<(PersonId, i64)> {
    let mut shares: BTreeMap<PersonId, i64> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.meets(from, to)) {
        *shares.entry(line.person).or_default() += line.share_ms(from, to);
    }
    shares.into_iter().max_by_key(|(_, share)| *share)
}

/// A segment on the time line of its camera.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub id: RecordingId,
    /// The recording it belongs to; for a new segment its own id.
    pub group: RecordingId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Joins segments of one camera: those that follow each other within [`JOIN_GAP_MS`], or overlap, are one recording,
/// which has the id of the first. Gives the new group of each group that is no longer one by itself.
pub fn join(segments: &mut [Segment]) -> HashMap<RecordingId, RecordingId> {
    segments.sort_by_key(|segment| (segment.from, segment.to, segment.id));
    let mut renamed: HashMap<RecordingId, RecordingId> = HashMap::new();
    let mut open: Option<(RecordingId, Timestamp)> = None;
    for segment in segments {
        open = match open {
            Some((group, end)) if segment.from <= end.plus_millis(JOIN_GAP_MS) => {
                if segment.group != group {
                    renamed.insert(segment.group, group);
                }
                Some((group, end.max(segment.to)))
            }
            _ => Some((segment.group, segment.to)),
        };
    }
    renamed
}

/// The stretches of `from` to `to` that no span covers; stretches of up to [`JOIN_GAP_MS`] are none.
pub fn gaps(from: Timestamp, to: Timestamp, spans: &mut [(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    spans.sort_unstable();
    let mut found = Vec::new();
    let mut covered = from;
    for (begin, end) in spans.iter() {
        let begin = (*begin).min(to);
        if begin.millis_since(covered) > JOIN_GAP_MS {
            found.push((covered, begin));
        }
        covered = covered.max(*end);
    }
    if to.millis_since(covered) > JOIN_GAP_MS {
        found.push((covered, to));
    }
    found
}

/// What decides when a recording goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub id: RecordingId,
    pub state: State,
    /// Asked for by the room.
    pub wanted_at: Option<Timestamp>,
    /// Belongs to an open incident, or to one that is held.
    pub bound: bool,
    pub ended_at: Timestamp,
}

/// The order of upload: what the room waits for, what belongs to an open case, then whose 24 hours end first. What is
/// stored needs none and comes last.
pub fn order(turns: &mut [Turn]) {
    turns.sort_by_key(|turn| {
        let asked = turn.wanted_at.map_or((true, Timestamp::EPOCH), |at| (false, at));
        (!turn.state.is_owed(), asked, !turn.bound, turn.ended_at, turn.id)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000).plus_secs(seconds)
    }

    fn line(person: PersonId, from: i64, to: Option<i64>) -> Line {
        Line { person, from: at(from), to: to.map(at) }
    }

    #[test]
    fn a_fast_clock_is_set_back_and_a_slow_one_forward() {
        assert_eq!(corrected(at(600), 540_000), at(60));
        assert_eq!(corrected(at(600), -60_000), at(660));
        assert!(check_offset(OFFSET_MAX_MS).is_ok() && check_offset(-OFFSET_MAX_MS).is_ok());
        for wrong in [OFFSET_MAX_MS + 1, i64::MAX, i64::MIN] {
            assert!(check_offset(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn recordings_out_of_bounds_are_named_by_their_place() {
        let named = Named { size: 5, started_at: at(0), ended_at: at(60), marks: &["a"] };
        assert!(check_recording(3, &named, 5).is_ok());
        let long = "字".repeat(MARK_TEXT_MAX + 1);
        for (wrong, field) in [
            (Named { size: 6, ..named }, "recordings[3].size"),
            (Named { size: -1, ..named }, "recordings[3].size"),
            (Named { ended_at: at(-1), ..named }, "recordings[3].ended_at"),
            (Named { ended_at: at(86_401), ..named }, "recordings[3].ended_at"),
            (Named { marks: &[""], ..named }, "recordings[3].marks"),
            (Named { marks: &["a\nb"], ..named }, "recordings[3].marks"),
            (Named { marks: &[long.as_str()], ..named }, "recordings[3].marks"),
            (Named { marks: &["x"; MARKS_MAX + 1], ..named }, "recordings[3].marks"),
        ] {
            let error = check_recording(3, &wrong, 5).unwrap_err();
            assert_eq!(error.members().get("field").and_then(|field| field.as_str()), Some(field));
        }
    }

    #[test]
    fn the_wearer_is_the_one_who_had_it() {
        let (a, b) = (PersonId::new(), PersonId::new());
        let log = [line(a, 0, Some(100)), line(a, 110, Some(200)), line(b, 200, None)];
        assert_eq!(wearer(&log, at(10), at(90)), (Some(a), WearerBy::IssueLog));
        // Given back and taken again is still he.
        assert_eq!(wearer(&log, at(90), at(150)), (Some(a), WearerBy::IssueLog));
        assert_eq!(wearer(&log, at(300), at(400)), (Some(b), WearerBy::IssueLog));
        assert_eq!(wearer(&log, at(150), at(250)), (None, WearerBy::Several));
        assert_eq!(wearer(&log, at(-50), at(-10)), (None, WearerBy::Nobody));
        assert_eq!(wearer(&log, at(101), at(105)), (None, WearerBy::Nobody));
        assert_eq!(longest(&log, at(150), at(300)), Some((b, 100_000)));
        assert_eq!(longest(&log, at(150), at(210)), Some((a, 50_000)));
        assert_eq!(longest(&log, at(-5), at(-1)), None);
    }

    fn segment(id: RecordingId, from: i64, to: i64) -> Segment {
        Segment { id, group: id, from: at(from), to: at(to) }
    }

    #[test]
    fn segments_that_follow_each_other_are_one_recording() {
        let ids: Vec<RecordingId> = (0..4).map(|_| RecordingId::new()).collect();
        let mut one = [segment(ids[1], 301, 600), segment(ids[0], 0, 300), segment(ids[2], 602, 900)];
        assert_eq!(join(&mut one), HashMap::from([(ids[1], ids[0]), (ids[2], ids[0])]));
        // Three seconds later it is another one.
        let mut two = [segment(ids[0], 0, 300), segment(ids[1], 303, 600)];
        assert_eq!(join(&mut two), HashMap::new());
        // What comes late between two joins them.
        let mut known = [segment(ids[0], 0, 300), segment(ids[3], 600, 900), segment(ids[1], 301, 599)];
        known[1].group = ids[2];
        assert_eq!(join(&mut known), HashMap::from([(ids[1], ids[0]), (ids[2], ids[0])]));
        // One that began before the end of the other, and one within it.
        let mut over = [segment(ids[0], 0, 300), segment(ids[1], 10, 20), segment(ids[2], 290, 400)];
        assert_eq!(join(&mut over).len(), 2);
    }

    #[test]
    fn gaps_are_what_nothing_covers() {
        let spans = |list: &[(i64, i64)]| list.iter().map(|(from, to)| (at(*from), at(*to))).collect::<Vec<_>>();
        let found = |list: &[(i64, i64)]| gaps(at(0), at(100), &mut spans(list));
        assert_eq!(found(&[]), spans(&[(0, 100)]));
        assert_eq!(found(&[(-10, 200)]), []);
        assert_eq!(found(&[(0, 50), (52, 100)]), [], "files of one recording");
        assert_eq!(found(&[(60, 70), (0, 50), (10, 20)]), spans(&[(50, 60), (70, 100)]));
        assert_eq!(found(&[(150, 200)]), spans(&[(0, 100)]));
        assert_eq!(found(&[(-20, -10)]), spans(&[(0, 100)]));
    }

    #[test]
    fn what_is_waited_for_goes_up_first() {
        let turn = |state, wanted: Option<i64>, bound, ended| Turn {
            id: RecordingId::new(),
            state,
            wanted_at: wanted.map(at),
            bound,
            ended_at: at(ended),
        };
        let expected = [
            turn(State::AtDock, Some(1), false, 900),
            turn(State::OnCamera, Some(2), true, 100),
            turn(State::OnCamera, None, true, 500),
            turn(State::AtDock, None, true, 600),
            turn(State::OnCamera, None, false, 100),
            turn(State::OnCamera, None, false, 200),
            turn(State::Stored, Some(0), true, 0),
        ];
        let mut turns = expected;
        turns.reverse();
        order(&mut turns);
        assert_eq!(turns, expected);
    }

    proptest! {
        #[test]
        fn gaps_and_spans_fill_the_whole(list in prop::collection::vec((0_i64..1000, 0_i64..200), 0..20)) {
            let mut spans: Vec<_> = list.iter().map(|(from, long)| (at(*from), at(from + long))).collect();
            let found = gaps(at(100), at(900), &mut spans);
            for (from, to) in &found {
                prop_assert!(from < to && *from >= at(100) && *to <= at(900));
                prop_assert!(spans.iter().all(|(begin, end)| end <= from || begin >= to));
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].1 <= pair[1].0);
            }
            // An instant in no gap is within reach of a span.
            for second in 100..900 {
                let inside = |(from, to): &(Timestamp, Timestamp)| *from <= at(second) && at(second) <= *to;
                let near = |(from, to): &(Timestamp, Timestamp)| {
                    from.plus_secs(-2) <= at(second) && at(second) <= to.plus_secs(2)
                };
                let edge = second <= 102 || second >= 898;
                prop_assert!(found.iter().any(inside) || spans.iter().any(near) || edge);
            }
        }

        #[test]
        fn joining_again_changes_nothing(list in prop::collection::vec((0_i64..500, 0_i64..50), 1..20)) {
            let mut segments: Vec<_> =
                list.iter().map(|(from, long)| segment(RecordingId::new(), *from, from + long)).collect();
            let renamed = join(&mut segments);
            for segment in &mut segments {
                if let Some(group) = renamed.get(&segment.group) {
                    segment.group = *group;
                }
            }
            prop_assert!(join(&mut segments).is_empty());
        }
    }
}
