//! Settings: one struct per concern, defaults in code, unknown keys refused.
//! The only place that reads a configuration file or the environment.
//!
//! Order: defaults < file (`--config`, TOML) < environment
//! (`SUIXING_AUTH__ACCESS_TTL_S=600`) < flags.

mod auth;
mod backup;
mod bucket;
mod dispatch;
mod documents;
mod evidence;
mod location;
mod numbers;
mod socket;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use auth::Auth;
pub use backup::Backup;
pub use bucket::{Credentials, S3, Store};
pub use dispatch::{Dispatch, Mode};
pub use documents::{Documents, Office};
pub use evidence::{Evidence, SceneRule, Term};
pub use location::Location;
pub use numbers::{Abbreviation, Numbers};
pub use socket::Socket;

use crate::words::error::{Error, Result};

/// Prefix of environment variables that set configuration keys.
const ENV_PREFIX: &str = "SUIXING";

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub auth: Auth,
    pub dispatch: Dispatch,
    pub location: Location,
    pub backup: Backup,
    pub evidence: Evidence,
    pub numbers: Numbers,
    pub documents: Documents,
    pub socket: Socket,
}

/// Where and how to listen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 takes a free one and the ready line names it.
    pub listen: String,
    /// Folder for the database file, keys and the process lock.
    pub data_dir: PathBuf,
    /// HTTP worker threads; 0 = one per core.
    pub workers: usize,
    /// Connections accepted at once per worker.
    pub max_connections: usize,
    /// Seconds to finish open requests when stopping.
    pub stop_timeout_s: u64,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8420".to_owned(),
            data_dir: PathBuf::from("data"),
            workers: 0,
            max_connections: 25_000,
            stop_timeout_s: 10,
            trusted_proxies: Vec::new(),
        }
    }
}

/// Which database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`; empty = `suixing.db` in the data folder.
    pub url: String,
    /// Reader connections.
    pub readers: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), readers: 6 }
    }
}

/// Reads the file (if any) and the environment over the defaults.
pub fn load(file: Option<&Path>) -> Result<Config> {
    let mut builder = config::Config::builder();
    if let Some(path) = file {
        builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml).required(true));
    }
    builder = builder.add_source(
        config::Environment::with_prefix(ENV_PREFIX).prefix_separator("_").separator("__").try_parsing(true).source(
            Some(
                // Only nested keys are ours: SUIXING_TEST_DATABASE_URL and the like belong to scripts.
                std::env::vars().filter(|(key, _)| key.starts_with("SUIXING_") && key.contains("__")).collect(),
            ),
        ),
    );
    builder
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| Error::bad(format!("configuration: {error}")))
}

/// Parses configuration text, for tests of the example file.
pub fn parse(text: &str) -> Result<Config> {
    config::Config::builder()
        .add_source(config::File::from_str(text, config::FileFormat::Toml))
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| Error::bad(format!("configuration: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_parses_and_unknown_keys_are_refused() {
        let example = include_str!("../../../config.example.toml");
        parse(example).unwrap();
        let error = parse("[server]\nlisten = \"127.0.0.1:1\"\nlisten_adress = \"x\"").unwrap_err();
        assert!(error.detail_text().contains("listen_adress"), "{error}");
    }
}
