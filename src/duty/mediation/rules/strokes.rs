//! A handwritten signature as vector strokes: `[[[x, y, t], …], …]`, one list a stroke, `x` to the right and `y` downwards
//! in the display's independent pixels (dp, CSS px), `t` in milliseconds of any clock. What it may hold, and its one form.

use serde::{Deserialize, Serialize};

use crate::words::error::{Error, Result};

/// A name has at most some six characters of at most some thirty strokes, and nobody lifts the pen more often.
pub const STROKES_MAX: usize = 200;
/// A minute of writing on a pen display that samples 240 times a second is 14,400 points; a signature takes a few
/// seconds. As JSON it stays below half a megabyte, and the paper draws it without delay.
pub const POINTS_MAX: usize = 20_000;
/// Displays are smaller; further out is a broken client.
const COORDINATE_MAX: f64 = 100_000.0;
/// An hour from the first point to the last: nobody writes longer at one signature, and every difference fits.
const SPAN_MAX_MS: f64 = 3_600_000.0;
/// Any clock may be counted from: this is the time of day in the year 33658.
const TIME_MAX_MS: f64 = 1e15;
/// A resting or slipping finger covers some ten pixels; whoever writes, writes wider or higher.
const EXTENT_MIN: f64 = 16.0;
/// A line has two points; with fewer than this many in all nobody has written.
const POINTS_MIN: usize = 5;
/// The longer side of the box in which it is kept: a twentieth of a millimetre on the line of a form.
const SIDE: f64 = 1_000.0;

/// A signature in a box of its own: the longer side is 1000 wide or high, the first instant 0. The same writing always
/// has the same form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Drawing {
    pub width: u32,
    pub height: u32,
    /// `[x, y, t]`: x from 0 to `width`, y from 0 to `height`, t in milliseconds.
    pub strokes: Vec<Vec<[u32; 3]>>,
}

struct Bounds {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    begin: f64,
    end: f64,
}

/// Checks strokes as they come in and brings them into their one form. Two numbers a point will do where the display
/// tells no time.
///
/// Errors: `invalid_field` naming `strokes` or the point (`strokes/3/17`, counted from 0) and the rule.
pub fn check(strokes: &[Vec<Vec<f64>>]) -> Result<Drawing> {
    if strokes.is_empty() {
        return Err(Error::field("strokes", "are empty"));
    }
    if strokes.len() > STROKES_MAX {
        return Err(Error::field("strokes", format!("must be at most {STROKES_MAX}")));
    }
    let points: usize = strokes.iter().map(Vec::len).sum();
    if points > POINTS_MAX {
        return Err(Error::field("strokes", format!("must have at most {POINTS_MAX} points in all")));
    }
    if points < POINTS_MIN {
        return Err(Error::field("strokes", "are no writing: there are hardly any points"));
    }
    let mut read: Vec<Vec<[f64; 3]>> = Vec::with_capacity(strokes.len());
    for (at, stroke) in strokes.iter().enumerate() {
        if stroke.is_empty() {
            return Err(Error::field(&format!("strokes/{at}"), "has no point"));
        }
        let mut line: Vec<[f64; 3]> = Vec::with_capacity(stroke.len());
        for (index, point) in stroke.iter().enumerate() {
            let wrong = |rule: &str| Error::field(&format!("strokes/{at}/{index}"), rule);
            let point = point_of(point).map_err(wrong)?;
            let [_, _, time] = point;
            if line.last().is_some_and(|[_, _, before]| time < *before) {
                return Err(wrong("its time must not lie before that of the point before it"));
            }
            line.push(point);
        }
        read.push(line);
    }
    drawing(&read)
}

fn point_of(point: &[f64]) -> std::result::Result<[f64; 3], &'static str> {
    let (x, y, t) = match *point {
        [x, y] => (x, y, 0.0),
        [x, y, t] => (x, y, t),
        _ => return Err("must be [x, y, t]"),
    };
    if !(x.is_finite() && y.is_finite() && t.is_finite()) {
        return Err("must be finite numbers");
    }
    if x.abs() > COORDINATE_MAX || y.abs() > COORDINATE_MAX {
        return Err("lies beyond any display");
    }
    if !(0.0..=TIME_MAX_MS).contains(&t) {
        return Err("its time must be milliseconds, not negative");
    }
    Ok([x, y, t])
}

fn drawing(strokes: &[Vec<[f64; 3]>]) -> Result<Drawing> {
    let start = Bounds {
        left: f64::INFINITY,
        top: f64::INFINITY,
        right: f64::NEG_INFINITY,
        bottom: f64::NEG_INFINITY,
        begin: f64::INFINITY,
        end: f64::NEG_INFINITY,
    };
    let bounds = strokes.iter().flatten().fold(start, |had, [x, y, t]| Bounds {
        left: had.left.min(*x),
        top: had.top.min(*y),
        right: had.right.max(*x),
        bottom: had.bottom.max(*y),
        begin: had.begin.min(*t),
        end: had.end.max(*t),
    });
    let side = (bounds.right - bounds.left).max(bounds.bottom - bounds.top);
    if side < EXTENT_MIN {
        return Err(Error::field("strokes", "are a dot, no writing: at least 16 pixels wide or high"));
    }
    if bounds.end - bounds.begin > SPAN_MAX_MS {
        return Err(Error::field("strokes", "must be written within an hour"));
    }
    let scale = SIDE / side;
    let strokes = strokes
        .iter()
        .map(|stroke| {
            let kept = |[x, y, t]: &[f64; 3]| {
                [whole((x - bounds.left) * scale), whole((y - bounds.top) * scale), whole(t - bounds.begin)]
            };
            stroke.iter().map(kept).collect()
        })
        .collect();
    let (width, height) = ((bounds.right - bounds.left) * scale, (bounds.bottom - bounds.top) * scale);
    Ok(Drawing { width: whole(width), height: whole(height), strokes })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to an hour of milliseconds")]
fn whole(number: f64) -> u32 {
    number.round() as u32
}

#[cfg(test)]
#[path = "strokes_tests.rs"]
mod tests;
