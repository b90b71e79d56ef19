//! Both migration folders tell the same story: the same names, up/down/up, equal tables, columns and indexes,
//! and every `table!` of the code can be selected from. PostgreSQL joins in when
//! `SUIXING_TEST_DATABASE_URL` is set (`scripts/test` sets it).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Kinds of column that mean the same in both databases, by their names in SQLite, PostgreSQL and `table!`.
const KINDS: [(&str, &[&str]); 5] = [
    ("text", &["text", "varchar", "character varying"]),
    ("integer", &["integer", "bigint", "int", "int4", "int8", "smallint", "timestamp"]),
    ("double", &["double", "double precision", "float8", "real", "float"]),
    ("bool", &["bool", "boolean"]),
    ("bytes", &["blob", "bytea", "binary"]),
];

/// Column name → (kind, nullable) per table.
type Tables = BTreeMap<String, BTreeMap<String, (String, bool)>>;

#[test]
fn both_folders_have_the_same_names_up_and_down() {
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(!sqlite.is_empty(), "no migrations found");
    assert_eq!(sqlite, postgres);
    // Diesel knows a migration by what stands before the first underscore.
    let versions: BTreeSet<&str> = sqlite.iter().map(|name| name.split('_').next().unwrap()).collect();
    assert_eq!(versions.len(), sqlite.len(), "two migrations have one version: only one of them would run");
    for backend in ["sqlite", "postgres"] {
        for name in &sqlite {
            for file in ["up.sql", "down.sql"] {
                let path = folder(backend).join(name).join(file);
                assert!(path.is_file(), "{} is missing", path.display());
            }
        }
    }
}

#[test]
fn sqlite_goes_up_down_up() {
    let mut conn = sqlite();
    let first = sqlite_tables(&mut conn);
    conn.revert_all_migrations(migrations("sqlite")).unwrap();
    assert_eq!(sqlite_tables(&mut conn), Tables::new(), "down.sql leaves tables behind");
    conn.run_pending_migrations(migrations("sqlite")).unwrap();
    assert_eq!(sqlite_tables(&mut conn), first);
}

#[test]
fn postgres_goes_up_down_up_and_equals_sqlite() {
    let Some(mut scratch) = Scratch::make() else { return };
    let conn = &mut scratch.conn;
    conn.run_pending_migrations(migrations("postgres")).unwrap();
    let first = postgres_tables(conn);
    conn.revert_all_migrations(migrations("postgres")).unwrap();
    assert_eq!(postgres_tables(conn), Tables::new(), "down.sql leaves tables behind");
    conn.run_pending_migrations(migrations("postgres")).unwrap();
    assert_eq!(postgres_tables(conn), first);

    let mut lite = sqlite();
    let sqlite = sqlite_tables(&mut lite);
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "tables differ");
    for (table, columns) in &sqlite {
        assert_eq!(columns, &first[table], "columns of {table} differ (left SQLite, right PostgreSQL)");
    }
    assert_eq!(sqlite_indexes(&mut lite), postgres_indexes(conn), "named indexes differ (left SQLite)");
}

#[test]
fn every_table_of_the_code_selects_from_both() {
    let declared = declared();
    assert!(!declared.is_empty(), "no table! found");
    let mut conn = sqlite();
    let real = sqlite_tables(&mut conn);
    for (table, columns) in &declared {
        let found = real.get(table).unwrap_or_else(|| panic!("table! {table} is in no migration"));
        for (column, kind) in columns {
            let there = found.get(column).unwrap_or_else(|| panic!("{table}.{column} is in no migration"));
            assert_eq!(kind, there, "{table}.{column}: (kind, nullable) of table! and of the migration differ");
        }
        conn.batch_execute(&select(table, columns)).unwrap();
    }
    let unknown: BTreeSet<_> = real.keys().filter(|table| !declared.contains_key(*table)).collect();
    assert!(unknown.is_empty(), "tables without a table!: {unknown:?}");
    if let Some(mut scratch) = Scratch::make() {
        scratch.conn.run_pending_migrations(migrations("postgres")).unwrap();
        for (table, columns) in &declared {
            scratch.conn.batch_execute(&select(table, columns)).unwrap();
        }
    }
}

fn select(table: &str, columns: &BTreeMap<String, (String, bool)>) -> String {
    let list: Vec<String> = columns.keys().map(|column| format!("\"{column}\"")).collect();
    format!("SELECT {} FROM \"{table}\" LIMIT 0", list.join(", "))
}

fn folder(backend: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(backend)
}

fn migrations(backend: &str) -> FileBasedMigrations {
    FileBasedMigrations::from_path(folder(backend)).unwrap()
}

fn names(backend: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(backend)).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn sqlite() -> SqliteConnection {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.run_pending_migrations(migrations("sqlite")).unwrap();
    conn
}

/// A database of this test's own on PostgreSQL, dropped with it.
struct Scratch {
    conn: PgConnection,
    maintenance: String,
    name: String,
}

