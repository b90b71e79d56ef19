//! Heads from outside the tables: the anchoring file of a data folder, and what somebody kept elsewhere.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::super::anchor;
use super::super::head::{Consistency, TreeHead};
use crate::words::error::{Error, Result};

/// Bytes of a file of kept heads: more than a year of heads without a pause in them.
const KEPT_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// What an operator kept elsewhere: a copy of the anchoring file, one head, a page of heads, or the answer to a
/// question for a consistency proof.
#[derive(Debug, Default)]
pub struct Kept {
    /// The name of the file.
    pub name: String,
    /// By size.
    pub heads: Vec<TreeHead>,
    pub proofs: Vec<Consistency>,
}

impl Kept {
    /// Reads whichever of them it is. Errors: `bad_request` when it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let wrong = |what: String| Error::bad(format!("{name}: {what}"));
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let mut kept = Self { name: name.clone(), ..Self::default() };
        let input = BufReader::new(file.take(KEPT_MAX));
        for (n, value) in serde_json::Deserializer::from_reader(input).into_iter::<Value>().enumerate() {
            let value = value.map_err(|error| wrong(format!("it is not a file of tree heads: {error}")))?;
            kept.take(value).map_err(|error| wrong(format!("entry {} is no tree head: {error}", n + 1)))?;
        }
        if kept.heads.is_empty() {
            return Err(wrong("there is no tree head in it".to_owned()));
        }
        kept.heads.sort_by_key(|head| head.size);
        Ok(kept)
    }

    fn take(&mut self, value: Value) -> serde_json::Result<()> {
        if let Some(Value::Array(items)) = value.get("items") {
            for item in items {
                self.heads.push(serde_json::from_value(item.clone())?);
            }
        } else if value.get("proof").is_some() {
            let proof: Consistency = serde_json::from_value(value)?;
            self.heads.extend(proof.from_head.iter().chain(&proof.to_head).cloned());
            self.proofs.push(proof);
        } else {
            self.heads.push(serde_json::from_value(value)?);
        }
        Ok(())
    }
}

/// The lines of the anchoring file, up to where it ended when it was opened.
pub struct Lines {
    reader: Option<BufReader<std::io::Take<File>>>,
    number: u64,
}

/// One line: its number, its text, the head in it or why there is none.
#[derive(Clone, Debug)]
pub struct Line {
    pub number: u64,
    pub text: String,
    pub head: std::result::Result<TreeHead, String>,
}

impl Lines {
    /// Opens the file of a data folder; one that is not there has no lines.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = match File::open(folder.join(anchor::FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self { reader: None, number: 0 }),
            Err(error) => return Err(error.into()),
        };
        let length = file.metadata()?.len();
        Ok(Self { reader: Some(BufReader::new(file.take(length))), number: 0 })
    }

    /// Whether there is a file at all.
    pub fn is_there(&self) -> bool {
        self.reader.is_some()
    }

    /// The line after the last one.
    pub fn line(&mut self) -> Result<Option<Line>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut bytes = Vec::new();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = bytes.pop_if(|last| *last == b'\n').is_some();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let head = if whole {
            serde_json::from_str(&text).map_err(|error| format!("is no tree head: {error}"))
        } else {
            Err("is not whole".to_owned())
        };
        Ok(Some(Line { number: self.number, text, head }))
    }
}
