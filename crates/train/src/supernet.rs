//! A weight-sharing supernet: the parameters of every network of a space in one store.

use std::collections::BTreeMap;
use std::sync::Arc;

use panarch_graph::{ContentHash, Network, Weights, random};
use panarch_nn::{Engine, Layout, Member, Parameters, Store, kernel_matrices};
use panarch_space::{Genotype, Head, Property, Space};

use crate::{Checkpoint, TrainError};

/// The members of a supernet, apart from their weights.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) space: Arc<Space>,
    pub(crate) head: Head,
    pub(crate) resolution: u32,
}

impl Family {
    /// The same members for images of another size.
    pub(crate) fn at(&self, resolution: u32) -> Self {
        Self {
            resolution,
            ..self.clone()
        }
    }

    pub(crate) fn network(&self, genotype: &Genotype) -> Result<Network, TrainError> {
        Ok(self.space.lower(genotype, self.head, self.resolution)?)
    }

    pub(crate) fn member(&self, genotype: &Genotype, layout: &Layout) -> Result<Member, TrainError> {
        Ok(Member::new(self.network(genotype)?, layout)?)
    }

    /// The smallest size of every depthwise kernel in any member, by the parameter's name.
    fn smallest_kernels(&self) -> Result<BTreeMap<String, usize>, TrainError> {
        let mut sizes = BTreeMap::new();
        // Every operator stands in one of these.
        for genotype in self.space.cover() {
            let decisions = self.space.decisions().iter().zip(genotype.as_bytes());
            let choices = decisions.map(|(decision, choice)| {
                let is_kernel = decision.property == Property::Kernel;
                if is_kernel { 0 } else { *choice }
            });
            let network = self.network(&Genotype::new(choices.collect()))?;
            for spec in network.parameters() {
                if let Some(size) = spec.shape.get(2).copied() {
                    let smallest = sizes.entry(spec.name).or_insert(size);
                    *smallest = size.min(*smallest);
                }
            }
        }
        Ok(sizes)
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
/// centre of the kernel, or what kernel matrices make of it (see [`Supernet::with_kernel_matrices`]). A training
/// does not keep running statistics of batch normalisation: every member gets its own before it is evaluated (see
/// [`recalibrate`](crate::recalibrate)). Those of an imported supernet are the published ones.
#[derive(Debug, Clone)]
pub struct Supernet {
    pub(crate) family: Family,
    pub(crate) store: Arc<Store>,
}

impl Supernet {
    /// A supernet with He-initialised weights, drawn by `seed`.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the space does not allow the resolution, [`TrainError::Engine`] when its members
    /// disagree about a parameter.
    pub fn new(space: &Space, head: Head, resolution: u32, seed: u64) -> Result<Self, TrainError> {
        let family = Family {
            space: Arc::new(space.clone()),
            head,
            resolution,
        };
        let mut store = family.store()?;
        store.initialise(&mut random::stream(seed, "initialise", 0));
        let store = Arc::new(store);
        Ok(Self { family, store })
    }

    /// The supernet that a checkpoint of its training holds.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnotherSpace`] when it is of another space, else as [`Checkpoint::read`].
    pub fn open(path: &std::path::Path, space: &Space, head: Head, resolution: u32) -> Result<Self, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        let family = Family {
            space: Arc::new(space.clone()),
            head,
            resolution,
        };
        checkpoint.check_space(path, space)?;
        let mut store = family.store()?;
        checkpoint.install_matrices(path, &mut store)?;
        checkpoint.restore_weights(path, &mut store)?;
        let store = Arc::new(store);
        Ok(Self { family, store })
    }

    /// A checkpoint of the supernet as it is, before any training here. `settings` say where it comes from.
    #[must_use]
    pub fn checkpoint(&self, settings: serde_json::Value) -> Checkpoint {
        Checkpoint::of_supernet(self, settings)
    }

    /// The same supernet with a matrix for every step from a larger depthwise kernel to a smaller one (Once-for-All, Cai et al.
    /// 2020, §3.3): identities, until they are trained. Matrices that are there already stay.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the space has no members at this resolution.
    pub fn with_kernel_matrices(mut self) -> Result<Self, TrainError> {
        if self.kernel_matrices() == 0 {
            let sizes = self.family.smallest_kernels()?;
            kernel_matrices::install_identities(Arc::make_mut(&mut self.store), &|name| {
                sizes.get(name).copied().unwrap_or(usize::MAX)
            })?;
        }
        Ok(self)
    }

    /// How many kernel matrices there are.
    pub fn kernel_matrices(&self) -> usize {
        kernel_matrices::matrices(&self.store).count()
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

    /// The hash of the shared weights, down to the last bit; what is made of others is no part of it.
    pub fn content_hash(&self) -> ContentHash {
        self.store.weights().content_hash()
    }

    /// Puts the weights into an engine, where members can be run without moving them again.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when the engine has no room for them.
    pub fn place(&self, engine: &mut dyn Engine) -> Result<PlacedSupernet, TrainError> {
        Ok(PlacedSupernet {
            family: self.family.clone(),
            parameters: engine.create(Arc::clone(&self.store))?,
        })
    }

    /// The network of a genotype with its places in the store.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the genotype is not of this space.
    pub fn member(&self, genotype: &Genotype) -> Result<Member, TrainError> {
        self.family.member(genotype, &self.store.layout())
    }

    /// The weights that a genotype inherits, in their own shapes. After a training here the running statistics among them
    /// are those of the initialisation; recalibrate before use. After an import they are slices of the published ones.
    ///
    /// # Errors
    /// As [`Supernet::member`].
    pub fn extract(&self, genotype: &Genotype) -> Result<(Network, Weights), TrainError> {
        let member = self.member(genotype)?;
        let weights = member.views().extract(&self.store)?;
        Ok((member.network().clone(), weights))
    }
}

/// A supernet whose weights an engine holds, see [`Supernet::place`]; they stay there until [`Engine::remove`].
#[derive(Debug, Clone)]
pub struct PlacedSupernet {
    family: Family,
    parameters: Parameters,
}

impl PlacedSupernet {
    /// The weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The network of a genotype with its places among the weights.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the genotype is not of this space.
    pub fn member(&self, genotype: &Genotype) -> Result<Member, TrainError> {
        self.family.member(genotype, self.parameters.layout())
    }
}
