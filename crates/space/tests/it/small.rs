//! What the files of the small spaces state about themselves.

use panarch_space::{Genotype, Head, Space};

const GREY: Head = Head {
    classes: 10,
    input_channels: 1,
};
const COLOUR: Head = Head {
    classes: 10,
    input_channels: 3,
};

fn macs(space: &Space, genotype: &Genotype, head: Head, resolution: u32) -> u64 {
    space.lower(genotype, head, resolution).unwrap().macs().0
}

#[test]
fn stated_sizes() {
    // name, largest at 28×28×1, largest at 32×32×3, smallest at 28×28×1
    let table = [
        ("multi-hardware-small", 3_214_960, 3_917_824, 229_616),
        ("edgetpu-small", 3_419_680, 3_852_544, 178_808),
    ];
    for (name, grey, colour, smallest) in table {
        let space = Space::preset(name).unwrap();
        assert_eq!(macs(&space, &space.largest(), GREY, 28), grey, "{name}");
        assert_eq!(macs(&space, &space.largest(), COLOUR, 32), colour, "{name}");
        assert_eq!(macs(&space, &space.smallest(), GREY, 28), smallest, "{name}");
        assert!(grey.max(colour) <= 4_000_000, "{name}");
    }
}

/// The largest genotype really is the one with most MACs and parameters, so that no member exceeds the limit.
#[test]
fn no_single_change_enlarges_the_largest() {
    for name in ["multi-hardware-small", "edgetpu-small"] {
        let space = Space::preset(name).unwrap();
        let largest = space.largest();
        let most = macs(&space, &largest, GREY, 28);
        for (position, decision) in space.decisions().iter().enumerate() {
            for choice in 0..decision.choices.len() {
                let mut changed = largest.as_bytes().to_vec();
                changed[position] = choice as u8;
                let genotype = space.canonical(&Genotype::new(changed));
                assert!(macs(&space, &genotype, GREY, 28) <= most, "{name} {}", decision.name);
            }
        }
    }
}

#[test]
fn references() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let reference = space.reference("mobilenet-v2-like").unwrap();
    assert_eq!(reference.to_string(), "10404-20040-40421-04040-4");
    let network = space.lower(reference, GREY, 28).unwrap();
    assert_eq!(network.macs().0, 1_657_872);
    assert_eq!(network.parameter_count(), 54_674);
    let space = Space::preset("edgetpu-small").unwrap();
    let names: Vec<&str> = space.references().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["mobilenet-v2-like", "mobilenet-edgetpu-like"]);
}

#[test]
fn node_names_are_the_same_in_every_member() {
    let space = Space::preset("edgetpu-small").unwrap();
    let reference = space.reference("mobilenet-edgetpu-like").unwrap();
    let network = space.lower(reference, GREY, 28).unwrap();
    for name in [
        "stem.conv",
        "stem.bn",
        "stem.act",
        "stage1.block1.fused.expand.conv",
        "stage1.block2.fused.project.bn",
        "stage1.block2.fused.add",
        "stage3.block1.ib.expand.act",
        "stage3.block2.ib.depthwise.conv",
        "stage3.block3.ib.add",
        "head.features.conv",
        "head.pool",
        "head.classifier",
    ] {
        assert!(network.find(name).is_some(), "{name}");
    }
    let blocks: Vec<&str> = network.nodes().iter().map(|node| node.block.as_str()).collect();
    for block in ["stem", "stage1.block1", "stage3.block3", "head"] {
        assert!(blocks.contains(&block), "{block}");
    }
}
