use panarch_predict::Normal;

/// A front of which the boxes would be more is thinned.
const MOST_BOXES: usize = 20_000;

/// The expected hypervolume improvement over a front, for objectives that are independent and normal; all are minimised.
///
/// What no member of the front dominates, below the reference point, is cut into disjoint boxes (l, u]. A point y adds
/// Πⱼ(uⱼ − max(yⱼ, lⱼ))⁺ in each of them, whose expectation is Πⱼ(ψⱼ(uⱼ) − ψⱼ(lⱼ)) with ψⱼ(t) = E[(t − yⱼ)⁺].
#[derive(Debug)]
pub(super) struct Improvement {
    /// Where boxes begin and end along each objective, increasing; the last is the reference.
    levels: Vec<Vec<f64>>,
    /// For each box and objective the levels between which it lies; the lower one may be −∞.
    boxes: Vec<Vec<(Option<usize>, usize)>>,
}

impl Improvement {
    /// The improvement over these points; those beyond the reference count nothing.
    pub(super) fn new(front: &[Vec<f64>], reference: &[f64]) -> Self {
        let inside = |point: &&Vec<f64>| point.iter().zip(reference).all(|(value, limit)| value < limit);
        let mut front: Vec<&Vec<f64>> = front.iter().filter(inside).collect();
        front.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        loop {
            let levels: Vec<Vec<f64>> = reference
                .iter()
                .enumerate()
                .map(|(objective, limit)| {
                    let mut levels: Vec<f64> = front.iter().map(|point| point[objective]).collect();
                    levels.push(*limit);
                    levels.sort_by(f64::total_cmp);
                    levels.dedup();
                    levels
                })
                .collect();
            let place = |(value, levels): (&f64, &Vec<f64>)| levels.partition_point(|level| level < value);
            let points = front.iter().map(|point| point.iter().zip(&levels).map(place).collect());
            let points: Vec<Vec<usize>> = points.collect();
            let ends: Vec<usize> = levels.iter().map(|levels| levels.len() - 1).collect();
            let mut boxes = Vec::new();
            cut(&points.iter().collect::<Vec<_>>(), &ends, &mut Vec::new(), &mut boxes);
            if boxes.len() <= MOST_BOXES || front.len() < 3 {
                return Self { levels, boxes };
            }
            front = front.into_iter().step_by(2).collect();
        }
    }

    /// What a network with these independent objectives is expected to add to the hypervolume.
    pub(super) fn expected(&self, objectives: &[Normal]) -> f64 {
        let gains = objectives.iter().zip(&self.levels);
        let gains: Vec<Vec<f64>> = gains
            .map(|(normal, levels)| levels.iter().map(|level| expected_below(*normal, *level)).collect())
            .collect();
        let volume = |cut: &Vec<(Option<usize>, usize)>| -> f64 {
            let sides = cut.iter().zip(&gains);
            sides
                .map(|((lower, upper), gains)| gains[*upper] - lower.map_or(0.0, |lower| gains[lower]))
                .product()
        };
        self.boxes.iter().map(volume).sum()
    }
}

/// Cuts what no point dominates into boxes: slabs along the last of the objectives that are left, each cut by the points that
/// reach below it. `sides` are those of the objectives after these, in reverse.
fn cut(
    points: &[&Vec<usize>],
    ends: &[usize],
    sides: &mut Vec<(Option<usize>, usize)>,
    boxes: &mut Vec<Vec<(Option<usize>, usize)>>,
) {
    let Some((end, rest)) = ends.split_last() else { return };
    let objective = rest.len();
    if rest.is_empty() {
        let upper = points.iter().map(|point| point[0]).min().unwrap_or(*end);
        let whole = std::iter::once((None, upper)).chain(sides.iter().rev().copied());
        boxes.push(whole.collect());
        return;
    }
    let mut levels: Vec<usize> = points.iter().map(|point| point[objective]).collect();
    levels.push(*end);
    levels.sort_unstable();
    levels.dedup();
    let mut lower = None;
    for upper in levels {
        let below = |point: &&&Vec<usize>| lower.is_some_and(|lower| point[objective] <= lower);
        let reaching: Vec<&Vec<usize>> = points.iter().filter(below).copied().collect();
        sides.push((lower, upper));
        cut(&reaching, rest, sides, boxes);
        sides.pop();
        lower = Some(upper);
    }
}

