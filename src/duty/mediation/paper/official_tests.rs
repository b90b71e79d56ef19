//! The page about the official forms (docs/forms.md) against what is drawn: every label it names stands on the paper, and
//! every field it names is one of the record.

use super::render_tests::{bare, drawn};
use super::*;
use crate::duty::mediation::record::fields::FIELDS;

const PAGE: &str = include_str!("../../../../docs/forms.md");

fn paper(name: &str) -> Paper {
    match name {
        "police_on_scene" => police_on_scene(&samples::on_scene()),
        "police" => police(&samples::police()),
        "people" => people(&samples::people()),
        "sealed" => people(&samples::sealed()),
        "minutes" => minutes(&samples::on_scene(), &samples::talk()),
        "volume" => file_cover(&samples::volume()),
        "receipt" => receipt(&samples::receipt()),
        "delivery" => delivery(&samples::delivery()),
        other => panic!("no paper {other}"),
    }
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_label_of_the_official_forms_stands_on_the_paper() {
    let (mut labels, mut papers) = (0, Vec::new());
    for section in PAGE.split("\n## ").skip(1) {
        let Some(line) = section.lines().find(|line| line.starts_with("Paper: ")) else { continue };
        let name = quoted(line)[0];
        papers.push(name);
        let text: String = drawn(&paper(name)).iter().flatten().map(|line| bare(line)).collect();
        for row in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "{row}");
            assert!(!cells[2].trim().is_empty(), "{name}: where does it come from? {row}");
            for label in quoted(cells[1]) {
                labels += 1;
                assert!(text.contains(&bare(label)), "{name} lacks {label}: {text}");
            }
        }
    }
    assert_eq!(papers.len(), 8, "{papers:?}");
    assert!(labels > 100, "{labels} labels");
}

#[test]
fn every_field_of_an_agreement_is_signed() {
    let mut fields = 0;
    for section in PAGE.split("\n## ").skip(1) {
        let Some(line) = section.lines().find(|line| line.starts_with("Paper: ")) else { continue };
        if !["police_on_scene", "police", "people"].contains(&quoted(line)[0]) {
            continue;
        }
        for row in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
            let from = row.trim_matches('|').split('|').next_back().unwrap_or_default();
            for name in quoted(from) {
                let Some(field) = FIELDS.iter().find(|known| known.name == name) else { continue };
                assert!(field.signed, "{name} stands above signatures that do not bind it");
                fields += 1;
            }
        }
    }
    assert!(fields > 60, "{fields} fields");
}

#[test]
fn every_field_that_is_named_is_one_of_the_record_and_every_field_is_named() {
    let outside = ["documents.offices", "payee_words", "seal"];
    let mut named: Vec<&str> = Vec::new();
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    for row in rows.map(|row| row.trim_matches('|').split('|').collect::<Vec<_>>()).filter(|cells| cells.len() == 3) {
        for field in quoted(row[2]).into_iter().filter(|field| !outside.contains(field)) {
            assert!(FIELDS.iter().any(|known| known.name == field), "no field {field}");
            named.push(field);
        }
    }
    let (_, not_printed) = PAGE.rsplit_once("not printed are").unwrap();
    named.extend(quoted(not_printed));
    for field in FIELDS.iter().filter(|field| !field.name.ends_with("/removed")) {
        assert!(named.contains(&field.name), "{} stands in no form", field.name);
    }
}
