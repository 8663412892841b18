//! A weight-sharing supernet: the parameters of every network of a space in one store.

use panarch_graph::{Network, Weights, random};
use panarch_nn::Store;
use panarch_space::{Genotype, Head, Space};

use crate::engine::Member;
use crate::{Checkpoint, TrainError};

/// The members of a supernet, apart from their weights.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) space: Space,
    pub(crate) head: Head,
    pub(crate) resolution: u32,
}

impl Family {
    pub(crate) fn network(&self, genotype: &Genotype) -> Result<Network, TrainError> {
        Ok(self.space.lower(genotype, self.head, self.resolution)?)
    }

    pub(crate) fn member(&self, genotype: &Genotype, store: &Store) -> Result<Member, TrainError> {
        Member::new(self.network(genotype)?, store)
    }

    /// An uninitialised store in which every member finds its parameters.
    pub(crate) fn store(&self) -> Result<Store, TrainError> {
        let networks: Vec<Network> = self
            .space
            .cover()
            .iter()
            .map(|genotype| self.network(genotype))
            .collect::<Result<_, _>>()?;
        Ok(Store::covering(&networks)?)
    }
}

/// All networks of a [`Space`] over one store of shared weights.
///
/// A parameter's name stands for one tensor, as large as its largest use; a member takes the leading channels and the
/// centre of the kernel. Running statistics of batch normalisation are not shared and not kept: every member gets its
/// own before it is evaluated (see [`recalibrate`](crate::recalibrate)).
#[derive(Debug, Clone)]
pub struct Supernet {
    pub(crate) family: Family,
    pub(crate) store: Store,
}

impl Supernet {
    /// A supernet with He-initialised weights, drawn by `seed`.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the space does not allow the resolution, [`TrainError::Engine`] when its members
    /// disagree about a parameter.
    pub fn new(space: &Space, head: Head, resolution: u32, seed: u64) -> Result<Self, TrainError> {
        let family = Family {
            space: space.clone(),
            head,
            resolution,
        };
        let mut store = family.store()?;
        store.initialise(&mut random::stream(seed, "initialise", 0));
        Ok(Self { family, store })
    }

    /// The supernet that a checkpoint of its training holds.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnother`] when it is of another space, else as [`Checkpoint::read`].
    pub fn open(path: &std::path::Path, space: &Space, head: Head, resolution: u32) -> Result<Self, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        let family = Family {
            space: space.clone(),
            head,
            resolution,
        };
        let mut store = family.store()?;
        checkpoint.check_subject(path, &crate::checkpoint::Subject::of_space(space))?;
        checkpoint.restore_weights(path, &mut store)?;
        Ok(Self { family, store })
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.family.space
    }

    /// Classes and input channels.
    pub fn head(&self) -> Head {
        self.family.head
    }

    /// Height and width of the images, in pixels.
    pub fn resolution(&self) -> u32 {
        self.family.resolution
    }

    /// The shared weights.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The network of a genotype with its places in the store.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the genotype is not of this space.
    pub fn member(&self, genotype: &Genotype) -> Result<Member, TrainError> {
        self.family.member(genotype, &self.store)
    }

    /// The weights that a genotype inherits, in their own shapes. The running statistics among them are those of the
    /// initialisation; recalibrate before use.
    ///
    /// # Errors
    /// As [`Supernet::member`].
    pub fn extract(&self, genotype: &Genotype) -> Result<(Network, Weights), TrainError> {
        let member = self.member(genotype)?;
        let weights = member.views().extract(&self.store)?;
        Ok((member.network().clone(), weights))
    }
}
