//! The arrows of docs/ARCHITECTURE.md, proved by reading every file under `src`.
//!
//! A file imports only from lower storeys (words < platform < duty < wiring); a slice imports only slices
//! to its left. Queries live in a slice's `store`. Files stay short enough to read at a glance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Slices from left to right; a slice may import those before it.
const SLICES: &[&str] = &[
    "officers",
    "crews",
    "rooms",
    "inquiries",
    "location",
    "incidents",
    "assignments",
    "partners",
    "backup",
    "evidence",
    "mediation",
    "dossier",
    "mediation",
    "command",
];

/// Hand-written files may not be longer than this.
const LINES_MAX: usize = 600;

/// Longer files than this are named in the test's output.
const LINES_LONG: usize = 400;

/// Words outside `store` files that show SQL is being written there.
const SQL_WORDS: [&str; 7] =
    ["diesel::", "sql_query", "per_backend!", "::schema::", "insert_into(", "QueryDsl", "RunQueryDsl"];

/// What the words may use of Diesel: the derives that say as which column type a word is stored.
const DIESEL_IN_WORDS: [&str; 3] = ["diesel::AsExpression", "diesel::FromSqlRow", "diesel::sql_types::"];

#[test]
fn every_import_goes_down_or_left() {
    let mut found = String::new();
    for (path, text) in sources() {
        for problem in arrows(&path, &text) {
            writeln!(found, "src/{path}: {problem}").unwrap();
        }
    }
    assert!(found.is_empty(), "forbidden arrows:\n{found}");
}

#[test]
fn words_are_pure_and_queries_live_in_stores() {
    let mut found = String::new();
    for (path, text) in sources() {
        for problem in places(&path, &text) {
            writeln!(found, "src/{path}: {problem}").unwrap();
        }
    }
    assert!(found.is_empty(), "things in the wrong place:\n{found}");
}

#[test]
fn files_are_short_and_open_with_their_purpose() {
    let mut found = String::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            writeln!(found, "src/{path} has {lines} lines; split it by topic (at most {LINES_MAX})").unwrap();
        } else if lines > LINES_LONG {
            println!("long: src/{path} has {lines} lines");
        }
        // Settings and tables are single items that carry their own description.
        let single = path.starts_with("platform/config/") || path.starts_with("platform/db/schema/");
        if lines > 5 && !single && !text.trim_start().starts_with("//!") {
            writeln!(found, "src/{path} does not open with `//!`: what it is, why, who calls it").unwrap();
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn every_endpoint_is_described() {
    let mut found = String::new();
    for (path, text) in sources() {
        if path.starts_with("duty/") && (path.ends_with("/http.rs") || path.contains("/http/")) {
            for name in undescribed(&text) {
                writeln!(found, "src/{path}: `{name}` is served but not in paths(…)").unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn the_reader_of_arrows_sees_planted_ones() {
    let bad = [
        ("words/geo.rs", "use crate::platform::db::Conn;"),
        ("words/geo.rs", "use super::super::platform::db::Conn;"),
        ("platform/db/mod.rs", "use crate::duty::officers::store;"),
        ("platform/push/hub.rs", "use crate::{words::ids::PersonId, wiring::app::App};"),
        ("duty/officers/service.rs", "fn f() { crate::duty::crews::store::crew_fetch(); }"),
        ("duty/crews/service.rs", "use crate::duty::{officers, assignments::service};"),
        ("duty/crews/http/mod.rs", "use super::super::backup::service;"),
        ("duty/backup/jobs.rs", "use crate::wiring::reactions;"),
    ];
    for (path, text) in bad {
        assert_eq!(arrows(path, text).len(), 1, "not seen in {path}: {text}");
    }
    let good = [
        ("words/geo.rs", "//! use crate::duty::backup\nuse super::error::Error;"),
        ("platform/db/mod.rs", "use crate::words::{error::{Code, Error}, ids::*};\nuse super::ctx::Core;"),
        ("duty/backup/service.rs", "use crate::duty::{officers::store, location::Live, backup::store as own};"),
        ("duty/backup/service.rs", "mod tests { use super::super::store::backup_fetch; }"),
        ("duty/backup/service.rs", "let s = \"crate::wiring::app\"; /* crate::wiring */"),
        ("wiring/reactions.rs", "use crate::duty::backup::service; use crate::platform::events::Event;"),
    ];
    for (path, text) in good {
        assert_eq!(arrows(path, text), Vec::<String>::new(), "{path}: {text}");
    }
    assert_eq!(places("words/ids.rs", "use actix_web::web;").len(), 1);
    assert_eq!(places("words/ids.rs", "use diesel::prelude::*;").len(), 1);
    assert_eq!(places("words/ids.rs", "#[derive(diesel::AsExpression)] struct A;").len(), 0);
    assert_eq!(places("duty/crews/service.rs", "use diesel::prelude::*;").len(), 1);
    assert_eq!(places("duty/crews/store.rs", "use diesel::prelude::*;").len(), 0);
    assert_eq!(places("duty/crews/store/log.rs", "use diesel::prelude::*;").len(), 0);
    let served = "resource(a).route(get().to(units::list)).route(post().to(units::create))";
    assert_eq!(undescribed(&format!("{served} #[openapi(paths(units::list))]")), ["units::create"]);
    assert!(undescribed(&format!("{served} #[openapi(paths(units::list, units::create,))]")).is_empty());
}

/// Every file under `src`, as (path below `src`, text).
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    assert!(files.len() > 10, "the sources are not where this test looks");
    files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().display().to_string();
            (path, std::fs::read_to_string(&file).unwrap())
        })
        .collect()
}

/// 1 words, 2 platform, 3 duty, 4 everything else.
fn storey(top: &str) -> u8 {
    match top {
        "words" => 1,
        "platform" => 2,
        "duty" => 3,
        _ => 4,
    }
}

/// The imports of one file that go up a storey or to a slice on the right.
fn arrows(path: &str, text: &str) -> Vec<String> {
    let here: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let (from, own_slice) = (storey(here[0]), here.get(1).copied().filter(|_| here[0] == "duty"));
    let mut found = Vec::new();
    for target in targets(&here, text) {
        let top = target[0].as_str();
        if !["words", "platform", "duty", "wiring"].contains(&top) {
            continue;
        }
        if storey(top) > from {
            found.push(format!("goes up to `{}`", target.join("::")));
        } else if let (Some(own), "duty", Some(other)) = (own_slice, top, target.get(1)) {
            let place = |name: &str| SLICES.iter().position(|slice| *slice == name);
            match (place(own), place(other)) {
                (Some(mine), Some(theirs)) if theirs > mine => {
                    found.push(format!("`{own}` reaches right to `{}`", target.join("::")));
                }
                (None, _) => found.push(format!("`{own}` is no slice of the map; add it to SLICES")),
                _ => {}
            }
        }
    }
    found
}

/// Absolute targets of all `crate::…` and `super::super::…` paths, groups unfolded, two segments deep.
fn targets(here: &[&str], text: &str) -> Vec<Vec<String>> {
    let code = without_comments_and_strings(text);
    let mut all = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if !before_is_word(&code, at) {
            unfold(&code[at + "crate::".len()..], &[], &mut all);
        }
    }
    for (at, _) in code.match_indices("super::") {
        if before_is_word(&code, at) || code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut ups = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, ups) = (after, ups + 1);
        }
        if ups <= here.len() {
            let base: Vec<String> = here[..here.len() - ups].iter().map(|part| (*part).to_owned()).collect();
            unfold(rest, &base, &mut all);
        }
    }
    all
}

