//! What can go wrong with a document, said so that a person can mend it.

use std::fmt;
use std::path::PathBuf;

/// Why a document could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaperError {
    /// No font has this character, or it belongs to a script that cannot be set here.
    MissingGlyph(char),
    /// More than [`super::PAGES_MAX`] pages.
    TooManyPages,
    /// A drawn signature with more than [`super::POINTS_MAX`] points; who was to sign.
    TooManyPoints(String),
    /// What is said at a signature does not fit on a page; who was to sign.
    TooLong(String),
    /// A picture that is too large or no PNG or JPEG that can be shown; who was to sign, and why.
    Image { who: String, why: String },
    /// The address to verify at does not fit into a code.
    Code,
    /// A font file cannot be used; which one, and why.
    Font(String),
    /// The file could not be written; what the writer said.
    Pdf(String),
}

impl fmt::Display for PaperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingGlyph(character) => {
                write!(f, "no font has the character {character} (U+{:04X})", u32::from(*character))
            }
            Self::TooManyPages => write!(f, "the document has more than {} pages", super::PAGES_MAX),
            Self::TooManyPoints(who) => {
                write!(f, "the signature of {who} has more than {} points", super::POINTS_MAX)
            }
            Self::TooLong(who) => write!(f, "what is said at the signature of {who} does not fit on a page"),
            Self::Image { who, why } => write!(f, "the picture of the signature of {who} cannot be used: {why}"),
            Self::Code => write!(f, "the address to verify at is too long for a code"),
            Self::Font(why) => write!(f, "a font cannot be used: {why}"),
            Self::Pdf(why) => write!(f, "the document could not be written: {why}"),
        }
    }
}

impl std::error::Error for PaperError {}

/// No usable Chinese font at start; says where was looked and what to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFont {
    /// Every file that was tried, with the reason it was not taken
    pub tried: Vec<(PathBuf, String)>,
}

impl fmt::Display for MissingFont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "documents need a Chinese font and none was found: install the package fonts-noto-cjk, or configure one;"
        )?;
        for (path, why) in &self.tried {
            write!(f, " {}: {why};", path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for MissingFont {}
