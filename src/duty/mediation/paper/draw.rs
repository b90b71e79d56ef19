//! Pages into PDF/A-2u: every character can be selected and copied, every font is embedded as the part that is used, and
//! nothing depends on the machine that shows it.

use jiff::civil::DateTime;
use krilla::color::luma;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{Path, PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{self, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};

use super::Paper;
use super::error::PaperError;
use super::fonts::Faces;
use super::frame::Sized;
use super::lines::{Line, clean};
use super::page::{MM, Op};

/// Hours that Beijing is ahead of UTC.
const BEIJING: i8 = 8;

/// The file.
///
/// # Errors
/// [`PaperError::Image`] is found earlier where it can be; what only the decoder sees, and anything else the writer
/// refuses, is [`PaperError::Pdf`].
pub fn pdf(paper: &Paper, pages: Vec<Sized>, faces: &Faces<'_>) -> Result<Vec<u8>, PaperError> {
    let mut document = archival()?;
    for Sized { page, width, height } in pages {
        let settings = PageSettings::from_wh(width, height).ok_or_else(|| PaperError::Pdf("page size".to_owned()))?;
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        for op in page.ops {
            draw(&mut surface, op, (width, height), faces)?;
        }
        surface.finish();
        sheet.finish();
    }
    document.set_metadata(about(paper));
    finished(document)
}

/// Whether a picture gets into such a file: the writer reads it when the file is finished, and then refuses the file.
pub fn takes(image: Image) -> Result<(), PaperError> {
    let mut document = archival()?;
    let mut sheet = document.start_page_with(PageSettings::default());
    let mut surface = sheet.surface();
    let Some(size) = Size::from_wh(MM, MM) else { return Err(PaperError::Pdf("page size".to_owned())) };
    surface.draw_image(image, size);
    surface.finish();
    sheet.finish();
    // A file of this kind has a title and a date; nobody sees this one.
    document.set_metadata(Metadata::new().title("Suixing".to_owned()).creation_date(metadata::DateTime::new(2026)));
    finished(document).map(drop)
}

fn archival() -> Result<Document, PaperError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_U)
        .finish()
        .map_err(|error| PaperError::Pdf(format!("{error:?}")))?;
    let settings = SerializeSettings { configuration, enable_tagging: false, ..SerializeSettings::default() };
    Ok(Document::new_with(settings))
}

fn finished(document: Document) -> Result<Vec<u8>, PaperError> {
    document.finish().map_err(|error| PaperError::Pdf(format!("{error}: {error:?}")))
}

fn about(paper: &Paper) -> Metadata {
    let one_line = |text: &str| clean(text).replace('\n', " ");
    let title = match &paper.serial {
        Some(serial) => format!("{} {}", paper.title, serial),
        None => paper.title.clone(),
    };
    Metadata::new()
        .title(one_line(&title))
        .authors(vec![one_line(&paper.office)])
        .creator("Suixing".to_owned())
        .language("zh-CN".to_owned())
        .creation_date(moment(paper.made_at))
}

fn moment(at: DateTime) -> metadata::DateTime {
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    metadata::DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(BEIJING)
        .utc_offset_minute(0)
}

fn fill(grey: u8) -> Option<Fill> {
    Some(Fill { paint: luma::Color::new(grey).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero })
}

