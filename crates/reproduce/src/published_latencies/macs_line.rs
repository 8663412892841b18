//! The baseline: latency = a · MACs + b.

use panarch_graph::Latency;

use super::sample::Sample;

/// A line through MACs, with the least sum of squared relative errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MacsLine {
    /// Seconds a MAC.
    pub(super) slope: f64,
    /// Seconds.
    pub(super) intercept: f64,
}

impl MacsLine {
    /// Through points of MACs and latency; `None` where all have the same MACs.
    fn through(points: &[(f64, Latency)]) -> Option<Self> {
        // With u = MACs / t and v = 1 / t it is least squares of a·u + b·v = 1.
        let mut sums = [0.0; 5];
        for (macs, latency) in points {
            let (u, v) = (macs / latency.seconds(), 1.0 / latency.seconds());
            let terms = [u * u, u * v, v * v, u, v];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        let [uu, uv, vv, u, v] = sums;
        let determinant = uu * vv - uv * uv;
        (determinant > 1e-9 * uu * vv).then(|| Self {
            slope: (u * vv - v * uv) / determinant,
            intercept: (v * uu - u * uv) / determinant,
        })
    }

    fn at(self, macs: f64) -> Latency {
        Latency::from_millis((self.slope * macs + self.intercept) * 1e3)
    }

    /// The line through all networks of a device, what it says of each, and what the line through all others says of each.
    pub(super) fn of(sample: &Sample) -> Option<(Self, Vec<Latency>, Vec<Latency>)> {
        let cases = sample.cases().into_iter();
        let points: Vec<(f64, Latency)> = cases.map(|(it, latency)| (it.macs().0 as f64, latency)).collect();
        let whole = Self::through(&points)?;
        let within = points.iter().map(|(macs, _)| whole.at(*macs)).collect();
        let left_out = points.iter().enumerate().map(|(index, (macs, _))| {
            let mut others = points.clone();
            others.remove(index);
            Some(Self::through(&others)?.at(*macs))
        });
        Some((whole, within, left_out.collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let line = MacsLine {
            slope: 2e-12,
            intercept: 1e-3,
        };
        let points = [3e8, 5e8, 9e9].map(|macs| (macs, line.at(macs)));
        let found = MacsLine::through(&points).unwrap();
        assert!((found.slope / line.slope - 1.0).abs() < 1e-9, "{found:?}");
        assert!((found.intercept / line.intercept - 1.0).abs() < 1e-9, "{found:?}");
        assert_eq!(MacsLine::through(&[points[0]; 3]), None);
    }
}
