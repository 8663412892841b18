//! Blocks whose input stands beside their result.

use panarch_graph::Op;
use panarch_space::{Head, Space};

#[test]
fn the_input_stands_beside_a_result_of_the_declared_width() {
    let inner = "kernel = 3\nexpansion = 2";
    let edges = "expansion = 2\nedge1 = \"1x1\"\nedge2 = \"3x3\"";
    for (operator, keys, last) in [
        ("conv", "kernel = 3", "stage1.block1.conv"),
        ("separable", "kernel = 3", "stage1.block1.separable.project.conv"),
        ("inverted-bottleneck", inner, "stage1.block1.ib.project.conv"),
        ("fused-inverted-bottleneck", inner, "stage1.block1.fused.project.conv"),
        ("edge-chain", edges, "stage1.block1.edges.edge2.conv"),
    ] {
        let text = format!(
            "name = \"c\"\nversion = 1\nresolutions = [16]\n[[stage]]\ndepth = 1\noperator = \"{operator}\"\nwidth = 8\n\
             {keys}\nactivation = \"relu\"\nresidual = \"concat\"\n\
             [[stage]]\ndepth = 1\noperator = \"separable\"\nwidth = 4\nkernel = 3\nactivation = \"relu\"\n\
             [[head]]\noperator = \"global-average-pool\"\n[[head]]\noperator = \"classifier\"\n"
        );
        let space = Space::from_toml("c", &text).unwrap_or_else(|problems| panic!("{operator}: {problems}"));
        let head = Head {
            classes: 2,
            input_channels: 3,
        };
        let network = space.lower(&space.largest(), head, 16).unwrap();
        let channels = |name: &str| {
            let found = network.ids().find(|id| network.node(*id).name == name);
            network.shape(found.unwrap_or_else(|| panic!("{name}"))).channels
        };
        assert_eq!(channels(last), 8, "{operator}");
        let concat = network.ids().find(|id| matches!(network.node(*id).op, Op::Concat));
        assert_eq!(network.shape(concat.unwrap()).channels, 11, "{operator}");
        assert_eq!(channels("stage2.block1.separable.depthwise.conv"), 11, "{operator}");
    }
}
