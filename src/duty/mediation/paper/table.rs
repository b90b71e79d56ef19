//! Ruled forms and tables: cells that wrap, heads that are repeated, rows that go on where they are longer than a page
//! has room.

use std::rc::Rc;

use super::error::PaperError;
use super::flow::RULE;
use super::fonts::Weight;
use super::lines::{Line, Setting, as_f32, paragraph};
use super::page::{Frame, Op, Piece, baseline};
use super::sections::Setter;
use super::{Align, Column};

/// Room at both sides of a cell, and above and below its text.
const PAD: f32 = 4.0;
/// Rows with more lines than this are cut, so that a long one does not leave half a page empty.
const LINES_MAX: usize = 18;

/// A cell: its edges, its lines.
struct Cell {
    left: f32,
    width: f32,
    align: Align,
    lines: Vec<Line>,
}

/// A ruled table.
///
/// # Errors
/// [`PaperError::MissingGlyph`], [`PaperError::TooManyPages`]
pub fn table(setter: &mut Setter<'_>, columns: &[Column], rows: &[Vec<String>]) -> Result<(), PaperError> {
    let total: f32 = columns.iter().map(|column| column.share.max(0.1)).sum();
    let body = setter.geometry.body();
    let mut left = setter.geometry.left;
    let mut places = Vec::new();
    for column in columns {
        let width = body * column.share.max(0.1) / total;
        places.push((left, width, column));
        left += width;
    }
    let mut heads = Vec::new();
    for (left, width, column) in &places {
        heads.push(cell(setter, &column.title, *left, *width, Align::Centre, Weight::Bold)?);
    }
    let mut head = row(setter, heads, None);
    let Some(mut head_piece) = head.pop() else { return Ok(()) };
    head_piece.keep = true;
    let shared = Rc::new(head_piece.clone());
    setter.pieces.push(head_piece);
    for texts in rows {
        let mut cells = Vec::new();
        for (at, (left, width, column)) in places.iter().enumerate() {
            let text = texts.get(at).map_or("", String::as_str);
            cells.push(cell(setter, text, *left, *width, column.align, Weight::Regular)?);
        }
        setter.pieces.extend(row(setter, cells, Some(&shared)));
    }
    end(setter, 0.5);
    Ok(())
}

/// A ruled form of names and values. `side`: stands in a cell at the left that is as high as the form. `large`: that of
/// a cover.
///
/// # Errors
/// [`PaperError::MissingGlyph`], [`PaperError::TooManyPages`]
pub fn form(
    setter: &mut Setter<'_>,
    side: Option<&str>,
    rows: &[Vec<(String, String)>],
    large: bool,
) -> Result<(), PaperError> {
    let usual = setter.geometry;
    if large {
        (setter.geometry.small, setter.geometry.small_leading) = (usual.size * 1.2, usual.leading * 1.6);
    }
    let done = ruled(setter, side, rows);
    setter.geometry = usual;
    done
}

fn ruled(setter: &mut Setter<'_>, side: Option<&str>, rows: &[Vec<(String, String)>]) -> Result<(), PaperError> {
    let (size, geometry) = (setter.geometry.small, setter.geometry);
    let side_width = if side.is_some() { size * 6.0 + PAD * 2.0 } else { 0.0 };
    let left = geometry.left + side_width;
    let first = setter.pieces.len();
    let longest = rows.iter().flatten().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let name_width = size * as_f32(longest.clamp(4, 6)) + PAD * 2.0;
    for pairs in rows {
        // Of three or more values, the first is a name and needs the most room.
        let shares = |at: usize| if at == 0 && pairs.len() > 2 { 2.0 } else { 1.0 };
        let total: f32 = (0..pairs.len()).map(shares).sum();
        let values = geometry.right - left - name_width * as_f32(pairs.len());
        let mut x = left;
        let mut cells = Vec::new();
        for (at, (name, value)) in pairs.iter().enumerate() {
            let width = values * shares(at) / total;
            cells.push(cell(setter, name, x, name_width, Align::Centre, Weight::Regular)?);
            cells.push(cell(setter, value, x + name_width, width, Align::Left, Weight::Regular)?);
            x += name_width + width;
        }
        let pieces = row(setter, cells, None);
        setter.pieces.extend(pieces);
    }
    if let Some(side) = side {
        beside(setter, side, first, side_width)?;
    }
    let count = setter.pieces.len();
    for piece in setter.pieces.iter_mut().take(count.saturating_sub(1)).skip(first) {
        piece.keep = true;
    }
    end(setter, 0.4);
    Ok(())
}

