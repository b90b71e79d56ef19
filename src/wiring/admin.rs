//! `suixing admin …`: administration from the command line, beside a running
//! server or without one.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::app;
use super::cli::{Common, print_line};
use crate::duty::evidence::custody::anchor;
use crate::duty::officers;
use crate::platform::blobs::{self, Originals};
use crate::platform::config::{Config, Store};
use crate::platform::db::conn::{self, Role};
use crate::platform::db::{Target, batch};
use crate::words::error::{Code, Error, Result};

#[derive(Subcommand)]
pub enum Admin {
    /// Create the first administrator.
    Create(Create),
    /// Copy database, keys and evidence into a new folder while the server runs (SQLite).
    ///
    /// The copy is one consistent state; uploads that were under way begin anew
    /// with it. To restore: stop the server, put everything in it into an empty
    /// data folder, start. Terminals notice that the stream went back and reload.
    /// PostgreSQL: copy custody-heads.log, use pg_dump, copy evidence/ and
    /// master.key, in this order. Evidence in a bucket (evidence.store = "s3") is
    /// not copied: the bucket is replicated by its operator, not before the rows.
    Backup(Backup),
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    common: Common,
    #[arg(long)]
    username: String,
    /// Read the password from standard input (first line).
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    common: Common,
    /// Folder that does not exist yet.
    #[arg(long)]
    to: PathBuf,
}

/// Runs one of the commands.
pub fn run(command: &Admin) -> Result<()> {
    match command {
        Admin::Create(args) => create(args),
        Admin::Backup(args) => backup(args),
    }
}

fn create(args: &Create) -> Result<()> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password)?;
    let password = password.lines().next().unwrap_or_default().to_owned();
    if password.is_empty() {
        return Err(Error::bad("no password on standard input"));
    }
    let (core, _lock) = app::open_core_for_command(args.common.settings()?)?;
    let id = officers::service::admin_create(&core, &args.username, &password)?;
    print_line(&json!({ "event": "administrator_created", "person_id": id, "username": args.username }))
}

fn backup(args: &Backup) -> Result<()> {
    let settings = args.common.settings()?;
    let Target::Sqlite(path) = app::target_of(&settings)? else {
        return Err(Error::bad(
            "this database is PostgreSQL: copy custody-heads.log from the data folder, use pg_dump, and then copy \
             evidence/ and master.key",
        ));
    };
    if !path.exists() {
        return Err(Error::bad(format!("{} is not there", path.display())));
    }
    std::fs::create_dir(&args.to)
        .map_err(|error| Error::new(Code::Conflict).detail(format!("{}: {error}", args.to.display())))?;
    // The heads before the rows: a head may be missing from the file, which mends that, but none from the log.
    let heads = copy_heads(&settings.server.data_dir, &args.to)?;
    let copy = args.to.join("suixing.db");
    let mut source = conn::establish(&Target::Sqlite(path), Role::Writer)?;
    let quoted = copy.to_string_lossy().replace('\'', "''");
    batch(&mut source, &format!("VACUUM INTO '{quoted}'"))?;
    let key = args.to.join("master.key");
    std::fs::copy(settings.server.data_dir.join("master.key"), &key)?;
    // The files after the rows that name them.
    let evidence = copy_evidence(&settings, &args.to)?;
    for file in [Some(&copy), Some(&key), heads.as_ref(), Some(&args.to)].into_iter().flatten() {
        sync(file)?;
    }
    let bytes = std::fs::metadata(&copy)?.len();
    let mut line = json!({ "event": "backup_written", "folder": args.to, "bytes": bytes });
    if let (Some(line), serde_json::Value::Object(evidence)) = (line.as_object_mut(), evidence) {
        line.extend(evidence);
    }
    print_line(&line)
}

/// What is copied of the evidence, or who has to.
fn copy_evidence(settings: &Config, to: &Path) -> Result<serde_json::Value> {
    let folder = &settings.server.data_dir;
    if settings.evidence.store == Store::Folder {
        let kept = blobs::copy_kept(folder, to)?;
        return Ok(json!({ "evidence_files": kept.files, "evidence_bytes": kept.bytes }));
    }
    let bucket = Originals::configured(folder, &settings.evidence)?.name();
    let note = format!(
        "the evidence is not in this copy: it lies in {bucket}, which its operator replicates; suixing verify with the \
         same --config shows that both fit"
    );
    tracing::warn!("{note}");
    Ok(json!({ "evidence": bucket, "evidence_note": note }))
}

/// The anchoring file as it is now; none before the first head was signed.
fn copy_heads(data_dir: &Path, to: &Path) -> Result<Option<PathBuf>> {
    let copy = to.join(anchor::FILE);
    match std::fs::copy(data_dir.join(anchor::FILE), &copy) {
        Ok(_) => Ok(Some(copy)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A copy that a power loss can take back is no backup.
fn sync(path: &Path) -> Result<()> {
    Ok(std::fs::File::open(path)?.sync_all()?)
}
