//! Letters for watermarks: the font that is configured, or what the system has. A name that no font can write is refused;
//! boxes in its place would name nobody.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ab_glyph::{Font as _, FontVec};
use parking_lot::Mutex;
use serde_json::json;

use crate::words::error::{Code, Error, Result};

/// Where Debian and its kin put fonts, those with Chinese letters first: path and face within the file.
const SYSTEM: &[(&str, u32)] = &[
    // The third face is the one for simplified Chinese.
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0),
];

/// The fonts of this machine; each is read when it is first needed. They have 20 MB, so each is read once.
pub struct Fonts {
    sources: Vec<(PathBuf, u32)>,
    read: Mutex<Vec<(usize, Arc<FontVec>)>>,
}

impl Fonts {
    /// Takes the setting, `PATH` or `PATH#FACE`. Errors: `bad_request` when it names no font.
    pub fn new(configured: &str) -> Result<Self> {
        let mut sources: Vec<(PathBuf, u32)> = Vec::new();
        if !configured.is_empty() {
            let wrong = || Error::bad(format!("evidence.watermark_font: {configured:?} is no font"));
            let (path, face) = match configured.rsplit_once('#') {
                Some((path, face)) => (path, face.parse().map_err(|_number: std::num::ParseIntError| wrong())?),
                None => (configured, 0),
            };
            open(Path::new(path), face).ok_or_else(wrong)?;
            sources.push((PathBuf::from(path), face));
        }
        sources.extend(SYSTEM.iter().map(|(path, face)| (PathBuf::from(path), *face)));
        Ok(Self { sources, read: Mutex::default() })
    }

    /// The first font that has every letter of a text; reads files. Errors: `watermark_impossible` with a letter that
    /// is missing.
    pub fn with(&self, text: &str) -> Result<Arc<FontVec>> {
        let mut missing = None;
        for n in 0..self.sources.len() {
            let Some(font) = self.font(n) else { continue };
            match text.chars().find(|c| !c.is_whitespace() && font.glyph_id(*c).0 == 0) {
                None => return Ok(font),
                Some(c) => missing = missing.or(Some(c)),
            }
        }
        Err(Error::new(Code::WatermarkImpossible)
            .detail("no font of this server has every letter of the name; see evidence.watermark_font")
            .with("missing", json!(missing)))
    }

    fn font(&self, n: usize) -> Option<Arc<FontVec>> {
        let mut read = self.read.lock();
        if let Some((_, font)) = read.iter().find(|(known, _)| *known == n) {
            return Some(Arc::clone(font));
        }
        let (path, face) = self.sources.get(n)?;
        let font = Arc::new(open(path, *face)?);
        read.push((n, Arc::clone(&font)));
        Some(font)
    }
}

fn open(path: &Path, face: u32) -> Option<FontVec> {
    FontVec::try_from_vec_and_index(std::fs::read(path).ok()?, face).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_names_no_font_is_refused() {
        assert!(Fonts::new("").is_ok());
        for wrong in ["/nowhere/at-all.ttf", "/etc/hostname", "/nowhere.ttc#x"] {
            assert!(Fonts::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_letter_that_no_font_has_is_named() {
        // A private letter, which nobody draws.
        let error = Fonts::new("").unwrap().with("\u{F8FE}").err().unwrap();
        assert!(error.is(Code::WatermarkImpossible));
    }
}
