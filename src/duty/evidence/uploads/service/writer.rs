//! The task that takes the bytes of one request into the staged file.
//!
//! Batches are written and hashed on blocking threads, which are not held while nothing comes. Beside the receiving the
//! file is synced and then the row written, so that a kill costs 8 MiB at most; at the end of the body both are waited
//! for, then the client hears the offset. A connection that breaks off ends the same way.
//!
//! A chunk with a checksum counts when the sum holds. One of at most 8 MiB is recorded only then, and sent again when
//! its connection breaks off; a longer one is recorded on the way like any other, lest gigabytes be sent again, and
//! taken back as a whole when the sum does not hold.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::task::JoinHandle;

use super::super::State;
use super::super::holds::{Hold, Uploads};
use super::super::metadata::{Described, Metadata};
use super::super::staging::{Mark, PIECE, Staged, io_error};
use super::super::tus::{Checksum, Summing};
use super::append::{Ask, too_long};
use super::finish::finish;
use super::{LEASE_S, forget_sent};
use crate::duty::evidence::store::uploads::{self as store, Progress, UploadRow};
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::disk::blocking;
use crate::words::error::{Code, Error, Result};

/// Bytes after which it is looked at whether to sync; four steps and what is still in memory are less than a piece.
const STEP: u64 = 15 * 128 * 1024;
/// Bytes after which what is synced is recorded too: at every second step. While one record is on its way two steps
/// more may come, then it is waited for.
const RECORD: u64 = STEP / 2 * 3;
/// How often a blocking thread gives way and looks again before it goes back: a quick connection has the next batch
/// ready by then, and going back and forth between threads costs more than the looking.
const LOOKS: usize = 4;
/// A step that took longer leaves the disk enough time to write by itself.
const HURRY: Duration = Duration::from_millis(250);

/// What a connection hands over.
pub(super) enum Fed {
    Bytes(Vec<u8>),
    /// The body is whole. Without it, it broke off.
    End,
}

/// What goes to the blocking threads and comes back.
pub(super) struct Work {
    staged: Staged,
    fed: mpsc::Receiver<Fed>,
    summing: Option<Summing>,
    length: u64,
    /// Where it is looked at next whether to sync.
    next_step: u64,
}

/// Why the blocking thread came back.
enum Turn {
    /// Nothing more has come yet.
    Empty,
    /// A step is full.
    Step,
    Ended(Ended),
}

/// How the bytes of a request ended.
enum Ended {
    Whole,
    Broken,
    /// Somebody else goes on with the upload.
    Stopped,
    /// More came than the upload has.
    TooLong,
    Failed(io::Error),
}

/// A sync that runs beside the receiving.
struct Syncing {
    task: JoinHandle<Result<()>>,
    /// How far the row says the file is good when it is through; `None` if it leaves the row alone.
    records: Option<u64>,
}

pub(super) struct Writer {
    core: Arc<Core>,
    hold: Hold,
    row: UploadRow,
    /// Nothing is recorded before the sum holds.
    provisional: bool,
    /// Where the body ends, if it said so.
    end: Option<u64>,
    /// How far the row says the file is good.
    recorded: u64,
    /// The same once the sync that runs is through.
    asked: u64,
    syncing: Option<Syncing>,
    stepped: Instant,
    /// What the whole file was said to be: pieces that are sealed can go ahead.
    declared: Option<String>,
    /// Sealed pieces that were there when some were sent ahead last, and who sends them.
    ahead: (u64, Option<JoinHandle<()>>),
}

impl Work {
    pub(super) fn new(staged: Staged, fed: mpsc::Receiver<Fed>, sum: Option<Checksum>, writer: &Writer) -> Self {
        let next_step = staged.at() + STEP;
        let length = writer.row.length.cast_unsigned();
        Self { staged, fed, summing: sum.map(Checksum::begin), length, next_step }
    }

    /// Takes in this batch and all that wait; on a blocking thread.
    fn turn(&mut self, first: Vec<u8>) -> Turn {
        let mut batch = first;
        loop {
            if batch.len() as u64 > self.length.saturating_sub(self.staged.at()) {
                return Turn::Ended(Ended::TooLong);
            }
            if let Some(summing) = &mut self.summing {
                summing.update(&batch);
            }
            if let Err(error) = self.staged.append(&batch) {
                return Turn::Ended(Ended::Failed(error));
            }
            if self.staged.at() >= self.next_step {
                self.next_step += STEP;
                return Turn::Step;
            }
            batch = match self.next() {
                Some(Fed::Bytes(next)) => next,
                Some(Fed::End) => return Turn::Ended(Ended::Whole),
                None => return Turn::Empty,
            };
        }
    }

