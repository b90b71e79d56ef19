//! MP4, MOV, 3GP and M4A: the movie's header, its tracks, its fragments; the movie may stand at either end.
//!
//! How long a fragmented recording is, its fragments say, for what was announced may have been cut off with the battery.
//! Only where they are too many to be looked at is the announcement taken (`mehd`, `sidx`), or no length at all.

use std::io::{self, Read, Seek};

use super::boxes::Part;
use super::facts::{Container, Facts};
use super::pieces::{Pieces, Stop};

/// Tracks of one file that are looked at; cameras write two or three.
const TRACKS_MAX: usize = 32;
/// How far a fragment may lie from the end of the first part and still be what follows it, ms.
const JOINT_MS: i64 = 1_000;

/// A length in units of a clock.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    units: u64,
    /// Units in a second; 0: not said.
    per_second: u32,
}

impl Span {
    fn ms(self) -> Option<i64> {
        let ms = (u128::from(self.units) * 1_000).checked_div(u128::from(self.per_second))?;
        i64::try_from(ms).ok()
    }
}

/// What stands in a header with times: the movie's, a track's.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    /// Seconds since 1904.
    created: u64,
    /// None where it says that it does not know.
    span: Option<Span>,
    per_second: u32,
}

/// One track.
#[derive(Clone, Debug, Default)]
struct Track {
    id: u32,
    header: Header,
    handler: [u8; 4],
    codec: Option<String>,
    size: Option<(i32, i32)>,
    /// Units a sample of a fragment lasts unless it says so.
    sample: u32,
    /// When its first fragment begins and its last one ends, units.
    fragments: Option<(u64, u64)>,
}

/// Everything that was found.
#[derive(Debug, Default)]
struct Movie {
    header: Option<Header>,
    tracks: Vec<Track>,
    fragmented: bool,
    announced: Option<Span>,
    indexed: Option<Span>,
    truncated: bool,
    /// Some of it was not looked at.
    partial: bool,
}

/// Reads a file; `sure` when its first bytes have said already that it is one of these.
pub fn read<R: Read + Seek>(pieces: &mut Pieces<R>, sure: bool) -> io::Result<Facts> {
    let mut movie = Movie::default();
    match movie.walk(pieces) {
        Ok(()) => {}
        Err(Stop::End) => movie.truncated = true,
        Err(Stop::Spent) => movie.partial = true,
        Err(Stop::Disk(error)) => return Err(error),
    }
    if !sure && movie.header.is_none() {
        return Ok(Facts::of(Container::Unknown));
    }
    Ok(movie.facts())
}

impl Movie {
    fn walk<R: Read + Seek>(&mut self, p: &mut Pieces<R>) -> Result<(), Stop> {
        let (mut at, end) = (0, p.length());
        while let Some(part) = p.part(at, end)? {
            self.truncated |= part.cut;
            match &part.kind {
                b"moov" => self.moov(p, &part)?,
                b"moof" => p.each(&part, |p, child| match &child.kind {
                    b"traf" => self.traf(p, child),
                    _ => Ok(()),
                })?,
                b"sidx" if self.indexed.is_none() => self.indexed = sidx(p, &part)?,
                _ => {}
            }
            at = part.end;
        }
        Ok(())
    }

