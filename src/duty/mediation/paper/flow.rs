//! Pieces into pages. Pieces that belong together move to the next page together, room at the top of a page is left out,
//! a table that goes on has its head again, and frames are closed where a page ends.

use super::PAGES_MAX;
use super::error::PaperError;
use super::lines::Line;
use super::page::{Geometry, Op, Page, Piece, baseline};

/// Width of the rules of forms and tables.
pub const RULE: f32 = 0.5;
/// Rounding of heights, in points.
const TOLERANCE: f32 = 0.01;
/// An empty part of a page of so many lines is marked.
const BLANK: f32 = 4.0;

/// Pages of pieces, and where the last one ends. `blank`: said where the lower part of a page stays empty because what
/// comes belongs together, so that nobody can add to it.
///
/// # Errors
/// [`PaperError::TooManyPages`]
pub fn pages(pieces: Vec<Piece>, geometry: &Geometry, blank: Option<Line>) -> Result<(Vec<Page>, f32), PaperError> {
    let mut flow = Flow { geometry, pages: vec![Page::default()], y: geometry.top, open: None, asked: false, blank };
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let kept = rest.iter().take_while(|piece| piece.keep).count();
        let together = (kept + 1).min(rest.len());
        let (group, after) = rest.split_at(together);
        flow.place_all(group)?;
        rest = after;
    }
    flow.close();
    Ok((flow.pages, flow.y))
}

struct Flow<'a> {
    geometry: &'a Geometry,
    pages: Vec<Page>,
    y: f32,
    /// A frame that the page has to close: its left and right
    open: Option<(f32, f32)>,
    /// The next page was asked for, whatever room there is
    asked: bool,
    blank: Option<Line>,
}

impl Flow<'_> {
    fn place_all(&mut self, group: &[Piece]) -> Result<(), PaperError> {
        let height: f32 = group.iter().map(|piece| piece.height).sum();
        let page = self.geometry.bottom - self.geometry.top;
        let head = group.first().and_then(|piece| piece.head.as_ref()).map_or(0.0, |head| head.height);
        if !self.fits(height) && height + head <= page {
            self.turn()?;
        }
        for piece in group {
            self.place(piece)?;
        }
        Ok(())
    }

    fn place(&mut self, piece: &Piece) -> Result<(), PaperError> {
        if piece.new_page && !self.at_top() {
            self.asked = true;
            self.turn()?;
        }
        if !self.fits(piece.height) {
            self.turn()?;
        }
        if self.at_top() {
            if piece.space {
                return Ok(());
            }
            if let Some(head) = &piece.head {
                self.put(head);
            }
            if let Some(frame) = piece.frame.filter(|frame| frame.continues) {
                self.rule(frame.left, frame.right);
            }
        }
        self.put(piece);
        match piece.frame {
            Some(frame) if frame.last => {
                self.open = Some((frame.left, frame.right));
                self.close();
            }
            Some(frame) => self.open = Some((frame.left, frame.right)),
            None => self.close(),
        }
        Ok(())
    }

    fn put(&mut self, piece: &Piece) {
        let y = self.y;
        if let Some(page) = self.pages.last_mut() {
            page.ops.extend(piece.ops.iter().map(|op| op.clone().lowered(y)));
        }
        self.y += piece.height;
    }

    fn at_top(&self) -> bool {
        self.y <= self.geometry.top + TOLERANCE
    }

    /// A piece larger than a page is put on one of its own and runs over its edge; builders make none.
    fn fits(&self, height: f32) -> bool {
        self.at_top() || self.y + height <= self.geometry.bottom + TOLERANCE
    }

    fn turn(&mut self) -> Result<(), PaperError> {
        self.close();
        if u32::try_from(self.pages.len()).map_or(true, |pages| pages >= PAGES_MAX) || self.geometry.slip {
            return Err(PaperError::TooManyPages);
        }
        self.say_blank();
        self.pages.push(Page::default());
        self.y = self.geometry.top;
        Ok(())
    }

    fn say_blank(&mut self) {
        let (size, leading) = (self.geometry.small, self.geometry.leading);
        let empty = self.geometry.bottom - self.y >= leading * BLANK;
        let asked = std::mem::take(&mut self.asked);
        if let (Some(line), Some(page)) = (&self.blank, self.pages.last_mut())
            && empty
            && !asked
        {
            let x = self.geometry.left + (self.geometry.body() - line.width) / 2.0;
            let y = self.y + leading + baseline(leading, size);
            page.ops.push(Op::Text { x, y, size, grey: 0, line: line.clone() });
        }
    }

    fn close(&mut self) {
        if let Some((left, right)) = self.open.take() {
            self.rule(left, right);
        }
    }

    fn rule(&mut self, left: f32, right: f32) {
        let y = self.y;
        if let Some(page) = self.pages.last_mut() {
            page.ops.push(Op::Rule { from: (left, y), to: (right, y), width: RULE });
        }
    }
}
