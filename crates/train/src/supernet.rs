//! A weight-sharing supernet: the parameters of every network of a space in one store.

use std::borrow::Cow;

use panarch_graph::{Network, Weights, random};
use panarch_nn::Store;
use panarch_space::{Genotype, Head, Space};

use crate::engine::Member;
use crate::{Checkpoint, KernelTransforms, TrainError};

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
        // Before the cover, which takes long where members are large.
        Store::check_size(&self.network(&self.space.largest())?)?;
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
/// centre of the kernel, or what the matrices of a published supernet make of it (see [`KernelTransforms`]). A training
/// does not keep running statistics of batch normalisation: every member gets its own before it is evaluated (see
/// [`recalibrate`](crate::recalibrate)). Those of an imported supernet are the published ones.
#[derive(Debug, Clone)]
pub struct Supernet {
    pub(crate) family: Family,
    pub(crate) store: Store,
    pub(crate) transforms: KernelTransforms,
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
        Ok(Self {
            family,
            store,
            transforms: KernelTransforms::default(),
        })
    }

    /// The supernet that a checkpoint of its training holds.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnotherSpace`] when it is of another space, else as [`Checkpoint::read`].
    pub fn open(path: &std::path::Path, space: &Space, head: Head, resolution: u32) -> Result<Self, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        let family = Family {
            space: space.clone(),
            head,
            resolution,
        };
        checkpoint.check_space(path, space)?;
        let mut store = family.store()?;
        checkpoint.restore_weights(path, &mut store)?;
        Ok(Self {
            family,
            store,
            transforms: checkpoint.transforms().clone(),
        })
    }

    /// A checkpoint of the supernet as it is, before any training here. `settings` say where it comes from.
    #[must_use]
    pub fn checkpoint(&self, settings: serde_json::Value) -> Checkpoint {
        Checkpoint::of_supernet(self, settings)
    }

    /// The matrices by which smaller kernels are made of larger ones.
    pub fn transforms(&self) -> &KernelTransforms {
        &self.transforms
    }

    /// The same supernet for images of another size.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the space does not allow it.
    pub fn with_resolution(mut self, resolution: u32) -> Result<Self, TrainError> {
        self.family.resolution = resolution;
        self.family.network(&self.family.space.smallest())?;
        Ok(self)
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

    /// The network of a genotype with its places in the store. In a supernet with kernel matrices that is not all that a
    /// member with smaller kernels needs: see [`Supernet::bind`].
    ///
    /// # Errors
    /// [`TrainError::Space`] when the genotype is not of this space.
    pub fn member(&self, genotype: &Genotype) -> Result<Member, TrainError> {
        self.family.member(genotype, &self.store)
    }

    /// A member and the store to run it with: the shared one, or, where kernels are made by matrices, one of its own.
    ///
    /// # Errors
    /// As [`Supernet::member`].
    pub fn bind(&self, genotype: &Genotype) -> Result<(Member, Cow<'_, Store>), TrainError> {
        if self.transforms.is_empty() {
            return Ok((self.member(genotype)?, Cow::Borrowed(&self.store)));
        }
        let (network, weights) = self.extract(genotype)?;
        let store = Store::from_weights(&network, &weights)?;
        Ok((Member::new(network, &store)?, Cow::Owned(store)))
    }

    /// The weights that a genotype inherits, in their own shapes. After a training here the running statistics among them
    /// are those of the initialisation; recalibrate before use. After an import they are slices of the published ones.
    ///
    /// # Errors
    /// As [`Supernet::member`].
    pub fn extract(&self, genotype: &Genotype) -> Result<(Network, Weights), TrainError> {
        let member = self.member(genotype)?;
        let mut weights = member.views().extract(&self.store)?;
        self.transforms.apply(member.network(), &self.store, &mut weights);
        Ok((member.network().clone(), weights))
    }
}
