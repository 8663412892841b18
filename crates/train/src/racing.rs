//! Racing: whether a network can still overtake another one, judged by the same first images of a validation.
//!
//! Races stop what is very likely behind before all is known of it (Maron and Moore 1994, "Hoeffding races"). The images are
//! paired here: most of what two sub-networks get wrong they both get wrong, so that their difference is known much better than
//! the accuracy of either.

use crate::Score;

/// Which of the first images of a validation a network has answered rightly, in the order of the images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers(Vec<bool>);

impl Answers {
    /// Number of images answered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answers to the first images alone; all of them where there are fewer.
    #[must_use]
    pub fn first(&self, images: usize) -> Self {
        Self(self.0.iter().copied().take(images).collect())
    }

    /// How many were right.
    #[must_use]
    pub fn score(&self) -> Score {
        Score {
            correct: self.0.iter().filter(|right| **right).count(),
            images: self.0.len(),
        }
    }

    pub(crate) fn extend(&mut self, right: impl Iterator<Item = bool>) {
        self.0.extend(right);
    }
}

impl FromIterator<bool> for Answers {
    fn from_iter<T: IntoIterator<Item = bool>>(right: T) -> Self {
        Self(right.into_iter().collect())
    }
}

/// What a network's accuracy on all images will be, by its answers to the first of them and a rival's to all.
///
/// With the differences d of ±1 or 0 of the images that both have answered, the estimate is the rival's accuracy on all images
/// plus the mean of d. Those k images are drawn from the N without replacement, so that its standard error is
/// √(s² / k · (N − k) / (N − 1)), with s² the variance of d, where one more image is counted on which the two differ: that they
/// have not differed yet is no certainty. It is 0 where every image is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lead {
    /// The estimate, as a share.
    pub share: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The largest share that is possible: every image to come is answered rightly.
    pub possible: f64,
}

impl Lead {
    /// Compares a network's answers with a rival's. None where nothing is answered, or the rival has answered fewer.
    #[must_use]
    pub fn new(answers: &Answers, rival: &Answers) -> Option<Self> {
        let (seen, all) = (answers.len() as f64, rival.len() as f64);
        if answers.is_empty() || answers.len() > rival.len() {
            return None;
        }
        let pairs = || answers.0.iter().zip(&rival.0);
        let gained = pairs().filter(|(own, other)| **own && !**other).count() as f64;
        let lost = pairs().filter(|(own, other)| !**own && **other).count() as f64;
        let correct = |answers: &Answers| answers.score().correct as f64;
        if answers.len() == rival.len() {
            let share = correct(answers) / all;
            return Some(Self {
                share,
                standard_error: 0.0,
                possible: share,
            });
        }
        let difference = (gained - lost) / seen;
        let variance = ((gained + lost + 1.0) / seen - difference * difference).max(0.0);
        let (least, most) = (correct(answers) / all, (correct(answers) + all - seen) / all);
        Some(Self {
            share: (correct(rival) / all + difference).clamp(least, most),
            standard_error: (variance / seen * (all - seen) / (all - 1.0)).sqrt(),
            possible: most,
        })
    }

    /// What the share does not exceed, so many standard errors above the estimate.
    #[must_use]
    pub fn upper(&self, deviations: f64) -> f64 {
        (self.share + deviations * self.standard_error).min(self.possible)
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::random;
    use rand::RngExt as _;

    use super::*;

    fn answers(text: &str) -> Answers {
        text.chars().map(|answer| answer == '1').collect()
    }

    /// Figures worked out by hand.
    #[test]
    fn a_lead_is_the_mean_of_the_differences() {
        let rival = answers("1101101011");
        let lead = Lead::new(&answers("1011"), &rival).unwrap();
        // One gained, one lost of four: d = 0, s² = 3/4; the rival has 7 of 10 right; 6 of 10 are to come.
        assert!((lead.share - 0.7).abs() < 1e-12, "{lead:?}");
        assert!((lead.standard_error - (0.75_f64 / 4.0 * 6.0 / 9.0).sqrt()).abs() < 1e-12);
        assert!((lead.possible - 0.9).abs() < 1e-12);
        assert_eq!(lead.upper(100.0), lead.possible);
        let all = Lead::new(&answers("0000000001"), &rival).unwrap();
        assert_eq!((all.share, all.standard_error, all.upper(3.0)), (0.1, 0.0, 0.1));
        assert_eq!(Lead::new(&Answers::default(), &rival), None);
        assert_eq!(Lead::new(&rival, &answers("11")), None);
    }

    /// At one look, the share on all images lies above the bound about as seldom as is stated, whether the two get much the
    /// same images wrong or not.
    #[test]
    fn bounds_hold_as_often_as_they_say() {
        let mut rng = random::stream(1, "racing", 0);
        for (both, alone) in [(0.06, 0.03), (0.0, 0.2), (0.3, 0.01)] {
            let (mut above, rounds) = (0, 4_000);
            for _ in 0..rounds {
                let (mut own, mut rival) = (Vec::new(), Vec::new());
                for _ in 0..2_000 {
                    let hard = rng.random_bool(both);
                    own.push(!(hard || rng.random_bool(alone)));
                    rival.push(!(hard || rng.random_bool(alone)));
                }
                let (own, rival): (Answers, Answers) = (own.into_iter().collect(), rival.into_iter().collect());
                let lead = Lead::new(&own.first(400), &rival).unwrap();
                let last = Lead::new(&own, &rival).unwrap().share;
                above += usize::from(last > lead.upper(1.644_854));
            }
            let share = above as f64 / f64::from(rounds);
            assert!((0.025..0.06).contains(&share), "{both} {alone}: {share}");
        }
    }
}
