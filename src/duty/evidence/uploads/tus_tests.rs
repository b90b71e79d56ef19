//! The headers of the protocol: what is read, what is refused, and that nothing makes the reader fall over.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use super::metadata::{Described, METADATA_MAX, Metadata};
use super::tus::{self, Algorithm, Checksum, Concat};
use crate::duty::evidence::Kind;
use crate::words::error::Code;
use crate::words::ids::UploadId;
use crate::words::time::Timestamp;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let encoded: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value))).collect();
    encoded.join(",")
}

const CAPTURED: (&str, &str) = ("captured_at", "2026-11-22T08:00:00+08:00");

#[test]
fn another_version_is_refused() {
    assert!(tus::check_version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
    for bad in [headers(&[]), headers(&[("tus-resumable", "0.2.2")]), headers(&[("tus-resumable", "")])] {
        assert!(tus::check_version(&bad).unwrap_err().is(Code::UnsupportedVersion));
    }
}

#[test]
fn numbers_are_digits_alone() {
    let read = |text: &str| tus::bytes(&headers(&[("upload-offset", text)]), "upload-offset");
    assert_eq!(read("0").unwrap(), Some(0));
    assert_eq!(read("007").unwrap(), Some(7));
    assert_eq!(read(&"9".repeat(40)).unwrap(), Some(i64::MAX), "too large to count is too large");
    assert_eq!(tus::bytes(&headers(&[]), "upload-offset").unwrap(), None);
    for bad in ["", "-1", "+1", "1.0", "1 2", "0x10", "１"] {
        assert!(read(bad).unwrap_err().is(Code::BadRequest), "{bad:?}");
    }
}

#[test]
fn a_body_is_told_by_its_headers() {
    assert!(!tus::has_body(&headers(&[])) && !tus::has_body(&headers(&[("content-length", "0")])));
    assert!(tus::has_body(&headers(&[("content-length", "1")])));
    assert!(tus::has_body(&headers(&[("transfer-encoding", "chunked")])));
    assert!(tus::is_chunk(&headers(&[("content-type", "Application/Offset+Octet-Stream; a=b")])));
    assert!(!tus::is_chunk(&headers(&[("content-type", "application/octet-stream")])));
    assert_eq!(tus::meant_method(&headers(&[("x-http-method-override", "patch")])).as_deref(), Some("PATCH"));
}

#[test]
fn chunks_are_summed_both_ways() {
    // echo -n abc | sha1sum, sha256sum
    let sums = [
        ("sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", Algorithm::Sha1),
        ("SHA256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", Algorithm::Sha256),
    ];
    for (name, sum, algorithm) in sums {
        let checksum = Checksum::parse(&format!("{name} {sum}")).unwrap();
        assert_eq!(checksum.algorithm, algorithm);
        let mut summing = checksum.clone().begin();
        summing.update(b"a");
        summing.update(b"bc");
        assert!(summing.holds());
        let mut other = checksum.begin();
        other.update(b"abd");
        assert!(!other.holds());
    }
    for bad in
        ["", "sha256", "md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1 *", "sha1 AAAA", "sha256 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="]
    {
        assert!(Checksum::parse(bad).unwrap_err().is(Code::BadRequest), "{bad:?}");
    }
    assert!(Checksum::read(&headers(&[])).unwrap().is_none());
}

#[test]
fn parts_are_named_by_any_address_of_them() {
    let (one, two) = (UploadId::new(), UploadId::new());
    let text = format!("final;https://host.example/api/v1/uploads/{one} /api/v1/uploads/{two}/?x=1");
    assert_eq!(Concat::parse(&text).unwrap(), Concat::Final(vec![one, two]));
    assert_eq!(Concat::parse("partial").unwrap(), Concat::Partial);
    let many = format!("final;{}", vec![one.to_string(); 2].join(" "));
    for bad in ["", "Partial", "final", "final;", "final; ", "final;/api/v1/uploads/1", "final;..", many.as_str()] {
        assert!(Concat::parse(bad).unwrap_err().is(Code::BadRequest), "{bad:?}");
    }
}

#[test]
fn times_are_written_as_http_writes_them() {
    let at = Timestamp::parse("2014-06-25T16:00:00.900Z").unwrap();
    assert_eq!(tus::http_date(at), "Wed, 25 Jun 2014 16:00:00 GMT");
    assert!(tus::http_date(Timestamp::from_micros(i64::MAX)).ends_with("GMT"));
}

#[test]
fn the_signed_text_names_what_decides_where_bytes_go() {
    let signed = headers(&[("upload-offset", "5"), ("upload-metadata", "filename YQ=="), ("content-length", "9")]);
    assert_eq!(tus::signed_text(&signed), "suixing-device-upload-v1\n\n5\nfilename YQ==\n\n");
}

#[test]
fn a_name_in_any_script_comes_through() {
    let name = "现场 记录 🎥 №1.mp4";
    let header = metadata(&[("filename", name), CAPTURED, ("kind", "video"), ("own", "x")]);
    let described = Described::read(&Metadata::parse(&header).unwrap()).unwrap();
    assert_eq!(described.filename, name);
    assert_eq!(described.kind, Kind::Video);
    assert_eq!(described.captured_at.to_string(), "2026-11-22T00:00:00.000000Z");
    assert_eq!(described.sha256, None);
}

#[test]
fn unmodified_clients_are_understood() {
    // Uppy: its own keys, no padding, a type instead of a kind, values that say nothing.
    let header = "relativePath bnVsbA==, name YS5tcDQ, type dmlkZW8vbXA0,filename YS5tcDQ=,\
                  filetype dmlkZW8vbXA0,empty, captured_at MjAyNi0xMS0yMlQwODowMDowMFo=";
    let described = Described::read(&Metadata::parse(header).unwrap()).unwrap();
    assert_eq!((described.filename.as_str(), described.kind), ("a.mp4", Kind::Video));
    assert_eq!(described.declared_type.as_deref(), Some("video/mp4"));
}

#[test]
fn names_with_a_way_in_them_are_refused_and_not_cut() {
    for bad in ["../x", "a/b", "C:\\x.mp4", "..", "a\0b", "a\nb", " "] {
        let header = metadata(&[("filename", bad), CAPTURED]);
        let error = Described::read(&Metadata::parse(&header).unwrap()).unwrap_err();
        assert!(error.is(Code::BadRequest) && error.detail_text().contains("filename"), "{bad:?}: {error}");
    }
}

#[test]
fn broken_metadata_is_refused_in_words() {
    let not_utf8 = format!("filename {}", BASE64_STANDARD.encode([0xFF, 0xFE]));
    let long = "k".repeat(METADATA_MAX + 1);
    for bad in ["filename ***", "filename YQ==,filename Yg==", "名 YQ==", not_utf8.as_str(), long.as_str()] {
        assert!(Metadata::parse(bad).unwrap_err().is(Code::BadRequest), "{bad:?}");
    }
    assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
    let fields = [
        (vec![CAPTURED], "filename"),
        (vec![("filename", "a")], "captured_at"),
        (vec![("filename", "a"), ("captured_at", "today")], "captured_at"),
        (vec![("filename", "a"), CAPTURED, ("kind", "film")], "kind"),
        (vec![("filename", "a"), CAPTURED, ("sha256", "abc")], "sha256"),
        (vec![("filename", "a"), CAPTURED, ("incident_id", "1")], "incident_id"),
    ];
    for (pairs, field) in fields {
        let error = Described::read(&Metadata::parse(&metadata(&pairs)).unwrap()).unwrap_err();
        assert!(error.is(Code::InvalidField) && error.detail_text().starts_with(field), "{field}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        if let Ok(read) = Metadata::parse(&text) {
            // Whatever was read can be asked for without falling over.
            let _ = Described::read(&read);
        }
        let _ = Checksum::parse(&text);
        let _ = Concat::parse(&text);
    }

    #[test]
    fn any_bytes_in_a_header_are_read_or_refused(value in proptest::collection::vec(0x20_u8..=0xFF, 0..64)) {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        for name in ["upload-length", "upload-offset", "upload-checksum", "upload-concat", "content-type"] {
            let mut map = HeaderMap::new();
            map.insert(HeaderName::from_static(name), value.clone());
            let _ = tus::bytes(&map, name);
            let _ = Checksum::read(&map);
            let _ = Concat::read(&map);
            let _ = tus::signed_text(&map);
            let _ = tus::is_chunk(&map) || tus::has_body(&map);
        }
    }

    #[test]
    fn what_is_written_is_read(pairs in proptest::collection::btree_map("[a-z_]{1,12}", "\\PC{1,40}", 0..8)) {
        let header: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value))).collect();
        let read = Metadata::parse(&header.join(", ")).unwrap();
        for (key, value) in &pairs {
            prop_assert_eq!(read.get(key), Some(value.as_str()));
        }
    }
}
