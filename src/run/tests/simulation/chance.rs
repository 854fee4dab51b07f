//! Chance that is the same for the same seed: splitmix64.

#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` up to, and not, `until`.
    pub fn among(&mut self, from: u64, until: u64) -> u64 {
        from + self.next() % (until - from).max(1)
    }

    pub fn small(&mut self, from: u32, until: u32) -> u32 {
        u32::try_from(self.among(u64::from(from), u64::from(until))).unwrap()
    }

    /// One time in so many.
    pub fn one_in(&mut self, many: u64) -> bool {
        self.among(0, many) == 0
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.among(0, all.len() as u64)).unwrap()]
    }
}
