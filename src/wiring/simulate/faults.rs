//! What goes wrong on purpose during a load run.
//!
//! Called by the command line (parsing) and by the terminals.

use std::str::FromStr;

/// `--faults cut=0.1,slow=5,kill=0.02,mute=1`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Share of the terminals whose link is cut in a minute.
    pub cut: f64,
    /// Number of terminals that connect and then never read.
    pub slow: usize,
    /// Share of the terminals whose app is killed in a minute.
    pub kill: f64,
    /// Share of the terminals whose bearers never answer an offer: their deadlines are missed.
    pub mute: f64,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').ok_or("write faults as name=value, for instance cut=0.1,slow=5")?;
            let number: f64 = value.parse().map_err(|e| format!("{name}: {e}"))?;
            if !number.is_finite() || number < 0.0 {
                return Err(format!("{name}: not below 0"));
            }
            match name {
                "cut" => faults.cut = number,
                "kill" => faults.kill = number,
                "slow" => faults.slow = number as usize,
                "mute" => faults.mute = number,
                other => return Err(format!("no fault is called {other}; there are cut, slow, kill and mute")),
            }
        }
        Ok(faults)
    }
}

impl Faults {
    /// Mean seconds between two cuts of one terminal; none without cuts.
    pub fn cut_every_s(self) -> Option<f64> {
        (self.cut > 0.0).then(|| 60.0 / self.cut)
    }

    /// Mean seconds between two kills of one terminal; none without kills.
    pub fn kill_every_s(self) -> Option<f64> {
        (self.kill > 0.0).then(|| 60.0 / self.kill)
    }
}

#[cfg(test)]
mod tests {
    use super::Faults;

    #[test]
    fn reads_what_help_shows() {
        let faults: Faults = "cut=0.1,slow=5,kill=0.02,mute=1".parse().unwrap();
        assert_eq!(faults, Faults { cut: 0.1, slow: 5, kill: 0.02, mute: 1.0 });
        assert_eq!("".parse::<Faults>().unwrap(), Faults::default());
        assert_eq!(faults.cut_every_s(), Some(600.0));
        for wrong in ["cut", "cut=x", "cut=-1", "cat=1", "cut=inf"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }
}
