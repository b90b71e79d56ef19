//! What is around the text: office, title and number above it; code, page number and footer below; the mark of a drill.

use super::error::PaperError;
use super::flow;
use super::fonts::{Faces, Weight};
use super::lines::{Setting, clean, paragraph, single};
use super::page::{Geometry, MM, OFFICE, Op, Page, Piece, TITLE, baseline};
use super::sections::Setter;
use super::{Paper, PaperKind, Verify, qr};

/// Side of the code, and of the slip's.
const CODE: f32 = 20.0 * MM;
/// Text at the foot.
const FOOT: f32 = 7.5;
const FOOT_LEADING: f32 = 10.5;
const DRILL: &str = "演练";
const DRAFT: &str = "草稿";

/// A finished page and its size in points.
pub struct Sized {
    pub page: Page,
    pub width: f32,
    pub height: f32,
}

/// The pages of a document with everything on them.
///
/// # Errors
/// [`PaperError`]
pub fn lay_out(paper: &Paper, faces: &Faces<'_>) -> Result<Vec<Sized>, PaperError> {
    let geometry = Geometry::of(paper.sheet);
    let mut setter = Setter::new(faces, geometry);
    above(&mut setter, paper)?;
    setter.body(paper)?;
    if geometry.slip {
        return slip(setter, paper);
    }
    let blank = single("（本页以下空白，接下页）", geometry.small, Weight::Regular, faces)?;
    let (mut pages, _) = flow::pages(setter.pieces, &geometry, Some(blank))?;
    let foot = Foot::new(paper, &geometry, faces)?;
    let count = pages.len();
    for (page, number) in pages.iter_mut().zip(1..) {
        foot.put(page, number, count)?;
    }
    Ok(pages.into_iter().map(|page| Sized { page, width: geometry.width, height: geometry.height }).collect())
}

fn above(setter: &mut Setter<'_>, paper: &Paper) -> Result<(), PaperError> {
    let geometry = setter.geometry;
    let (office, title) = if geometry.slip { (geometry.size, geometry.size * 1.4) } else { (OFFICE, TITLE) };
    setter.centred(&paper.office, office, office * 1.5, Weight::Bold)?;
    setter.centred(&paper.title, title, title * 1.6, Weight::Bold)?;
    if let Some(amends) = &paper.amends {
        setter.centred(amends, geometry.size, geometry.leading, Weight::Regular)?;
    }
    let serial = paper.serial.as_ref().map_or_else(String::new, |serial| format!("编号：{serial}"));
    if !serial.is_empty() || !paper.copy_note.is_empty() {
        setter.edges(&paper.copy_note, &serial, geometry.small, geometry.small_leading * 1.3)?;
    } else {
        setter.pieces.push(Piece::room(geometry.leading * 0.5));
    }
    Ok(())
}

/// A slip is one page as long as what is on it; its code stands below the text.
fn slip(mut setter: Setter<'_>, paper: &Paper) -> Result<Vec<Sized>, PaperError> {
    let geometry = setter.geometry;
    if paper.drill {
        setter.centred("演练 仅供训练 没有效力", geometry.size * 1.2, geometry.leading * 1.4, Weight::Bold)?;
    }
    if let Some(verify) = &paper.verify {
        setter.pieces.push(Piece::room(geometry.leading));
        let side = CODE * 1.4;
        let code = qr::code(&verify.url_text)?;
        let module = side / f32::from(code.side);
        let op = Op::Code { x: geometry.left + (geometry.body() - side) / 2.0, y: 0.0, module, runs: code.runs };
        setter.pieces.push(Piece { height: side + 4.0, ops: vec![op], keep: true, ..Piece::default() });
        for text in [format!("扫码核验：{}", verify.url_text), format!("内容摘要：{}", verify.digest)] {
            setter.text(&[(text, Weight::Regular)])?;
        }
    }
    if let Some(footer) = &paper.footer {
        setter.text(&[(footer.clone(), Weight::Regular)])?;
    }
    let faces = setter.faces;
    let (mut pages, end) = flow::pages(setter.pieces, &geometry, None)?;
    if let Some((word, _)) = banner(paper) {
        pages.iter_mut().try_for_each(|page| across(page, word, geometry.body() / 2.5, faces))?;
    }
    let height = end + geometry.top;
    Ok(pages.into_iter().map(|page| Sized { page, width: geometry.width, height }).collect())
}

