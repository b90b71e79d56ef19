//! The multipart body of the photo door: `file` and `metadata`, in either order, each once. The file goes to the disk
//! piece by piece; what is held in memory is one piece.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::PHOTO_MAX;
use super::staged::{Sealed, Staged};
use crate::platform::disk::blocking;
use crate::words::error::{Code, Error, Result};

/// Bytes of the metadata.
const METADATA_MAX: usize = 64 * 1024;
/// Bytes gathered before they are written.
const PIECE: usize = 256 * 1024;
/// A sender that is silent for this long is given up.
const SILENT: Duration = Duration::from_secs(60);

/// What was sent.
pub struct Form {
    pub file: Sealed,
    /// As the part names it.
    pub filename: Option<String>,
    /// As the part declares it.
    pub declared_type: Option<String>,
    /// JSON, unread.
    pub metadata: Vec<u8>,
}

/// Reads the body; the file is staged in `folder`.
///
/// Errors: `bad_request` when it is no such form or breaks off, `invalid_field` for a part that is missing, twice or
/// not ours, `payload_too_large`, `storage_full`.
pub async fn read<S>(headers: &HeaderMap, body: S, folder: &Path) -> Result<Form>
where
    S: Stream<Item = std::result::Result<Bytes, PayloadError>> + 'static,
{
    let mut parts = Multipart::new(headers, body);
    let (mut file, mut metadata) = (None, None);
    while let Some(mut part) = next(&mut parts).await? {
        let name = part.name().unwrap_or_default().to_owned();
        let again = match name.as_str() {
            "file" => file.is_some(),
            "metadata" => metadata.is_some(),
            _ => return Err(Error::field("form", "takes the parts file and metadata")),
        };
        if again {
            return Err(Error::field(&name, "must be there once"));
        }
        if name == "metadata" {
            metadata = Some(gather(&mut part).await?);
        } else {
            let (filename, declared_type) = (filename(&part), part.content_type().map(ToString::to_string));
            file = Some((stage(&mut part, folder).await?, filename, declared_type));
        }
    }
    let (file, filename, declared_type) = file.ok_or_else(|| Error::field("file", "is missing"))?;
    let metadata = metadata.ok_or_else(|| Error::field("metadata", "is missing"))?;
    Ok(Form { file, filename, declared_type, metadata })
}

/// The next of a stream, in time.
pub async fn next<S, T, E>(stream: &mut S) -> Result<Option<T>>
where
    S: Stream<Item = std::result::Result<T, E>> + Unpin,
    E: Display,
{
    match tokio::time::timeout(SILENT, stream.next()).await {
        Err(_elapsed) => Err(Error::bad("the body stopped coming")),
        Ok(None) => Ok(None),
        Ok(Some(Ok(item))) => Ok(Some(item)),
        Ok(Some(Err(error))) => Err(Error::bad(format!("the form cannot be read: {error}"))),
    }
}

/// The name in UTF-8 where the sender gives both.
fn filename(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    let extended = disposition.get_filename_ext().and_then(|name| String::from_utf8(name.value.clone()).ok());
    extended.or_else(|| disposition.get_filename().map(str::to_owned)).filter(|name| !name.is_empty())
}

async fn gather(part: &mut Field) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = next(part).await? {
        if bytes.len() + piece.len() > METADATA_MAX {
            return Err(too_large(METADATA_MAX as u64));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn stage(part: &mut Field, folder: &Path) -> Result<Sealed> {
    let folder = folder.to_owned();
    let mut staged = blocking(move || Staged::create(&folder)).await??;
    let mut piece: Vec<u8> = Vec::with_capacity(PIECE);
    let mut size: u64 = 0;
    while let Some(bytes) = next(part).await? {
        size = size.saturating_add(bytes.len() as u64);
        if size > PHOTO_MAX {
            return Err(too_large(PHOTO_MAX));
        }
        piece.extend_from_slice(&bytes);
        if piece.len() >= PIECE {
            (staged, piece) = append(staged, piece).await?;
        }
    }
    (staged, _) = append(staged, piece).await?;
    blocking(move || staged.seal()).await
}

/// Writes a piece and gives its memory back.
async fn append(mut staged: Staged, mut piece: Vec<u8>) -> Result<(Staged, Vec<u8>)> {
    blocking(move || {
        staged.append(&piece)?;
        piece.clear();
        Ok((staged, piece))
    })
    .await?
}

/// Larger than the door.
pub fn too_large(max: u64) -> Error {
    Error::new(Code::PayloadTooLarge).detail(format!("at most {max} bytes")).with("max_bytes", max.into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
    use futures_util::stream;

    use super::*;
    use crate::platform::keys::sha256_hex;

    const FILE: &str = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"现场.jpg\"\r\n\
                        Content-Type: image/jpeg\r\n\r\n";
    const METADATA: &str = "--edge\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n";

    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("suixing-form-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The body in pieces of `size` bytes.
    async fn read_in(body: &[u8], size: usize) -> Result<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=edge"));
        let pieces: Vec<_> = body.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        read(&headers, stream::iter(pieces), &folder()).await
    }

    fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend(head.as_bytes());
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        body
    }

    #[actix_web::test]
    async fn both_orders_in_pieces_of_any_size() {
        // Bytes that look like the edge on their way.
        let picture: Vec<u8> = b"\xFF\xD8\r\n--edg\r\n--\r\r\n-".iter().copied().cycle().take(9000).collect();
        let file = (FILE, picture.as_slice());
        let metadata = (METADATA, b"{\"captured_at\":\"2026-05-01T00:00:00Z\"}".as_slice());
        for parts in [[file, metadata], [metadata, file]] {
            for size in [1, 7, 1000, 100_000] {
                let form = read_in(&body(&parts), size).await.unwrap();
                assert_eq!(form.file.sha256, sha256_hex(&picture), "in pieces of {size}");
                assert_eq!(form.file.size, 9000);
                assert_eq!(form.metadata, metadata.1);
                assert_eq!(form.filename.as_deref(), Some("现场.jpg"));
                assert_eq!(form.declared_type.as_deref(), Some("image/jpeg"));
            }
        }
    }

    #[actix_web::test]
    async fn what_is_missing_twice_or_strange_is_refused() {
        let (file, metadata) = ((FILE, b"x".as_slice()), (METADATA, b"{}".as_slice()));
        let strange = ("--edge\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n", b"x".as_slice());
        for parts in [vec![file], vec![metadata], vec![], vec![file, metadata, file], vec![file, metadata, strange]] {
            let code = read_in(&body(&parts), 1000).await.err().map(|error| error.code());
            // A form without any part may count as one that broke off.
            assert!(matches!(code, Some(Code::InvalidField | Code::BadRequest)), "{} parts: {code:?}", parts.len());
        }
        let long = vec![b' '; METADATA_MAX + 1];
        let code = read_in(&body(&[(METADATA, long.as_slice())]), 1000).await.err().map(|error| error.code());
        assert_eq!(code, Some(Code::PayloadTooLarge));
    }

    #[actix_web::test]
    async fn a_body_that_breaks_off_is_refused_at_any_byte() {
        let whole = body(&[(FILE, b"\xFF\xD8\xFF\xE0".as_slice()), (METADATA, b"{}".as_slice())]);
        // Without its very last bytes the form is still whole.
        for cut in 0..whole.len() - 6 {
            assert!(read_in(&whole[..cut], 1000).await.is_err(), "cut at {cut}");
        }
    }
}
