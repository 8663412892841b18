//! The uniform mixture of a supernet's operators: what TuNAS warms its weights up with (Bender et al. 2020, "op warm-up").
//!
//! Where a decision is mixed, all its open choices are computed on the same input and their mean goes on; a block that may be
//! absent counts with nothing where it is: x + (1/N)·Σ f(x). Depth is mixed in the same sense: a block is scaled by the share
//! of the open depths that have it. The mean needs no operator of its own: each branch ends in a batch normalisation (or
//! convolution), whose parameters are read 1/N times as large ([`Binding::scale`](panarch_nn::Binding)).
//!
//! A block whose branches cannot be scaled so (they end in an activation, or only some add their input) is left as it was drawn;
//! in a stage whose depth is mixed it is there. What is chosen for a whole stage, or in stem and head, is left as it was drawn too.

use std::collections::BTreeMap;

use panarch_graph::{Network, NetworkBuilder, Node, NodeId, Op, ParameterSpec};
use panarch_nn::{Binding, Layout, Member, kernel_matrices};
use panarch_space::{Genotype, Property, Subspace};

use crate::TrainError;
use crate::supernet::Family;

/// Most branches of a block; decisions beyond that are taken as drawn.
const MOST_BRANCHES: usize = 16;

/// Between a node's name and the number of its branch; no name has it.
const BRANCH: char = '~';

/// The member in which the decisions of `mixed` are replaced by uniform mixtures, the others being as in `genotype` (which
/// needs not be canonical).
pub(crate) fn mixture(
    family: &Family,
    open: &Subspace,
    genotype: &Genotype,
    mixed: &[bool],
    layout: &Layout,
) -> Result<Member, TrainError> {
    let plan = Plan::new(family, open, genotype, mixed);
    let networks: Vec<Network> = plan.lowered(family)?;
    let (network, scales) = merge(&networks, &plan, family)?;
    let bind = |spec: &ParameterSpec| {
        let tensor = unbranched(&spec.name);
        let node = spec.name.rsplit_once('.').map_or("", |(node, _)| node);
        let scale = scales.get(node).copied().unwrap_or(1.0);
        let original = ParameterSpec {
            name: tensor.clone(),
            ..spec.clone()
        };
        match kernel_matrices::binding(&network, layout, &original) {
            Some(made) => Some(Binding { scale, ..made }),
            None => Some(Binding { tensor, scale }),
        }
    };
    Ok(Member::with_bindings(network.clone(), layout, &bind)?)
}

/// Which choices stand side by side in which block.
struct Plan {
    /// All decisions as drawn, mixed depths at their largest.
    digits: Vec<u8>,
    /// For each block, the choices of its mixed decisions in every combination.
    branches: BTreeMap<String, Vec<Vec<(usize, u8)>>>,
    /// For each stage of mixed depth, the open depths.
    depths: BTreeMap<String, Vec<usize>>,
}

impl Plan {
    fn new(family: &Family, open: &Subspace, genotype: &Genotype, mixed: &[bool]) -> Self {
        let mut plan = Self {
            digits: genotype.as_bytes().to_vec(),
            branches: BTreeMap::new(),
            depths: BTreeMap::new(),
        };
        let decisions = family.space.decisions().iter().zip(open.open()).enumerate();
        for (index, (decision, open)) in decisions.filter(|(index, _)| mixed.get(*index) == Some(&true)) {
            let Some((place, _)) = decision.name.rsplit_once('.') else {
                continue;
            };
            let block = block_of(place);
            if decision.property == Property::Depth {
                let depth = |choice: &u8| decision.choices.get(usize::from(*choice))?.parse().ok();
                plan.digits[index] = open.last().copied().unwrap_or(0);
                plan.depths
                    .insert(place.to_owned(), open.iter().filter_map(depth).collect());
            } else if let Some(block) = block {
                let known = plan
                    .branches
                    .entry(block.to_owned())
                    .or_insert_with(|| vec![Vec::new()]);
                if known.len() * open.len() <= MOST_BRANCHES {
                    let with = |combination: &Vec<(usize, u8)>| {
                        let more = open
                            .iter()
                            .map(|choice| [&combination[..], &[(index, *choice)]].concat());
                        more.collect::<Vec<_>>()
                    };
                    *known = known.iter().flat_map(with).collect();
                }
            }
        }
        plan
    }

    /// How many branches a block has.
    fn count(&self, block: &str) -> usize {
        self.branches.get(block).map_or(1, Vec::len)
    }

    /// The share of open depths that have a block.
    fn share(&self, block: &str) -> f32 {
        let Some((stage, number)) = block.rsplit_once(".block") else {
            return 1.0;
        };
        let (Some(depths), Ok(number)) = (self.depths.get(stage), number.parse::<usize>()) else {
            return 1.0;
        };
        let having = depths.iter().filter(|depth| **depth >= number).count();
        having as f32 / depths.len().max(1) as f32
    }

