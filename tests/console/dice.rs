//! Chance that can be had again: one number makes all of it.

/// Splitmix64.
pub struct Dice(u64);

impl Dice {
    /// Thrown anew each time the tests run; `CONN_SEED` makes a throw again. Says which it is.
    pub fn new() -> Self {
        let seed = match std::env::var("CONN_SEED").map(|seed| seed.parse()) {
            Ok(Ok(seed)) => seed,
            _ => u64::from(std::process::id()) ^ 0x5eed_0000,
        };
        eprintln!("thrown with CONN_SEED={seed}");
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}
