//! Characters into lines: where a line may end (UAX #14, which keeps closing punctuation from its beginning and opening
//! punctuation from its end), how wide it is, and room spread between the characters so that both edges are straight.

use std::ops::Range;

use unicode_linebreak::linebreaks;

use super::error::PaperError;
use super::fonts::{Faces, Glyph, Weight};

/// A line that would have to be stretched by more than so many characters stays ragged: a long number or an address
/// did not fit into it.
const STRETCH_MAX: f32 = 3.0;
/// Rounding of widths, in points.
const TOLERANCE: f32 = 0.01;

/// Text of one line, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub text: String,
    pub glyphs: Vec<Placed>,
    /// In points, without what was spread
    pub width: f32,
}

/// One glyph of a line with the bytes of the line's text that it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub glyph: Glyph,
    pub range: Range<usize>,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub size: f32,
    /// Width of the lines, in points
    pub width: f32,
    /// Of the first line, in points
    pub indent: f32,
    /// Spread to the full width, but for the last line
    pub justify: bool,
}

struct Cluster {
    glyph: Glyph,
    range: Range<usize>,
    space: bool,
}

/// A text as it is set: line feeds in one form, tabulators as spaces; without control characters, marks of text
/// direction, other invisible ones and code points that are no characters.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\t' => clean.push(' '),
            _ if character.is_control() || is_invisible(character) => {}
            _ => clean.push(character),
        }
    }
    clean
}

fn is_invisible(character: char) -> bool {
    let code = u32::from(character);
    matches!(
        code,
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
            | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFB | 0xFDD0..=0xFDEF | 0x1_BCA0..=0x1_BCA3
            | 0xE_0000..=0xE_007F
    ) || code & 0xFFFE == 0xFFFE
}

/// Chooses a variant of the character before it.
pub fn is_selector(character: char) -> bool {
    matches!(u32::from(character), 0xFE00..=0xFE0F | 0xE_0100..=0xE_01EF)
}

/// Sets one paragraph (no line feeds) of pieces in different weights. An empty text has no lines.
///
/// # Errors
/// [`PaperError::MissingGlyph`]
pub fn paragraph(spans: &[(&str, Weight)], setting: Setting, faces: &Faces<'_>) -> Result<Vec<Line>, PaperError> {
    let text: String = spans.iter().map(|(text, _)| *text).collect();
    let clusters = clusters(spans, faces)?;
    let allowed: Vec<usize> = linebreaks(&as_brackets(&text)).map(|(at, _)| at).collect();
    let mut lines = Vec::new();
    let mut rest = clusters.as_slice();
    while !rest.is_empty() {
        let indent = if lines.is_empty() { setting.indent } else { 0.0 };
        let room = setting.width - indent;
        let taken = take(rest, room / setting.size, &allowed);
        let (here, after) = rest.split_at(taken);
        rest = skip_spaces(after);
        lines.push(line(&text, here, setting, (!rest.is_empty() && setting.justify).then_some(room)));
    }
    Ok(lines)
}

/// The whole text as one line, however wide.
///
/// # Errors
/// [`PaperError::MissingGlyph`]
pub fn single(text: &str, size: f32, weight: Weight, faces: &Faces<'_>) -> Result<Line, PaperError> {
    let text = clean(text).replace('\n', " ");
    let setting = Setting { size, width: 0.0, indent: 0.0, justify: false };
    Ok(line(&text, &clusters(&[(&text, weight)], faces)?, setting, None))
}

/// Ideographs may be parted from a quotation mark as from a bracket: quotation marks of Chinese are as wide as they
/// are, and the default rules glue them to both sides because they cannot know which language it is.
fn as_brackets(text: &str) -> String {
    let mut before = ' ';
    let mut seen = String::with_capacity(text.len());
    for character in text.chars() {
        seen.push(match character {
            '“' | '‘' => '「',
            '”' => '」',
            '’' if !before.is_ascii_alphanumeric() => '」',
            _ => character,
        });
        before = character;
    }
    seen
}

fn clusters(spans: &[(&str, Weight)], faces: &Faces<'_>) -> Result<Vec<Cluster>, PaperError> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut offset = 0;
    for (text, weight) in spans {
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if is_selector(character) {
                // Stands alone or after another: belongs to what is before it.
                if let Some(last) = clusters.last_mut() {
                    last.range.end = offset + at + character.len_utf8();
                }
                continue;
            }
            let selector = characters.peek().map(|(_, next)| *next).filter(|next| is_selector(*next));
            let glyph = faces.find_variant(character, selector, *weight).ok_or(PaperError::MissingGlyph(character))?;
            let range = offset + at..offset + at + character.len_utf8();
            clusters.push(Cluster { glyph, range, space: character == ' ' });
        }
        offset += text.len();
    }
    Ok(clusters)
}

/// How many clusters the next line takes: up to the last place where it may end, or as many as fit where it may
/// nowhere. At least one; spaces at its end hang over. `room` in parts of the font size.
fn take(clusters: &[Cluster], room: f32, allowed: &[usize]) -> usize {
    let mut width = 0.0;
    let mut at = None;
    for (count, cluster) in clusters.iter().enumerate() {
        if width + cluster.glyph.advance > room + TOLERANCE && !cluster.space && count > 0 {
            return at.unwrap_or(count);
        }
        width += cluster.glyph.advance;
        if allowed.binary_search(&cluster.range.end).is_ok() {
            at = Some(count + 1);
        }
    }
    clusters.len()
}

fn skip_spaces(clusters: &[Cluster]) -> &[Cluster] {
    let spaces = clusters.iter().take_while(|cluster| cluster.space).count();
    clusters.get(spaces..).unwrap_or_default()
}

/// `spread`: the width to fill, in points.
fn line(text: &str, clusters: &[Cluster], setting: Setting, spread: Option<f32>) -> Line {
    let hanging = clusters.iter().rev().take_while(|cluster| cluster.space).count();
    let shown = clusters.get(..clusters.len() - hanging).unwrap_or_default();
    let start = shown.first().map_or(0, |first| first.range.start);
    let end = shown.last().map_or(start, |last| last.range.end);
    let width = shown.iter().map(|cluster| cluster.glyph.advance).sum::<f32>() * setting.size;
    let gaps = shown.len().saturating_sub(1);
    let slack = spread.map_or(0.0, |full| full - width) / setting.size;
    let extra = if gaps > 0 && slack > 0.0 && slack <= STRETCH_MAX { slack / as_f32(gaps) } else { 0.0 };
    let glyphs = shown.iter().enumerate().map(|(at, cluster)| {
        let range = cluster.range.start - start..cluster.range.end - start;
        let advance = cluster.glyph.advance + if at < gaps { extra } else { 0.0 };
        Placed { glyph: Glyph { advance, ..cluster.glyph }, range }
    });
    Line { text: text.get(start..end).unwrap_or_default().to_owned(), glyphs: glyphs.collect(), width }
}

/// Counts on a page are far below what a float of 24 bits holds.
#[expect(clippy::cast_precision_loss, reason = "counts on a page are below 2^24")]
pub fn as_f32(count: usize) -> f32 {
    count as f32
}