/// E[(t − y)⁺] for a normal y.
fn expected_below(normal: Normal, t: f64) -> f64 {
    let deviation = normal.variance.sqrt();
    let gap = t - normal.mean;
    if deviation <= 0.0 {
        return gap.max(0.0);
    }
    let u = gap / deviation;
    gap * below(u) + deviation * (-0.5 * u * u).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The probability that a standard normal is below `u`; to 10⁻⁷ of itself or of what it lacks to 1 (Press et al. 1992, "Numerical
/// Recipes", `erfcc`).
pub(super) fn below(u: f64) -> f64 {
    let z = u.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let coefficients = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let polynomial = coefficients.iter().fold(0.0, |sum, coefficient| sum * t + coefficient);
    let tail = 0.5 * t * (polynomial - z * z).exp();
    if u >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use panarch_graph::stream;
    use panarch_study::hypervolume;
    use rand::RngExt;

    use super::*;

    #[test]
    fn the_normal_distribution_on_known_figures() {
        for (u, probability) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746),
            (-1.96, 0.024_997_895),
            (-5.0, 2.866_515_7e-7),
        ] {
            assert!((below(u) / probability - 1.0).abs() < 3e-7, "{u}: {}", below(u));
        }
        // E[(1 − y)⁺] of a standard normal: Φ(1) + φ(1).
        let normal = Normal {
            mean: 0.0,
            variance: 1.0,
        };
        assert!((expected_below(normal, 1.0) - 1.083_315_47).abs() < 1e-6);
        assert_eq!(
            expected_below(
                Normal {
                    mean: 1.0,
                    variance: 0.0
                },
                3.0
            ),
            2.0
        );
    }

    /// Without variance the expectation is the improvement itself; with variance it is the mean of many.
    #[test]
    fn expectations_agree_with_hypervolumes() {
        let mut rng = stream(3, "improvement", 0);
        for objectives in 1..=4 {
            let mut draw = || (0..objectives).map(|_| rng.random::<f64>()).collect::<Vec<f64>>();
            let front: Vec<Vec<f64>> = (0..8).map(|_| draw()).collect();
            let reference = vec![0.95; objectives];
            let improvement = Improvement::new(&front, &reference);
            let gain = |point: &[f64]| {
                let with: Vec<Vec<f64>> = front.iter().cloned().chain([point.to_vec()]).collect();
                hypervolume(&with, &reference) - hypervolume(&front, &reference)
            };
            for _ in 0..20 {
                let point: Vec<f64> = draw().iter().map(|value| value * 0.8 - 0.2).collect();
                let certain = point.iter().map(|mean| Normal {
                    mean: *mean,
                    variance: 0.0,
                });
                let expected = improvement.expected(&certain.collect::<Vec<_>>());
                assert!((expected - gain(&point)).abs() < 1e-12, "{objectives}: {point:?}");
            }
            let normals = vec![
                Normal {
                    mean: 0.3,
                    variance: 0.01
                };
                objectives
            ];
            let samples = 4_000;
            let mut normal = || {
                let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
                (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
            };
            let mut sum = 0.0;
            for _ in 0..samples {
                let point: Vec<f64> = normals
                    .iter()
                    .map(|it| it.mean + it.variance.sqrt() * normal())
                    .collect();
                sum += gain(&point);
            }
            let (mean, expected) = (sum / f64::from(samples), improvement.expected(&normals));
            assert!(
                (mean - expected).abs() < 0.05 * expected + 1e-3,
                "{objectives}: {mean} {expected}"
            );
        }
    }
}
