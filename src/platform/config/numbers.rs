use serde::{Deserialize, Serialize};

/// Settings of the serial numbers of documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Numbers {
    /// Seconds for which a terminal is given numbers: a week of shifts away from the station.
    pub lease_s: i64,
    /// Unspent numbers one terminal may hold: two of the largest blocks. What it holds is missing to the others, and
    /// somebody must account for every one of them when the terminal is lost.
    pub held_max: i64,
    /// How units are written in a number; a unit that is not named here by its name.
    pub abbreviations: Vec<Abbreviation>,
}

/// How one unit is written in a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abbreviation {
    /// Its id, or its name.
    pub unit_id: String,
    /// e.g. `常公（城南）`
    pub text: String,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { lease_s: 7 * 86_400, held_max: 100, abbreviations: Vec::new() }
    }
}

impl Numbers {
    /// How the unit of this id and name is written.
    pub fn abbreviation<'a>(&'a self, unit_id: &str, name: &'a str) -> &'a str {
        let known = self
            .abbreviations
            .iter()
            .find(|known| known.unit_id.eq_ignore_ascii_case(unit_id) || known.unit_id == name);
        known.map_or(name, |known| known.text.as_str())
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_unit_is_written_as_it_was_set_else_by_its_name() {
        let text = "[[numbers.abbreviations]]\nunit_id = \"AB-1\"\ntext = \"常公（城南）\"";
        let settings = crate::platform::config::parse(text).unwrap().numbers;
        assert_eq!(settings.abbreviation("ab-1", "城南派出所"), "常公（城南）");
        assert_eq!(settings.abbreviation("ab-2", "城北派出所"), "城北派出所");
        assert_eq!((settings.lease_s, settings.held_max), (604_800, 100));
    }
}
