//! One contract for both stores: a folder, a bucket in memory and, where `SUIXING_TEST_S3_URL` names one, a real bucket.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::{MultipartId, PutPayload, PutResult};

use super::*;
use crate::platform::config::S3;
use crate::platform::keys::sha256_hex;
use crate::words::error::Code;

/// Parts of so few bytes that small files have several; a bucket in memory keeps each buffer it was given.
const SMALL_PARTS: (u64, usize) = (10, 100_000);

/// A folder that goes with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("suixing-blobs-{}-{name}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn memory(&self) -> Blobs {
        let memory = Arc::new(InMemory::new());
        let bucket = Bucket::over(Arc::clone(&memory) as _, memory, "memory", "of/ours", SMALL_PARTS).unwrap();
        Blobs::over(&self.0, Originals::Bucket(bucket)).unwrap()
    }

    /// The bucket that the environment names, below a prefix of this test's own.
    fn real(&self) -> Option<Blobs> {
        let url = std::env::var("SUIXING_TEST_S3_URL").ok().filter(|url| !url.is_empty())?;
        let (endpoint, bucket) = url.rsplit_once('/').unwrap();
        let credentials = self.0.join("credentials");
        std::fs::write(&credentials, "aws_access_key_id = test\naws_secret_access_key = test\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&credentials, mode).unwrap();
        let settings = S3 {
            bucket: bucket.to_owned(),
            endpoint: endpoint.to_owned(),
            prefix: format!("/{}/", self.0.file_name().unwrap().to_str().unwrap()),
            allow_http: true,
            credentials_file: credentials,
            ..S3::default()
        };
        let settings = Evidence { store: Store::S3, s3: settings, ..Evidence::default() };
        Some(Blobs::configured(&self.0, &settings).unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the same on every store there is.
fn on_each(name: &str, test: impl Fn(&Blobs)) {
    let scratch = Scratch::new(&format!("{name}-folder"));
    test(&Blobs::new(&scratch.0).unwrap());
    let scratch = Scratch::new(&format!("{name}-memory"));
    test(&scratch.memory());
    let scratch = Scratch::new(&format!("{name}-real"));
    if let Some(blobs) = scratch.real() {
        blobs.originals().probe_blocking().unwrap();
        test(&blobs);
    }
}

fn wait<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn bytes(length: u32) -> Vec<u8> {
    (0..length).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

fn staged(blobs: &Blobs, name: &str, content: &[u8]) -> PathBuf {
    let path = blobs.staging().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn taken_in(blobs: &Blobs, staged: impl AsRef<Path>, key: &str) -> Result<()> {
    wait(blobs.take_in(staged.as_ref(), key))
}

fn whole(blobs: &Blobs, key: &str) -> Vec<u8> {
    let mut read = Vec::new();
    blobs.open(key).unwrap().read_to_end(&mut read).unwrap();
    read
}

#[test]
fn a_staged_file_is_taken_in_once_and_again() {
    // One part, exactly two, and three of which the last is short; nothing at all.
    for length in [0, 5, 20, 25] {
        on_each("taken", |blobs| {
            let content = bytes(length);
            let key = sha256_hex(&content);
            assert!(!blobs.has(&key).unwrap() && blobs.open(&key).err().unwrap().is(Code::NotFound));
            for name in ["one", "two"] {
                let path = staged(blobs, name, &content);
                taken_in(blobs, &path, &key).unwrap();
                // In a bucket it is a copy, which goes when the row is there.
                assert_eq!(path.exists(), matches!(blobs.originals(), Originals::Bucket(_)));
                // After a kill between the taking and the row it is asked for again.
                taken_in(blobs, &path, &key).unwrap();
                let _ = std::fs::remove_file(&path);
                taken_in(blobs, &path, &key).unwrap();
            }
            assert_eq!(blobs.size(&key).unwrap(), Some(u64::from(length)));
            assert_eq!(whole(blobs, &key), content);
            assert!(blobs.remove(&key).unwrap() && !blobs.remove(&key).unwrap());
            assert!(blobs.open(&key).err().unwrap().is(Code::NotFound));
            assert!(wait(blobs.find(&key)).err().unwrap().is(Code::NotFound));
            let gone = blobs.staging().join("one");
            assert!(taken_in(blobs, gone, &key).is_err(), "neither staged nor here");
        });
    }
}

#[test]
fn parts_go_ahead_and_only_the_rest_goes_over_after_a_kill() {
    let scratch = Scratch::new("ahead");
    let memory = Arc::new(Counting::default());
    // Each time another process.
    let blobs = || {
        let bucket = Bucket::over(memory.objects.clone(), memory.clone(), "memory", "", SMALL_PARTS).unwrap();
        Blobs::over(&scratch.0, Originals::Bucket(bucket)).unwrap()
    };
    let content = bytes(47);
    let key = sha256_hex(&content);
    let path = staged(&blobs(), "one", &content[..28]);
    let ahead = |good| wait(blobs().send_ahead(&path, &key, good, 47).unwrap()).unwrap();
    ahead(9);
    assert_eq!(memory.taken(), 0, "less than a part");
    ahead(28);
    ahead(28);
    assert_eq!(memory.taken(), 2);
    assert!(!blobs().has(&key).unwrap(), "nothing is visible before it is whole");
    staged(&blobs(), "one", &content);
    memory.fail.store(true, Ordering::Relaxed);
    assert!(is_unreachable(&taken_in(&blobs(), &path, &key).err().unwrap()));
    memory.fail.store(false, Ordering::Relaxed);
    assert_eq!(memory.taken(), 0);
    taken_in(&blobs(), &path, &key).unwrap();
    assert_eq!(memory.taken(), 3, "the third, fourth and fifth part");
    assert_eq!(whole(&blobs(), &key), content);
    assert_eq!(std::fs::read_dir(blobs().staging()).unwrap().count(), 1, "the record has gone");

    // Bytes that were taken back: the others are sent, not those.
    let path = staged(&blobs(), "two", &bytes(99)[..40]);
    let other: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    let key = sha256_hex(&other);
    wait(blobs().send_ahead(&path, &key, 40, 47).unwrap()).unwrap();
    assert_eq!(memory.taken(), 4);
    wait(blobs().forget(&path)).unwrap();
    staged(&blobs(), "two", &other);
    taken_in(&blobs(), &path, &key).unwrap();
    assert_eq!((memory.taken(), whole(&blobs(), &key)), (5, other));
    // Who set out before the bytes were taken back arrives after it, and sends nothing.
    let late = staged(&blobs(), "late", &content);
    let one = blobs();
    let sending = one.send_ahead(&late, &key, 40, 47).unwrap();
    wait(one.forget(&late)).unwrap();
    wait(sending).unwrap();
    assert_eq!(memory.taken(), 0);
    // Nobody else's parts: another name, another size.
    for (name, length) in [(sha256_hex(b"x"), 47), (key.clone(), 200_000)] {
        let path = staged(&blobs(), "three", &content);
        wait(blobs().send_ahead(&path, &name, 47, length).unwrap()).unwrap();
        taken_in(&blobs(), &path, &sha256_hex(&content)).unwrap();
        assert_eq!(whole(&blobs(), &sha256_hex(&content)), content);
    }
}

/// A bucket in memory that counts parts and can refuse them.
#[derive(Default)]
struct Counting {
    objects: Arc<InMemory>,
    parts: AtomicUsize,
    fail: AtomicBool,
}

impl Counting {
    /// How many parts came since it was asked last.
    fn taken(&self) -> usize {
        self.parts.swap(0, Ordering::Relaxed)
    }
}

type Stored<'a, T> = Pin<Box<dyn Future<Output = object_store::Result<T>> + Send + 'a>>;

impl MultipartStore for Counting {
    fn create_multipart<'a, 'b, 'c>(&'a self, path: &'b Key) -> Stored<'c, MultipartId>
    where
        Self: 'c,
        'a: 'c,
        'b: 'c,
    {
        self.objects.create_multipart(path)
    }

    fn put_part<'a, 'b, 'd, 'c>(
        &'a self,
        path: &'b Key,
        id: &'d MultipartId,
        n: usize,
        data: PutPayload,
    ) -> Stored<'c, PartId>
    where
        Self: 'c,
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        if self.fail.load(Ordering::Relaxed) {
            return Box::pin(async { Err(object_store::Error::Generic { store: "test", source: "away".into() }) });
        }
        self.parts.fetch_add(1, Ordering::Relaxed);
        self.objects.put_part(path, id, n, data)
    }

    fn complete_multipart<'a, 'b, 'd, 'c>(
        &'a self,
        path: &'b Key,
        id: &'d MultipartId,
        parts: Vec<PartId>,
    ) -> Stored<'c, PutResult>
    where
        Self: 'c,
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        self.objects.complete_multipart(path, id, parts)
    }

    fn abort_multipart<'a, 'b, 'd, 'c>(&'a self, path: &'b Key, id: &'d MultipartId) -> Stored<'c, ()>
    where
        Self: 'c,
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        self.objects.abort_multipart(path, id)
    }
}

#[test]
fn other_bytes_take_the_place_of_those_that_were_there() {
    on_each("replaced", |blobs| {
        let content = bytes(33);
        let key = sha256_hex(&content);
        taken_in(blobs, staged(blobs, "damaged", b"other"), &key).unwrap();
        taken_in(blobs, staged(blobs, "right", &content), &key).unwrap();
        assert_eq!(whole(blobs, &key), content);
    });
}

#[test]
fn what_is_no_key_names_nothing() {
    on_each("keys", |blobs| {
        for bad in ["", "..", "../../master.key", "AB", &"A".repeat(64), &"é".repeat(32)] {
            assert!(!blobs.has(bad).unwrap() && blobs.open(bad).is_err(), "{bad}");
            assert!(taken_in(blobs, staged(blobs, "x", b"x"), bad).is_err(), "{bad}");
            assert!(!blobs.remove(bad).unwrap());
        }
    });
}

#[test]
fn any_range_comes_as_it_is() {
    // Larger than what a reader asks for at once, and than what one client has in memory.
    let content = bytes(2_500_000);
    let key = sha256_hex(&content);
    let scratch = [Scratch::new("range-folder"), Scratch::new("range-memory"), Scratch::new("range-real")];
    let memory = Arc::new(InMemory::new());
    let bucket = Bucket::over(Arc::clone(&memory) as _, memory, "memory", "", (1 << 20, 100)).unwrap();
    let stores = [
        Some(Blobs::new(&scratch[0].0).unwrap()),
        Some(Blobs::over(&scratch[1].0, Originals::Bucket(bucket)).unwrap()),
        scratch[2].real(),
    ];
    for blobs in stores.iter().flatten() {
        taken_in(blobs, staged(blobs, "one", &content), &key).unwrap();
        let size = content.len() as u64;
        for (first, end) in [(0, size), (0, 1), (size - 1, size), (524_287, 1_048_577), (77, 77), (size, size)] {
            let pieces = wait(async {
                let original = blobs.find(&key).await.unwrap();
                assert_eq!(original.len(), size);
                original.pieces(first, end).map(Result::unwrap).collect::<Vec<_>>().await
            });
            let (from, to) = (usize::try_from(first).unwrap(), usize::try_from(end).unwrap());
            assert!(pieces.concat() == content[from..to], "{first} to {end}");
            assert!(pieces.iter().all(|piece| piece.len() <= 512 * 1024));
        }
        let mut original = blobs.open(&key).unwrap();
        let mut some = [0; 1_000];
        for at in [2_400_000, 0, 65_000, 1_999_500] {
            assert_eq!(original.seek(SeekFrom::Start(at)).unwrap(), at);
            original.read_exact(&mut some).unwrap();
            let at = usize::try_from(at).unwrap();
            assert_eq!(some, content[at..at + 1_000]);
        }
        assert_eq!(original.seek(SeekFrom::End(-3)).unwrap(), size - 3);
        assert!(original.seek(SeekFrom::Current(-3_000_000)).is_err());
        let mut end = Vec::new();
        original.read_to_end(&mut end).unwrap();
        assert_eq!(end, content[content.len() - 3..]);
        original.seek(SeekFrom::End(10)).unwrap();
        assert_eq!(original.read(&mut some).unwrap(), 0);
        assert!(whole(blobs, &key) == content);
    }
}

#[test]
fn a_whole_original_is_had_as_a_file_within_limits() {
    on_each("local", |blobs| {
        let content = bytes(70);
        let key = sha256_hex(&content);
        assert!(blobs.local(&key, 100).err().unwrap().is(Code::NotFound));
        taken_in(blobs, staged(blobs, "one", &content), &key).unwrap();
        let _ = std::fs::remove_file(blobs.staging().join("one"));
        let local = blobs.local(&key, 70).unwrap().unwrap();
        for _ in 0..2 {
            let mut read = Vec::new();
            local.open().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, content);
        }
        drop(local);
        assert_eq!(std::fs::read_dir(blobs.staging()).unwrap().count(), 0, "what was fetched goes");
        assert_eq!(whole(blobs, &key), content, "what lies here stays");
        let in_bucket = matches!(blobs.originals(), Originals::Bucket(_));
        assert_eq!(blobs.local(&key, 69).unwrap().is_none(), in_bucket);
        std::fs::write(blobs.staging().join("fetched-1"), b"left by a kill").unwrap();
        std::fs::write(blobs.staging().join("upload"), b"somebody's").unwrap();
        assert_eq!((blobs.sweep().unwrap(), blobs.sweep().unwrap()), (1, 0));
    });
}

#[test]
fn every_original_is_listed_and_nothing_else() {
    on_each("listed", |blobs| {
        let listed = || {
            let mut keys = Vec::new();
            blobs.originals().each_key(&mut |key| keys.push(key.to_owned())).unwrap();
            keys.sort();
            keys
        };
        assert!(listed().is_empty());
        let mut keys: Vec<String> = (1..20).map(|n| sha256_hex(&bytes(n))).collect();
        for (n, key) in (1..).zip(&keys) {
            taken_in(blobs, staged(blobs, "one", &bytes(n)), key).unwrap();
        }
        blobs.put_preview("a", 320, b"preview").unwrap();
        keys.sort();
        assert_eq!(listed(), keys);
        blobs.remove(&keys[3]).unwrap();
        keys.remove(3);
        assert_eq!(listed(), keys);
    });
}

#[test]
fn a_preview_is_replaced_whole() {
    on_each("previews", |blobs| {
        assert!(wait(blobs.preview("a", 320)).err().unwrap().is(Code::NotFound));
        blobs.put_preview("a", 320, b"first").unwrap();
        blobs.put_preview("a", 320, b"2nd").unwrap();
        assert_eq!(wait(blobs.preview("a", 320)).unwrap(), "2nd");
        assert!(wait(blobs.preview("a", 1600)).err().unwrap().is(Code::NotFound));
        assert!(blobs.remove_preview("a", 320).unwrap() && !blobs.remove_preview("a", 320).unwrap());
    });
}

#[test]
fn half_written_previews_are_swept_away() {
    let scratch = Scratch::new("drafts");
    let blobs = Blobs::new(&scratch.0).unwrap();
    blobs.put_preview("a", 320, b"whole").unwrap();
    std::fs::write(scratch.0.join("evidence/previews/.draft-1-0"), b"left by a kill").unwrap();
    assert_eq!((blobs.sweep().unwrap(), blobs.sweep().unwrap()), (1, 0));
    assert_eq!(wait(blobs.preview("a", 320)).unwrap(), "whole");
}

#[test]
fn a_copy_has_what_is_kept_and_nothing_that_is_on_its_way() {
    let scratch = Scratch::new("copy");
    let (from, to) = (scratch.0.join("from"), scratch.0.join("to"));
    std::fs::create_dir_all(&from).unwrap();
    std::fs::create_dir_all(&to).unwrap();
    assert_eq!(copy_kept(&from, &to).unwrap(), Copied::default(), "an older folder has no evidence");
    let blobs = Blobs::new(&from).unwrap();
    let key = sha256_hex(b"bytes");
    taken_in(&blobs, staged(&blobs, "one", b"bytes"), &key).unwrap();
    blobs.put_preview("a", 320, b"preview").unwrap();
    staged(&blobs, "two", b"half");
    std::fs::write(from.join("evidence/previews/.draft-1-0"), b"half").unwrap();
    assert_eq!(copy_kept(&from, &to).unwrap(), Copied { files: 2, bytes: 12 });
    let copy = Blobs::new(&to).unwrap();
    assert!(copy.has(&key).unwrap() && wait(copy.preview("a", 320)).is_ok());
    assert_eq!(std::fs::read_dir(to.join("evidence/previews")).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(copy.staging()).unwrap().count(), 0);
    assert!(copy_kept(&from, &to).is_err(), "never over what is there");
}

#[test]
fn a_bucket_that_is_away_is_told_as_that() {
    let scratch = Scratch::new("away");
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let credentials = scratch.0.join("credentials");
    std::fs::write(&credentials, "aws_access_key_id = a\naws_secret_access_key = hush\n").unwrap();
    std::fs::set_permissions(&credentials, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let settings = S3 {
        bucket: "b".to_owned(),
        endpoint: format!("http://127.0.0.1:{port}"),
        credentials_file: credentials,
        ..S3::default()
    };
    let with = |s3: S3| Evidence { store: Store::S3, s3, ..Evidence::default() };
    let plain = Blobs::configured(&scratch.0, &with(settings.clone())).err().unwrap();
    assert!(plain.is(Code::BadRequest) && plain.to_string().contains("allow_http"), "{plain}");
    let nameless =
        Blobs::configured(&scratch.0, &with(S3 { bucket: String::new(), ..settings.clone() })).err().unwrap();
    assert!(nameless.to_string().contains("evidence.s3.bucket"), "{nameless}");

    let blobs = Blobs::configured(&scratch.0, &with(S3 { allow_http: true, ..settings })).unwrap();
    assert!(!format!("{blobs:?}").contains("hush"));
    let key = sha256_hex(b"bytes");
    let path = staged(&blobs, "one", b"bytes");
    for error in [
        blobs.originals().probe_blocking().err().unwrap(),
        taken_in(&blobs, &path, &key).err().unwrap(),
        blobs.open(&key).err().unwrap(),
        blobs.remove(&key).err().unwrap(),
        wait(blobs.preview("a", 320)).err().unwrap(),
    ] {
        assert!(is_unreachable(&error) && error.is(Code::Busy) && error.retry_after_s() == Some(5), "{error}");
    }
    assert!(path.exists(), "what is staged stays");
    assert!(!is_unreachable(&Error::busy(1)));
}
