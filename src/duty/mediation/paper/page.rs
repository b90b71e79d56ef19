//! What is on a page, in points from its top left corner, and how large the sheets are.

use std::rc::Rc;

use krilla::image::Image;

use super::Sheet;
use super::lines::Line;

/// Points of one millimetre.
pub const MM: f32 = 72.0 / 25.4;
/// Pixels of a printed character above the base line, in parts of its size; the rest is below.
const ASCENT: f32 = 0.88;
/// Sizes of Chinese print: 二号 for the title, 三号 for the office, 小四 for text, 五号 for forms and tables.
pub const TITLE: f32 = 22.0;
pub const OFFICE: f32 = 16.0;

/// Something drawn. `y` of text is its base line.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Text {
        x: f32,
        y: f32,
        size: f32,
        grey: u8,
        line: Line,
    },
    Rule {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
    },
    Strokes {
        strokes: Vec<Vec<(f32, f32)>>,
        width: f32,
    },
    Picture {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        image: Image,
    },
    /// Dark squares of a code, as runs of (column, row, length)
    Code {
        x: f32,
        y: f32,
        module: f32,
        runs: Vec<(u16, u16, u16)>,
    },
    /// Large letters across the page, in its middle
    Across {
        size: f32,
        line: Line,
    },
}

impl Op {
    /// The same thing lower.
    pub fn lowered(mut self, by: f32) -> Self {
        match &mut self {
            Self::Text { y, .. } | Self::Picture { y, .. } | Self::Code { y, .. } => *y += by,
            Self::Rule { from, to, .. } => {
                from.1 += by;
                to.1 += by;
            }
            Self::Strokes { strokes, .. } => strokes.iter_mut().flatten().for_each(|point| point.1 += by),
            Self::Across { .. } => {}
        }
        self
    }
}

/// What stays together when pages break: a line of text, a row of a table, a row of signatures. Its `y` begin at 0.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    pub height: f32,
    pub ops: Vec<Op>,
    /// On the same page as the next one.
    pub keep: bool,
    /// Only room: left out at the top of a page.
    pub space: bool,
    /// Begins a new page.
    pub new_page: bool,
    /// Belongs to a ruled frame.
    pub frame: Option<Frame>,
    /// Head of the table, repeated where a page begins with this piece.
    pub head: Option<Rc<Piece>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    pub left: f32,
    pub right: f32,
    /// Goes on with the row before it: no rule between them unless a page begins here
    pub continues: bool,
    /// The last piece of the frame: closed below
    pub last: bool,
}

impl Piece {
    pub fn room(height: f32) -> Self {
        Self { height, space: true, ..Self::default() }
    }

    /// More beside what is there, with its height.
    pub fn add(&mut self, (ops, height): (Vec<Op>, f32)) {
        self.ops.extend(ops);
        self.height = self.height.max(height);
    }
}

/// A page with everything on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub ops: Vec<Op>,
}

/// Where things go on a sheet, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    pub width: f32,
    /// Of the sheet; a slip becomes as long as its text, this is the most.
    pub height: f32,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    pub slip: bool,
    /// Text
    pub size: f32,
    pub leading: f32,
    /// Forms and tables
    pub small: f32,
    pub small_leading: f32,
}

impl Geometry {
    pub fn of(sheet: Sheet) -> Self {
        match sheet {
            // GB/T 9704: 37 mm above, 28 mm at the left, 156 by 225 mm of text.
            Sheet::A4 => Self {
                width: 210.0 * MM,
                height: 297.0 * MM,
                left: 28.0 * MM,
                right: 184.0 * MM,
                top: 37.0 * MM,
                bottom: 262.0 * MM,
                slip: false,
                size: 12.0,
                leading: 19.0,
                small: 10.5,
                small_leading: 14.0,
            },
            Sheet::Slip80 => Self::slip(80.0, 4.0, 9.0),
            Sheet::Slip58 => Self::slip(58.0, 5.0, 8.5),
        }
    }

    /// `width` and `margin` in millimetres. Three metres are the most: a roll has some thirty.
    fn slip(width: f32, margin: f32, size: f32) -> Self {
        Self {
            width: width * MM,
            height: 3_000.0 * MM,
            left: margin * MM,
            right: (width - margin) * MM,
            top: 4.0 * MM,
            bottom: 2_990.0 * MM,
            slip: true,
            size,
            leading: size * 1.45,
            small: size,
            small_leading: size * 1.45,
        }
    }

    pub fn body(&self) -> f32 {
        self.right - self.left
    }
}

/// The base line of text in the middle of a line of that height.
pub fn baseline(leading: f32, size: f32) -> f32 {
    (leading - size) / 2.0 + size * ASCENT
}