fn before_is_word(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// Reads one path or brace group at the start of `rest` below `base`, adding complete targets to `all`.
fn unfold(rest: &str, base: &[String], all: &mut Vec<Vec<String>>) {
    let rest = rest.trim_start();
    if base.len() >= 2 {
        all.push(base.to_vec());
    } else if let Some(group) = rest.strip_prefix('{') {
        for item in items(group) {
            unfold(item, base, all);
        }
    } else {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            if !base.is_empty() {
                all.push(base.to_vec());
            }
            return;
        }
        let deeper: Vec<String> = base.iter().cloned().chain([name.clone()]).collect();
        match rest[name.len()..].strip_prefix("::") {
            Some(after) => unfold(after, &deeper, all),
            None => all.push(deeper),
        }
    }
}

/// The comma-separated items of a brace group whose opening brace has been read.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|item| !item.trim().is_empty());
    found
}

/// Impure words, and SQL outside a slice's store.
fn places(path: &str, text: &str) -> Vec<String> {
    let code = without_comments_and_strings(text);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let number = number + 1;
        if path.starts_with("words/") {
            let mut rest = line.to_owned();
            DIESEL_IN_WORDS.iter().for_each(|allowed| rest = rest.replace(allowed, ""));
            if rest.contains("actix") || rest.contains("diesel::") {
                found.push(format!("line {number}: the words know no web server and no database: {}", line.trim()));
            }
        }
        let in_store = path.ends_with("/store.rs") || path.contains("/store/");
        if path.starts_with("duty/") && !in_store {
            let mut rest = line.to_owned();
            DIESEL_IN_WORDS.iter().for_each(|allowed| rest = rest.replace(allowed, ""));
            if let Some(word) = SQL_WORDS.iter().find(|word| rest.contains(**word)) {
                found.push(format!("line {number}: `{word}` belongs in the slice's store: {}", line.trim()));
            }
        }
    }
    found
}

/// Handlers that a route table names and the `paths(…)` beside it does not: served, but not described.
fn undescribed(text: &str) -> Vec<String> {
    let code = without_comments_and_strings(text);
    let listed = code.split("paths(").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
    let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices(".to(") {
        let handler = code[at + 4..].split(')').next().unwrap().trim();
        if !listed.contains(&handler) {
            found.push(handler.to_owned());
        }
    }
    found
}

/// The text with comments and string literals blanked out, lines kept.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('/', Some('/')) => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            ('/', Some('*')) => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                    }
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            ('r', Some('"' | '#')) if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                let mut hashes = 0;
                while chars.peek() == Some(&'#') {
                    chars.next();
                    hashes += 1;
                }
                if chars.next_if_eq(&'"').is_none() {
                    // `r#type`: a raw name.
                    continue;
                }
                let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let mut body = String::new();
                while !body.ends_with(&end) {
                    let Some(c) = chars.next() else { break };
                    if c == '\n' {
                        out.push(c);
                    }
                    body.push(c);
                }
                out.push_str("\"\"");
            }
            ('"', _) => {
                out.push('"');
                while let Some(c) = chars.next() {
                    match c {
                        // An escape takes the next character along; a line break counts either way.
                        '\\' => out.extend(chars.next().filter(|next| *next == '\n')),
                        '"' => break,
                        '\n' => out.push('\n'),
                        _ => {}
                    }
                }
                out.push('"');
            }
            ('\'', Some('"')) => {
                // The character literal '"'.
                chars.next();
                out.push_str("' ");
            }
            _ => out.push(c),
        }
    }
    out
}
