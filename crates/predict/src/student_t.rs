//! Student's t distribution, for prediction intervals.

/// The value that t with `freedom` degrees of freedom stays below with this probability.
///
/// By bisection on the distribution function, to about 12 digits. `probability` is strictly between 0 and 1 and `freedom`
/// positive; other arguments give a value that is not a number.
pub(crate) fn quantile(probability: f64, freedom: f64) -> f64 {
    if !(probability > 0.0 && probability < 1.0 && freedom > 0.0) {
        return f64::NAN;
    }
    if probability < 0.5 {
        return -quantile(1.0 - probability, freedom);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while below(high, freedom) < probability && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if below(middle, freedom) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The value that a standard normal variable stays below with this probability, between 0 and 1.
///
/// By Student's t with a million degrees of freedom: six digits.
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    quantile(probability, 1e6)
}

/// The probability of a value below `t ≥ 0`.
fn below(t: f64, freedom: f64) -> f64 {
    1.0 - 0.5 * incomplete_beta(freedom / (freedom + t * t), 0.5 * freedom, 0.5)
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz's method).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast below this point; above it the symmetry leads below.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= 1e-15 * fraction.abs() {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function for positive arguments: shifted above 10, then Stirling's series.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the usual printed tables.
    #[test]
    fn quantiles_of_the_tables() {
        let table = [
            (0.975, 1.0, 12.7062),
            (0.975, 2.0, 4.3027),
            (0.975, 10.0, 2.2281),
            (0.95, 5.0, 2.0150),
            (0.995, 30.0, 2.7500),
            (0.975, 1e6, 1.959_966),
            (0.025, 10.0, -2.2281),
            (0.5, 3.0, 0.0),
        ];
        for (probability, freedom, expected) in table {
            let found = quantile(probability, freedom);
            assert!(
                (found - expected).abs() < 5e-5,
                "t({probability}, {freedom}) = {found}, not {expected}"
            );
        }
        assert!(quantile(1.0, 3.0).is_nan() && quantile(0.9, 0.0).is_nan());
    }
}