    /// What has come by now; nothing, too, when the connection has gone.
    fn next(&mut self) -> Option<Fed> {
        for _ in 0..LOOKS {
            match self.fed.try_recv() {
                Err(TryRecvError::Empty) => std::thread::yield_now(),
                known => return known.ok(),
            }
        }
        self.fed.try_recv().ok()
    }
}

impl Writer {
    pub(super) fn new(core: &Arc<Core>, hold: Hold, row: UploadRow, ask: &Ask) -> Self {
        let at = row.synced.cast_unsigned();
        let short = ask.body.is_some_and(|body| body <= PIECE.cast_signed());
        // Of a part nothing is known.
        let described = Metadata::parse(&row.metadata).and_then(|metadata| Described::read(&metadata)).ok();
        let declared = described.filter(|_| !row.is_partial()).and_then(|described| described.sha256);
        Self {
            core: Arc::clone(core),
            hold,
            provisional: ask.checksum.is_some() && short,
            end: ask.body.map(|body| at.saturating_add(body.cast_unsigned())),
            recorded: at,
            asked: at,
            row,
            syncing: None,
            stepped: Instant::now(),
            declared,
            ahead: (at / PIECE, None),
        }
    }

    /// Runs to the end of the body, or to what ends it before. The row as it is then; an error says in `offset` how far
    /// the file is good, unless nothing of it is kept.
    pub(super) async fn run(mut self, work: Work) -> Result<UploadRow> {
        let taken = self.take_in(work).await;
        let offset = self.recorded.cast_signed();
        match taken.map_err(|error| error.with("offset", offset.into()))? {
            Some(sha256) => finish(&self.core, self.row.clone(), sha256).await,
            None => Ok(self.row.clone()),
        }
    }

    /// Takes the body in; the hash of the file when that is whole now.
    async fn take_in(&mut self, work: Work) -> Result<Option<String>> {
        let mark = work.staged.mark();
        let (mut work, ended) = self.receive(work).await?;
        let sum_holds = match (&ended, work.summing.take()) {
            (Ended::Whole, Some(summing)) => summing.holds(),
            _ => true,
        };
        let refused = match ended {
            Ended::Whole if sum_holds => None,
            Ended::Whole => {
                Some(Error::new(Code::ChecksumMismatch).detail("the chunk is not what Upload-Checksum says"))
            }
            Ended::TooLong => Some(too_long(self.row.length)),
            Ended::Broken => Some(Error::bad("the body broke off")),
            Ended::Stopped => Some(self.hold.reason()),
            Ended::Failed(error) => Some(io_error(error)),
        };
        let Some(error) = refused else {
            self.record_all(&mut work.staged).await?;
            let whole = self.row.is_full() && !self.row.is_partial();
            return Ok(whole.then(|| work.staged.hex()));
        };
        if self.provisional || error.is(Code::ChecksumMismatch) || error.is(Code::PayloadTooLarge) {
            self.take_back(work.staged, mark).await?;
        } else {
            self.record_all(&mut work.staged).await?;
        }
        Err(error)
    }

    /// Until the body has ended, one way or another.
    async fn receive(&mut self, mut work: Work) -> Result<(Work, Ended)> {
        loop {
            let first = tokio::select! {
                biased;
                () = self.hold.stopped() => return Ok((work, Ended::Stopped)),
                fed = work.fed.recv() => match fed {
                    Some(Fed::Bytes(batch)) => batch,
                    Some(Fed::End) => return Ok((work, Ended::Whole)),
                    None => return Ok((work, Ended::Broken)),
                },
            };
            let (back, turn) = blocking(move || {
                let turn = work.turn(first);
                (work, turn)
            })
            .await?;
            work = back;
            match turn {
                Turn::Empty => {}
                Turn::Step => self.step(&mut work.staged).await?,
                Turn::Ended(ended) => return Ok((work, ended)),
            }
        }
    }

    /// Syncs beside the receiving: with a record when much has come since the last, else only while the bytes come
    /// faster than the disk would take them by itself.
    async fn step(&mut self, staged: &mut Staged) -> Result<()> {
        let hurried = self.stepped.elapsed() < HURRY;
        self.stepped = Instant::now();
        if self.syncing.as_ref().is_some_and(|syncing| syncing.task.is_finished()) {
            self.settle().await?;
        }
        // A body that ends within a piece is recorded at its end.
        let ends_soon = self.end.is_some_and(|end| end.saturating_sub(self.recorded) <= PIECE);
        if !ends_soon && staged.at().saturating_sub(self.asked) >= RECORD {
            self.settle().await?;
            self.begin_record(staged, false);
        } else if hurried && self.syncing.is_none() {
            let file = staged.file();
            let task = tokio::spawn(async move { blocking(move || file.sync_data()).await?.map_err(io_error) });
            self.syncing = Some(Syncing { task, records: None });
        }
        Ok(())
    }

