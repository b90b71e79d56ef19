//! Containers as cameras write them, as power cuts leave them, and as nobody would.

use std::io::{Cursor, Read, Result as IoResult, Seek, SeekFrom};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::facts::{Container, Facts};
use super::pieces::BYTES_MAX;
use super::samples::{Movie, NEW_YEAR, boxed, boxed_wide, film, fragmented, ftyp, mdat, moof, sidx, wav};
use crate::duty::evidence::photos::findings::FindingCode;
use crate::words::ids::EvidenceId;
use crate::words::time::Timestamp;

/// Counts what is read of it.
struct Counting<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        Ok(n)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.inner.seek(to)
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// What is learnt of these bytes, and how many of them were read.
fn counted(bytes: &[u8], media_type: &str) -> (Facts, u64) {
    let mut source = Counting { inner: Cursor::new(bytes), read: 0 };
    let facts = super::read(&mut source, bytes.len() as u64, media_type, soon()).unwrap();
    (facts, source.read)
}

fn of(bytes: &[u8]) -> Facts {
    counted(bytes, "video/mp4").0
}

#[test]
fn an_ordinary_film_says_all() {
    let expected = Facts {
        duration_ms: Some(90_000),
        created_1904: Some(NEW_YEAR),
        codec: Some("avc1".into()),
        audio_codec: Some("mp4a".into()),
        width: Some(320),
        height: Some(240),
        ..Facts::of(Container::Mp4)
    };
    assert_eq!(of(&film()), expected);
    let wide = Movie { wide: true, ..Movie::default() };
    // The movie last and its pictures in a box of more than four bytes' size, as long recordings are.
    let last = [ftyp(), boxed_wide(b"mdat", &[&[7; 4_000]]), wide.moov()].concat();
    assert_eq!(of(&last), expected);
    // To the end of the file, as a camera writes while it does not know.
    let open = [ftyp(), wide.moov(), b"\0\0\0\0mdat".to_vec(), vec![1; 900]].concat();
    assert_eq!(of(&open), expected);
    let hevc = [ftyp(), Movie { codec: *b"hvc1", sound: false, ..Movie::default() }.moov()].concat();
    assert_eq!((of(&hevc).codec.as_deref(), of(&hevc).audio_codec), (Some("hvc1"), None));
}

#[test]
fn of_a_long_film_little_is_read() {
    let file = [ftyp(), mdat(20_000_000), Movie::default().moov()].concat();
    let (facts, read) = counted(&file, "video/mp4");
    assert_eq!(facts.duration_ms, Some(90_000));
    assert!(read < 80_000, "{read} bytes were read");
}

#[test]
fn fragments_are_added_up() {
    assert_eq!(of(&fragmented(30, None)).duration_ms, Some(30_000));
    // What was announced and not written does not count.
    assert_eq!(of(&fragmented(30, Some(3_600 * 600))).duration_ms, Some(30_000));
    let moov = Movie { units: 0, fragments: Some(None), ..Movie::default() }.moov();
    // Samples that say how long they are; no word of where a fragment begins; a stream cut in on late.
    let told = [ftyp(), moov.clone(), moof(None, 5, Some(2_560)), mdat(9), moof(None, 10, None)].concat();
    assert_eq!(of(&told).duration_ms, Some(2_000));
    let late = [ftyp(), moov.clone(), moof(Some(12_800 * 500), 20, None), moof(Some(12_800 * 502), 20, None)].concat();
    assert_eq!(of(&late).duration_ms, Some(4_000));
    // A first part in the movie itself, and what follows it.
    let first = Movie { units: 10 * 600, fragments: Some(None), ..Movie::default() }.moov();
    let hybrid = [ftyp(), first, mdat(90), moof(Some(128_000), 50, None)].concat();
    assert_eq!(of(&hybrid).duration_ms, Some(15_000));
    // A header and nothing else is no recording.
    assert_eq!(of(&[ftyp(), moov].concat()).duration_ms, None);
}

