mod key;

use std::collections::HashMap;

use panarch_cost::{AnalyticModel, BlockCost, BlockSum, CostError};
use panarch_graph::{Latency, Shape};
use panarch_space::{Genotype, Head, Place, Space};

use crate::PredictError;
use key::{KeyHasher, Keys, MOST_INPUTS};

/// The latency of a space's members by a device's analytic model, with every block planned once.
///
/// Members share blocks: a space of 10¹⁹ members has some hundred. A member is then a look-up for each of its places and a
/// sum, which is what [`AnalyticModel::cost`] says of the lowered network, to rounding. The table fills as it is asked, and
/// a clone can be asked on another thread.
#[derive(Debug, Clone)]
pub struct BlockCache {
    space: Space,
    model: AnalyticModel,
    head: Head,
    places: Vec<Place>,
    keys: Vec<Keys>,
    /// What can enter a place: shape, and channels by the space's count.
    inputs: Vec<(Shape, u32)>,
    known: HashMap<u64, Entry, KeyHasher>,
    blocks: Vec<BlockCost>,
    chosen: Vec<u32>,
    sum: BlockSum,
}

/// What stands at a place for some choices and some input.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its number among the blocks; `None` where nothing stands.
    block: Option<u32>,
    /// The number of what enters the next place.
    next: u32,
}

impl BlockCache {
    /// An empty table for images of `resolution` × `resolution` pixels.
    ///
    /// # Errors
    /// A resolution or head that the space does not allow; places with more choices than can be numbered.
    pub fn new(space: &Space, model: AnalyticModel, head: Head, resolution: u32) -> Result<Self, PredictError> {
        // Refuses a wrong resolution or head in the words of lowering.
        space.lower(&space.smallest(), head, resolution)?;
        let places = space.places();
        let keys = places
            .iter()
            .enumerate()
            .map(|(position, place)| {
                Keys::new(space, position, &place.decisions).ok_or_else(|| PredictError::Choices {
                    space: space.name().to_owned(),
                    place: place.name.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            space: space.clone(),
            model,
            head,
            keys,
            inputs: vec![(
                Shape::new(head.input_channels, resolution, resolution),
                head.input_channels,
            )],
            known: HashMap::default(),
            blocks: Vec::new(),
            chosen: Vec::with_capacity(places.len()),
            places,
            sum: BlockSum::default(),
        })
    }

    /// The latency of a member, given in canonical form.
    ///
    /// # Errors
    /// The first operator that the device cannot run; see also [`AnalyticModel::block`].
    pub fn latency(&mut self, genotype: &Genotype) -> Result<Latency, PredictError> {
        self.chosen.clear();
        let mut input = 0;
        for position in 0..self.places.len() {
            let Some(keys) = self.keys.get(position) else { break };
            let key = keys.of(genotype, input);
            let entry = match self.known.get(&key) {
                Some(entry) => *entry,
                None => self.plan(position, key, genotype, input)?,
            };
            self.chosen.extend(entry.block);
            input = entry.next;
        }
        Ok(self.model.latency_of_blocks(&self.blocks, &self.chosen, &mut self.sum))
    }

    /// Number of blocks that have been planned.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    fn plan(&mut self, position: usize, key: u64, genotype: &Genotype, input: u32) -> Result<Entry, PredictError> {
        let missing = || CostError::Failed {
            device: self.model.profile().name().to_owned(),
            reason: "a table of blocks lost an entry".to_owned(),
        };
        let place = self.places.get(position).ok_or_else(missing)?;
        let (shape, width) = *self.inputs.get(input as usize).ok_or_else(missing)?;
        let placed = self.space.block_at(place, genotype, self.head, shape, width)?;
        let block = match &placed.network {
            Some(network) => {
                let last = position + 1 == self.places.len();
                self.blocks.push(self.model.block(network, position == 0, last)?);
                Some(self.blocks.len() as u32 - 1)
            }
            None => None,
        };
        let output = (placed.output, placed.width);
        if self.inputs.len() >= MOST_INPUTS {
            return Err(PredictError::Choices {
                space: self.space.name().to_owned(),
                place: place.name.clone(),
            });
        }
        let next = self
            .inputs
            .iter()
            .position(|known| *known == output)
            .unwrap_or_else(|| {
                self.inputs.push(output);
                self.inputs.len() - 1
            });
        let entry = Entry {
            block,
            next: next as u32,
        };
        self.known.insert(key, entry);
        Ok(entry)
    }
}