    /// Begins to sync what is in the file and then to record it; none other may run. The `last` one of a body is waited
    /// for, and with it a part may be whole.
    fn begin_record(&mut self, staged: &mut Staged, last: bool) {
        let at = staged.at();
        let whole = last && self.row.is_partial() && at >= self.row.length.cast_unsigned();
        let priority = if last { Priority::Normal } else { Priority::Background };
        let progress = Progress {
            id: self.row.id,
            lease_gen: self.row.lease_gen,
            from: self.row.state,
            to: if whole { State::Whole } else { self.row.state },
            synced: at.cast_signed(),
            pieces: staged.take_pieces(),
            ttl_s: self.core.config.evidence.upload_ttl_s,
            lease_s: LEASE_S,
        };
        self.asked = at;
        self.row.state = progress.to;
        metrics::counter!("suixing_upload_bytes_total").increment(at.saturating_sub(self.recorded));
        let (core, file) = (Arc::clone(&self.core), staged.file());
        let task = tokio::spawn(async move {
            blocking(move || file.sync_data()).await?.map_err(io_error)?;
            put(&core, progress, priority).await
        });
        self.syncing = Some(Syncing { task, records: Some(at) });
    }

    /// Waits for the sync that runs.
    async fn settle(&mut self) -> Result<()> {
        let Some(syncing) = self.syncing.take() else { return Ok(()) };
        syncing.task.await.map_err(Error::internal)??;
        if let Some(at) = syncing.records {
            self.recorded = at;
            self.row.synced = at.cast_signed();
            self.send_ahead()?;
        }
        Ok(())
    }

    /// Lets the pieces that were sealed go to a bucket, beside the receiving. What fails goes with the whole file.
    fn send_ahead(&mut self) -> Result<()> {
        let sealed = self.recorded / PIECE;
        let Some(sha256) = self.declared.as_ref().filter(|_| sealed > self.ahead.0) else { return Ok(()) };
        let (id, path) = (self.row.id, self.core.part::<Uploads>()?.path(self.row.id));
        let length = self.row.length.cast_unsigned();
        let Some(sending) = self.core.part::<Blobs>()?.send_ahead(&path, sha256, self.recorded, length) else {
            return Ok(());
        };
        let before = self.ahead.1.take();
        let sender = tokio::spawn(async move {
            // One after the other: a part is begun where the one before ended.
            if let Some(before) = before
                && let Err(error) = before.await
            {
                tracing::error!(upload = %id, %error, "sending pieces of an upload ahead ended early");
            }
            if let Err(error) = sending.await {
                tracing::debug!(upload = %id, %error, "pieces of an upload were not sent ahead");
            }
        });
        self.ahead = (sealed, Some(sender));
        Ok(())
    }

    /// Everything that is in the file is synced and recorded.
    async fn record_all(&mut self, staged: &mut Staged) -> Result<()> {
        self.settle().await?;
        if staged.at() > self.recorded {
            self.begin_record(staged, true);
            self.settle().await?;
            let ttl_s = self.core.config.evidence.upload_ttl_s;
            self.row.expires_at = self.core.clock.now().plus_secs(ttl_s);
        }
        Ok(())
    }

    /// The file and the row are as they were before this request.
    async fn take_back(&mut self, mut staged: Staged, mark: Mark) -> Result<()> {
        self.settle().await?;
        let at = mark.at();
        if self.recorded > at {
            forget_sent(&self.core, self.row.id).await?;
            // The row first: a file that is too long is cut, one that is too short would be missed.
            let (id, lease_gen, to) = (self.row.id, self.row.lease_gen, at.cast_signed());
            self.core.db.write(Priority::Normal, move |tx| store::progress_lower(tx, &id, lease_gen, to)).await?;
            self.recorded = at;
            self.row.synced = to;
        }
        blocking(move || staged.take_back(&mark)).await?.map_err(io_error)
    }
}

/// Records progress. Errors: `conflict` when another node goes on with the upload.
pub(super) async fn put(core: &Core, progress: Progress, priority: Priority) -> Result<()> {
    let kept = core.db.write(priority, move |tx| store::progress_put(tx, &progress)).await?;
    if kept { Ok(()) } else { Err(Error::conflict("the upload has ended, or another node goes on with it")) }
}
