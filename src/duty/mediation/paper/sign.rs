//! Signatures at their places, and the place of the seal.

use krilla::Data;
use krilla::image::Image;

use super::draw::takes;
use super::error::PaperError;
use super::flow::RULE;
use super::fonts::Weight;
use super::lines::{Line, Setting, as_f32, paragraph, single};
use super::page::{MM, Op, Piece, baseline};
use super::sections::Setter;
use super::{IMAGE_BYTES_MAX, IMAGE_SIDE_MAX, Mark, POINTS_MAX, SealNote, SignatureBlock, words};

/// Height of the place where somebody signs: a finger is some 16 mm wide.
const AREA: f32 = 16.0 * MM;
/// Room between the two blocks of a row.
const GUTTER: f32 = 16.0;
/// Width of a drawn line of a pen.
const PEN: f32 = 1.1;
/// A drawn signature smaller than this part of its square is not enlarged further: a dot stays a dot.
const LEAST: f32 = 200.0;
/// An official seal is 42 mm wide at most.
const SEAL: f32 = 42.0 * MM;
/// Signatures up to this part of a page are not parted; a single one is not larger.
const WHOLE: f32 = 0.8;

/// Signatures, two in a row (one on a slip), then the seal: beside the last signature where there is room, else below.
/// All of it stays on one page with the end of the text where it can: a page with signatures and none of the text proves
/// nothing.
///
/// # Errors
/// [`PaperError`]
pub fn signatures(
    setter: &mut Setter<'_>,
    blocks: &[SignatureBlock],
    seal: Option<&SealNote>,
) -> Result<(), PaperError> {
    if blocks.is_empty() && seal.is_none() {
        return Ok(());
    }
    let columns = if setter.geometry.slip { 1 } else { 2 };
    let width = (setter.geometry.body() - GUTTER * as_f32(columns - 1)) / as_f32(columns);
    let column = |at: usize| setter.geometry.left + (width + GUTTER) * as_f32(at);
    let (left, beside) = (column(0), column(1));
    let page = setter.geometry.bottom - setter.geometry.top;
    let mut seal = seal;
    let mut pieces = Vec::new();
    for row in blocks.chunks(columns) {
        let mut piece = Piece { keep: true, ..Piece::default() };
        for (block, left) in row.iter().zip([left, beside]) {
            let (ops, height) = one(setter, block, left, width)?;
            if height > page * WHOLE {
                return Err(PaperError::TooLong(block.who.clone()));
            }
            piece.add((ops, height));
        }
        if row.len() < columns
            && let Some(seal) = seal.take()
        {
            piece.add(sealed(setter, seal, beside, width)?);
        }
        pieces.push(piece);
    }
    if let Some(seal) = seal {
        let share = if setter.geometry.slip { 1.0 } else { 0.7 };
        let width = setter.geometry.body() * share;
        let mut piece = Piece::default();
        piece.add(sealed(setter, seal, setter.geometry.right - width, width)?);
        pieces.push(piece);
    }
    let height: f32 = pieces.iter().map(|piece| piece.height).sum();
    if height > page * WHOLE {
        // Too many for that: the first row stays with the text, the seal with the last.
        let count = pieces.len();
        pieces.iter_mut().enumerate().for_each(|(at, piece)| piece.keep = at + 2 == count);
    }
    if let Some(last) = pieces.last_mut() {
        last.keep = false;
    }
    setter.pieces.push(Piece::room(setter.geometry.leading * 0.6));
    setter.keep_last_text();
    setter.pieces.extend(pieces);
    Ok(())
}