/// What is learnt of these bytes with a file behind them that never ends.
fn endless(head: Vec<u8>) -> Facts {
    super::read(Endless { head, place: 0 }, 1 << 44, "video/mp4", soon()).unwrap()
}

#[test]
fn where_there_are_too_many_the_announcement_is_taken() {
    let moov = |announced| Movie { units: 0, fragments: Some(announced), ..Movie::default() }.moov();
    let mut file = [ftyp(), moov(None), sidx(&[60_000, 30_000]), mdat(100_000)].concat();
    file.extend(moof(Some(0), 10, None));
    let facts = endless(file);
    assert_eq!(facts.duration_ms, Some(90_000), "the index");
    let head = [ftyp(), moov(Some(7 * 600)), sidx(&[60_000])].concat();
    let facts = endless(head);
    assert_eq!(facts.duration_ms, Some(7_000), "the movie's own word");
    let head = [ftyp(), moov(None)].concat();
    let facts = endless(head);
    assert_eq!((facts.duration_ms, facts.codec.as_deref()), (None, Some("avc1")), "no length is better than a guess");
}

#[test]
fn a_film_whose_camera_died_is_told_so() {
    let whole = film();
    let cut = of(&whole[..whole.len() - 3_000]);
    assert_eq!((cut.duration_ms, cut.truncated), (Some(90_000), true));
    let unfinished = of(&[ftyp(), b"\0\0\0\0mdat".to_vec(), vec![1; 50_000]].concat());
    assert_eq!(unfinished, Facts { truncated: true, ..Facts::of(Container::Mp4) });
    let fragments = fragmented(300, None);
    let half = of(&fragments[..fragments.len() / 2]);
    assert!(half.duration_ms.is_some_and(|ms| (100_000..150_000).contains(&ms)), "{half:?}");
}

#[test]
fn interviews_have_a_length() {
    let file = wav(12);
    let (facts, read) = counted(&file, "audio/wav");
    assert_eq!((facts.container, facts.duration_ms), (Container::Wav, Some(12_000)));
    assert_eq!((facts.audio_codec.as_deref(), facts.truncated), (Some("alaw"), false));
    assert!(read < 10_000, "{read}");
    let (cut, _) = counted(&file[..file.len() / 2], "audio/wav");
    assert_eq!((cut.duration_ms.map(|ms| ms / 1_000), cut.truncated), (Some(5), true));
}

#[test]
fn what_is_not_known_is_called_so() {
    for media_type in ["video/webm", "video/x-msvideo", "video/mp2t", "image/heic", "application/pdf"] {
        assert_eq!(counted(&film(), media_type), (Facts::of(Container::Unknown), 0));
    }
    let unbranded = [boxed(b"wide", &[]), mdat(10), Movie::default().moov()].concat();
    assert_eq!(counted(&unbranded, "application/octet-stream").0.duration_ms, Some(90_000));
    for none in [b"".as_slice(), b"x", &[0x47; 5_000], b"\0\0\0\x08free\0\0\0\x08mdat"] {
        assert_eq!(counted(none, "application/octet-stream").0, Facts::of(Container::Unknown));
    }
}

#[test]
fn a_camera_that_was_never_told_the_time_is_not_believed() {
    let id = EvidenceId::new();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let received = at("2026-01-01T08:00:00Z");
    let started = |created| {
        let facts = Facts { created_1904: created, ..of(&film()) };
        facts.row(id, received, received).started_at
    };
    assert_eq!(started(Some(NEW_YEAR)), Some(at("2026-01-01T00:00:00Z")));
    // The year 1904, 1970 as if it were 1904, after it had arrived, the end of time.
    for wrong in [None, Some(0), Some(1_767_225_600), Some(NEW_YEAR + 9 * 3_600), Some(u64::MAX)] {
        assert_eq!(started(wrong), None, "{wrong:?}");
    }
    let endless = Facts { duration_ms: Some(8 * 86_400_000), ..of(&film()) };
    assert_eq!(endless.row(id, received, received).duration_ms, None);
}