    fn moov<R: Read + Seek>(&mut self, p: &mut Pieces<R>, moov: &Part) -> Result<(), Stop> {
        let mut defaults = Vec::new();
        p.each(moov, |p, part| {
            match &part.kind {
                b"mvhd" => self.header = Some(header(p, part)?),
                b"trak" if self.tracks.len() < TRACKS_MAX => self.tracks.push(trak(p, part)?),
                b"mvex" => {
                    self.fragmented = true;
                    p.each(part, |p, child| {
                        match &child.kind {
                            b"mehd" => {
                                let (version, _) = p.version(child)?;
                                let units = if version == 1 { p.u64(child, 4)? } else { u64::from(p.u32(child, 4)?) };
                                self.announced = Some(Span { units, per_second: 0 }).filter(|_| units > 0);
                            }
                            b"trex" if defaults.len() < TRACKS_MAX => {
                                defaults.push((p.u32(child, 4)?, p.u32(child, 12)?));
                            }
                            _ => {}
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        for (id, sample) in defaults {
            if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
                track.sample = sample;
            }
        }
        Ok(())
    }

    /// A fragment's share of one track.
    fn traf<R: Read + Seek>(&mut self, p: &mut Pieces<R>, traf: &Part) -> Result<(), Stop> {
        self.fragmented = true;
        let Some(head) = p.first(traf, b"tfhd")? else { return Ok(()) };
        let (_, flags) = p.version(&head)?;
        let id = p.u32(&head, 4)?;
        let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) else { return Ok(()) };
        let before = [(1, 8), (2, 4)].iter().filter(|(bit, _)| flags & bit != 0).map(|(_, bytes)| bytes).sum::<u64>();
        let sample = if flags & 8 != 0 { p.u32(&head, 8 + before)? } else { track.sample };
        let begun = match p.first(traf, b"tfdt")? {
            Some(part) if p.version(&part)?.0 == 1 => Some(p.u64(&part, 4)?),
            Some(part) => Some(u64::from(p.u32(&part, 4)?)),
            None => None,
        };
        let mut lasts = 0_u64;
        p.each(traf, |p, part| {
            if &part.kind == b"trun" {
                lasts = lasts.saturating_add(trun(p, part, sample)?);
            }
            Ok(())
        })?;
        let (first, last) = track.fragments.unwrap_or_else(|| {
            let first = begun.unwrap_or(0);
            (first, first)
        });
        let from = begun.unwrap_or(last);
        track.fragments = Some((first.min(from), last.max(from.saturating_add(lasts))));
        Ok(())
    }

    fn duration_ms(&self) -> Option<i64> {
        let header = self.header?;
        let longest = || self.tracks.iter().filter_map(|track| track.header.span).filter_map(Span::ms).max();
        let whole = header.span.and_then(Span::ms).filter(|ms| *ms > 0).or_else(longest).unwrap_or(0);
        if !self.fragmented {
            return Some(whole).filter(|ms| *ms > 0);
        }
        if self.partial {
            let announced = self.announced.map(|span| Span { per_second: header.per_second, ..span });
            return announced.and_then(Span::ms).or_else(|| self.indexed.and_then(Span::ms));
        }
        let of_fragments = |track: &Track| {
            let (first, last) = track.fragments?;
            let ms = |units| Span { units, per_second: track.header.per_second }.ms();
            let lasts = ms(last.saturating_sub(first))?;
            // What follows a first part that stands in the movie itself is added to it.
            Some(if whole > 0 && first > 0 && ms(first)? >= whole - JOINT_MS {
                whole.saturating_add(lasts)
            } else {
                lasts
            })
        };
        // Nothing but a beginning: of what was announced nothing has been written.
        let written = self.tracks.iter().filter_map(of_fragments).max();
        Some(written.map_or(whole, |written| written.max(whole))).filter(|ms| *ms > 0)
    }

    fn facts(&self) -> Facts {
        let of = |handler: &[u8; 4]| self.tracks.iter().find(|track| track.handler == *handler);
        let (video, audio) = (of(b"vide"), of(b"soun"));
        let (width, height) = video.and_then(|track| track.size).unzip();
        Facts {
            duration_ms: self.duration_ms(),
            created_1904: self.header.map(|header| header.created).filter(|created| *created > 0),
            codec: video.and_then(|track| track.codec.clone()),
            audio_codec: audio.and_then(|track| track.codec.clone()),
            width,
            height,
            // A camera writes the movie's header last.
            truncated: self.truncated || (self.header.is_none() && !self.partial),
            ..Facts::of(Container::Mp4)
        }
    }
}

/// `mvhd` and `mdhd` begin alike.
fn header<R: Read + Seek>(p: &mut Pieces<R>, part: &Part) -> Result<Header, Stop> {
    let (version, _) = p.version(part)?;
    let (created, per_second, units, unknown) = if version == 1 {
        (p.u64(part, 4)?, p.u32(part, 20)?, p.u64(part, 24)?, u64::MAX)
    } else {
        (u64::from(p.u32(part, 4)?), p.u32(part, 12)?, u64::from(p.u32(part, 16)?), u64::from(u32::MAX))
    };
    Ok(Header { created, span: Some(Span { units, per_second }).filter(|span| span.units != unknown), per_second })
}

fn trak<R: Read + Seek>(p: &mut Pieces<R>, part: &Part) -> Result<Track, Stop> {
    let mut track = Track::default();
    if let Some(head) = p.first(part, b"tkhd")? {
        let (version, _) = p.version(&head)?;
        track.id = p.u32(&head, if version == 1 { 20 } else { 12 })?;
    }
    let Some(mdia) = p.first(part, b"mdia")? else { return Ok(track) };
    if let Some(head) = p.first(&mdia, b"mdhd")? {
        track.header = header(p, &head)?;
    }
    if let Some(hdlr) = p.first(&mdia, b"hdlr")? {
        track.handler = p.field(&hdlr, 8)?.unwrap_or_default();
    }
    let Some(minf) = p.first(&mdia, b"minf")? else { return Ok(track) };
    let Some(stbl) = p.first(&minf, b"stbl")? else { return Ok(track) };
    let Some(stsd) = p.first(&stbl, b"stsd")? else { return Ok(track) };
    // The first of its entries, each a box by itself.
    let Some(entry) = p.part(stsd.body.saturating_add(8), stsd.end)? else { return Ok(track) };
    track.codec = name(entry.kind);
    if &track.handler == b"vide"
        && let Some([w0, w1, h0, h1]) = p.field(&entry, 24)?
    {
        let (width, height) = (i32::from(u16::from_be_bytes([w0, w1])), i32::from(u16::from_be_bytes([h0, h1])));
        track.size = Some((width, height)).filter(|_| width > 0 && height > 0);
    }
    Ok(track)
}

/// A codec's four letters, if they are any.
fn name(kind: [u8; 4]) -> Option<String> {
    let fine = kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let text = String::from_utf8_lossy(&kind).trim().to_owned();
    (fine && !text.is_empty()).then_some(text)
}

/// Units that the samples of one run last together.
fn trun<R: Read + Seek>(p: &mut Pieces<R>, part: &Part, sample: u32) -> Result<u64, Stop> {
    let (_, flags) = p.version(part)?;
    let count = u64::from(p.u32(part, 4)?);
    if flags & 0x100 == 0 {
        return Ok(count.saturating_mul(u64::from(sample)));
    }
    let has = |bit: u32| u64::from(flags & bit != 0);
    let begin = 8 + 4 * (has(0x1) + has(0x4));
    let stride = 4 * (has(0x100) + has(0x200) + has(0x400) + has(0x800));
    let mut sum = 0_u64;
    for n in 0..count {
        // It may say more than it holds.
        let Some(lasts) = p.field(part, begin.saturating_add(n.saturating_mul(stride)))? else { break };
        sum = sum.saturating_add(u64::from(u32::from_be_bytes(lasts)));
    }
    Ok(sum)
}

/// How long the parts of an index are together.
fn sidx<R: Read + Seek>(p: &mut Pieces<R>, part: &Part) -> Result<Option<Span>, Stop> {
    let (version, _) = p.version(part)?;
    let per_second = p.u32(part, 8)?;
    let list = 12 + if version == 0 { 8 } else { 16 };
    let Some([_, _, n0, n1]) = p.field(part, list)? else { return Ok(None) };
    let mut units = 0_u64;
    for n in 0..u64::from(u16::from_be_bytes([n0, n1])) {
        let Some(lasts) = p.field(part, list + 4 + 12 * n + 4)? else { break };
        units = units.saturating_add(u64::from(u32::from_be_bytes(lasts)));
    }
    Ok(Some(Span { units, per_second }).filter(|_| units > 0))
}
