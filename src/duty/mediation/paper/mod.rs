//! Documents on paper: typed values become PDF/A-2u with embedded fonts. Pure: no clock, no database, no network.
//!
//! ```text
//! agreement  what the builders are given        forms    现场治安调解协议书, 治安调解协议书, 人民调解协议书
//! words      amounts, dates and ages in words   minutes  调解笔录        volume  卷宗 cover and list
//!                                                receipt  收条, 送达回证  slip    the receipt printer's 80 and 58 mm
//! page       a document before it has pages     fonts    which font has which character
//! sections   sections into pieces                lines    characters into lines (UAX #14, 避头尾)
//! table      tables that break over pages        sign     signatures and the place of the seal
//! flow       pieces into pages                   frame    heads, feet, page numbers, the code to verify with
//! draw       pages into PDF/A                    qr       the code itself
//! ```
//!
//! A builder turns what a mediation says into a [`Paper`], [`render`] turns that into bytes. The same paper gives the
//! same bytes, so a document that is made again can be compared with the hash in the custody log. The documents are
//! statutory and therefore in Chinese only.
//!
//! A character that no font has is an error that names it ([`PaperError::MissingGlyph`]), never a box on paper;
//! [`Fonts::missing`] tells it when a name is entered. Scripts that need shaping or run from right to left are treated
//! the same way. Control characters, those of text direction among them, are left out: nothing in a name can move what
//! stands around it. Markup is text like any other.

pub mod agreement;
mod draw;
mod error;
mod flow;
mod fonts;
pub mod forms;
mod frame;
mod lines;
pub mod minutes;
mod page;
mod qr;
pub mod receipt;
mod sections;
mod sign;
pub mod slip;
mod table;
pub mod volume;
pub mod words;

#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod render_tests;
#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod official_tests;

pub use agreement::{
    Agreement, Attendee, AttendeeRole, Case, Host, Kind, PartyFacts, PartyRole, ReadAloud, Signature, Signer, Term,
};
pub use error::{MissingFont, PaperError};
pub use fonts::Fonts;
pub use forms::{people, police, police_on_scene};
pub use minutes::minutes;
pub use receipt::{delivery, receipt};
pub use sign::readable;
pub use slip::slip;
pub use volume::file_cover;

use jiff::civil::{Date, DateTime};

/// Pages of one document. The longest real ones have about ten; more is a mistake or an attack.
pub const PAGES_MAX: u32 = 60;
/// Points of one drawn signature; a long one at 120 Hz has some 2 000.
pub const POINTS_MAX: usize = 20_000;
/// Bytes of one picture of a signature or fingerprint.
pub const IMAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest side of such a picture; larger ones are not sharper on paper and take long to decode.
pub const IMAGE_SIDE_MAX: u32 = 4_000;

/// What kind of document it is; also its stable name in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaperKind {
    /// 现场治安调解协议书
    PoliceOnScene,
    /// 治安调解协议书
    Police,
    /// 人民调解协议书
    People,
    /// 调解笔录
    Minutes,
    /// 卷宗 cover and list of its papers
    Volume,
    /// 收条
    Receipt,
    /// 送达回证
    Delivery,
    /// The strip of a receipt printer
    Slip,
}

impl PaperKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PoliceOnScene => "police_on_scene",
            Self::Police => "police",
            Self::People => "people",
            Self::Minutes => "minutes",
            Self::Volume => "volume",
            Self::Receipt => "receipt",
            Self::Delivery => "delivery",
            Self::Slip => "slip",
        }
    }
}

/// What the document is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sheet {
    /// 210 by 297 mm, margins of GB/T 9704
    #[default]
    A4,
    /// Paper of 80 mm, of which 72 mm are printed; one page as long as its text
    Slip80,
    /// Paper of 58 mm, of which 48 mm are printed
    Slip58,
}

