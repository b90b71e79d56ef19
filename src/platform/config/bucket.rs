//! Where evidence lies, and how a bucket that speaks S3 is reached.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::words::error::{Error, Result};

/// Where originals and previews lie. What is arriving is always staged in the data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// `evidence/` in the data folder.
    #[default]
    Folder,
    /// A bucket, see [`S3`].
    S3,
}

/// A bucket that speaks S3; its secrets are never among the settings, see [`S3::credentials`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    pub bucket: String,
    /// `https://HOST[:PORT]` of a server of one's own, which finds the bucket by the path; empty = Amazon's, by region.
    pub endpoint: String,
    /// What is signed as the region; servers of one's own mostly take any.
    pub region: String,
    /// What the names of all objects begin with: several installations may share a bucket.
    pub prefix: String,
    /// Whether the endpoint may be plain `http://`: evidence can then be read on the wire, so only where that is this
    /// machine or encrypted beneath.
    pub allow_http: bool,
    /// A file as S3 tools keep it, with `aws_access_key_id` and `aws_secret_access_key`; empty = the environment.
    pub credentials_file: PathBuf,
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            prefix: "evidence".to_owned(),
            allow_http: false,
            credentials_file: PathBuf::new(),
        }
    }
}

/// What requests are signed with. It has no text form, so that it comes into no log.
pub struct Credentials {
    pub key_id: String,
    pub secret: String,
    /// Of credentials that run out.
    pub token: Option<String>,
}

const KEY_ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";

impl S3 {
    /// From the file if one is named, else `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if it is there,
    /// `AWS_SESSION_TOKEN` of the environment.
    ///
    /// Errors: one of the first two is missing, or others than owner and group may read the file.
    pub fn credentials(&self) -> Result<Credentials> {
        if self.credentials_file.as_os_str().is_empty() {
            return read("the environment", |name| std::env::var(name.to_ascii_uppercase()).ok());
        }
        let text = private(&self.credentials_file)?;
        read(&self.credentials_file.display().to_string(), |name| value_in(&text, name))
    }
}

fn private(path: &Path) -> Result<String> {
    let unreadable =
        |error: std::io::Error| Error::bad(format!("evidence.s3.credentials_file {}: {error}", path.display()));
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(Error::bad(format!("{}: everybody may read it; chmod 640", path.display())));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn read(from: &str, value: impl Fn(&str) -> Option<String>) -> Result<Credentials> {
    let wanted = |name: &str| {
        value(name).filter(|found| !found.is_empty()).ok_or_else(|| {
            let name = if from == "the environment" { name.to_ascii_uppercase() } else { name.to_owned() };
            Error::bad(format!("evidence.store is \"s3\", and {name} is missing in {from}"))
        })
    };
    Ok(Credentials {
        key_id: wanted(KEY_ID)?,
        secret: wanted(SECRET)?,
        token: value(TOKEN).filter(|found| !found.is_empty()),
    })
}

/// The first value of this name among lines of `name = value`; headings and remarks are passed over.
fn value_in(text: &str, name: &str) -> Option<String> {
    text.lines().filter(|line| !line.trim_start().starts_with(['#', ';', '['])).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str, mode: u32) -> S3 {
        let path = std::env::temp_dir().join(format!("suixing-credentials-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        S3 { credentials_file: path, ..S3::default() }
    }

    #[test]
    fn credentials_are_read_as_s3_tools_keep_them() {
        let text = "[default]\n# first\naws_access_key_id = ABC\nAWS_SECRET_ACCESS_KEY=x=/y+z=\n[other]\n\
                    aws_access_key_id = other\n";
        let read = file("good", text, 0o640).credentials().unwrap();
        assert_eq!((read.key_id.as_str(), read.secret.as_str(), read.token), ("ABC", "x=/y+z=", None));
    }

    #[test]
    fn what_is_missing_or_open_to_all_is_told_without_the_secret() {
        let told = |s3: &S3| s3.credentials().err().unwrap().to_string();
        let half = told(&file("half", "aws_secret_access_key = hush\n", 0o600));
        assert!(half.contains("aws_access_key_id is missing") && !half.contains("hush"), "{half}");
        let open = told(&file("open", "aws_access_key_id = A\naws_secret_access_key = hush\n", 0o644));
        assert!(open.contains("everybody may read it") && !open.contains("hush"), "{open}");
        let gone = S3 { credentials_file: PathBuf::from("/nowhere/x"), ..S3::default() };
        assert!(told(&gone).contains("/nowhere/x"));
    }
}
