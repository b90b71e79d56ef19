use serde::{Deserialize, Serialize};

/// Settings of documents on paper.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Where the public reaches this server, e.g. `https://verify.example.cn`: printed as a code that leads to the
    /// verification of a paper. Empty: papers bear no code.
    pub public_url: String,
    /// How the bodies that mediate are called on paper; a unit that is not named here by its own name.
    pub offices: Vec<Office>,
}

/// What one unit is called on paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// Its id, or its name.
    pub unit: String,
    /// 调解机关, e.g. `常州市公安局金坛分局城中派出所`
    pub police: String,
    /// 人民调解委员会 that mediates with it; the unit's own name unless given.
    #[serde(default)]
    pub people: String,
}

impl Documents {
    /// What the unit of this id and name is called on a paper of the police, or of its mediation committee.
    pub fn office<'a>(&'a self, unit_id: &str, name: &'a str, people: bool) -> &'a str {
        let known = self.offices.iter().find(|known| known.unit.eq_ignore_ascii_case(unit_id) || known.unit == name);
        let called = known.map(|known| if people { known.people.as_str() } else { known.police.as_str() });
        called.filter(|called| !called.is_empty()).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_unit_is_called_as_it_was_set_else_by_its_name() {
        let text = "[[documents.offices]]\nunit = \"城中\"\npolice = \"城中派出所\"";
        let settings = crate::platform::config::parse(text).unwrap().documents;
        assert_eq!(settings.office("ab", "城中", false), "城中派出所");
        assert_eq!(settings.office("ab", "城中", true), "城中", "no committee is named");
        assert_eq!(settings.office("ab", "城北", false), "城北");
    }
}
