//! Seeded dice: the same seed gives the same schedule on every machine and every version.
//!
//! Why not `rand`: a load run or a demo must be repeatable years later, and `rand` does not promise
//! the same numbers across versions. Called by the load generator, the demo play and the
//! simulations of the cores.

/// A SplitMix64 generator with the few draws a schedule needs.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// Independent dice for a named part, so that one part drawing more does not move another.
    pub fn fork(&self, label: u64) -> Self {
        let mut child = Self(self.0 ^ label.wrapping_mul(0xD134_2543_DE82_EF95));
        child.draw();
        child
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n; 0 when n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        (self.draw() % n as u64) as usize
    }

    /// True with probability p.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A gap of a Poisson process with the given mean.
    pub fn gap(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// One element, or none of an empty slice.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// A human delay in seconds: mostly near the low end, now and then long.
    pub fn human(&mut self, low: f64, high: f64) -> f64 {
        let u = self.unit();
        low + (high - low) * u * u
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn same_seed_same_numbers() {
        let (mut a, mut b) = (Dice::new(7), Dice::new(7));
        assert!((0..100).all(|_| a.draw() == b.draw()));
        assert_eq!(Dice::new(1).fork(3).draw(), Dice::new(1).fork(3).draw());
        assert_ne!(Dice::new(1).fork(3).draw(), Dice::new(1).fork(4).draw());
    }

    #[test]
    fn draws_stay_in_range() {
        let mut dice = Dice::new(1);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&dice.unit()));
            assert!(dice.below(7) < 7);
            assert!((2.0..=9.0).contains(&dice.human(2.0, 9.0)));
            assert!(dice.gap(3.0) >= 0.0);
        }
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn gaps_have_the_asked_mean() {
        let mut dice = Dice::new(2);
        let mean = (0..20_000).map(|_| dice.gap(4.0)).sum::<f64>() / 20_000.0;
        assert!((mean - 4.0).abs() < 0.15, "{mean}");
    }
}
