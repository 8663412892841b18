use panarch_space::{Genotype, Space, SpaceError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Networks of a space of which alone a search may propose: those of a table of known values, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Canonical, ascending, each once; not empty.
    members: Vec<Genotype>,
}

impl Pool {
    /// The pool of these members of a space; repeats count once.
    ///
    /// # Errors
    /// A genotype that is none of the space. `None` for no genotypes at all.
    pub fn new(space: &Space, genotypes: impl IntoIterator<Item = Genotype>) -> Result<Option<Self>, SpaceError> {
        let canonical = |genotype: Genotype| space.check(&genotype).map(|()| space.canonical(&genotype));
        let mut members: Vec<Genotype> = genotypes.into_iter().map(canonical).collect::<Result<_, _>>()?;
        members.sort_unstable();
        members.dedup();
        Ok((!members.is_empty()).then_some(Self { members }))
    }

    /// The members, ascending.
    #[must_use]
    pub fn members(&self) -> &[Genotype] {
        &self.members
    }

    /// Whether a canonical genotype is a member.
    #[must_use]
    pub fn contains(&self, genotype: &Genotype) -> bool {
        self.members.binary_search(genotype).is_ok()
    }

    /// A member, uniformly.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        self.member(rng.random_range(0..self.members.len()))
    }

    /// The members from the nearest to the furthest, by the number of decisions that differ; the genotype itself is not
    /// among them.
    fn by_distance(&self, genotype: &Genotype) -> Vec<(usize, usize)> {
        let distances = self.members.iter().map(|member| distance(member, genotype)).enumerate();
        let others = distances.filter(|(_, distance)| *distance > 0);
        let mut others: Vec<(usize, usize)> = others.map(|(index, distance)| (distance, index)).collect();
        others.sort_unstable();
        others
    }

    /// A member near a genotype: the logarithm of its rank by distance is uniform, so that half of the draws are among the
    /// √n nearest of n.
    pub(crate) fn near(&self, genotype: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let others = self.by_distance(genotype);
        let rank = (rng.random::<f64>() * ((others.len() + 1) as f64).ln()).exp() as usize;
        let place = others.get(rank.saturating_sub(1)).or_else(|| others.last());
        place.map_or_else(|| genotype.clone(), |(_, index)| self.member(*index))
    }

    /// All members that are as near to a genotype as any other one is.
    pub(crate) fn nearest(&self, genotype: &Genotype) -> Vec<Genotype> {
        let distances: Vec<usize> = self.members.iter().map(|member| distance(member, genotype)).collect();
        let least = distances.iter().copied().filter(|distance| *distance > 0).min();
        let nearest = self
            .members
            .iter()
            .zip(distances)
            .filter(|(_, distance)| Some(*distance) == least);
        nearest.map(|(member, _)| member.clone()).collect()
    }

    /// The member that is most like a genotype: itself if it is one.
    pub(crate) fn most_like(&self, genotype: &Genotype) -> Genotype {
        let distances = self.members.iter().map(|member| distance(member, genotype));
        let least = distances.enumerate().min_by_key(|(_, distance)| *distance);
        least.map_or_else(|| genotype.clone(), |(index, _)| self.member(index))
    }

    fn member(&self, index: usize) -> Genotype {
        self.members
            .get(index)
            .cloned()
            .unwrap_or_else(|| Genotype::new(Vec::new()))
    }
}

fn distance(a: &Genotype, b: &Genotype) -> usize {
    let pairs = a.as_bytes().iter().zip(b.as_bytes());
    pairs.filter(|(a, b)| a != b).count()
}