fn one(setter: &mut Setter<'_>, block: &SignatureBlock, left: f32, width: f32) -> Result<(Vec<Op>, f32), PaperError> {
    let (size, leading) = (setter.geometry.small, setter.geometry.small_leading);
    let mut ops = Vec::new();
    let mut y = 0.0;
    wrapped(setter, &format!("{}：", block.who), (left, width), size, leading, Weight::Bold, &mut ops, &mut y)?;
    y += mark(setter, block, left, width, y, &mut ops)?;
    ops.push(Op::Rule { from: (left, y), to: (left + width, y), width: RULE });
    y += 2.0;
    let at = if block.at.is_empty() { "　　　年　　月　　日" } else { &block.at };
    let name = single(&setter.spend(&block.name)?, size, Weight::Regular, setter.faces)?;
    let at = single(&setter.spend(at)?, size, Weight::Regular, setter.faces)?;
    let together = name.width + at.width + size <= width;
    if together && !name.text.is_empty() {
        ops.push(Op::Text { x: left, y: y + baseline(leading, size), size, grey: 0, line: name });
    } else if !name.text.is_empty() {
        wrapped(setter, &block.name, (left, width), size, leading, Weight::Regular, &mut ops, &mut y)?;
    }
    ops.push(Op::Text { x: left + width - at.width, y: y + baseline(leading, size), size, grey: 0, line: at });
    y += leading;
    for note in &block.notes {
        wrapped(setter, note, (left, width), size - 1.5, leading - 2.0, Weight::Regular, &mut ops, &mut y)?;
    }
    Ok((ops, y + leading * 0.5))
}

/// What is in the place of the signature; how high it is.
fn mark(
    setter: &mut Setter<'_>,
    block: &SignatureBlock,
    left: f32,
    width: f32,
    y: f32,
    ops: &mut Vec<Op>,
) -> Result<f32, PaperError> {
    let (size, leading) = (setter.geometry.small, setter.geometry.small_leading);
    let (name, text) = match &block.mark {
        Mark::Blank => return Ok(AREA),
        Mark::Strokes(strokes) => {
            if strokes.iter().map(Vec::len).sum::<usize>() > POINTS_MAX {
                return Err(PaperError::TooManyPoints(block.who.clone()));
            }
            let strokes = fitted(strokes, left + size * 2.0, y, width - size * 4.0, AREA - 4.0);
            ops.push(Op::Strokes { strokes, width: PEN });
            return Ok(AREA);
        }
        Mark::Png(bytes) | Mark::Jpeg(bytes) | Mark::Fingerprint(bytes) => {
            let image = image(bytes).map_err(|why| PaperError::Image { who: block.who.clone(), why })?;
            let (across, down) = image.size();
            let ratio = f32::from(u16::try_from(across).unwrap_or(1)) / f32::from(u16::try_from(down).unwrap_or(1));
            let finger = matches!(block.mark, Mark::Fingerprint(_));
            let most = if finger { AREA } else { width - size * 4.0 };
            let (w, h) = ((AREA - 2.0) * ratio, AREA - 2.0);
            let scale = (most / w).min(1.0);
            let (w, h) = (w * scale, h * scale);
            ops.push(Op::Picture { x: left + size * 2.0, y: y + (AREA - h) / 2.0, width: w, height: h, image });
            if finger {
                let line = single("（捺印）", size, Weight::Regular, setter.faces)?;
                let x = left + size * 2.5 + w;
                ops.push(Op::Text { x, y: y + AREA / 2.0 + size / 2.0, size, grey: 0, line });
            }
            return Ok(AREA);
        }
        Mark::Oral { text } => ("口头同意", text),
        Mark::Refused { text } => ("拒绝签名", text),
        Mark::Left { text } => ("未签名即离开", text),
    };
    let words = if text.trim().is_empty() { format!("（{name}）") } else { format!("（{name}）{text}") };
    let mut end = y + 4.0;
    wrapped(setter, &words, (left + size, width - size * 2.0), size, leading, Weight::Regular, ops, &mut end)?;
    Ok((end - y + 4.0).max(AREA))
}

#[expect(clippy::too_many_arguments, reason = "one place in this file where text is set into a block")]
fn wrapped(
    setter: &mut Setter<'_>,
    text: &str,
    (left, width): (f32, f32),
    size: f32,
    leading: f32,
    weight: Weight,
    ops: &mut Vec<Op>,
    y: &mut f32,
) -> Result<(), PaperError> {
    let text = setter.spend(text)?;
    let setting = Setting { size, width, indent: 0.0, justify: false };
    for part in text.split('\n') {
        for line in paragraph(&[(part, weight)], setting, setter.faces)? {
            ops.push(Op::Text { x: left, y: *y + baseline(leading, size), size, grey: 0, line });
            *y += leading;
        }
    }
    Ok(())
}