/// Nothing may return between a push and its pop: the writer ends the program over an open one.
fn draw(surface: &mut Surface<'_>, op: Op, (width, height): (f32, f32), faces: &Faces<'_>) -> Result<(), PaperError> {
    match op {
        Op::Text { x, y, size, grey, line } => text(surface, &runs(&line, faces)?, (x, y), size, grey),
        Op::Rule { from, to, width } => {
            let mut path = PathBuilder::new();
            path.move_to(from.0, from.1);
            path.line_to(to.0, to.1);
            stroke(surface, path.finish(), width, LineCap::Square);
        }
        Op::Strokes { strokes, width } => {
            let mut path = PathBuilder::new();
            strokes.iter().for_each(|points| pen(&mut path, points));
            stroke(surface, path.finish(), width, LineCap::Round);
        }
        Op::Picture { x, y, width, height, image } => {
            if let Some(size) = Size::from_wh(width, height) {
                surface.push_transform(&Transform::from_translate(x, y));
                surface.draw_image(image, size);
                surface.pop();
            }
        }
        Op::Code { x, y, module, runs } => {
            let mut path = PathBuilder::new();
            for (column, row, length) in runs {
                let (left, top) = (x + f32::from(column) * module, y + f32::from(row) * module);
                if let Some(rect) = Rect::from_xywh(left, top, f32::from(length) * module, module) {
                    path.push_rect(rect);
                }
            }
            if let Some(path) = path.finish() {
                surface.set_stroke(None);
                surface.set_fill(fill(0));
                surface.draw_path(&path);
            }
        }
        Op::Across { size, line } => {
            let runs = runs(&line, faces)?;
            let (middle, down) = (width / 2.0, height / 2.0);
            surface.push_transform(&Transform::from_rotate_at(-35.0, middle, down));
            text(surface, &runs, (middle - line.width / 2.0, down + size / 3.0), size, 225);
            surface.pop();
        }
    }
    Ok(())
}

/// Neighbours of one font.
struct Run<'a> {
    font: krilla::text::Font,
    text: &'a str,
    glyphs: Vec<KrillaGlyph>,
    /// In parts of the font size
    width: f32,
}

fn runs<'a>(line: &'a Line, faces: &Faces<'_>) -> Result<Vec<Run<'a>>, PaperError> {
    let mut runs = Vec::new();
    for same in line.glyphs.chunk_by(|one, next| one.glyph.face == next.glyph.face) {
        let Some((first, last)) = same.first().zip(same.last()) else { continue };
        let start = first.range.start;
        let font = faces.font(first.glyph.face).ok_or_else(|| PaperError::Font("is gone".to_owned()))?;
        let glyphs = same.iter().map(|placed| {
            let range = placed.range.start - start..placed.range.end - start;
            let id = GlyphId::new(u32::from(placed.glyph.id));
            KrillaGlyph::new(id, placed.glyph.advance, 0.0, 0.0, 0.0, range, None)
        });
        let text = line.text.get(start..last.range.end).unwrap_or_default();
        let width = same.iter().map(|placed| placed.glyph.advance).sum();
        runs.push(Run { font, text, glyphs: glyphs.collect(), width });
    }
    Ok(runs)
}

fn text(surface: &mut Surface<'_>, runs: &[Run<'_>], (mut x, y): (f32, f32), size: f32, grey: u8) {
    surface.set_stroke(None);
    surface.set_fill(fill(grey));
    for run in runs {
        surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, run.font.clone(), run.text, size, false);
        x += run.width * size;
    }
}

fn stroke(surface: &mut Surface<'_>, path: Option<Path>, width: f32, line_cap: LineCap) {
    let Some(path) = path else { return };
    surface.set_fill(None);
    let paint = luma::Color::black().into();
    surface.set_stroke(Some(Stroke { paint, width, line_cap, line_join: LineJoin::Round, ..Stroke::default() }));
    surface.draw_path(&path);
    surface.set_stroke(None);
}

/// A line of a pen: curves through the middles between its points, so that it has no corners; a dot is a short line.
fn pen(path: &mut PathBuilder, points: &[(f32, f32)]) {
    let Some(((x, y), rest)) = points.split_first() else { return };
    path.move_to(*x, *y);
    match rest {
        [] => path.line_to(x + 0.1, *y),
        [.., last] => {
            for pair in rest.windows(2) {
                if let [here, next] = pair {
                    path.quad_to(here.0, here.1, f32::midpoint(here.0, next.0), f32::midpoint(here.1, next.1));
                }
            }
            path.line_to(last.0, last.1);
        }
    }
}
