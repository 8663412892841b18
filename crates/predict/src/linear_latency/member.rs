//! Which member of a space a network is, when kernels, expansions and skips are all that is chosen.

use panarch_graph::{Conv2d, Network, Op, folded_structure};
use panarch_space::{Genotype, Head, Property, Space};

/// A place of a space with the decisions that are made for it.
pub(super) struct Place {
    /// What the names of its nodes begin with.
    pub prefix: String,
    pub kernel: usize,
    pub expansion: Option<usize>,
    pub operator: Option<usize>,
}

/// The places with a kernel to choose, in the order of the network.
pub(super) fn places(space: &Space) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let of = |position: usize, property: Property, prefix: &str| {
        let decision = space.decisions().get(position)?;
        (decision.property == property && prefix_of(&decision.name) == prefix).then_some(position)
    };
    for (position, decision) in space.decisions().iter().enumerate() {
        if decision.property != Property::Kernel {
            continue;
        }
        let prefix = prefix_of(&decision.name);
        let find = |property| (0..space.decisions().len()).find_map(|at| of(at, property, prefix));
        places.push(Place {
            prefix: prefix.to_owned(),
            kernel: position,
            expansion: find(Property::Expansion),
            operator: find(Property::Operator),
        });
    }
    places
}

fn prefix_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(prefix, _)| prefix)
}

/// The member that a network is: read off its layers' names and sizes, then proved by lowering it.
pub(super) fn member(space: &Space, network: &Network) -> Option<Genotype> {
    let mut choices = vec![0; space.decisions().len()];
    for place in places(space) {
        let mut choose = |decision: usize, wanted: &str| {
            let among = &space.decisions().get(decision)?.choices;
            let choice = among.iter().position(|choice| choice == wanted)?;
            *choices.get_mut(decision)? = u8::try_from(choice).ok()?;
            Some(())
        };
        match depthwise(network, &place.prefix) {
            // Nothing stands here.
            None => choose(place.operator?, "skip")?,
            Some((kernel, expansion)) => {
                choose(place.kernel, &kernel.to_string())?;
                if let Some(decision) = place.expansion {
                    choose(decision, &expansion.to_string())?;
                }
            }
        }
    }
    let genotype = Genotype::new(choices);
    let head = Head {
        classes: network.shape(network.output()).channels,
        input_channels: network.input_shape().channels,
    };
    let built = space.lower(&genotype, head, network.input_shape().height).ok()?;
    let same = folded_structure(&built).content_hash() == folded_structure(network).content_hash();
    same.then_some(genotype)
}

/// The kernel of the depthwise convolution at a place, and how much wider it is than what enters the place.
fn depthwise(network: &Network, prefix: &str) -> Option<(u32, u32)> {
    let is_here = |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    let mut entering = None;
    for id in network.ids() {
        let node = network.node(id);
        if !is_here(&node.name) {
            continue;
        }
        let width = network.shape(*node.inputs.first()?).channels;
        let entering = *entering.get_or_insert(width);
        match &node.op {
            Op::Conv2d(conv) if conv.is_depthwise(width) => return Some((kernel(conv), width / entering.max(1))),
            _ => {}
        }
    }
    None
}

fn kernel(conv: &Conv2d) -> u32 {
    conv.kernel[0]
}
