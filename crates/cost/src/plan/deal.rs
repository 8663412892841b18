//! How the work of a layer is dealt out to several arrays.

/// The numbers of arrays over which positions and output channels are shared out, so that their product is at most `count`.
///
/// One of the two is a power of two and the other as large as that leaves room for: more arrays have every deal of fewer, or
/// a finer one.
pub(super) fn deals(count: u32) -> impl Iterator<Item = [u64; 2]> {
    powers(count).flat_map(move |some| [[some, u64::from(count) / some], [u64::from(count) / some, some]])
}

/// The powers of two up to a number.
pub(super) fn powers(count: u32) -> impl Iterator<Item = u64> {
    (0..=count.max(1).ilog2()).map(|exponent| 1 << exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_arrays_have_the_deals_of_fewer() {
        for count in 1..200 {
            for [positions, channels] in deals(count) {
                assert!(positions >= 1 && channels >= 1 && positions * channels <= u64::from(count));
                assert!(deals(count + 1).any(|more| more[0] >= positions && more[1] >= channels));
            }
        }
    }
}
