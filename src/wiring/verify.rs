//! `suixing verify`: shows offline that evidence is what it was. No server, no network, no key of ours is needed.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::duty::evidence::custody::verify;
use crate::platform::blobs::Originals;
use crate::platform::config;
use crate::words::error::{Error, Result};

/// What to look at.
#[derive(Args)]
pub struct VerifyArgs {
    /// A bundle (GET /api/v1/evidence/{id}/bundle), a dossier (GET /api/v1/incidents/{id}/dossier), or the data folder of
    /// a server, running or not.
    path: PathBuf,
    /// Tree heads that were kept elsewhere: a copy of custody-heads.log, or an answer of /api/v1/custody/….
    #[arg(long, value_name = "FILE")]
    tree_head: Option<PathBuf>,
    /// The store's database where it is not suixing.db in the folder: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The server's configuration, for a store whose originals lie in a bucket; its database counts, too, unless one is
    /// named. The environment counts as with the server.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One line and success when everything fits; otherwise a line for each thing that does not, and an error.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let report = report(args)?;
    let mut out = std::io::stdout().lock();
    out.write_all(report.text().as_bytes())?;
    out.flush()?;
    if report.fits() {
        return Ok(());
    }
    let count = report.findings.list().len() as u64 + report.findings.more();
    let first = report.findings.list().first().cloned().unwrap_or_default();
    Err(Error::conflict(format!("{count} things do not fit; the first: {first}")))
}

fn report(args: &VerifyArgs) -> Result<verify::Report> {
    let (url, kept) = (args.database_url.as_deref(), args.tree_head.as_deref());
    if !args.path.is_dir() {
        return verify::verify(&args.path, url, kept);
    }
    let settings = config::load(args.config.as_deref())?;
    let originals = Originals::configured(&args.path, &settings.evidence)?;
    let known = Some(settings.database.url.as_str()).filter(|url| !url.is_empty());
    verify::verify_store(&args.path, url.or(known), kept, &originals)
}
