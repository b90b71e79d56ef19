//! Which font has which character. Files are read once and shared; the two text faces stay in memory (about 53 MB with
//! the Noto fonts), those for rare characters are read when such a character first appears.
//!
//! Characters are taken to glyphs by the font's own table, one for one. That is right for Chinese, Latin, Greek and
//! Cyrillic letters; scripts that join or reorder letters or run from right to left would come out wrong, so they count
//! as missing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use krilla::text::Font;
use ttf_parser::GlyphId;

use super::error::{MissingFont, PaperError};
use super::lines::{clean, is_selector};

/// Text faces by where distributions put them; the face within a collection is the one for simplified Chinese.
const TEXT: [(&str, &str, u32); 4] = [
    (
        "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
        "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
        2,
    ),
    ("/usr/share/fonts/noto-cjk/NotoSerifCJK-Regular.ttc", "/usr/share/fonts/noto-cjk/NotoSerifCJK-Bold.ttc", 2),
    (
        "/usr/share/fonts/google-noto-cjk/NotoSerifCJK-Regular.ttc",
        "/usr/share/fonts/google-noto-cjk/NotoSerifCJK-Bold.ttc",
        2,
    ),
    (
        "/usr/share/fonts/opentype/source-han-serif/SourceHanSerifSC-Regular.otf",
        "/usr/share/fonts/opentype/source-han-serif/SourceHanSerifSC-Bold.otf",
        0,
    ),
];

/// Faces that have rarer characters (CJK extension B and beyond), in the order they are asked.
const RARE: [(&str, u32); 5] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/hanazono/HanaMinA.ttf", 0),
    ("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf", 0),
    ("/usr/share/fonts/truetype/babelstone/BabelStoneHan.ttf", 0),
];

/// A character every usable text face has.
const PROBE: char = '调';

/// Regular text, or the bold of titles and headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// The fonts of all documents. Cheap to clone.
#[derive(Clone)]
pub struct Fonts(Arc<Loaded>);

struct Loaded {
    regular: Source,
    bold: Option<Source>,
    rare: Vec<Rare>,
}

/// A font file in memory, once for us and once as the writer wants it; the bytes are shared.
struct Source {
    data: Arc<Vec<u8>>,
    index: u32,
    font: Font,
}

struct Rare {
    path: PathBuf,
    index: u32,
    /// Empty once it was tried and cannot be used.
    source: OnceLock<Option<Source>>,
}

impl Source {
    fn read(path: &Path, index: u32) -> Result<Self, String> {
        let data = Arc::new(std::fs::read(path).map_err(|error| error.to_string())?);
        ttf_parser::Face::parse(&data, index).map_err(|error| error.to_string())?;
        let font = Font::new(Arc::clone(&data).into(), index).ok_or("not a font that can be embedded")?;
        Ok(Self { data, index, font })
    }

    fn face(&self) -> Result<Face<'_>, PaperError> {
        let face =
            ttf_parser::Face::parse(&self.data, self.index).map_err(|error| PaperError::Font(error.to_string()))?;
        let em = f32::from(face.units_per_em());
        Ok(Face { em, face, font: self.font.clone() })
    }
}

impl Fonts {
    /// Reads the text faces. `configured`: file and face within it, first the one for text, then the bold one, then any
    /// for rare characters; empty: the places where distributions install Noto Serif CJK. Without a bold face, titles
    /// are set in the regular one. Known files for rare characters are used in both cases where they exist.
    ///
    /// # Errors
    /// [`MissingFont`] if no file can be read that has Chinese characters. A configured file that cannot be used is one,
    /// too: a paper that looks different from what was set up is found out late.
    pub fn load(configured: &[(PathBuf, u32)]) -> Result<Self, MissingFont> {
        let mut tried = Vec::new();
        let (regular, bold) = if let [(path, index), rest @ ..] = configured {
            let regular = text_face(path, *index, &mut tried);
            let bold = rest.first().map(|(path, index)| text_face(path, *index, &mut tried));
            match (regular, bold) {
                (Some(regular), None) => (regular, None),
                (Some(regular), Some(Some(bold))) => (regular, Some(bold)),
                _ => return Err(MissingFont { tried }),
            }
        } else {
            let found = TEXT.iter().find_map(|(regular, bold, index)| {
                let regular = text_face(Path::new(regular), *index, &mut tried)?;
                Some((regular, text_face(Path::new(bold), *index, &mut tried)))
            });
            found.ok_or(MissingFont { tried })?
        };
        let known = RARE.iter().map(|(path, index)| (PathBuf::from(path), *index));
        let rare = configured.iter().skip(2).cloned().chain(known.filter(|(path, _)| path.exists()));
        let rare = rare.map(|(path, index)| Rare { path, index, source: OnceLock::new() }).collect();
        Ok(Self(Arc::new(Loaded { regular, bold, rare })))
    }

