//! Numbers drawn from a seed.

/// SplitMix64 (Steele, Lea and Flood 2014): enough for drawing profiles, and a whole state in one word.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, of: f64) -> bool {
        self.share() < of
    }

    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + (self.word() % u64::from(high - low + 1)) as u32
    }

    /// Every decade as likely as every other.
    pub fn decades(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.share())
    }

    /// A whole number, every decade as likely as every other.
    pub fn size(&mut self, low: u32, high: u32) -> u32 {
        (self.decades(f64::from(low), f64::from(high) + 1.0) as u32).clamp(low, high)
    }

    pub fn of<T: Clone>(&mut self, from: &[T]) -> T {
        from[(self.word() % from.len() as u64) as usize].clone()
    }
}
