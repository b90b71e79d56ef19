//! What recipes may rely on, proved on a real SQLite file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;

use super::schema::meta;
use super::{Db, Priority, Target, Tx, kept, migrate};
use crate::platform::push::cursor;
use crate::words::error::{Code, Error, Result};
use crate::words::time::Clock;

fn fresh() -> (Db, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("suixing-db-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let target = Target::Sqlite(folder.join("t.db"));
    migrate::run(&target).unwrap();
    (Db::open(target, 2, Clock::system()).unwrap(), folder)
}

fn put(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    diesel::insert_into(meta::table).values((meta::key.eq(key), meta::value.eq("x"))).execute(tx.conn())?;
    Ok(())
}

fn keys(db: &Db) -> Vec<String> {
    db.read_blocking(|c| Ok(meta::table.select(meta::key).order(meta::key).load(c)?)).unwrap()
}

/// How SQLite goes about a statement.
fn plan(db: &Db, statement: &str) -> String {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let asked = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Vec<Step> = db.read_blocking(|c| Ok(diesel::sql_query(&asked).load(c)?)).unwrap();
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_is_asked_all_the_time_is_found_by_an_index_however_long_the_history() {
    let (db, folder) = fresh();
    for (statement, index) in [
        (cursor::GROWN, "delivery_created"),
        ("UPDATE incident_person SET open = 0 WHERE assignment_id = 'a' AND open = 1", "incident_person_assignment"),
        ("SELECT person_id FROM duty WHERE on_duty = 1 AND grid IN ('a', 'b')", "duty_grid"),
        ("SELECT person_id FROM duty WHERE on_duty = 1 AND crew_id IN ('a', 'b')", "duty_crew"),
    ] {
        let steps = plan(&db, statement);
        assert!(steps.contains(index), "{statement}: {steps}");
        assert!(!steps.split("; ").any(|step| step.starts_with("SCAN") && !step.contains("lately")), "{steps}");
    }
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_put_together_from_several_reads_shows_one_instant() {
    let (db, folder) = fresh();
    let other = db.clone();
    let count = |conn: &mut super::Conn| -> Result<i64> { Ok(meta::table.count().get_result(conn)?) };
    let runtime = tokio::runtime::Handle::current();
    let seen = db
        .snapshot(move |conn| {
            let before = count(conn)?;
            runtime.block_on(other.write(Priority::Normal, |tx| put(tx, "meanwhile")))?;
            Ok((before, count(conn)?))
        })
        .await
        .unwrap();
    assert_eq!(seen.0, seen.1);
    assert_eq!(db.read(count).await.unwrap(), seen.0 + 1);
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_recipe_rolls_back_alone_and_its_hooks_never_run() {
    let (db, folder) = fresh();
    let hooks = Arc::new(AtomicUsize::new(0));
    let mut waiting = Vec::new();
    for n in 0..200 {
        let (db, hooks) = (db.clone(), Arc::clone(&hooks));
        waiting.push(tokio::spawn(async move {
            db.write(Priority::Normal, move |tx| {
                put(tx, &format!("k{n:03}"))?;
                let hooks = Arc::clone(&hooks);
                tx.on_commit(move || {
                    hooks.fetch_add(1, Ordering::SeqCst);
                });
                if n % 2 == 0 { Err(Error::field("n", "is even")) } else { Ok(n) }
            })
            .await
        }));
    }
    let mut refused = 0;
    for handle in waiting {
        match handle.await.unwrap() {
            Ok(n) => assert!(n % 2 == 1),
            Err(error) => {
                assert!(error.is(Code::InvalidField), "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 100);
    assert_eq!(hooks.load(Ordering::SeqCst), 100);
    let kept = keys(&db);
    assert_eq!(kept.len(), 100);
    assert!(kept.contains(&"k001".to_owned()) && !kept.contains(&"k002".to_owned()));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_refused_with_conflict_keeps_its_own_words() {
    let (db, folder) = fresh();
    let error = db.write(Priority::Urgent, |_tx| Err::<(), _>(Error::conflict("mine"))).await.unwrap_err();
    assert_eq!((error.code(), error.detail_text()), (Code::Conflict, "mine"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_told_as_such_and_leave_the_group_whole() {
    let (db, folder) = fresh();
    db.write(Priority::Normal, |tx| put(tx, "same")).await.unwrap();
    let again = db.write(Priority::Normal, |tx| put(tx, "same")).await.unwrap_err();
    assert!(again.is(Code::AlreadyExists), "{again}");
    db.write(Priority::Normal, |tx| put(tx, "other")).await.unwrap();
    assert_eq!(keys(&db), ["other", "same"]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_went_away_before_its_turn_leaves_no_trace_or_a_whole_one() {
    let (db, folder) = fresh();
    for n in 0..50 {
        let db = db.clone();
        let handle = tokio::spawn(async move {
            db.write(Priority::Background, move |tx| {
                put(tx, &format!("a{n:02}"))?;
                put(tx, &format!("b{n:02}"))
            })
            .await
        });
        handle.abort();
    }
    db.write(Priority::Background, |tx| put(tx, "last")).await.unwrap();
    let kept = keys(&db);
    let (a, b) =
        (kept.iter().filter(|k| k.starts_with('a')).count(), kept.iter().filter(|k| k.starts_with('b')).count());
    assert_eq!(a, b);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn readers_cannot_write() {
    let (db, folder) = fresh();
    let outcome = db.read_blocking(|c| {
        Ok(diesel::insert_into(meta::table).values((meta::key.eq("x"), meta::value.eq("y"))).execute(c)?)
    });
    assert!(outcome.is_err());
    assert!(keys(&db).is_empty());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn unknown_schemes_are_refused_by_name() {
    for url in ["mysql://x", "postgres:typo", "", "suixing.db", "sqlite:"] {
        assert!(Target::parse(url).is_err(), "{url}");
    }
    assert!(Target::parse("sqlite:/tmp/x.db").is_ok() && Target::parse("postgresql://h/n").is_ok());
}

#[test]
fn the_bundled_database_keeps_its_prepared_statements() {
    let (db, folder) = fresh();
    let kept: bool = db
        .read_blocking(|c| {
            let option = diesel::dsl::sql::<diesel::sql_types::Bool>("sqlite_compileoption_used('ENABLE_QPSG')");
            Ok(diesel::select(option).get_result(c)?)
        })
        .unwrap();
    assert!(kept, "see LIBSQLITE3_FLAGS in .cargo/config.toml");
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_left_behind_while_a_room_keeps_the_writer_busy() {
    let (db, folder) = fresh();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let holding = db.clone();
    let held = tokio::spawn(async move {
        let hold = move |_tx: &mut Tx<'_>| {
            begun.send(()).unwrap();
            gate.lock().unwrap().recv().unwrap();
            Ok(())
        };
        holding.write(Priority::Urgent, hold).await.unwrap();
    });
    // Nothing else may be written before: what is counted below would never all be waiting.
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    // More than one group holds, all before the others in rank.
    let done = Arc::new(AtomicUsize::new(0));
    let mut waiting = Vec::new();
    for n in 0..600 {
        let (db, done) = (db.clone(), Arc::clone(&done));
        waiting.push(tokio::spawn(async move {
            db.write(Priority::Urgent, move |tx| put(tx, &format!("u{n}"))).await.unwrap();
            done.fetch_add(1, Ordering::SeqCst);
        }));
    }
    let mut behind = Vec::new();
    for priority in [Priority::Receipt, Priority::Normal, Priority::Fix, Priority::Background] {
        let (db, before) = (db.clone(), Arc::clone(&done));
        behind.push(tokio::spawn(async move {
            db.write(priority, move |tx| put(tx, &format!("{priority:?}"))).await.unwrap();
            (priority, before.load(Ordering::SeqCst))
        }));
    }
    while db.queue_depth() < 604 {
        tokio::task::yield_now().await;
    }
    open.send(()).unwrap();
    for one in behind {
        let (priority, before) = one.await.unwrap();
        assert!(before < 600, "{priority:?} waited for everything else");
    }
    held.await.unwrap();
    for one in waiting {
        one.await.unwrap();
    }
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_fixed_update_is_prepared_once_and_counts_its_rows() {
    let (db, folder) = fresh();
    let cached = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&cached);
    db.write(Priority::Normal, move |tx| {
        let counter = Arc::clone(&counter);
        tx.conn().set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::CacheQuery { sql, .. } if sql.starts_with("UPDATE")) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        put(tx, "a")?;
        put(tx, "b")
    })
    .await
    .unwrap();
    for value in ["1", "2", "3"] {
        let changed = db.write(Priority::Normal, move |tx| {
            let all = diesel::update(meta::table.filter(meta::value.ne(value)));
            Ok(kept::execute(tx.conn(), all.set(meta::value.eq(value)))?)
        });
        assert_eq!(changed.await.unwrap(), 2);
    }
    assert_eq!(cached.load(Ordering::Relaxed), 1, "Diesel tells once of a statement that it keeps, never of another");
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}
