//! The published specialised networks of Once-for-All are members of its spaces, with their published sizes.

use panarch_space::{Genotype, Head, Space};

use crate::fixtures::space;
use panarch_testkit::reference_text as reference;

const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

/// One row: its name, image size, published sizes in millions, and kernel, expansion and width of every block.
struct Row {
    id: String,
    resolution: u32,
    parameters: String,
    macs: String,
    blocks: Vec<[String; 3]>,
}

fn rows(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| cells[columns.iter().position(|column| *column == name).unwrap()];
        let list = |name: &str| -> Vec<String> { cell(name).split(' ').map(str::to_owned).collect() };
        let (kernels, expansions, widths) = (list("ks"), list("expand"), list("out_channels"));
        let blocks = kernels.into_iter().zip(expansions).zip(widths);
        Row {
            id: cell("id").to_owned(),
            resolution: cell("image_size").parse().unwrap(),
            parameters: cell("params_M").to_owned(),
            macs: cell("macs_M").to_owned(),
            blocks: blocks
                .map(|((kernel, expansion), width)| [kernel, expansion, width])
                .collect(),
        }
    };
    lines.map(row).collect()
}

/// The genotype of a row's blocks: the first block is the same in all networks, then a new stage begins wherever the width
/// changes.
fn genotype(space: &Space, row: &Row) -> Option<Genotype> {
    let mut choices: Vec<(String, String)> = Vec::new();
    let mut stages: Vec<(&str, usize)> = Vec::new();
    for [kernel, expansion, width] in &row.blocks[1..] {
        match stages.last_mut() {
            Some((last, depth)) if last == width => *depth += 1,
            _ => stages.push((width, 1)),
        }
        let (stage, block) = (stages.len(), stages.last().unwrap().1);
        choices.push((format!("stage{stage}.block{block}.kernel"), kernel.clone()));
        choices.push((format!("stage{stage}.block{block}.expansion"), expansion.clone()));
    }
    // The sixth stage of ProxylessNAS has one block and no choice of depth.
    for (stage, (_, depth)) in stages.iter().enumerate().take(5) {
        choices.push((format!("stage{}.depth", stage + 1), depth.to_string()));
    }
    let named = choices.iter().map(|(name, choice)| (name.as_str(), choice.as_str()));
    space.encode(named).ok()
}

#[test]
fn all_are_members_with_their_published_sizes() {
    let Some(text) = reference("ofa/specialized_networks.csv") else {
        return;
    };
    let spaces = ["ofa-mbv3-w1.0", "ofa-mbv3-w1.2", "ofa-proxyless-w1.3"].map(space);
    let mut found = [0; 3];
    let rows = rows(&text);
    for row in &rows {
        let widths: Vec<u32> = row.blocks.iter().map(|[_, _, width]| width.parse().unwrap()).collect();
        let mut homes = Vec::new();
        for (index, space) in spaces.iter().enumerate() {
            let Some(genotype) = genotype(space, row) else { continue };
            let network = space.lower(&genotype, HEAD, row.resolution).unwrap();
            // The output of every block, by the last convolution in it.
            let outputs: Vec<u32> = network
                .ids()
                .filter(|id| network.node(*id).name.ends_with("project.conv"))
                .map(|id| network.shape(id).channels)
                .collect();
            if outputs != widths {
                continue;
            }
            homes.push(index);
            let millions = |value: u64, digits: usize| format!("{:.digits$}", value as f64 / 1e6);
            assert_eq!(millions(network.parameter_count(), 3), row.parameters, "{}", row.id);
            assert_eq!(millions(network.macs().0, 1), row.macs, "{}", row.id);
        }
        assert_eq!(homes.len(), 1, "{} is a member of {homes:?}", row.id);
        found[homes[0]] += 1;
    }
    println!("specialised networks in each space: {found:?}");
    assert_eq!(found.iter().sum::<usize>(), 50);
    assert_eq!(rows.len(), 50);
}
