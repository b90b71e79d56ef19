//! Sections into pieces: headings, paragraphs, lists, names and values. Forms and tables are in [`super::table`].

use super::error::PaperError;
use super::fonts::{Faces, Weight};
use super::lines::{Setting, clean, paragraph, single};
use super::page::{Geometry, Op, Piece, baseline};
use super::{PAGES_MAX, Paper, Section, sign, table};

/// More characters than this do not fit into [`PAGES_MAX`] pages of the smallest print, so they are not set at all.
const CHARACTERS_MAX: usize = PAGES_MAX as usize * 2_400;

/// What is set, with what and where.
pub struct Setter<'a> {
    pub faces: &'a Faces<'a>,
    pub geometry: Geometry,
    pub pieces: Vec<Piece>,
    left: usize,
}

impl<'a> Setter<'a> {
    pub fn new(faces: &'a Faces<'a>, geometry: Geometry) -> Self {
        Self { faces, geometry, pieces: Vec::new(), left: CHARACTERS_MAX }
    }

    /// Everything between the title and the foot.
    pub fn body(&mut self, paper: &Paper) -> Result<(), PaperError> {
        for section in &paper.sections {
            self.section(section)?;
        }
        sign::signatures(self, &paper.signatures, paper.seal.as_ref())
    }

    fn section(&mut self, section: &Section) -> Result<(), PaperError> {
        let bold = |text: &str, after: &str| vec![(text.to_owned(), Weight::Bold), (after.to_owned(), Weight::Regular)];
        match section {
            Section::Heading(text) => self.heading(text),
            Section::Paragraph(text) => self.text(&[(text.clone(), Weight::Regular)]),
            Section::Pairs(pairs) => {
                pairs.iter().try_for_each(|(name, value)| self.text(&bold(&format!("{name}："), value)))
            }
            Section::List(items) => items
                .iter()
                .zip(1..)
                .try_for_each(|(item, number)| self.text(&[(format!("{number}．{item}"), Weight::Regular)])),
            Section::Form { side, rows, large } => table::form(self, side.as_deref(), rows, *large),
            Section::Table { columns, rows } => table::table(self, columns, rows),
            Section::Centred(text) => {
                let size = self.geometry.size * 1.25;
                self.centred(text, size, size * 1.7, Weight::Bold)
            }
            Section::Space(lines) => {
                self.pieces.push(Piece::room(lines.clamp(0.0, 40.0) * self.geometry.leading));
                Ok(())
            }
            Section::NewPage => {
                self.pieces.push(Piece { new_page: true, space: true, ..Piece::default() });
                Ok(())
            }
        }
    }

    /// Counts characters against what can be printed at all.
    ///
    /// # Errors
    /// [`PaperError::TooManyPages`]
    pub fn spend(&mut self, text: &str) -> Result<String, PaperError> {
        self.left = self.left.checked_sub(text.len() / 3).ok_or(PaperError::TooManyPages)?;
        Ok(clean(text))
    }

    fn heading(&mut self, text: &str) -> Result<(), PaperError> {
        let (size, leading) = (self.geometry.size, self.geometry.leading);
        self.pieces.push(Piece::room(size * 0.4));
        let text = self.spend(text)?;
        self.lines(&[(&text.replace('\n', " "), Weight::Bold)], self.geometry.left, size, leading, 0.0)?;
        if let Some(last) = self.pieces.last_mut() {
            last.keep = true;
        }
        Ok(())
    }

    /// Paragraphs of text, each indented by two characters; the weight of a piece holds across line feeds.
    pub fn text(&mut self, spans: &[(String, Weight)]) -> Result<(), PaperError> {
        let mut paragraph: Vec<(String, Weight)> = Vec::new();
        for (text, weight) in spans {
            let text = self.spend(text)?;
            let mut parts = text.split('\n');
            paragraph.push((parts.next().unwrap_or_default().to_owned(), *weight));
            for part in parts {
                self.indented(&paragraph)?;
                paragraph = vec![(part.to_owned(), *weight)];
            }
        }
        self.indented(&paragraph)
    }

    fn indented(&mut self, spans: &[(String, Weight)]) -> Result<(), PaperError> {
        let (size, leading) = (self.geometry.size, self.geometry.leading);
        let trimmed = spans.iter().enumerate().map(|(at, (text, weight))| {
            (if at == 0 { text.trim_start_matches([' ', '\u{3000}']) } else { text.as_str() }, *weight)
        });
        let spans: Vec<_> = trimmed.collect();
        let indent = if self.geometry.slip { 0.0 } else { size * 2.0 };
        self.lines(&spans, self.geometry.left, size, leading, indent)
    }

    /// Lines from the left edge over the whole width. The first two and the last two of a paragraph stay together.
    fn lines(
        &mut self,
        spans: &[(&str, Weight)],
        left: f32,
        size: f32,
        leading: f32,
        indent: f32,
    ) -> Result<(), PaperError> {
        let setting = Setting { size, width: self.geometry.right - left, indent, justify: true };
        let lines = paragraph(spans, setting, self.faces)?;
        let count = lines.len();
        for (at, line) in lines.into_iter().enumerate() {
            let x = left + if at == 0 { indent } else { 0.0 };
            let op = Op::Text { x, y: baseline(leading, size), size, grey: 0, line };
            let keep = count > 1 && (at == 0 || at + 2 == count);
            self.pieces.push(Piece { height: leading, ops: vec![op], keep, ..Piece::default() });
        }
        Ok(())
    }

    /// Lines in the middle.
    pub fn centred(&mut self, text: &str, size: f32, leading: f32, weight: Weight) -> Result<(), PaperError> {
        let text = self.spend(text)?;
        for part in text.split('\n') {
            let setting = Setting { size, width: self.geometry.body(), indent: 0.0, justify: false };
            for line in paragraph(&[(part, weight)], setting, self.faces)? {
                let x = self.geometry.left + (self.geometry.body() - line.width) / 2.0;
                let op = Op::Text { x, y: baseline(leading, size), size, grey: 0, line };
                self.pieces.push(Piece { height: leading, ops: vec![op], keep: true, ..Piece::default() });
            }
        }
        Ok(())
    }

    /// Two texts on one line, one at each edge; on lines of their own where they would touch.
    pub fn edges(&mut self, at_left: &str, at_right: &str, size: f32, leading: f32) -> Result<(), PaperError> {
        let left = single(&self.spend(at_left)?, size, Weight::Regular, self.faces)?;
        let right = single(&self.spend(at_right)?, size, Weight::Regular, self.faces)?;
        let fit = left.width + right.width + size <= self.geometry.body();
        if fit {
            let y = baseline(leading, size);
            let x = self.geometry.right - right.width;
            let ops = vec![
                Op::Text { x: self.geometry.left, y, size, grey: 0, line: left },
                Op::Text { x, y, size, grey: 0, line: right },
            ];
            self.pieces.push(Piece { height: leading, ops, keep: true, ..Piece::default() });
            return Ok(());
        }
        for text in [at_right, at_left] {
            let text = clean(text).replace('\n', " ");
            self.lines(&[(&text, Weight::Regular)], self.geometry.left, size, leading, 0.0)?;
            if let Some(last) = self.pieces.last_mut() {
                last.keep = true;
            }
        }
        Ok(())
    }

    /// Keeps the last lines of what was set together with what comes: signatures never stand on a page without text.
    pub fn keep_last_text(&mut self) {
        let mut kept = 0;
        for piece in self.pieces.iter_mut().rev() {
            piece.keep = true;
            if !piece.space {
                kept += 1;
            }
            if kept == 2 {
                break;
            }
        }
    }
}
