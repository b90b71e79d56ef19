//! `Upload-Metadata`: what the client says of the file. Pure.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::duty::evidence::{Kind, rules};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, EvidenceId, IncidentId, PersonId, RecordingId};
use crate::words::time::Timestamp;

/// Bytes of the header: all our keys with the longest name fit four times.
pub const METADATA_MAX: usize = 8 * 1024;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The pairs of the header, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Reads `key base64, key base64, …`; a key may stand alone.
    ///
    /// Errors: `bad_request` when it is too long, not base64, not UTF-8, or names a key twice.
    pub fn parse(header: &str) -> Result<Self> {
        if header.len() > METADATA_MAX {
            return Err(Error::bad(format!("Upload-Metadata must have at most {METADATA_MAX} bytes")));
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for item in header.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (key, encoded) = item.split_once(' ').unwrap_or((item, ""));
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::bad("Upload-Metadata: a key must be printable ASCII"));
            }
            if pairs.iter().any(|(known, _)| known == key) {
                return Err(Error::bad(format!("Upload-Metadata: {key} is there twice")));
            }
            let bytes = BASE64
                .decode(encoded.trim())
                .map_err(|_not_base64| Error::bad(format!("Upload-Metadata: the value of {key} is not base64")))?;
            let value = String::from_utf8(bytes)
                .map_err(|_not_text| Error::bad(format!("Upload-Metadata: the value of {key} is not UTF-8")))?;
            pairs.push((key.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// A value that says something.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// A file as its maker describes it. Keys that are not ours are the client's own and are sent back unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub filename: String,
    pub kind: Kind,
    pub declared_type: Option<String>,
    /// Lower-case hex; binding when given.
    pub sha256: Option<String>,
    pub captured_at: Timestamp,
    pub incident: Option<IncidentId>,
    pub assignment: Option<AssignmentId>,
    /// On whose body the camera was (`person_id`).
    pub wearer: Option<PersonId>,
    /// Who captured it, when it is not whoever delivers it.
    pub author: Option<PersonId>,
    /// The device's signature over the item, kept as it came.
    pub device_signature: Option<String>,
    /// The original of which it is a redacted copy.
    pub redacts: Option<EvidenceId>,
    /// The recording of a manifest that it is.
    pub recording: Option<RecordingId>,
}

impl Described {
    /// Reads our keys: `filename`, `captured_at` (both wanted), `kind`, `sha256`, `incident_id`, `assignment_id`,
    /// `person_id`, `author_id`, `device_signature`, `redacts`, `recording_id`, and the `filetype` of common clients.
    ///
    /// Errors: `bad_request` for a name that is a path, `invalid_field` for the rest.
    pub fn read(metadata: &Metadata) -> Result<Self> {
        let declared_type = metadata.get("filetype").or_else(|| metadata.get("type")).map(str::to_owned);
        let kind = match metadata.get("kind") {
            Some(text) => text
                .parse::<Kind>()
                .map_err(|_unknown: Error| Error::field("kind", "must be video, photo, audio, document or other"))?,
            None => kind_of(declared_type.as_deref().unwrap_or_default()),
        };
        Ok(Self {
            filename: filename(metadata)?,
            kind,
            declared_type,
            sha256: metadata.get("sha256").map(rules::sha256).transpose()?,
            captured_at: captured_at(metadata)?,
            incident: id(metadata, "incident_id")?,
            assignment: id(metadata, "assignment_id")?,
            wearer: id(metadata, "person_id")?,
            author: id(metadata, "author_id")?,
            device_signature: metadata.get("device_signature").map(str::to_owned),
            redacts: id(metadata, "redacts")?,
            recording: id(metadata, "recording_id")?,
        })
    }
}

/// The name as it is, or not at all: a name that was cut would not be the one on the camera.
fn filename(metadata: &Metadata) -> Result<String> {
    let name = metadata
        .get("filename")
        .or_else(|| metadata.get("name"))
        .ok_or_else(|| Error::field("filename", "is missing in Upload-Metadata"))?;
    rules::filename(name).map_err(|error| Error::bad(error.detail_text().to_owned()))
}

fn captured_at(metadata: &Metadata) -> Result<Timestamp> {
    let text =
        metadata.get("captured_at").ok_or_else(|| Error::field("captured_at", "is missing in Upload-Metadata"))?;
    Timestamp::parse(text).map_err(|error| Error::field("captured_at", error.detail_text().to_owned()))
}

fn id<I: std::str::FromStr<Err = Error>>(metadata: &Metadata, key: &str) -> Result<Option<I>> {
    let parsed = metadata.get(key).map(str::parse::<I>).transpose();
    parsed.map_err(|error| Error::field(key, error.detail_text().to_owned()))
}

/// What a file is by the type that a browser gives it.
fn kind_of(declared: &str) -> Kind {
    match declared.split('/').next().unwrap_or_default() {
        "video" => Kind::Video,
        "image" => Kind::Photo,
        "audio" => Kind::Audio,
        "text" => Kind::Document,
        _ if declared == "application/pdf" => Kind::Document,
        _ => Kind::Other,
    }
}