/// What makes a paper none that counts: the word across every page, and the line above its text.
const fn banner(paper: &Paper) -> Option<(&'static str, &'static str)> {
    match (paper.drill, paper.draft) {
        (true, _) => Some((DRILL, "演练文书　仅供训练　没有效力")),
        (false, true) => Some((DRAFT, "草稿　尚未定稿　没有效力")),
        (false, false) => None,
    }
}

/// A word behind everything else.
fn across(page: &mut Page, word: &str, size: f32, faces: &Faces<'_>) -> Result<(), PaperError> {
    page.ops.insert(0, Op::Across { size, line: single(word, size, Weight::Bold, faces)? });
    Ok(())
}

/// What the code leads to: the agreement, of which these papers say what became.
const fn verified(kind: PaperKind) -> &'static str {
    match kind {
        PaperKind::Receipt | PaperKind::Delivery | PaperKind::Slip => "所依据的协议书",
        _ => "本文书",
    }
}

struct Foot<'a> {
    faces: &'a Faces<'a>,
    geometry: Geometry,
    ops: Vec<Op>,
    across: Option<&'static str>,
}

impl<'a> Foot<'a> {
    /// What is the same on every page.
    fn new(paper: &Paper, geometry: &Geometry, faces: &'a Faces<'a>) -> Result<Self, PaperError> {
        let mut foot =
            Self { faces, geometry: *geometry, ops: Vec::new(), across: banner(paper).map(|(word, _)| word) };
        if let Some(verify) = &paper.verify {
            foot.verify(verify, paper.kind)?;
        }
        if let Some(footer) = &paper.footer {
            let line = single(footer, FOOT, Weight::Regular, faces)?;
            let x = geometry.left + (geometry.body() - line.width) / 2.0;
            foot.ops.push(Op::Text { x, y: geometry.height - 6.0 * MM, size: FOOT, grey: 60, line });
        }
        if let Some((_, text)) = banner(paper) {
            let line = single(text, FOOT * 1.6, Weight::Bold, faces)?;
            let x = geometry.left + (geometry.body() - line.width) / 2.0;
            foot.ops.push(Op::Text { x, y: geometry.top - 12.0 * MM, size: FOOT * 1.6, grey: 0, line });
        }
        Ok(foot)
    }

    /// The code with its text beside it, up to where the page number is.
    fn verify(&mut self, verify: &Verify, kind: PaperKind) -> Result<(), PaperError> {
        let code = qr::code(&verify.url_text)?;
        let module = CODE / f32::from(code.side);
        let (left, top) = (self.geometry.left, self.geometry.bottom + 6.0 * MM);
        self.ops.push(Op::Code { x: left, y: top, module, runs: code.runs });
        let x = left + CODE + 3.0 * MM;
        let width = self.geometry.right - x - 30.0 * MM;
        let setting = Setting { size: FOOT, width, indent: 0.0, justify: false };
        let mut y = top;
        for text in [
            format!("扫描二维码或者访问下列网址，可以核验{}：", verified(kind)),
            verify.url_text.clone(),
            format!("内容摘要（SHA-256）：{}", verify.digest),
        ] {
            for line in paragraph(&[(&clean(&text).replace('\n', " "), Weight::Regular)], setting, self.faces)? {
                self.ops.push(Op::Text { x, y: y + baseline(FOOT_LEADING, FOOT), size: FOOT, grey: 0, line });
                y += FOOT_LEADING;
            }
        }
        Ok(())
    }

    fn put(&self, page: &mut Page, number: usize, count: usize) -> Result<(), PaperError> {
        page.ops.extend(self.ops.iter().cloned());
        let size = self.geometry.small;
        let line = single(&format!("第 {number} 页 共 {count} 页"), size, Weight::Regular, self.faces)?;
        // GB/T 9704: the number's upper edge is 7 mm below the text.
        let x = self.geometry.right - line.width;
        page.ops.push(Op::Text { x, y: self.geometry.bottom + 7.0 * MM + size, size, grey: 0, line });
        if let Some(word) = self.across {
            across(page, word, 150.0, self.faces)?;
        }
        Ok(())
    }
}
