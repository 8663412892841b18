//! The Beta distribution with two equal parameters.

use std::f64::consts::TAU;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// A draw from Beta(α, α), for any α above 0.
///
/// Sources: Devroye, Non-Uniform Random Variate Generation (1986), chapter IX: Jöhnk's method up to ½, where it is fast,
/// in logarithms, because the powers leave the range of numbers for small α; above, the polar method of Ulrich for the
/// symmetric case.
pub(crate) fn symmetric_beta(alpha: f64, rng: &mut ChaCha8Rng) -> f64 {
    // From (0, 1], so that the logarithm is finite.
    let mut uniform = || 1.0 - rng.random::<f64>();
    if alpha > 0.5 {
        let radius = 1.0 - uniform().powf(2.0 / (2.0 * alpha - 1.0));
        return 0.5 + 0.5 * radius.sqrt() * (TAU * uniform()).cos();
    }
    loop {
        let (x, y) = (uniform().ln() / alpha, uniform().ln() / alpha);
        if x.exp() + y.exp() <= 1.0 {
            return 1.0 / (1.0 + (y - x).exp());
        }
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::random;

    use super::*;

    #[test]
    fn moments_are_those_of_the_distribution() {
        for alpha in [0.05, 0.2, 0.5, 0.6, 1.0, 4.0] {
            let mut rng = random::stream(3, "beta", 0);
            let draws: Vec<f64> = (0..20_000).map(|_| symmetric_beta(alpha, &mut rng)).collect();
            assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)), "{alpha}");
            let count = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / count;
            let moment = |power| draws.iter().map(|x| (x - 0.5).powi(power)).sum::<f64>() / count;
            let variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            let fourth = 3.0 / (16.0 * (2.0 * alpha + 1.0) * (2.0 * alpha + 3.0));
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: {mean}");
            assert!((moment(2) / variance - 1.0).abs() < 0.04, "{alpha}: {}", moment(2));
            assert!((moment(4) / fourth - 1.0).abs() < 0.06, "{alpha}: {}", moment(4));
        }
    }
}
