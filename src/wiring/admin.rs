//! `suixing admin …`: administration from the command line, beside a running
//! server or without one.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::app;
use super::cli::{Common, print_line};
use crate::duty::officers;
use crate::platform::db::conn::{self, Role};
use crate::platform::db::{Target, batch};
use crate::words::error::{Code, Error, Result};

#[derive(Subcommand)]
pub enum Admin {
    /// Create the first administrator.
    Create(Create),
    /// Copy database and keys into a new folder while the server runs (SQLite).
    ///
    /// The copy is one consistent state. To restore: stop the server, put the
    /// two files into an empty data folder, start. Terminals notice that the
    /// stream went back and reload. PostgreSQL: use pg_dump and copy master.key.
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
        return Err(Error::bad("this database is PostgreSQL: use pg_dump, and copy master.key from the data folder"));
    };
    if !path.exists() {
        return Err(Error::bad(format!("{} is not there", path.display())));
    }
    std::fs::create_dir(&args.to)
        .map_err(|error| Error::new(Code::Conflict).detail(format!("{}: {error}", args.to.display())))?;
    let copy = args.to.join("suixing.db");
    let mut source = conn::establish(&Target::Sqlite(path), Role::Writer)?;
    let quoted = copy.to_string_lossy().replace('\'', "''");
    batch(&mut source, &format!("VACUUM INTO '{quoted}'"))?;
    let key = args.to.join("master.key");
    std::fs::copy(settings.server.data_dir.join("master.key"), &key)?;
    for file in [&copy, &key, &args.to] {
        sync(file)?;
    }
    print_line(&json!({ "event": "backup_written", "folder": args.to, "bytes": std::fs::metadata(&copy)?.len() }))
}

/// A copy that a power loss can take back is no backup.
fn sync(path: &Path) -> Result<()> {
    Ok(std::fs::File::open(path)?.sync_all()?)
}
