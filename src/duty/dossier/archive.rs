//! The archive of a dossier, made while it is sent: an item's proofs are read when its turn comes, its original in pieces
//! when the client has taken the one before. In memory are the timeline and one item's touches, never a film.

use std::io;
use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::duty::evidence::custody::TreeHead;
use crate::duty::evidence::custody::archive::Writer;
use crate::duty::evidence::custody::bundle::{self, CUSTODY, ORIGINAL, RECEIPT, SUMS};
use crate::duty::evidence::custody::dossier::{self, ItemLine, NAME_MAX, Original};
use crate::duty::evidence::store::EvidenceRow;
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Core;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Error, Result};
use crate::words::ids::CustodyId;
use crate::words::time::MICROS;

/// Pieces that wait for a slow client.
const AHEAD: usize = 2;

/// One item and the entries that were there when it was exported.
#[derive(Clone, Debug)]
pub struct Packed {
    pub row: EvidenceRow,
    pub line: ItemLine,
    pub entries: Arc<Vec<CustodyId>>,
}

/// An archive about to be sent: everything that could still be refused has been looked at.
pub struct Plan {
    pub head: TreeHead,
    /// What stands before the items: name and content.
    pub parts: Vec<(String, Vec<u8>)>,
    pub items: Vec<Packed>,
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// Sends the archive. A failure on the way breaks the answer off; half an archive never passes for a whole one.
pub fn send(core: Arc<Core>, plan: Plan) -> impl Stream<Item = io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = write(&core, plan, &sender).await {
            tracing::warn!(%error, "a dossier broke off while it was sent");
            // Whoever has gone away need not hear it.
            drop(sender.send(Err(io::Error::other(error.to_string()))).await);
        }
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|piece| (piece, receiver)) })
}

async fn write(core: &Arc<Core>, plan: Plan, out: &Sender) -> Result<()> {
    let time = u64::try_from(plan.head.at.as_micros() / MICROS).map_err(Error::internal)?;
    let mut sums = String::new();
    for (name, bytes) in plan.parts {
        put(out, &mut sums, time, &name, &bytes).await?;
    }
    for item in plan.items {
        let folder = dossier::folder(&item.row.id);
        let (id, entries, size) = (item.row.id, Arc::clone(&item.entries), plan.head.size);
        let (receipt, custody) = core.db.read(move |conn| bundle::proofs(conn, &id, &entries, size)).await?;
        put(out, &mut sums, time, &format!("{folder}{RECEIPT}"), &bundle::pretty(&receipt)?).await?;
        put(out, &mut sums, time, &format!("{folder}{CUSTODY}"), &bundle::pretty(&custody)?).await?;
        if item.line.original == Original::Included {
            let name = format!("{folder}{ORIGINAL}{}", bundle::plain_name(&item.row.filename, NAME_MAX));
            original(core, out, time, &name, &item.row).await?;
            sums.push_str(&format!("{}  {name}\n", item.row.sha256));
        }
    }
    let mut end = Vec::new();
    let mut writer = Writer::new(&mut end, time);
    writer.add(SUMS, sums.len() as u64, &mut sums.as_bytes())?;
    writer.end()?;
    hand_over(out, end).await
}

/// One small file and its line among the sums.
async fn put(out: &Sender, sums: &mut String, time: u64, name: &str, bytes: &[u8]) -> Result<()> {
    let mut piece = Vec::with_capacity(bytes.len() + 1_024);
    Writer::new(&mut piece, time).add(name, bytes.len() as u64, &mut &*bytes)?;
    sums.push_str(&format!("{}  {name}\n", sha256_hex(bytes)));
    hand_over(out, piece).await
}

/// The original of an item, piece by piece.
async fn original(core: &Arc<Core>, out: &Sender, time: u64, name: &str, row: &EvidenceRow) -> Result<()> {
    let size = u64::try_from(row.size).map_err(Error::internal)?;
    let mut header = Vec::new();
    Writer::new(&mut header, time).header(name, size)?;
    hand_over(out, header).await?;
    let mut pieces = core.part::<Blobs>()?.find(&row.sha256).await?.pieces(0, size);
    while let Some(piece) = pieces.next().await {
        hand_over(out, piece?).await?;
    }
    let mut fill = Vec::new();
    Writer::new(&mut fill, time).fill(size)?;
    hand_over(out, fill).await
}

/// Waits until the client has taken what went before. Errors: it has gone away.
async fn hand_over(out: &Sender, bytes: impl Into<Bytes>) -> Result<()> {
    let bytes = bytes.into();
    if bytes.is_empty() {
        return Ok(());
    }
    out.send(Ok(bytes)).await.map_err(|_gone| Error::bad("the client went away"))
}