    /// As many networks as the largest block has branches: in network j each block is its branch j, modulo the number of its branches.
    fn lowered(&self, family: &Family) -> Result<Vec<Network>, TrainError> {
        let most = self.branches.values().map(Vec::len).max().unwrap_or(1);
        let network = |number: usize| {
            let mut digits = self.digits.clone();
            for combinations in self.branches.values() {
                for (decision, choice) in &combinations[number % combinations.len()] {
                    digits[*decision] = *choice;
                }
            }
            family.network(&Genotype::new(digits))
        };
        (0..most).map(network).collect()
    }
}

/// The block that a decision's place lies in: `stage1.block2` of `stage1.block2.fused`. What is chosen for a whole stage, or in
/// stem and head, has none, and stays as it was drawn.
fn block_of(place: &str) -> Option<&str> {
    let (stage, behind) = place.split_once('.')?;
    let block = behind.split('.').next().filter(|part| part.starts_with("block"))?;
    place.get(..stage.len() + 1 + block.len())
}

/// One branch of a block: the places of its nodes in its network.
struct Branch<'a> {
    network: &'a Network,
    nodes: Vec<NodeId>,
    /// The node that is scaled and goes into the sum.
    last: NodeId,
    /// The sum with the block's input that follows it.
    residual: Option<NodeId>,
}

impl<'a> Branch<'a> {
    /// `None` when the block is absent.
    fn of(network: &'a Network, block: &str) -> Option<Self> {
        let nodes: Vec<NodeId> = network.ids().filter(|id| network.node(*id).block == block).collect();
        let end = *nodes.last()?;
        let node = network.node(end);
        let outside = |id: &NodeId| !nodes.contains(id);
        let adds_input = matches!(node.op, Op::Add) && node.inputs.iter().any(outside);
        let body = node.inputs.iter().find(|id| !outside(id)).copied();
        let (last, residual) = match body.filter(|_| adds_input) {
            Some(body) => (body, Some(end)),
            None => (end, None),
        };
        Some(Self {
            network,
            nodes,
            last,
            residual,
        })
    }

    fn can_be_scaled(&self) -> bool {
        matches!(self.network.node(self.last).op, Op::BatchNorm(_) | Op::Conv2d(_))
    }

    /// Copies the branch behind `input`, its residual sum left out; gives what goes into the mean.
    fn copy(&self, builder: &mut NetworkBuilder, input: NodeId, number: usize) -> Result<(NodeId, String), TrainError> {
        let mut places = BTreeMap::new();
        let mut found = (input, String::new());
        for id in self.nodes.iter().filter(|id| Some(**id) != self.residual) {
            let node = self.network.node(*id);
            let name = format!("{}{BRANCH}{number}", node.name);
            let inputs = node.inputs.iter().map(|it| places.get(it).copied().unwrap_or(input));
            let copy = Node {
                name: name.clone(),
                inputs: inputs.collect(),
                ..node.clone()
            };
            let place = builder.push(copy).map_err(space_error)?;
            places.insert(*id, place);
            if *id == self.last {
                found = (place, name);
            }
        }
        Ok(found)
    }
}

/// One network with all branches side by side, and by what the parameters of which nodes are scaled.
fn merge(networks: &[Network], plan: &Plan, family: &Family) -> Result<(Network, BTreeMap<String, f32>), TrainError> {
    let first = &networks[0];
    let mut builder = NetworkBuilder::new(format!("{}/mixture", family.space.name()), first.input_shape());
    let (mut at, mut scales) = (builder.input(), BTreeMap::new());
    for block in blocks(networks) {
        let (count, share) = (plan.count(&block), plan.share(&block));
        let branches: Vec<Branch<'_>> = networks[..count]
            .iter()
            .filter_map(|it| Branch::of(it, &block))
            .collect();
        let is_residual = branches.first().is_some_and(|branch| branch.residual.is_some());
        let same = branches.iter().all(|branch| branch.residual.is_some() == is_residual);
        let complete = is_residual || branches.len() == count && share == 1.0;
        let mixes = count > 1 || share < 1.0;
        if mixes && same && complete && branches.iter().all(Branch::can_be_scaled) {
            let input = at;
            let mut sum = is_residual.then_some(input);
            for (number, branch) in branches.iter().enumerate() {
                let (end, name) = branch.copy(&mut builder, input, number)?;
                scales.insert(name, share / count as f32);
                sum = Some(match sum {
                    Some(sum) => add(&mut builder, &block, number, sum, end)?,
                    None => end,
                });
            }
            at = sum.unwrap_or(input);
        } else if let Some(branch) = drawn(networks, plan, &block, family)?.as_ref() {
            at = copy_whole(branch, &block, &mut builder, at)?;
        }
    }
    Ok((builder.finish(at).map_err(space_error)?, scales))
}

