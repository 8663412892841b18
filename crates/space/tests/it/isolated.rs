//! The blocks of a space, each as a network of its own.

use std::collections::BTreeSet;

use panarch_graph::{Network, NetworkBuilder, NodeId, stream};
use panarch_space::{Head, Space};

use crate::fixtures::{SMALL, space};

const HEAD: Head = Head {
    classes: 10,
    input_channels: 3,
};

/// The blocks of a member, cut out of its network.
fn cut(network: &Network) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let ids: Vec<NodeId> = network.ids().skip(1).collect();
    let mut before = network.ids().next().unwrap();
    for run in ids.chunk_by(|a, b| network.node(*a).block == network.node(*b).block) {
        let mut builder = NetworkBuilder::new("", network.shape(before));
        let mut own = vec![(before, builder.input())];
        for id in run {
            let mut node = network.node(*id).clone();
            let inputs = node.inputs.iter();
            node.inputs = inputs
                .map(|input| own.iter().find(|(theirs, _)| theirs == input).unwrap().1)
                .collect();
            own.push((*id, builder.push(node).unwrap()));
        }
        before = *run.last().unwrap();
        let end = own.last().unwrap().1;
        found.insert(builder.finish(end).unwrap().content_hash().to_string());
    }
    found
}

fn listed(space: &Space, head: Head, resolution: u32) -> BTreeSet<String> {
    let blocks = space.isolated_blocks(head, resolution).unwrap();
    blocks.iter().map(|it| it.network.content_hash().to_string()).collect()
}

/// By brute force over all members, or many.
#[test]
fn the_blocks_of_small_spaces_are_those_of_their_members() {
    for name in SMALL {
        let space = space(name);
        let resolution = space.default_resolution();
        let mut members = BTreeSet::new();
        for genotype in space.enumerate().take(30_000) {
            members.extend(cut(&space.lower(&genotype, HEAD, resolution).unwrap()));
        }
        let listed = listed(&space, HEAD, resolution);
        let missing = members.difference(&listed).count();
        assert_eq!(missing, 0, "{name}: {} of {}", missing, members.len());
        if space.enumerate().nth(30_000).is_none() {
            assert_eq!(members.len(), listed.len(), "{name}");
        }
    }
}

/// Members of every preset, also for images of another number of channels.
#[test]
fn sampled_members_consist_of_listed_blocks() {
    for name in panarch_space::preset_names() {
        let space = Space::preset(name).unwrap();
        let resolution = space.default_resolution();
        for input_channels in [1, 3] {
            let head = Head { input_channels, ..HEAD };
            let Ok(blocks) = space.isolated_blocks(head, resolution) else {
                println!("{name}: too many blocks to list");
                continue;
            };
            let listed: BTreeSet<String> = blocks.iter().map(|it| it.network.content_hash().to_string()).collect();
            println!("{name}: {} blocks", listed.len());
            let mut rng = stream(1, "isolated", 0);
            for _ in 0..20 {
                let genotype = space.sample(&mut rng);
                let Ok(network) = space.lower(&genotype, head, resolution) else {
                    continue;
                };
                assert!(cut(&network).is_subset(&listed), "{name} {genotype}");
            }
            // Each is found where it says.
            for block in blocks.iter().step_by(blocks.len() / 20 + 1) {
                let Ok(network) = space.lower(&block.member, head, resolution) else {
                    continue;
                };
                let hash = block.network.content_hash().to_string();
                assert!(cut(&network).contains(&hash), "{name} {} {}", block.name, block.member);
            }
        }
    }
}
