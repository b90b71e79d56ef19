//! Previews of a JPEG that never leave its colours' own form: brightness and both colours stay the planes that the file
//! has, and each is reduced, turned and written by itself. Nothing is converted to red, green and blue and back, and
//! the colours, of which most files have a sample for four pixels, are never brought to the size of the brightness.

use std::f64::consts::PI;
use std::fmt::Display;
use std::iter::{once, repeat_n};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{Filter, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::decode::{Preview, Refusal, Step, within};
use super::turn::{Rows, Turn};
use super::{LARGE_PX, SMALL_PX};

/// Pixels across and down that share a sample of colour in previews, as cameras do it.
const SHARED: (u32, u32) = (2, 2);

/// A picture as one plane of brightness and, unless it is grey, two of colours.
#[derive(Debug)]
pub struct Planes {
    pub width: u32,
    pub height: u32,
    /// Pixels across and down that share a sample of colour; none when it is grey.
    pub shared: Option<(u32, u32)>,
    /// The planes one after another, see [`Shape`].
    pub data: Vec<u8>,
}

/// The samples of one plane.
#[derive(Clone, Copy)]
struct Shape {
    columns: u32,
    rows: u32,
    /// Of these, what is to be filled: brightness goes on beyond the picture until each sample of colour has all of its
    /// pixels.
    seen: (u32, u32),
    /// Rows that lie in the picture: the last one of colour may do so in part.
    inside: f64,
}

impl Shape {
    fn brightness(width: u32, height: u32, (across, down): (u32, u32)) -> Self {
        let (columns, rows) = (width.next_multiple_of(across), height.next_multiple_of(down));
        Self { columns, rows, seen: (width, height), inside: height.into() }
    }

    fn colours(width: u32, height: u32, (across, down): (u32, u32)) -> Self {
        let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
        Self { columns, rows, seen: (columns, rows), inside: f64::from(height) / f64::from(down) }
    }

    fn bytes(self) -> usize {
        index(self.columns) * index(self.rows)
    }
}

pub fn index(side: u32) -> usize {
    usize::try_from(side).unwrap_or(usize::MAX)
}

fn broken(what: &dyn Display) -> Refusal {
    Refusal::Broken(what.to_string())
}

/// Both sizes of a picture, the smaller first; `spare` is memory whose contents nobody needs any more.
pub fn shrink(planes: Planes, spare: Vec<u8>, orientation: u8) -> Step<Vec<Preview>> {
    let mut resizer = Resizer::new();
    let (large, spare) = planes.reduced(&mut resizer, LARGE_PX, Turn::of(orientation), spare)?;
    let larger = Preview::of_planes(LARGE_PX, &large)?;
    let (small, _) = large.reduced(&mut resizer, SMALL_PX, Turn::of(1), spare)?;
    Ok(vec![Preview::of_planes(SMALL_PX, &small)?, larger])
}

impl Planes {
    /// At most `px` on the longest side, never larger than it is, upright.
    ///
    /// Rows are reduced in number, then become columns and are reduced again: the resampler adds up whole rows far
    /// quicker than neighbours within one. Back and forth between two buffers, because fresh memory takes the system
    /// longer to give than all of this to fill.
    pub fn reduced(self, resizer: &mut Resizer, px: u32, turn: Turn, spare: Vec<u8>) -> Step<(Self, Vec<u8>)> {
        let (width, height) = within(self.width, self.height, px);
        let (across, down) = SHARED;
        let flat = self.with_height(resizer, height, down, spare)?;
        let (first, last) = turn.steps();
        let (swapped, spare) = flat.turned(first, self.data);
        let reduced = swapped.with_height(resizer, width, across, spare)?;
        let (mut reduced, spare) =
            if last.is_none() { (reduced, swapped.data) } else { reduced.turned(last, swapped.data) };
        reduced.fill_up();
        Ok((reduced, spare))
    }

    /// With nothing in it yet.
    fn blank(width: u32, height: u32, shared: Option<(u32, u32)>, mut memory: Vec<u8>) -> Self {
        let bytes = shapes(width, height, shared).map(Shape::bytes).sum();
        if memory.capacity() < bytes {
            // Growing would copy what nobody needs.
            memory = Vec::new();
        }
        memory.resize(bytes, 0);
        Self { width, height, shared, data: memory }
    }

    fn planes(&self) -> impl Iterator<Item = (Shape, &[u8])> {
        let mut rest = self.data.as_slice();
        shapes(self.width, self.height, self.shared).map_while(move |shape| {
            let (plane, behind) = rest.split_at_checked(shape.bytes())?;
            rest = behind;
            Some((shape, plane))
        })
    }

    fn planes_mut(&mut self) -> impl Iterator<Item = (Shape, &mut [u8])> {
        let mut rest = self.data.as_mut_slice();
        shapes(self.width, self.height, self.shared).map_while(move |shape| {
            let (plane, behind) = std::mem::take(&mut rest).split_at_mut_checked(shape.bytes())?;
            rest = behind;
            Some((shape, plane))
        })
    }

    /// With so many rows, of which `down` share a sample of colour.
    fn with_height(&self, resizer: &mut Resizer, height: u32, down: u32, memory: Vec<u8>) -> Step<Self> {
        let shared = self.shared.map(|(across, _)| (across, down));
        let mut other = Self::blank(self.width, height, shared, memory);
        for ((from, source), (to, target)) in self.planes().zip(other.planes_mut()) {
            // Without the rows beyond the picture: at its edge the resampler looks further than its box.
            let source =
                ImageRef::new(from.columns, from.seen.1, source, PixelType::U8).map_err(|error| broken(&error))?;
            let mut target =
                Image::from_slice_u8(to.columns, to.seen.1, target, PixelType::U8).map_err(|error| broken(&error))?;
            let options = ResizeOptions::new().resize_alg(lanczos()).crop(0.0, 0.0, from.columns.into(), from.inside);
            resizer.resize(&source, &mut target, &options).map_err(|error| broken(&error))?;
        }
        Ok(other)
    }

    /// And the memory that it was in.
    fn turned(self, turn: Turn, memory: Vec<u8>) -> (Self, Vec<u8>) {
        let swapped = |(one, other): (u32, u32)| if turn.swaps { (other, one) } else { (one, other) };
        let (width, height) = swapped((self.width, self.height));
        let mut turned = Self::blank(width, height, self.shared.map(swapped), memory);
        for ((from, source), (to, target)) in self.planes().zip(turned.planes_mut()) {
            let (columns, rows) = from.seen;
            let rows = Rows { bytes: source, stride: index(from.columns), columns: index(columns), rows: index(rows) };
            turn.plane(rows, target, index(to.columns));
        }
        (turned, self.data)
    }

    /// Repeats the edge where brightness goes beyond the picture.
    fn fill_up(&mut self) {
        let (width, height) = (index(self.width), index(self.height));
        let Some((shape, plane)) = self.planes_mut().next() else { return };
        let columns = index(shape.columns);
        for row in plane.chunks_exact_mut(columns) {
            if let Some(([.., edge], beyond)) = row.split_at_mut_checked(width) {
                beyond.fill(*edge);
            }
        }
        if let Some((seen, beyond)) = plane.split_at_mut_checked(height * columns)
            && let Some(edge) = seen.rchunks_exact(columns).next()
        {
            beyond.chunks_exact_mut(columns).for_each(|row| row.copy_from_slice(edge));
        }
    }
}

/// The resampler's own for downscaling, whose weights take as long as a twentieth of the picture.
fn lanczos() -> ResizeAlg {
    ResizeAlg::Convolution(
        Filter::new("Lanczos3", lanczos_weight, 3.0).map_or(FilterType::Lanczos3, FilterType::Custom),
    )
}

/// sinc(x) · sinc(x / 3) with one sine instead of two: sin 3a = sin a · (3 - 4 sin² a).
fn lanczos_weight(x: f64) -> f64 {
    let a = x * PI / 3.0;
    let square = a.sin().powi(2);
    if a == 0.0 {
        1.0
    } else if x.abs() < 3.0 {
        square * (3.0 - 4.0 * square) / (3.0 * a * a)
    } else {
        0.0
    }
}

/// The planes of a picture, brightness first.
fn shapes(width: u32, height: u32, shared: Option<(u32, u32)>) -> impl Iterator<Item = Shape> {
    let colours = if shared.is_some() { 2 } else { 0 };
    let shared = shared.unwrap_or((1, 1));
    once(Shape::brightness(width, height, shared)).chain(repeat_n(Shape::colours(width, height, shared), colours))
}