impl Scratch {
    fn make() -> Option<Self> {
        let maintenance = std::env::var("SUIXING_TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())?;
        let name = format!("suixing_migrations_{}", uuid::Uuid::now_v7().simple());
        PgConnection::establish(&maintenance).unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let (address, query) = maintenance.split_once('?').map_or((maintenance.as_str(), ""), |(a, q)| (a, q));
        let stem = address.rsplit_once('/').unwrap().0;
        let conn = PgConnection::establish(&format!("{stem}/{name}?{query}")).unwrap();
        Some(Self { conn, maintenance, name })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = PgConnection::establish(&self.maintenance).map(|mut conn| conn.batch_execute(&drop));
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    column: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

fn sqlite_tables(conn: &mut SqliteConnection) -> Tables {
    tables(
        conn,
        r#"SELECT m.name AS "owner", c.name AS "column", lower(c.type) AS "kind",
                  (c."notnull" = 0 AND c.pk = 0) AS "nullable"
           FROM sqlite_master m JOIN pragma_table_info(m.name) c
           WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\_\_diesel%' ESCAPE '\'"#,
    )
}

fn postgres_tables(conn: &mut PgConnection) -> Tables {
    tables(
        conn,
        r#"SELECT table_name::text AS "owner", column_name::text AS "column", data_type::text AS "kind",
                  (is_nullable = 'YES') AS "nullable"
           FROM information_schema.columns
           WHERE table_schema = 'public' AND table_name NOT LIKE '\_\_diesel%'"#,
    )
}

fn tables<C, DB: Backend>(conn: &mut C, sql: &str) -> Tables
where
    C: Connection<Backend = DB>,
    for<'q> diesel::query_builder::SqlQuery: diesel::query_dsl::LoadQuery<'q, C, Column>,
{
    let rows: Vec<Column> = sql_query(sql).load(conn).unwrap();
    let mut found = Tables::new();
    for row in rows {
        let what = format!("{}.{}", row.owner, row.column);
        found.entry(row.owner).or_default().insert(row.column, (kind(&row.kind, &what), row.nullable));
    }
    found
}

fn kind(declared: &str, what: &str) -> String {
    let declared = declared.to_lowercase();
    let known = KINDS.iter().find(|(_, names)| names.contains(&declared.as_str()));
    known
        .unwrap_or_else(|| panic!("{what} has type `{declared}`, which is not one that both databases share"))
        .0
        .to_owned()
}

/// Name → "unique" or "" + whether it is partial, of every index with a name of ours.
fn sqlite_indexes(conn: &mut SqliteConnection) -> BTreeMap<String, String> {
    indexes(
        sql_query("SELECT name, sql AS text FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            .load(conn)
            .unwrap(),
    )
}

fn postgres_indexes(conn: &mut PgConnection) -> BTreeMap<String, String> {
    let rows: Vec<Index> = sql_query(
        "SELECT i.relname::text AS name, pg_get_indexdef(x.indexrelid) AS text
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE n.nspname = 'public' AND t.relname NOT LIKE '\\_\\_diesel%'
           AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid)",
    )
    .load(conn)
    .unwrap();
    indexes(rows)
}

fn indexes(rows: Vec<Index>) -> BTreeMap<String, String> {
    rows.into_iter()
        .map(|row| {
            let text = row.text.unwrap_or_default().to_uppercase();
            let unique = if text.starts_with("CREATE UNIQUE") { "unique" } else { "plain" };
            let partial = if text.contains(" WHERE ") || text.contains("\nWHERE ") { " partial" } else { "" };
            (row.name, format!("{unique}{partial}"))
        })
        .collect()
}

/// Every `table!` under src/platform/db/schema: table → column → (kind, nullable).
fn declared() -> Tables {
    let mut files = vec![];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/platform/db");
    for dir in [root.clone(), root.join("schema")] {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        files.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
    }
    let mut found = Tables::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code: String = text.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect();
        for (at, _) in code.match_indices("table!") {
            let Some(body) = code[at + "table!".len()..].trim_start().strip_prefix('{') else { continue };
            let (name, columns) = table(body);
            found.insert(name, columns);
        }
    }
    found
}

/// Reads the inside of one `table! { … }`.
fn table(body: &str) -> (String, BTreeMap<String, (String, bool)>) {
    let open = body.find('{').expect("table! has columns");
    let head = body[..open].lines().filter(|line| !line.trim_start().starts_with("use ")).collect::<String>();
    let sql_name = |text: &str| {
        let at = text.find("sql_name")?;
        text[at..].split('"').nth(1).map(str::to_owned)
    };
    let plain = head.split('(').next().unwrap().split(']').next_back().unwrap().trim().to_owned();
    let name = sql_name(&head).unwrap_or(plain);
    let inner = &body[open + 1..];
    let inner = &inner[..inner.find('}').expect("table! closes")];
    let mut columns = BTreeMap::new();
    for item in inner.split(',').filter(|item| item.contains("->")) {
        let (left, right) = item.split_once("->").unwrap();
        let column = sql_name(left).unwrap_or_else(|| left.split(']').next_back().unwrap().trim().to_owned());
        let right = right.trim();
        let inside = right.strip_prefix("Nullable<").and_then(|rest| rest.strip_suffix('>'));
        let what = format!("table! {name}.{column}");
        columns.insert(column, (kind(inside.unwrap_or(right), &what), inside.is_some()));
    }
    (name, columns)
}
