use panarch_predict::Dimension;
use panarch_space::{Genotype, Property, Space};

/// A genotype as the inputs of a Gaussian process, one for each decision.
///
/// What has an order (depths, widths, kernels, …) is a number from 0 to 1, what has none a category; a decision without
/// effect is one step below the first choice.
#[derive(Debug)]
pub(super) struct Encoding {
    space: Space,
    dimensions: Vec<Dimension>,
}

impl Encoding {
    pub(super) fn new(space: &Space) -> Self {
        let dimension = |property: Property| match property {
            Property::Depth
            | Property::Width
            | Property::Kernel
            | Property::Expansion
            | Property::InnerWidth
            | Property::SqueezeExcite
            | Property::GroupWidth => Dimension::Number,
            _ => Dimension::Category,
        };
        Self {
            dimensions: space.decisions().iter().map(|it| dimension(it.property)).collect(),
            space: space.clone(),
        }
    }

    /// How the inputs are compared.
    pub(super) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    pub(super) fn encode(&self, genotype: &Genotype) -> Vec<f64> {
        let active = self.space.active(genotype);
        let decisions = self.space.decisions().iter().zip(active).enumerate();
        let input = |(index, (decision, active)): (usize, (&panarch_space::Decision, bool))| {
            let step = 1.0 / decision.choices.len().saturating_sub(1).max(1) as f64;
            if active {
                f64::from(genotype.choice(index)) * step
            } else {
                -step
            }
        };
        decisions.map(input).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_become_numbers_and_categories() {
        let space = Space::preset("ofa-mbv3-w1.0").unwrap();
        let encoding = Encoding::new(&space);
        let of = |name: &str| space.decision(name).unwrap();
        let (smallest, largest) = (encoding.encode(&space.smallest()), encoding.encode(&space.largest()));
        let [depth, first, last] = ["stage1.depth", "stage1.block1.kernel", "stage1.block4.kernel"].map(of);
        assert_eq!([depth, first, last].map(|decision| largest[decision]), [1.0, 1.0, 1.0]);
        assert_eq!(
            [depth, first, last].map(|decision| smallest[decision]),
            [0.0, 0.0, -0.5]
        );
        assert!(encoding.dimensions().iter().all(|it| *it == Dimension::Number));
        let operators = Encoding::new(&Space::preset("nas-bench-macro").unwrap());
        assert!(operators.dimensions().iter().all(|it| *it == Dimension::Category));
    }
}
