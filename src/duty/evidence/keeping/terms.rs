//! The classes with their terms and articles, as data; which class an item arrives in. Pure.

use serde::Serialize;

use super::super::{Retention, rules};
use crate::platform::config::{self, Term};
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// One class and its term.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TermView {
    #[schema(inline)]
    pub category: Retention,
    /// Days from arrival; null: for ever.
    pub days: Option<i64>,
    /// The law that says so.
    pub article: String,
    /// Categories of incidents whose items arrive in this class.
    pub incident_categories: Vec<String>,
}

/// The classes, each once.
#[derive(Clone, Debug)]
pub struct Terms(Vec<TermView>);

impl Terms {
    /// Takes the settings, and the law where they say nothing.
    ///
    /// Errors: `bad_request` for a class that is unknown, named twice, or kept shorter than the law wants.
    pub fn read(settings: &config::Evidence) -> Result<Self> {
        let mut all: Vec<TermView> = Vec::new();
        for term in &settings.terms {
            let term = of(term)?;
            if all.iter().any(|known| known.category == term.category) {
                return Err(wrong(term.category, "is named twice"));
            }
            all.push(term);
        }
        for term in Term::statutory() {
            let term = of(&term)?;
            if all.iter().all(|known| known.category != term.category) {
                all.push(term);
            }
        }
        all.sort_by_key(|term| term.category);
        Ok(Self(all))
    }

    /// All of them.
    pub fn all(&self) -> &[TermView] {
        &self.0
    }

    /// Until when an item of this class is kept; `None`: for ever.
    pub fn keep_until(&self, category: Retention, received_at: Timestamp) -> Option<Timestamp> {
        let floor = rules::keep_until(category, received_at)?;
        let days = self.0.iter().find(|term| term.category == category).and_then(|term| term.days);
        Some(days.map_or(floor, |days| received_at.plus_secs(days.saturating_mul(86_400)).max(floor)))
    }

    /// The class for an item of incidents of these categories: the first statutory one that names any of them.
    pub fn propose<'a>(&self, incident_categories: impl IntoIterator<Item = &'a str>) -> Retention {
        let named: Vec<&str> = incident_categories.into_iter().collect();
        let of = |term: &&TermView| term.incident_categories.iter().any(|name| named.contains(&name.as_str()));
        let found: Vec<Retention> = self.0.iter().filter(of).map(|term| term.category).collect();
        let permanent = found.iter().copied().find(|category| is_permanent(*category));
        permanent.or_else(|| found.first().copied()).unwrap_or(Retention::Ordinary)
    }
}

/// Kept for ever, by the law.
pub const fn is_permanent(category: Retention) -> bool {
    !matches!(category, Retention::Ordinary)
}

fn of(term: &Term) -> Result<TermView> {
    let category: Retention = term
        .category
        .parse()
        .map_err(|_unknown: Error| Error::bad(format!("evidence.terms: {:?} is no class", term.category)))?;
    match term.days {
        Some(_) if is_permanent(category) => return Err(wrong(category, "is kept for ever")),
        None if !is_permanent(category) => return Err(wrong(category, "needs its days")),
        Some(days) if days < rules::ORDINARY_DAYS => {
            return Err(wrong(category, &format!("is kept at least {} days", rules::ORDINARY_DAYS)));
        }
        _ => {}
    }
    Ok(TermView {
        category,
        days: term.days,
        article: term.article.clone(),
        incident_categories: term.incident_categories.clone(),
    })
}

fn wrong(category: Retention, rule: &str) -> Error {
    Error::bad(format!("evidence.terms: {category} {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(category: &str, days: Option<i64>, incident_categories: &[&str]) -> Term {
        Term {
            category: category.to_owned(),
            days,
            article: "a".to_owned(),
            incident_categories: incident_categories.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn read(terms: Vec<Term>) -> Result<Terms> {
        Terms::read(&config::Evidence { terms, ..config::Evidence::default() })
    }

    #[test]
    fn without_settings_the_law_holds() {
        let at = Timestamp::from_micros(0);
        for terms in [read(Vec::new()).unwrap(), read(Term::statutory()).unwrap()] {
            assert_eq!(terms.all().len(), Retention::ALL.len());
            assert_eq!(terms.keep_until(Retention::Ordinary, at), Some(at.plus_secs(184 * 86_400)));
            for forever in Retention::ALL.iter().filter(|category| is_permanent(**category)) {
                assert_eq!(terms.keep_until(*forever, at), None);
            }
            assert!(terms.all().iter().all(|term| term.article.contains("第十三条")));
        }
    }

    #[test]
    fn a_setting_makes_a_term_longer_and_never_shorter() {
        let at = Timestamp::from_micros(0);
        let longer = read(vec![term("ordinary", Some(365), &[])]).unwrap();
        assert_eq!(longer.keep_until(Retention::Ordinary, at), Some(at.plus_secs(365 * 86_400)));
        for wrong in [
            vec![term("ordinary", Some(183), &[])],
            vec![term("ordinary", None, &[])],
            vec![term("case", Some(3_650), &[])],
            vec![term("secret", None, &[])],
            vec![term("case", None, &[]), term("case", None, &[])],
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_incident_says_in_which_class_an_item_arrives() {
        let terms = read(vec![term("major", None, &["riot"]), term("ordinary", Some(184), &["dispute"])]).unwrap();
        assert_eq!(terms.propose(["dispute"]), Retention::Ordinary);
        assert_eq!(terms.propose(["dispute", "riot"]), Retention::Major);
        assert_eq!(terms.propose(["obstruction"]), Retention::Obstruction);
        assert_eq!(terms.propose([]), Retention::Ordinary);
    }
}