    /// The first character of a text that cannot be set: no font has it, or its script needs what is not done here.
    pub fn missing(&self, text: &str) -> Option<char> {
        match self.faces() {
            Ok(faces) => {
                let cleaned = clean(text);
                let mut set = cleaned.chars().filter(|character| *character != '\n' && !is_selector(*character));
                set.find(|character| faces.find(*character, Weight::Regular).is_none())
            }
            Err(_unreadable) => text.chars().next(),
        }
    }

    pub(super) fn faces(&self) -> Result<Faces<'_>, PaperError> {
        let regular = self.0.regular.face()?;
        let bold = self.0.bold.as_ref().map(Source::face).transpose()?;
        Ok(Faces { regular, bold, rare: &self.0.rare })
    }
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rare: Vec<_> = self.0.rare.iter().map(|rare| &rare.path).collect();
        f.debug_struct("Fonts").field("bold", &self.0.bold.is_some()).field("rare", &rare).finish()
    }
}

fn text_face(path: &Path, index: u32, tried: &mut Vec<(PathBuf, String)>) -> Option<Source> {
    let source = Source::read(path, index).and_then(|source| match source.face() {
        Ok(face) if face.glyph(PROBE).is_some() => Ok(source),
        Ok(_) => Err("has no Chinese characters".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    source.map_err(|why| tried.push((path.to_owned(), why))).ok()
}

/// One font, ready to be asked.
pub struct Face<'a> {
    face: ttf_parser::Face<'a>,
    em: f32,
    font: Font,
}

impl Face<'_> {
    fn glyph(&self, character: char) -> Option<GlyphId> {
        self.face.glyph_index(character).filter(|glyph| glyph.0 != 0)
    }
}

/// The fonts of one rendering.
pub struct Faces<'a> {
    regular: Face<'a>,
    bold: Option<Face<'a>>,
    rare: &'a [Rare],
}

/// Where a glyph comes from: 0 bold, 1 regular, 2 and on the rare ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaceId(u8);

/// A glyph of one of the fonts; its width in parts of the font size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    pub face: FaceId,
    pub id: u16,
    pub advance: f32,
}

impl Faces<'_> {
    /// The glyph of a character; none if no font has it.
    pub fn find(&self, character: char, weight: Weight) -> Option<Glyph> {
        self.find_variant(character, None, weight)
    }

    /// The same with a variation selector (the variants of a Han character); a font that does not know the variant
    /// gives the plain character, which readers know to be the same.
    pub fn find_variant(&self, character: char, selector: Option<char>, weight: Weight) -> Option<Glyph> {
        if needs_shaping(character) {
            return None;
        }
        let at = |face: &Face<'_>, id: u8| -> Option<Glyph> {
            let variant = selector.and_then(|selector| face.face.glyph_variation_index(character, selector));
            let glyph = variant.filter(|glyph| glyph.0 != 0).or_else(|| face.glyph(character))?;
            let advance = f32::from(face.face.glyph_hor_advance(glyph)?) / face.em;
            Some(Glyph { face: FaceId(id), id: glyph.0, advance })
        };
        let bold = self.bold.as_ref().filter(|_| weight == Weight::Bold).and_then(|face| at(face, 0));
        bold.or_else(|| at(&self.regular, 1)).or_else(|| {
            (2u8..).zip(self.rare).find_map(|(id, rare)| {
                let source = rare.source.get_or_init(|| Source::read(&rare.path, rare.index).ok()).as_ref()?;
                at(&source.face().ok()?, id)
            })
        })
    }

    /// The font as the writer wants it.
    pub fn font(&self, id: FaceId) -> Option<Font> {
        match id.0 {
            0 => self.bold.as_ref().map(|face| face.font.clone()),
            1 => Some(self.regular.font.clone()),
            rare => {
                let rare = self.rare.get(usize::from(rare) - 2)?;
                rare.source.get()?.as_ref().map(|source| source.font.clone())
            }
        }
    }
}

/// Scripts whose letters join, reorder, stack or run from right to left.
fn needs_shaping(character: char) -> bool {
    matches!(
        u32::from(character),
        0x0590..=0x109F
            | 0x1780..=0x18AF
            | 0x1900..=0x1CFF
            | 0xA800..=0xABFF
            | 0xFB1D..=0xFDFF
            | 0xFE70..=0xFEFF
            | 0x1_0800..=0x1_1FFF
            | 0x1_E800..=0x1_EFFF
    )
}