/// The network in which a block is as it was drawn, if it has it.
fn drawn(networks: &[Network], plan: &Plan, block: &str, family: &Family) -> Result<Option<Network>, TrainError> {
    let has = |network: &Network| network.nodes().iter().any(|node| node.block == block);
    if plan.count(block) == 1 {
        return Ok(networks.first().filter(|network| has(network)).cloned());
    }
    Ok(Some(family.network(&Genotype::new(plan.digits.clone()))?).filter(has))
}

/// All blocks in the order of the data. A block may be absent from some networks.
fn blocks(networks: &[Network]) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for network in networks {
        let mut behind = 0;
        for node in network.nodes().iter().filter(|node| !matches!(node.op, Op::Input)) {
            match blocks.iter().position(|known| *known == node.block) {
                Some(place) => behind = place + 1,
                None => {
                    blocks.insert(behind, node.block.clone());
                    behind += 1;
                }
            }
        }
    }
    blocks
}

fn add(
    builder: &mut NetworkBuilder,
    block: &str,
    number: usize,
    sum: NodeId,
    end: NodeId,
) -> Result<NodeId, TrainError> {
    builder.scope(block);
    let name = format!("{block}.mixture{BRANCH}{number}");
    builder.add(name, Op::Add, &[sum, end]).map_err(space_error)
}

/// Copies a block as it is, behind `input`.
fn copy_whole(
    network: &Network,
    block: &str,
    builder: &mut NetworkBuilder,
    input: NodeId,
) -> Result<NodeId, TrainError> {
    let (mut places, mut last) = (BTreeMap::new(), input);
    for id in network.ids().filter(|id| network.node(*id).block == block) {
        let node = network.node(id);
        if matches!(node.op, Op::Input) {
            continue;
        }
        let inputs = node.inputs.iter().map(|it| places.get(it).copied().unwrap_or(input));
        let copy = Node {
            inputs: inputs.collect(),
            ..node.clone()
        };
        last = builder.push(copy).map_err(space_error)?;
        places.insert(id, last);
    }
    Ok(last)
}

/// A parameter's name without the number of its branch.
fn unbranched(name: &str) -> String {
    match name.split_once(BRANCH) {
        Some((before, behind)) => {
            let behind = behind.trim_start_matches(|it: char| it.is_ascii_digit());
            format!("{before}{behind}")
        }
        None => name.to_owned(),
    }
}

fn space_error(error: panarch_graph::GraphError) -> TrainError {
    TrainError::Space(error.into())
}

#[cfg(test)]
mod tests {
    use panarch_graph::random;
    use panarch_nn::{Executor, Gradients, Store, Views};
    use panarch_space::{Head, Space};
    use rand::RngExt as _;

    use super::*;
    use crate::schedule::Open;

    fn family() -> Family {
        let space = Space::preset("multi-hardware-small").unwrap();
        let head = Head {
            classes: 4,
            input_channels: 1,
        };
        Family {
            space: space.into(),
            head,
            resolution: 28,
        }
    }

    fn store(family: &Family) -> Store {
        let mut store = family.store().unwrap();
        store.initialise(&mut random::stream(1, "mixture", 0));
        store
    }

