//! A plane of bytes turned upright.

/// Rows that are turned at once: as many as fill a line of the cache, so that none is fetched twice.
const STRIP: usize = 64;
/// Sides of the squares that are turned in registers.
const SQUARE: usize = 8;

/// What makes a picture upright: columns become rows, then either is mirrored.
#[derive(Clone, Copy)]
pub struct Turn {
    pub swaps: bool,
    mirrors_columns: bool,
    mirrors_rows: bool,
}

/// Bytes in rows, of which only the first `columns` are meant.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub bytes: &'a [u8],
    /// From the beginning of a row to that of the next.
    pub stride: usize,
    pub columns: usize,
    pub rows: usize,
}

impl<'a> Rows<'a> {
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.chunks(self.stride).take(self.rows).map(move |row| row.get(..self.columns).unwrap_or(row))
    }
}

impl Turn {
    /// By EXIF's number; what is none leaves everything as it is.
    pub fn of(orientation: u8) -> Self {
        Self {
            swaps: matches!(orientation, 5..=8),
            mirrors_columns: matches!(orientation, 2 | 3 | 6 | 7),
            mirrors_rows: matches!(orientation, 3 | 4 | 7 | 8),
        }
    }

    /// The same in two steps, in the first of which columns become rows.
    pub fn steps(self) -> (Self, Self) {
        let mirrors_columns = self.swaps && self.mirrors_columns;
        let first = Self { swaps: true, mirrors_columns, mirrors_rows: false };
        (first, Self { swaps: !self.swaps, mirrors_columns: !self.swaps && self.mirrors_columns, ..self })
    }

    /// Whether everything stays where it is.
    pub fn is_none(self) -> bool {
        !(self.swaps || self.mirrors_columns || self.mirrors_rows)
    }

    /// Into a plane with rows of `stride` bytes.
    pub fn plane(self, source: Rows<'_>, target: &mut [u8], stride: usize) {
        if self.swaps { self.swapped(source, target, stride) } else { self.mirrored(source, target, stride) }
    }

    fn mirrored(self, source: Rows<'_>, target: &mut [u8], stride: usize) {
        for (row, bytes) in source.iter().enumerate() {
            let row = if self.mirrors_rows { source.rows - 1 - row } else { row };
            let Some(target) = span(target, row * stride, bytes.len()) else { continue };
            if self.mirrors_columns {
                target.iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
            } else {
                target.copy_from_slice(bytes);
            }
        }
    }

    fn swapped(self, source: Rows<'_>, target: &mut [u8], stride: usize) {
        let mut rows = source.iter();
        for first in (0..source.rows).step_by(STRIP) {
            let count = STRIP.min(source.rows - first);
            let mut strip: [&[u8]; STRIP] = std::array::from_fn(|_| rows.next().unwrap_or_default());
            let mut left = first;
            if self.mirrors_columns {
                strip.reverse();
                strip.rotate_left(STRIP - count);
                left = source.rows - first - count;
            }
            for top in (0..source.columns).step_by(SQUARE) {
                let lines = columns(&strip, top);
                for (column, line) in (top..source.columns).zip(&lines) {
                    let row = if self.mirrors_rows { source.columns - 1 - column } else { column };
                    if let Some((target, line)) = span(target, row * stride + left, count).zip(line.get(..count)) {
                        target.copy_from_slice(line);
                    }
                }
            }
        }
    }
}

/// Columns from `top` on, as rows.
fn columns(strip: &[&[u8]; STRIP], top: usize) -> [[u8; STRIP]; SQUARE] {
    let mut lines = [[0; STRIP]; SQUARE];
    let (squares, _) = strip.as_chunks();
    for (n, square) in squares.iter().enumerate() {
        for (line, part) in lines.iter_mut().zip(swapped_square(square.map(|row| bytes_at(row, top)))) {
            let (parts, _) = line.as_chunks_mut();
            if let Some(to) = parts.get_mut(n) {
                *to = part;
            }
        }
    }
    lines
}

/// Beyond the end, zeros.
fn bytes_at(row: &[u8], from: usize) -> [u8; SQUARE] {
    let rest = row.get(from..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut short = [0; SQUARE];
        short.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        short
    })
}

/// Swaps single bytes across the diagonal of each square of two, then pairs in each of four, then fours in that of eight.
fn swapped_square(square: [[u8; SQUARE]; SQUARE]) -> [[u8; SQUARE]; SQUARE] {
    let mut rows = square.map(u64::from_le_bytes);
    for (side, mask) in [(1, 0x00FF_00FF_00FF_00FF), (2, 0x0000_FFFF_0000_FFFF), (4, 0x0000_0000_FFFF_FFFF)] {
        let bits = 8 * side;
        for both in rows.chunks_exact_mut(2 * side) {
            let (upper, lower) = both.split_at_mut(side);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let differ = ((*upper >> bits) ^ *lower) & mask;
                *lower ^= differ;
                *upper ^= differ << bits;
            }
        }
    }
    rows.map(u64::to_le_bytes)
}

fn span(target: &mut [u8], from: usize, count: usize) -> Option<&mut [u8]> {
    target.get_mut(from..)?.get_mut(..count)
}

#[cfg(test)]
mod tests {
    use image::metadata::Orientation;
    use image::{DynamicImage, GrayImage, Luma};

    use super::*;

    #[test]
    fn every_turn_is_that_of_the_library_for_images() {
        for (width, height) in [(1, 1), (64, 8), (8, 64), (5, 140), (133, 67), (70, 3)] {
            let plain = GrayImage::from_fn(width, height, |x, y| Luma([(x * 7 + y * 31) as u8]));
            let stride = width as usize + 1;
            let bytes: Vec<u8> = plain.rows().flat_map(|row| row.map(|pixel| pixel.0[0]).chain([255])).collect();
            for number in 1..=8 {
                let mut expected = DynamicImage::from(plain.clone());
                expected.apply_orientation(Orientation::from_exif(number).unwrap());
                let turn = Turn::of(number);
                let mut target = vec![0; (width * height) as usize];
                let source = Rows { bytes: &bytes, stride, columns: width as usize, rows: height as usize };
                turn.plane(source, &mut target, expected.width() as usize);
                assert!(target == expected.as_bytes(), "{width}x{height}, orientation {number}");
                // In two steps.
                let mut swapped = vec![0; target.len()];
                let (first, last) = turn.steps();
                first.plane(source, &mut swapped, height as usize);
                let source =
                    Rows { bytes: &swapped, stride: height as usize, columns: height as usize, rows: width as usize };
                last.plane(source, &mut target, expected.width() as usize);
                assert!(target == expected.as_bytes(), "{width}x{height}, orientation {number}, in two steps");
            }
        }
        assert!([0, 1, 9].into_iter().all(|number| Turn::of(number).is_none()));
    }
}
