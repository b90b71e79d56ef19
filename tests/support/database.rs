//! The database of one test server: a file in its data folder, or a database of its own on PostgreSQL.
//!
//! `SUIXING_TEST_DATABASE_URL=postgres://…/postgres` switches the whole suite to PostgreSQL.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection, select, sql_query};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where one server keeps its rows, and how they are put aside and brought back.
pub enum Database {
    /// `DIR/*.db` and its journal files in the data folder.
    Sqlite { dir: PathBuf },
    /// A database made for this server, dropped with it.
    Postgres { maintenance: String, name: String },
}

impl Database {
    /// Whether the suite runs on PostgreSQL.
    pub fn on_postgres() -> bool {
        maintenance_url().is_some()
    }

    /// A fresh, empty database for a server with the data folder `dir`.
    pub fn fresh(dir: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(maintenance) = maintenance_url() else {
            return Self::Sqlite { dir: dir.to_owned() };
        };
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("suixing_{}_{n}", std::process::id());
        run(&maintenance, &[format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")]);
        Self::Postgres { maintenance, name }
    }

    /// The `--database-url` to pass; none on SQLite, where the data folder says enough.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { maintenance, name } => Some(sibling(maintenance, name)),
        }
    }

    /// Runs statements on the rows of a server, running or not: what a test cannot wait for, such as days.
    pub fn run(&self, statements: &[String]) {
        match self {
            Self::Sqlite { dir } => {
                let mut conn = open(dir);
                statements.iter().for_each(|statement| conn.batch_execute(statement).unwrap());
            }
            Self::Postgres { maintenance, name } => run(&sibling(maintenance, name), statements),
        }
    }

    /// How many rows `SELECT count(*) {of}` finds: what no interface shows, such as what was sealed.
    pub fn count(&self, of: &str) -> i64 {
        let query = select(sql::<BigInt>(&format!("(SELECT count(*) {of})")));
        match self {
            Self::Sqlite { dir } => query.get_result(&mut open(dir)).unwrap(),
            Self::Postgres { maintenance, name } => {
                let mut conn = PgConnection::establish(&sibling(maintenance, name)).expect("PostgreSQL answers");
                query.get_result(&mut conn).unwrap()
            }
        }
    }

    /// Lets no command about an assignment through until the returned connection is dropped.
    pub fn hold_assignments(&self) -> Box<dyn Send> {
        match self {
            Self::Sqlite { dir } => {
                let mut conn = open(dir);
                conn.batch_execute("BEGIN IMMEDIATE").unwrap();
                Box::new(conn)
            }
            Self::Postgres { maintenance, name } => {
                let mut conn = PgConnection::establish(&sibling(maintenance, name)).expect("PostgreSQL answers");
                conn.batch_execute("BEGIN; LOCK TABLE assignment IN ACCESS EXCLUSIVE MODE").unwrap();
                Box::new(conn)
            }
        }
    }

    /// Shuts the database to everybody, or opens it again; false on SQLite, where nothing lies between.
    pub fn shut(&self, shut: bool) -> bool {
        let Self::Postgres { maintenance, name } = self else { return false };
        let mut statements = vec![format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !shut)];
        if shut {
            let ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
            statements.push(format!("{ends} = '{name}'"));
        }
        run(maintenance, &statements);
        true
    }

    /// Copies every row aside; the server must be stopped.
    pub fn copy_aside(&self) {
        match self {
            Self::Sqlite { dir } => {
                let aside = dir.with_extension("aside");
                let _ = std::fs::remove_dir_all(&aside);
                std::fs::create_dir_all(&aside).unwrap();
                for file in database_files(dir) {
                    std::fs::copy(&file, aside.join(file.file_name().unwrap())).unwrap();
                }
            }
            Self::Postgres { maintenance, name } => run(
                maintenance,
                &[
                    format!("DROP DATABASE IF EXISTS {name}_aside WITH (FORCE)"),
                    format!("CREATE DATABASE {name}_aside TEMPLATE {name}"),
                ],
            ),
        }
    }

    /// Puts the copied rows back in place of the present ones; the server must be stopped.
    pub fn put_back(&self) {
        match self {
            Self::Sqlite { dir } => {
                for file in database_files(dir) {
                    std::fs::remove_file(file).unwrap();
                }
                for file in database_files(&dir.with_extension("aside")) {
                    std::fs::copy(&file, dir.join(file.file_name().unwrap())).unwrap();
                }
            }
            Self::Postgres { maintenance, name } => run(
                maintenance,
                &[
                    format!("DROP DATABASE {name} WITH (FORCE)"),
                    format!("CREATE DATABASE {name} TEMPLATE {name}_aside"),
                ],
            ),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match self {
            Self::Sqlite { dir } => {
                let _ = std::fs::remove_dir_all(dir.with_extension("aside"));
            }
            Self::Postgres { maintenance, name } => {
                if let Ok(mut conn) = PgConnection::establish(maintenance) {
                    for database in [name.clone(), format!("{name}_aside")] {
                        let _ =
                            sql_query(format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).execute(&mut conn);
                    }
                }
            }
        }
    }
}

/// The server's own address of PostgreSQL, where databases are made.
pub fn maintenance_url() -> Option<String> {
    std::env::var("SUIXING_TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// The same address with another database name; a `?query` is kept.
fn sibling(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(a, q)| (a, Some(q)));
    let stem = address.rsplit_once('/').unwrap().0;
    query.map_or_else(|| format!("{stem}/{name}"), |query| format!("{stem}/{name}?{query}"))
}

fn run(maintenance: &str, statements: &[String]) {
    let mut conn = PgConnection::establish(maintenance).expect("PostgreSQL answers");
    for statement in statements {
        sql_query(statement).execute(&mut conn).unwrap();
    }
}

/// The database file of a data folder, beside the server that has it open.
fn open(dir: &Path) -> SqliteConnection {
    let file = database_files(dir).into_iter().find(|file| file.extension().is_some_and(|e| e == "db"));
    let file = file.expect("the database file").display().to_string();
    let mut conn = SqliteConnection::establish(&file).expect("the database file opens");
    conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
    conn
}

fn database_files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            [".db", ".db-wal", ".db-shm", ".sqlite", ".sqlite-wal", ".sqlite-shm"].iter().any(|end| name.ends_with(end))
        })
        .collect()
}