#[test]
fn the_cameras_clock_is_compared_with_beginning_and_end() {
    let begun = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let received = begun.plus_secs(3_600);
    let off = |seconds: i64| {
        let facts = Facts { created_1904: NEW_YEAR.checked_add_signed(seconds), ..of(&film()) };
        let found = facts.findings(begun, received, 10);
        found.first().map(|finding| {
            assert_eq!(finding.code, FindingCode::CameraClock);
            finding.detail["difference_s"].as_i64().unwrap()
        })
    };
    // It runs 90 s: written at its beginning, in it, at its end, and a minute's difference to either.
    for fine in [0, 45, 90, -60, 150] {
        assert_eq!(off(fine), None, "{fine}");
    }
    assert_eq!((off(-540), off(90 + 540)), (Some(-540), Some(540)));
    assert_eq!(off(3_600 + 8 * 3_600), Some(8 * 3_600), "against the server's, for it says a time after it arrived");
    let cut = Facts { truncated: true, ..of(&film()) };
    assert_eq!(cut.findings(begun, received, 10).first().map(|one| one.code), Some(FindingCode::Truncated));
}

/// A head, and behind it a file that never ends: the smallest boxes there are.
struct Endless {
    head: Vec<u8>,
    place: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let small = boxed(b"free", &[]);
        for (n, byte) in buffer.iter_mut().enumerate() {
            let at = usize::try_from(self.place).unwrap() + n;
            *byte = match self.head.get(at) {
                Some(byte) => *byte,
                None => small[(at - self.head.len()) % small.len()],
            };
        }
        self.place += buffer.len() as u64;
        Ok(buffer.len())
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let SeekFrom::Start(place) = to else { unreachable!("the walk knows where it goes") };
        self.place = place;
        Ok(place)
    }
}

#[test]
fn a_file_of_nothing_but_boxes_ends() {
    let mut source = Counting { inner: Endless { head: ftyp(), place: 0 }, read: 0 };
    let begun = Instant::now();
    let facts = super::read(&mut source, 1 << 50, "video/mp4", soon()).unwrap();
    assert_eq!(facts, Facts::of(Container::Mp4));
    assert!(source.read <= BYTES_MAX && begun.elapsed() < Duration::from_secs(15), "{}", source.read);
    // Nor does one outlast its time.
    let over = Endless { head: film(), place: 0 };
    assert_eq!(super::read(over, 1 << 50, "video/mp4", Instant::now()).unwrap().duration_ms, None);
}

/// Whatever is in them, they are read within limits and without a panic.
fn survives(bytes: &[u8], media_type: &str) {
    let (facts, read) = counted(bytes, media_type);
    assert!(read <= BYTES_MAX);
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let row = facts.row(EvidenceId::new(), now, now);
    assert!(row.duration_ms.is_none_or(|ms| ms > 0));
    facts.findings(now, now, bytes.len() as i64);
}

const TYPES: [&str; 3] = ["video/mp4", "application/octet-stream", "audio/wav"];

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000), kind in 0..TYPES.len()) {
        survives(&bytes, TYPES[kind]);
    }

    #[test]
    fn any_damage_is_survived(
        which in 0..4_usize,
        blows in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0), Just(1), Just(255), any::<u8>()]), 1..12),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut file = match which {
            0 => film(),
            1 => fragmented(5, Some(3_000)),
            2 => [ftyp(), Movie { wide: true, ..Movie::default() }.moov(), sidx(&[5, 6])].concat(),
            _ => wav(1),
        };
        for (place, byte) in blows {
            // Nearer to the beginning, where the headers are.
            let place = place.index(file.len());
            let place = if place % 2 == 0 { place % 700 } else { place };
            file[place] = byte;
        }
        if cut {
            file.truncate(end.index(file.len() + 1));
        }
        survives(&file, if which == 3 { "audio/wav" } else { "video/mp4" });
    }
}