    fn images() -> Vec<f32> {
        let mut rng = random::stream(1, "images", 0);
        (0..4 * 28 * 28).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn logits(member: &Member, store: &Store) -> Vec<f32> {
        let mut executor = Executor::new(member.network(), 4).unwrap();
        executor.train(store, member.views(), &images()).unwrap().to_vec()
    }

    fn named(family: &Family, wanted: impl Fn(&str) -> bool) -> Vec<bool> {
        let decisions = family.space.decisions().iter();
        decisions.map(|decision| wanted(&decision.name)).collect()
    }

    #[test]
    fn decisions_belong_to_their_block() {
        let cases = [
            ("stage1.block2", Some("stage1.block2")),
            ("stage1.block2.fused", Some("stage1.block2")),
            ("stage1", None),
            ("stem.middle", None),
        ];
        for (place, block) in cases {
            assert_eq!(block_of(place), block, "{place}");
        }
    }

    #[test]
    fn a_mixture_of_nothing_is_the_member() {
        let family = family();
        let (store, largest) = (store(&family), family.space.largest());
        let open = Open::All.of(&family.space);
        let none = named(&family, |_| false);
        let mixed = mixture(&family, &open, &largest, &none, &store.layout()).unwrap();
        let member = family.member(&largest, &store.layout()).unwrap();
        assert_eq!(mixed.network().content_hash(), member.network().content_hash());
        assert_eq!(logits(&mixed, &store), logits(&member, &store));
    }

    /// Where both branches are made equal the mean is either of them.
    #[test]
    fn the_mean_of_equal_branches_is_one_of_them() {
        let family = family();
        let (mut store, largest) = (store(&family), family.space.largest());
        let open = Open::All.of(&family.space);
        // Kernels of 5 that are 0 around their centre of 3 are kernels of 3.
        for tensor in store.tensors_mut() {
            if let [_, 1, 5, 5] = tensor.shape()[..] {
                for kernel in tensor.data_mut().chunks_exact_mut(25) {
                    let border = |place: usize| [place / 5, place % 5].into_iter().any(|at| at == 0 || at == 4);
                    (0..25)
                        .filter(|place| border(*place))
                        .for_each(|place| kernel[place] = 0.0);
                }
            }
        }
        let kernels = named(&family, |name| name.ends_with(".kernel"));
        assert!(kernels.iter().any(|mixed| *mixed));
        let mixed = mixture(&family, &open, &largest, &kernels, &store.layout()).unwrap();
        assert!(mixed.network().macs() > family.member(&largest, &store.layout()).unwrap().network().macs());
        let found = logits(&mixed, &store);
        let expected = logits(&family.member(&largest, &store.layout()).unwrap(), &store);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-3 * expected.abs().max(0.1),
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn a_block_that_may_be_absent_counts_by_the_share_of_depths() {
        let family = family();
        let (store, largest) = (store(&family), family.space.largest());
        let open = Open::All.of(&family.space);
        let depths = named(&family, |name| name == "stage3.depth");
        let mixed = mixture(&family, &open, &largest, &depths, &store.layout()).unwrap();
        let plan = Plan::new(&family, &open, &largest, &depths);
        let shares = ["stage3.block1", "stage3.block2", "stage3.block3", "stage2.block3"].map(|it| plan.share(it));
        assert_eq!(shares, [1.0, 2.0 / 3.0, 1.0 / 3.0, 1.0]);
        // By hand: the last BN of the third stage's blocks scaled in a store of its own.
        let mut scaled = store.clone();
        for (block, share) in [("stage3.block2", 2.0 / 3.0), ("stage3.block3", 1.0 / 3.0)] {
            let network = family.network(&largest).unwrap();
            let branch = Branch::of(&network, block).unwrap();
            assert!(branch.residual.is_some());
            let bn = &network.node(branch.last).name;
            for suffix in ["weight", "bias"] {
                let tensor = scaled.get_mut(&format!("{bn}.{suffix}")).unwrap();
                tensor.data_mut().iter_mut().for_each(|value| *value *= share);
            }
        }
        let found = logits(&mixed, &store);
        let expected = logits(&family.member(&largest, &scaled.layout()).unwrap(), &scaled);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-4 * expected.abs().max(0.1),
                "{found} {expected}"
            );
        }
    }

    /// Gradients of all branches add up in the shared tensors, scaled: against finite differences.
    #[test]
    fn gradients_match_finite_differences() {
        let family = family();
        let (store, largest) = (store(&family), family.space.largest());
        let open = Open::All.of(&family.space);
        let all = named(&family, |name| name.ends_with(".kernel") || name.ends_with(".depth"));
        let member = mixture(&family, &open, &largest, &all, &store.layout()).unwrap();
        let mut rng = random::stream(2, "slope", 0);
        let slope: Vec<f32> = (0..16).map(|_| rng.random_range(-1.0..1.0)).collect();
        let loss = |store: &Store| -> f64 {
            let logits = logits(&member, store);
            logits
                .iter()
                .zip(&slope)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let mut executor = Executor::new(member.network(), 4).unwrap();
        let views: &Views = member.views();
        executor.train(&store, views, &images()).unwrap();
        let mut gradients = Gradients::zeros(&store);
        executor.backward(&store, views, &slope, &mut gradients, None).unwrap();
        let mut checked = 0;
        for (index, tensor) in store.tensors().iter().enumerate() {
            let id = store.id(tensor.name()).unwrap();
            let name = tensor.name();
            if !name.ends_with("bn.weight") || !name.starts_with("stage") || index % 3 != 0 {
                continue;
            }
            let step = 1e-2;
            let mut sides = [0.0; 2];
            for (side, change) in sides.iter_mut().zip([step, -step]) {
                let mut moved = store.clone();
                moved.get_mut(name).unwrap().data_mut()[0] += change;
                *side = loss(&moved);
            }
            let expected = (sides[0] - sides[1]) / f64::from(2.0 * step);
            let found = f64::from(gradients.get(id)[0]);
            assert!(
                (expected - found).abs() < 2e-2 * expected.abs().max(0.05),
                "{name}: {expected} {found}"
            );
            checked += 1;
        }
        assert!(checked >= 3);
    }
}