/// The cell at the left of a form, over all its rows.
fn beside(setter: &mut Setter<'_>, side: &str, first: usize, width: f32) -> Result<(), PaperError> {
    let (size, leading) = (setter.geometry.small, setter.geometry.small_leading);
    let cell = cell(setter, side, setter.geometry.left, width, Align::Centre, Weight::Regular)?;
    let total: f32 = setter.pieces.iter().skip(first).map(|piece| piece.height).sum();
    let needed = as_f32(cell.lines.len()) * leading + PAD * 2.0;
    if let Some(last) = setter.pieces.last_mut() {
        // A form of few rows grows to the height of what stands beside it.
        let more = (needed - total).max(0.0);
        for op in &mut last.ops {
            if let Op::Rule { from, to, .. } = op
                && (from.1 - to.1).abs() > 0.0
            {
                to.1 += more;
            }
        }
        last.height += more;
    }
    let total = total.max(needed);
    let page = setter.geometry.bottom - setter.geometry.top;
    let y = if total < page { (total - needed) / 2.0 } else { 0.0 };
    let left = setter.geometry.left;
    for (at, piece) in setter.pieces.iter_mut().skip(first).enumerate() {
        let height = piece.height;
        piece.ops.push(Op::Rule { from: (left, 0.0), to: (left, height), width: RULE });
        if let Some(frame) = &mut piece.frame {
            frame.left = left;
        }
        if at == 0 {
            piece.ops.push(Op::Rule { from: (left, 0.0), to: (left + width, 0.0), width: RULE });
            piece.ops.extend(texts(&cell, cell.lines.len(), 0, size, leading).into_iter().map(|op| op.lowered(y)));
        }
    }
    Ok(())
}

fn cell(
    setter: &mut Setter<'_>,
    text: &str,
    left: f32,
    width: f32,
    align: Align,
    weight: Weight,
) -> Result<Cell, PaperError> {
    let text = setter.spend(text)?;
    let setting =
        Setting { size: setter.geometry.small, width: (width - PAD * 2.0).max(1.0), indent: 0.0, justify: false };
    let mut lines = Vec::new();
    for part in text.split('\n') {
        lines.extend(paragraph(&[(part, weight)], setting, setter.faces)?);
    }
    Ok(Cell { left, width, align, lines })
}

/// One row, cut into several pieces if it is long.
fn row(setter: &Setter<'_>, cells: Vec<Cell>, head: Option<&Rc<Piece>>) -> Vec<Piece> {
    let (size, leading) = (setter.geometry.small, setter.geometry.small_leading);
    let most = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0).max(1);
    let left = cells.first().map_or(setter.geometry.left, |cell| cell.left);
    let right = setter.geometry.right;
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < most {
        let count = (most - from).min(LINES_MAX);
        let last = from + count == most;
        let above = if from == 0 { PAD * 0.75 } else { 0.0 };
        let height = above + as_f32(count) * leading + if last { PAD * 0.75 } else { 0.0 };
        let mut ops = Vec::new();
        if from == 0 {
            ops.push(Op::Rule { from: (left, 0.0), to: (right, 0.0), width: RULE });
        }
        for cell in &cells {
            ops.push(Op::Rule { from: (cell.left, 0.0), to: (cell.left, height), width: RULE });
            // Short values stand in the middle of a high row; one that is cut begins at its top.
            let free = if most <= LINES_MAX { most - cell.lines.len() } else { 0 };
            let y = above + as_f32(free) * leading / 2.0;
            ops.extend(texts(cell, count, from, size, leading).into_iter().map(|op| op.lowered(y)));
        }
        ops.push(Op::Rule { from: (right, 0.0), to: (right, height), width: RULE });
        let frame = Some(Frame { left, right, continues: from > 0, last: false });
        pieces.push(Piece { height, ops, frame, head: head.cloned(), ..Piece::default() });
        from += count;
    }
    pieces
}

/// The lines of a cell from one on, at their places from 0 downwards.
fn texts(cell: &Cell, count: usize, from: usize, size: f32, leading: f32) -> Vec<Op> {
    let lines = cell.lines.iter().skip(from).take(count).enumerate();
    let ops = lines.map(|(at, line)| {
        let room = cell.width - line.width;
        let x = match cell.align {
            Align::Left => cell.left + PAD,
            Align::Centre => cell.left + room / 2.0,
            Align::Right => cell.left + room - PAD,
        };
        Op::Text { x, y: as_f32(at) * leading + baseline(leading, size), size, grey: 0, line: line.clone() }
    });
    ops.collect()
}

/// Closes the frame and leaves room of so many lines below it.
fn end(setter: &mut Setter<'_>, room: f32) {
    if let Some(frame) = setter.pieces.last_mut().and_then(|piece| piece.frame.as_mut()) {
        frame.last = true;
    }
    setter.pieces.push(Piece::room(room * setter.geometry.leading));
}