/// A document before it has lines and pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Paper {
    pub kind: PaperKind,
    pub sheet: Sheet,
    /// Its name, as in 治安调解协议书
    pub title: String,
    /// The mediating body: the station, or the people's mediation committee
    pub office: String,
    /// Its number in full, as it is to be read
    pub serial: Option<String>,
    /// Which copy it is or how many there are: 一式三份, 第一联 调解机关存档
    pub copy_note: String,
    /// The document it changes, in words: 本文书变更…号…; printed under the title
    pub amends: Option<String>,
    pub sections: Vec<Section>,
    pub signatures: Vec<SignatureBlock>,
    pub seal: Option<SealNote>,
    pub verify: Option<Verify>,
    /// One line at the foot of every page
    pub footer: Option<String>,
    /// A drill (演练): said in large letters across every page
    pub drill: bool,
    /// Not final: said in large letters across every page, so that nobody takes it for an agreement
    pub draft: bool,
    /// Beijing time; goes into the file as its creation date, no clock is read
    pub made_at: DateTime,
}

/// One part of a document, top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// 一、当事人基本情况
    Heading(String),
    /// Text; its first line is indented by two characters. Line feeds begin a new paragraph.
    Paragraph(String),
    /// A name in bold and its text after it: 起因：…
    Pairs(Vec<(String, String)>),
    /// Numbered items: 1．… 2．…
    List(Vec<String>),
    /// A ruled form: rows of names and values, with a word that stands for all of it at its left. Large: that of a cover
    Form { side: Option<String>, rows: Vec<Vec<(String, String)>>, large: bool },
    /// A ruled table whose head is repeated on every page
    Table { columns: Vec<Column>, rows: Vec<Vec<String>> },
    /// Text in the middle of the line, larger than the rest
    Centred(String),
    /// Empty space, in lines of text
    Space(f32),
    /// What follows begins a new page
    NewPage,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub title: String,
    /// Its share of the width, against those of the others
    pub share: f32,
    pub align: Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// The place where somebody signs, with what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureBlock {
    /// 当事人（甲方）签名
    pub who: String,
    /// The name in type; empty where nobody is named yet
    pub name: String,
    pub mark: Mark,
    /// The date as it is to be read; empty: a line to write it on
    pub at: String,
    /// 代书人、宣读人、见证人
    pub notes: Vec<String>,
}

/// What somebody signed with, or why there is nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// Pen strokes within a square of 0..=1000 by 0..=1000, downwards; other numbers are brought to its edge
    Strokes(Vec<Vec<(f32, f32)>>),
    Png(Vec<u8>),
    Jpeg(Vec<u8>),
    /// A picture of a finger, PNG or JPEG
    Fingerprint(Vec<u8>),
    /// Consent by word of mouth, recorded
    Oral {
        text: String,
    },
    Refused {
        text: String,
    },
    Left {
        text: String,
    },
    /// To be signed on paper
    Blank,
}

/// The place of the seal.
#[derive(Debug, Clone, PartialEq)]
pub struct SealNote {
    /// Whose seal: 某某人民调解委员会
    pub office: String,
    /// The date under it; none: 年 月 日 to be filled in
    pub date: Option<Date>,
    /// It was put on the paper; otherwise its place is left free
    pub sealed: bool,
    /// What is known of the paper seal; empty: nothing
    pub note: String,
}

/// What leads from the paper to its verification.
#[derive(Debug, Clone, PartialEq)]
pub struct Verify {
    /// The address in the code, also printed
    pub url_text: String,
    /// Hash of the content in hexadecimal, printed beside it
    pub digest: String,
}

/// A finished document.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    pub pdf: Vec<u8>,
    pub pages: u32,
}

/// Lays the document out and writes it as PDF/A-2u. Takes tens of milliseconds of processor time: not for a thread that
/// answers requests.
///
/// # Errors
/// [`PaperError`]: a character that no font has, more than [`PAGES_MAX`] pages, a signature that is too large or cannot be
/// read, an address too long for a code. Nothing is drawn half.
pub fn render(paper: &Paper, fonts: &Fonts) -> Result<Rendered, PaperError> {
    let faces = fonts.faces()?;
    let pages = frame::lay_out(paper, &faces)?;
    let count = u32::try_from(pages.len()).map_err(|_too_many| PaperError::TooManyPages)?;
    let pdf = draw::pdf(paper, pages, &faces)?;
    Ok(Rendered { pdf, pages: count })
}
