//! Originals and previews in a bucket that speaks S3.
//!
//! A file goes over in parts of 8 MiB, one of them in memory, and becomes visible under its content's name at once and as
//! a whole, or not at all. An object has its name from its first part on: parts of a file that is still arriving go over
//! when its hash was declared, else they wait for the whole (`put`, `parts`). What a kill has left over there is for a rule of
//! the bucket to clear away (README.md). Requests are signed, encrypted and waited for on threads of this module's own: a
//! part is hashed for its signature, which would keep sockets waiting elsewhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::multipart::MultipartStore;
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use tokio::runtime::{Handle, Runtime};

use super::buffers::Buffers;
use super::parts::Tracks;
use super::{Original, key_name, unreachable};
use crate::platform::config::S3;
use crate::words::error::{Code, Error, Result};

/// Bytes of a part: a sealed piece of an upload. S3 wants 5 MiB or more.
const PART: u64 = 8 << 20;
/// Parts in memory at once, of all files together: 32 MiB.
const PARTS_AT_ONCE: usize = 4;
/// Threads that talk to the bucket.
const THREADS: usize = 2;
/// For a connection to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// For one request with its repetitions: a part takes so long over 1 Mbit/s.
pub(super) const PUT_WITHIN: Duration = Duration::from_secs(90);
/// The same for what somebody looks at meanwhile.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(15);
/// Repetitions of a request that a server or a link has failed, and how long after the first one may begin.
const RETRIES: usize = 3;
const RETRY_WITHIN: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// A prefix in a bucket; cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) parts: Arc<dyn MultipartStore>,
    /// Empty, or ending in `/`.
    prefix: String,
    /// `s3://BUCKET/PREFIX`, for people.
    name: String,
    /// Bytes of a part.
    pub(super) part: u64,
    pub(super) buffers: Buffers,
    pub(super) tracks: Tracks,
    pub(super) handle: Handle,
    /// None once it is being dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.inner.name).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also where nobody may wait.
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// The bucket of the settings; nothing is asked of it yet. Errors: settings or credentials that cannot be.
    pub fn configured(settings: &S3) -> Result<Self> {
        if settings.bucket.is_empty() {
            return Err(Error::bad("evidence.store is \"s3\", and evidence.s3.bucket is empty"));
        }
        if settings.endpoint.starts_with("http://") && !settings.allow_http {
            return Err(Error::bad("evidence.s3.endpoint is http://; evidence.s3.allow_http says what that means"));
        }
        let credentials = settings.credentials()?;
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_WITHIN)
            .with_timeout(PUT_WITHIN)
            .with_allow_http(settings.allow_http);
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: RETRY_FIRST, max_backoff: RETRY_LONGEST, base: 2.0 },
            max_retries: RETRIES,
            retry_timeout: RETRY_WITHIN,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(credentials.key_id)
            .with_secret_access_key(credentials.secret)
            .with_client_options(client)
            .with_retry(retry);
        if !settings.endpoint.is_empty() {
            builder = builder.with_endpoint(settings.endpoint.trim_end_matches('/'));
        }
        if let Some(token) = credentials.token {
            builder = builder.with_token(token);
        }
        let store = Arc::new(builder.build().map_err(|error| Error::bad(format!("evidence.s3: {error}")))?);
        let prefix = settings.prefix.trim_matches('/');
        Self::over(Arc::clone(&store) as _, store, &settings.bucket, prefix, (PART, PARTS_AT_ONCE))
    }

    /// Over any store of objects; `part` says how many bytes a part has, and how many there may be in memory.
    pub(super) fn over(
        objects: Arc<dyn ObjectStore>,
        parts: Arc<dyn MultipartStore>,
        bucket: &str,
        prefix: &str,
        (part, at_once): (u64, usize),
    ) -> Result<Self> {
        Key::parse(prefix).map_err(|error| Error::bad(format!("evidence.s3.prefix: {error}")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("bucket")
            .enable_all()
            .build()?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let inner = Inner {
            objects,
            parts,
            name: format!("s3://{bucket}/{prefix}"),
            prefix,
            part,
            buffers: Buffers::new(at_once),
            tracks: Tracks::default(),
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Does work on the threads of the bucket and waits for it. It goes on to its end when nobody waits any more.
    pub async fn run<T, W>(&self, work: impl FnOnce(Self) -> W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
    {
        self.inner.handle.spawn(work(self.clone())).await.map_err(Error::internal)?
    }

    /// Does work on this thread, which may be blocked.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.inner.handle.block_on(work)
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where the original of this key lies or would lie, for people.
    pub fn place(&self, key: &str) -> String {
        format!("{}{}", self.inner.name, key_name(key))
    }

    pub(super) fn key(&self, name: &str) -> Result<Key> {
        Key::parse(format!("{}{name}", self.inner.prefix)).map_err(Error::internal)
    }

    fn preview_key(&self, name: &str) -> Result<Key> {
        self.key(&format!("previews/{name}"))
    }

    /// Bytes of the original, if it is here.
    pub async fn size(&self, key: &str) -> Result<Option<u64>> {
        self.size_of(&self.key(&key_name(key))?).await
    }

    pub(super) async fn size_of(&self, key: &Key) -> Result<Option<u64>> {
        match within(READ_WITHIN, "look for an object", self.inner.objects.head(key)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(error) if error.is(Code::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Errors: `not_found`.
    pub async fn open(&self, key: &str) -> Result<Original> {
        let key = self.key(&key_name(key))?;
        let len = self.size_of(&key).await?.ok_or_else(|| Error::not_found("content"))?;
        Ok(Original::object(Object { bucket: self.clone(), key }, len))
    }

    /// False when it was gone already.
    pub async fn remove(&self, key: &str) -> Result<bool> {
        self.delete(&self.key(&key_name(key))?).await
    }

    async fn delete(&self, key: &Key) -> Result<bool> {
        if self.size_of(key).await?.is_none() {
            return Ok(false);
        }
        match within(READ_WITHIN, "delete an object", self.inner.objects.delete(key)).await {
            // Somebody else did it in between.
            Err(error) if error.is(Code::NotFound) => Ok(false),
            other => other.map(|()| true),
        }
    }

    pub async fn put_preview(&self, name: &str, bytes: Bytes) -> Result<()> {
        let key = self.preview_key(name)?;
        let put = self.inner.objects.put(&key, PutPayload::from(bytes));
        within(PUT_WITHIN, "put a preview", put).await.map(drop).map_err(no_bucket)
    }

    /// Errors: `not_found`.
    pub async fn preview(&self, name: &str) -> Result<Bytes> {
        let key = self.preview_key(name)?;
        let read = async { self.inner.objects.get(&key).await?.bytes().await };
        match within(READ_WITHIN, "read a preview", read).await {
            Err(error) if error.is(Code::NotFound) => Err(Error::not_found("preview")),
            other => other,
        }
    }

    /// False when there was none.
    pub async fn remove_preview(&self, name: &str) -> Result<bool> {
        self.delete(&self.preview_key(name)?).await
    }

    /// Every key that has an original.
    pub async fn each_key(&self, each: &mut dyn FnMut(&str)) -> Result<()> {
        let mut listed = self.inner.objects.list(self.prefix()?.as_ref());
        while let Some(found) = within(READ_WITHIN, "list the bucket", next(&mut listed)).await.map_err(no_bucket)? {
            let key = found.filename().filter(|name| super::is_key(name));
            if let Some(key) = key.filter(|key| found.as_ref().ends_with(&key_name(key))) {
                each(key);
            }
        }
        Ok(())
    }

    /// Whether the bucket answers and lets us in.
    pub async fn probe(&self) -> Result<()> {
        let mut listed = self.inner.objects.list(self.prefix()?.as_ref());
        within(READ_WITHIN, "look into the bucket", next(&mut listed)).await.map(drop).map_err(no_bucket)
    }

    fn prefix(&self) -> Result<Option<Key>> {
        if self.inner.prefix.is_empty() { Ok(None) } else { self.key("").map(Some) }
    }
}

/// The next name of a list, if there is one.
async fn next(
    listed: &mut (impl futures_util::Stream<Item = object_store::Result<object_store::ObjectMeta>> + Unpin),
) -> object_store::Result<Option<Key>> {
    Ok(listed.next().await.transpose()?.map(|found| found.location))
}

/// One object that was there.
#[derive(Clone)]
pub struct Object {
    bucket: Bucket,
    key: Key,
}

impl Object {
    /// Its bytes from `from` up to `to`, which it has.
    pub async fn fetch(&self, from: u64, to: u64) -> Result<Bytes> {
        let key = self.key.clone();
        self.bucket.run(move |bucket| async move { range(&bucket, &key, from, to).await }).await
    }

    /// [`Object::fetch`] for whoever may block.
    pub fn fetch_blocking(&self, from: u64, to: u64) -> Result<Bytes> {
        self.bucket.wait(range(&self.bucket, &self.key, from, to))
    }
}

async fn range(bucket: &Bucket, key: &Key, from: u64, to: u64) -> Result<Bytes> {
    let bytes = within(READ_WITHIN, "read an object", bucket.inner.objects.get_range(key, from..to)).await?;
    if bytes.len() as u64 == to.saturating_sub(from) {
        return Ok(bytes);
    }
    Err(Error::internal(format!("{key}: {} bytes came of those from {from} to {to}", bytes.len())))
}

/// Waits for the bucket. Errors: `not_found`, or that it cannot be reached.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &str,
    work: impl Future<Output = object_store::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(object_store::Error::NotFound { .. })) => Err(Error::not_found("content")),
        Ok(Err(error)) => Err(unreachable(doing, &error)),
        Err(_elapsed) => Err(unreachable(doing, &"no answer in time")),
    }
}

/// Where nothing is looked for, what is not found is the bucket itself.
pub(super) fn no_bucket(error: Error) -> Error {
    if error.is(Code::NotFound) {
        unreachable("use the bucket", &"there is no such bucket, or no such upload")
    } else {
        error
    }
}