/// Strokes brought into a place without changing their proportions. Numbers that are none are left out, those outside of
/// the square brought to its edge.
fn fitted(strokes: &[Vec<(f32, f32)>], left: f32, top: f32, width: f32, height: f32) -> Vec<Vec<(f32, f32)>> {
    let sound = |stroke: &Vec<(f32, f32)>| -> Vec<(f32, f32)> {
        let points = stroke.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        points.map(|(x, y)| (x.clamp(0.0, 1000.0), y.clamp(0.0, 1000.0))).collect()
    };
    let strokes: Vec<_> = strokes.iter().map(sound).filter(|stroke| !stroke.is_empty()).collect();
    let points = || strokes.iter().flatten();
    let least = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(f32::MAX, f32::min);
    let most = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(f32::MIN, f32::max);
    let (x0, y0) = (least(&mut points().map(|point| point.0)), least(&mut points().map(|point| point.1)));
    let (x1, y1) = (most(&mut points().map(|point| point.0)), most(&mut points().map(|point| point.1)));
    let scale = (width / (x1 - x0).max(LEAST)).min(height / (y1 - y0).max(LEAST));
    let x = left + (width - (x1 - x0) * scale) / 2.0;
    let y = top + (height - (y1 - y0) * scale) / 2.0;
    let place = |(px, py): (f32, f32)| (x + (px - x0) * scale, y + (py - y0) * scale);
    strokes.into_iter().map(|stroke| stroke.into_iter().map(place).collect()).collect()
}

/// Whether a picture can be printed: PDF/A takes what the embedding understands, which is less than decoders read.
pub fn readable(bytes: &[u8]) -> Result<(), String> {
    takes(image(bytes)?).map_err(|error| error.to_string())
}

fn image(bytes: &[u8]) -> Result<Image, String> {
    if bytes.len() > IMAGE_BYTES_MAX {
        return Err(format!("larger than {IMAGE_BYTES_MAX} bytes"));
    }
    let data = Data::from(bytes.to_vec());
    let image =
        if bytes.starts_with(&[0xFF, 0xD8]) { Image::from_jpeg(data, false) } else { Image::from_png(data, false) }?;
    let (width, height) = image.size();
    if width == 0 || height == 0 || width.max(height) > IMAGE_SIDE_MAX {
        return Err(format!("{width} by {height} pixels"));
    }
    Ok(image)
}

/// The office with room for its seal, which is put over the date, as custom has it.
fn sealed(setter: &mut Setter<'_>, seal: &SealNote, left: f32, width: f32) -> Result<(Vec<Op>, f32), PaperError> {
    let leading = setter.geometry.leading;
    let said = if seal.sealed { "（已盖章）" } else { "（印）" };
    let office = setter.spend(&format!("{}{said}", seal.office))?.replace('\n', " ");
    let natural = single(&office, setter.geometry.size, Weight::Regular, setter.faces)?.width;
    let size = if natural > width { setter.geometry.small } else { setter.geometry.size };
    let date = seal.date.map_or_else(|| "　　　　年　　月　　日".to_owned(), words::date);
    let setting = Setting { size, width, indent: 0.0, justify: false };
    let mut lines: Vec<Line> = Vec::new();
    for text in [office, date] {
        lines.extend(paragraph(&[(&text, Weight::Regular)], setting, setter.faces)?);
    }
    let text = leading * as_f32(lines.len());
    let height = if setter.geometry.slip { text } else { text.max(SEAL) };
    let mut y = (height - text) / 2.0;
    let mut ops = Vec::new();
    for line in lines {
        let x = left + (width - line.width) / 2.0;
        ops.push(Op::Text { x, y: y + baseline(leading, size), size, grey: 0, line });
        y += leading;
    }
    let mut end = height;
    if !seal.note.trim().is_empty() {
        let (size, leading) = (setter.geometry.small - 1.5, setter.geometry.small_leading);
        wrapped(setter, &seal.note, (left, width), size, leading, Weight::Regular, &mut ops, &mut end)?;
    }
    Ok((ops, end))
}
