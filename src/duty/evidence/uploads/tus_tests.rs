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

/// Texts near to those that are understood: what a reader that is careless anywhere would trip over.
fn near_misses() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("sha1 ".to_owned()),
        Just("sha256 ".to_owned()),
        Just("final;".to_owned()),
        Just("partial".to_owned()),
        Just("/api/v1/uploads/".to_owned()),
        Just("filename ".to_owned()),
        Just("captured_at ".to_owned()),
        Just(",".to_owned()),
        Just(" ".to_owned()),
        Just("=".to_owned()),
        Just("%00".to_owned()),
        "[A-Za-z0-9+/]{0,48}={0,3}",
        "[0-9]{0,25}",
        "\\PC{0,6}",
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn near_misses_are_read_or_refused(text in near_misses()) {
        if let Ok(read) = Metadata::parse(&text) {
            let _ = Described::read(&read);
        }
        if let Ok(checksum) = Checksum::parse(&text) {
            // It can be summed with, and nothing sums to it by chance.
            prop_assert!(!checksum.begin().holds());
        }
        if let Ok(Concat::Final(parts)) = Concat::parse(&text) {
            prop_assert!((1..=tus::PARTS_MAX).contains(&parts.len()));
        }
    }

    #[test]
    fn a_number_is_itself_or_the_largest(digits in "[0-9]{1,40}") {
        let read = tus::bytes(&headers(&[("upload-length", &digits)]), "upload-length").unwrap().unwrap();
        let exact: Option<i64> = digits.parse().ok();
        prop_assert_eq!(read, exact.unwrap_or(i64::MAX));
    }

    #[test]
    fn what_is_no_number_is_refused(text in "[ -~]{0,20}") {
        prop_assume!(text.trim().is_empty() || !text.trim().bytes().all(|byte| byte.is_ascii_digit()));
        let read = tus::bytes(&headers(&[("upload-offset", &text)]), "upload-offset");
        prop_assert!(read.unwrap_err().is(Code::BadRequest));
    }

    #[test]
    fn only_the_sum_of_the_bytes_holds(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), cut in 0..600_usize, flip in any::<(usize, u8)>()
    ) {
        let sum = BASE64_STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes));
        let checksum = Checksum::parse(&format!("sha256 {sum}")).unwrap();
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        let mut summing = checksum.clone().begin();
        summing.update(first);
        summing.update(second);
        prop_assert!(summing.holds());
        if !bytes.is_empty() && flip.1 != 0 {
            let mut other = bytes.clone();
            let at = flip.0 % other.len();
            other[at] ^= flip.1;
            let mut summing = checksum.begin();
            summing.update(&other);
            prop_assert!(!summing.holds());
        }
    }

    #[test]
    fn parts_come_back_in_their_order(
        count in 1..40_usize, twice in any::<bool>(), root in "(https?://[a-z.]{1,20})?/[a-z/]{0,20}/"
    ) {
        let mut parts: Vec<UploadId> = (0..count).map(|_| UploadId::new()).collect();
        let named = |parts: &[UploadId]| {
            let urls: Vec<String> = parts.iter().map(|part| format!("{root}{part}")).collect();
            format!("final;{}", urls.join(" "))
        };
        prop_assert_eq!(Concat::parse(&named(&parts)).unwrap(), Concat::Final(parts.clone()));
        if twice {
            parts.push(parts[0]);
            prop_assert!(Concat::parse(&named(&parts)).unwrap_err().is(Code::BadRequest), "one part is there twice");
        }
    }

    #[test]
    fn values_that_are_no_text_are_refused(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let header = format!("filename {}", BASE64_STANDARD.encode(&bytes));
        match (Metadata::parse(&header), std::str::from_utf8(&bytes)) {
            (Ok(read), Ok(text)) => prop_assert_eq!(read.get("filename"), Some(text)),
            (Err(error), Err(_)) => prop_assert!(error.is(Code::BadRequest)),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_name_that_is_taken_is_the_name_that_came_and_no_way(
        name in "\\PC{1,60}", at in 0..60_usize,
        bad in prop_oneof![Just("/"), Just("\\"), Just("\0"), Just("\u{7f}")],
    ) {
        let read = |name: &str| Described::read(&Metadata::parse(&metadata(&[("filename", name), CAPTURED])).unwrap());
        if let Ok(described) = read(&name) {
            prop_assert!(!described.filename.contains(['/', '\\']) && described.filename != "..");
            prop_assert_eq!(described.filename.as_str(), name.trim());
        }
        let at = name.char_indices().map(|(index, _)| index).nth(at).unwrap_or(name.len());
        let with_way = format!("{}{bad}{}", &name[..at], &name[at..]);
        prop_assert!(read(&with_way).is_err(), "{with_way:?}");
    }

    #[test]
    fn a_header_beyond_the_bound_is_refused_unread(more in 1..64_usize) {
        let long = format!("filename {}", "A".repeat(METADATA_MAX + more - "filename ".len()));
        prop_assert!(Metadata::parse(&long).unwrap_err().is(Code::BadRequest));
    }

    /// Else one header could pass for another.
    #[test]
    fn each_header_signs_its_own_line(values in proptest::collection::vec(proptest::option::of("[ -~]{0,30}"), 5..6)) {
        const NAMES: [&str; 5] =
            ["upload-length", "upload-offset", "upload-metadata", "upload-concat", "upload-checksum"];
        let pairs: Vec<(&'static str, &str)> =
            NAMES.into_iter().zip(&values).filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
        let signed = tus::signed_text(&headers(&pairs));
        let lines: Vec<&str> = signed.split('\n').collect();
        prop_assert_eq!(lines.len(), 6);
        for (line, value) in lines[1..].iter().zip(&values) {
            prop_assert_eq!(*line, value.as_deref().unwrap_or_default().trim());
        }
    }
}
