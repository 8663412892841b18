/// How two values of one input are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// A choice without order: values are equal, or they are 1 apart (Hamming).
    Category,
    /// A number: the square of the difference.
    Number,
}

/// The prior of a Gaussian process: mean, and covariance between the values at two points.
///
/// The covariance is `amplitude`·(1 + √(5q) + 5q/3)·e^(−√(5q)), Matérn with ν = 5/2, in the squared distance q = Σ wᵢδᵢ
/// over the inputs; δᵢ is as [`Dimension`] says. A category is one-hot coded by this, so that the covariance is positive
/// definite for categories and numbers alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// How each input is compared.
    pub dimensions: Vec<Dimension>,
    /// The weight of each input: the reciprocal of its squared length scale; not negative.
    pub weights: Vec<f64>,
    /// The variance of the function about its mean; positive.
    pub amplitude: f64,
    /// The variance of the noise of a value, divided by the amplitude.
    pub noise: f64,
    /// The mean.
    pub mean: f64,
}

impl Kernel {
    /// The correlation of the function's values at two points.
    #[must_use]
    pub fn correlation(&self, a: &[f64], b: &[f64]) -> f64 {
        let terms = self.dimensions.iter().zip(&self.weights).zip(a.iter().zip(b));
        let distance = terms.map(|((dimension, weight), (a, b))| weight * dimension.distance(*a, *b));
        matern(distance.sum())
    }

    /// The variance of the noise of a value.
    #[must_use]
    pub fn noise_variance(&self) -> f64 {
        self.noise * self.amplitude
    }
}

impl Dimension {
    /// δ: the squared distance of two values.
    #[must_use]
    pub fn distance(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Category => f64::from(u8::from(a != b)),
            Self::Number => (a - b) * (a - b),
        }
    }
}

/// The Matérn-5/2 correlation at a squared distance.
pub(super) fn matern(squared: f64) -> f64 {
    let root = (5.0 * squared).sqrt();
    (1.0 + root + 5.0 / 3.0 * squared) * (-root).exp()
}

/// Its derivative by the squared distance.
pub(super) fn matern_slope(squared: f64) -> f64 {
    let root = (5.0 * squared).sqrt();
    -5.0 / 6.0 * (1.0 + root) * (-root).exp()
}
