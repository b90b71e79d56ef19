//! The code that leads from paper to verification.

use qrcode::{Color, EcLevel, QrCode};

use super::error::PaperError;

/// Dark squares as runs of (column, row, length), and how many squares a side has.
pub struct Code {
    pub runs: Vec<(u16, u16, u16)>,
    pub side: u16,
}

/// Medium correction: a fold or a stamp over it does no harm.
///
/// # Errors
/// [`PaperError::Code`] if the text is too long, or so long that its squares would be too small to scan from paper.
pub fn code(text: &str) -> Result<Code, PaperError> {
    /// Squares a side on the 20 mm that it has: below 0.35 mm, office printers and telephones begin to fail.
    const SIDE_MAX: u16 = 57;

    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_too_long| PaperError::Code)?;
    let side = u16::try_from(code.width()).ok().filter(|side| *side <= SIDE_MAX).ok_or(PaperError::Code)?;
    let mut runs: Vec<(u16, u16, u16)> = Vec::new();
    let colors = code.to_colors();
    for (row, line) in (0_u16..).zip(colors.chunks(usize::from(side))) {
        for (column, color) in (0_u16..).zip(line) {
            if *color != Color::Dark {
                continue;
            }
            match runs.last_mut() {
                Some(last) if last.1 == row && last.0 + last.2 == column => last.2 += 1,
                _ => runs.push((column, row, 1)),
            }
        }
    }
    Ok(Code { runs, side })
}
