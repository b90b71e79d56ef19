use serde::{Deserialize, Serialize};

use super::bucket::{S3, Store};

/// Settings of the evidence duty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Bytes of one file: the recording of a long shift in one piece.
    pub max_upload_bytes: i64,
    /// Seconds an upload is kept after the last byte of it that arrived; then its bytes are removed.
    pub upload_ttl_s: i64,
    /// Uploads one person may have begun and not ended: a camera's shift and a day's photos, not a flood.
    pub half_open_max: i64,
    /// Seconds after clearing within which what is missing must be handed in: the rule is 24 hours.
    pub scene_due_s: i64,
    /// What must exist before a unit leaves the scene, by category. A list in the file replaces the whole of these.
    pub scene_rules: Vec<SceneRule>,
    /// How long each class is kept; a class that is not named here has its statutory term.
    pub terms: Vec<Term>,
    /// Seconds between the second approval of a deletion and the deletion: time for a hold or a second thought.
    pub deletion_wait_s: i64,
    /// Days for which a copy may be shared outward at most.
    pub share_days_max: i64,
    /// The font of watermarks, `PATH` or `PATH#FACE` in a collection; empty: what the system has.
    pub watermark_font: String,
    /// Where originals and previews lie.
    pub store: Store,
    /// The bucket, with `store = "s3"`.
    pub s3: S3,
}

/// What must exist before a unit leaves the scene of a call of one category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneRule {
    /// `dispute` is also `dispute.noise`; a code of digits, `10`, is also all that begin with it, `101203`.
    pub category: String,
    /// Share of the time from arrival to clear that recordings of the unit's people cover, 0 to 1; 0: none needed.
    #[serde(default)]
    pub recording: f64,
    /// Photos of the incident.
    #[serde(default)]
    pub photos: u32,
    /// Signed papers of a mediation; until there are records of mediation, documents of the incident are counted.
    #[serde(default)]
    pub mediation_signatures: u32,
}

/// How long one class of evidence is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// `ordinary`, `case`, `obstruction`, `major` or `complex`.
    pub category: String,
    /// Days from arrival; without it: for ever.
    #[serde(default)]
    pub days: Option<i64>,
    /// The law that says so.
    pub article: String,
    /// Categories of incidents whose items arrive in this class.
    #[serde(default)]
    pub incident_categories: Vec<String>,
}

impl Term {
    fn of(category: &str, days: Option<i64>, article: &str, incident_categories: &[&str]) -> Self {
        Self {
            category: category.to_owned(),
            days,
            article: format!("《公安机关现场执法视音频记录工作规定》第十三条{article}"),
            incident_categories: incident_categories.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// What the law says, and what an incident's category most plainly means.
    pub fn statutory() -> Vec<Self> {
        vec![
            // Six months are never longer than from 1 July to 1 January.
            Self::of("ordinary", Some(184), "第一款", &[]),
            Self::of("case", None, "第二款第一项", &["criminal_case", "administrative_case"]),
            Self::of("obstruction", None, "第二款第二项", &["obstruction"]),
            Self::of("major", None, "第二款第三项", &["mass_incident", "major_incident"]),
            Self::of("complex", None, "第二款第四项", &["complex"]),
        ]
    }
}

impl Default for Evidence {
    fn default() -> Self {
        let rule = |category: &str, recording, photos| SceneRule {
            category: category.to_owned(),
            recording,
            photos,
            mediation_signatures: 0,
        };
        Self {
            max_upload_bytes: 20 << 30,
            upload_ttl_s: 7 * 86_400,
            half_open_max: 200,
            scene_due_s: 86_400,
            scene_rules: vec![
                // 刑事 治安 交通 群体事件 灾害, by the codes of the intake and by the words of small stations.
                rule("10", 0.9, 2),
                rule("20", 0.9, 1),
                rule("30", 0.8, 2),
                rule("70", 0.9, 1),
                rule("80", 0.0, 1),
                rule("criminal", 0.9, 2),
                rule("public_order", 0.9, 1),
                rule("traffic", 0.8, 2),
                rule("hazard", 0.0, 1),
                rule("dispute", 0.9, 0),
            ],
            terms: Term::statutory(),
            deletion_wait_s: 86_400,
            share_days_max: 90,
            watermark_font: String::new(),
            store: Store::Folder,
            s3: S3::default(),
        }
    }
}

impl Evidence {
    /// The rule for a category: the most exact one.
    pub fn scene_rule(&self, category: &str) -> Option<&SceneRule> {
        self.scene_rules.iter().filter(|rule| rule.covers(category)).max_by_key(|rule| rule.category.len())
    }
}

impl SceneRule {
    fn covers(&self, category: &str) -> bool {
        let own = self.category.as_str();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        category == own
            || category.strip_prefix(own).is_some_and(|rest| rest.starts_with('.') || (digits(own) && digits(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_rule_counts() {
        let mut settings = Evidence::default();
        let photos = |settings: &Evidence, category: &str| settings.scene_rule(category).map(|rule| rule.photos);
        assert_eq!(photos(&settings, "10"), Some(2));
        assert_eq!(photos(&settings, "101203"), Some(2));
        assert_eq!(photos(&settings, "criminal.theft"), Some(2));
        for none in ["", "1", "criminals", "50", "501000", "assistance", "10x"] {
            assert_eq!(photos(&settings, none), None, "{none}");
        }
        let exact = SceneRule { category: "1012".into(), recording: 0.0, photos: 7, mediation_signatures: 0 };
        settings.scene_rules.insert(0, exact);
        assert_eq!((photos(&settings, "101203"), photos(&settings, "101")), (Some(7), Some(2)));
    }

    #[test]
    fn the_example_file_says_what_holds_without_it() {
        let example = crate::platform::config::parse(include_str!("../../../config.example.toml")).unwrap();
        let default = Evidence::default();
        assert_eq!(example.evidence.scene_rules, default.scene_rules);
        assert_eq!(example.evidence.scene_due_s, default.scene_due_s);
    }
}
