//! `suixing verify`: shows offline that evidence is what it was. No server, no network, no key of ours is needed.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::duty::evidence::custody::verify;
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
}

/// One line and success when everything fits; otherwise a line for each thing that does not, and an error.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let report = verify::verify(&args.path, args.database_url.as_deref(), args.tree_head.as_deref())?;
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
