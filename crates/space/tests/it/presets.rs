//! Published networks are members of the full-size spaces, with their published sizes; sizes of the spaces.

use num_bigint::BigUint;
use panarch_graph::Network;
use panarch_space::{Distinct, Head, Space, SpaceError, preset_names, zoo};

/// Everything that the Keras counts of the Multi models include: running statistics, but no classifier.
fn backbone_values(network: &Network) -> u64 {
    let parameters = network.parameters();
    let backbone = parameters.iter().filter(|it| !it.name.starts_with("head.classifier."));
    backbone.map(panarch_graph::ParameterSpec::elements).sum()
}

#[test]
fn published_sizes() {
    // name, classes, MACs at 224 pixels, trainable parameters
    let table = [
        // torchvision's parameter count; 300.8 M MACs
        ("mobilenet-v2", 1000, 300_774_272, 3_504_872),
        // 432.5 M MACs and 4.95 M parameters, 349.2 M and 4.42 M: the published block tables with a biased head
        ("mobilenet-multi-avg", 1001, 432_452_544, 4_948_873),
        ("mobilenet-multi-max", 1001, 349_177_632, 4_422_921),
        // 990 M MACs (published), 4.09 M parameters (timm)
        ("mobilenet-edgetpu", 1000, 990_669_184, 4_091_432),
        // 1.79 G MACs, 5,438,392 parameters (timm: 5.44 M)
        ("efficientnet-edgetpu-s", 1000, 1_788_731_008, 5_438_392),
    ];
    assert_eq!(zoo::names().len(), table.len());
    for (name, classes, macs, parameters) in table {
        let network = zoo::network(name, classes, 224).unwrap();
        assert_eq!(network.name(), name);
        assert_eq!(network.macs().0, macs, "{name}");
        assert_eq!(network.parameter_count(), parameters, "{name}");
    }
}

/// The Keras totals 3,704,416 and 3,174,560 are of heads whose second convolution has BN (4 values a channel) where ours
/// has a bias.
#[test]
fn keras_backbone_counts() {
    for (name, keras) in [("mobilenet-multi-avg", 3_704_416), ("mobilenet-multi-max", 3_174_560)] {
        let network = zoo::network(name, 1001, 224).unwrap();
        assert_eq!(backbone_values(&network), keras - 4 * 1280 + 1280, "{name}");
    }
    // No difference here.
    let network = zoo::network("mobilenet-edgetpu", 1000, 224).unwrap();
    assert_eq!(backbone_values(&network), 2_849_312);
}

#[test]
fn block_tables_of_the_multi_models() {
    // Inner and output widths of every block, in order, and the residuals.
    let avg = [
        (96, 32),
        (64, 32),
        (160, 64),
        (192, 64),
        (128, 64),
        (192, 64),
        (384, 128),
        (384, 128),
        (384, 128),
        (384, 128),
        (768, 160),
        (640, 160),
        (960, 192),
        (768, 192),
        (768, 192),
        (768, 192),
    ];
    let max = [
        (96, 32),
        (192, 64),
        (128, 64),
        (128, 64),
        (384, 128),
        (512, 128),
        (384, 128),
        (384, 128),
        (768, 128),
        (384, 128),
        (768, 160),
        (640, 160),
        (800, 160),
        (640, 160),
    ];
    let check = |name, blocks: &[(u32, u32)], residuals| {
        let network = zoo::network(name, 1001, 224).unwrap();
        let widths = |suffix: &str| -> Vec<u32> {
            let nodes = network.ids().filter(|id| network.node(*id).name.ends_with(suffix));
            nodes.map(|id| network.shape(id).channels).collect()
        };
        let (inner, output) = (widths("ib.depthwise.conv"), widths("ib.project.conv"));
        let found: Vec<(u32, u32)> = inner.into_iter().zip(output).collect();
        assert_eq!(found, blocks, "{name}");
        assert_eq!(widths("ib.add").len(), residuals, "{name}");
    };
    check("mobilenet-multi-avg", &avg, 11);
    check("mobilenet-multi-max", &max, 9);
}

#[test]
fn counts() {
    let number = |text: &str| text.parse::<BigUint>().unwrap();
    let table = [
        (
            "multi-hardware",
            "39321600000000000000000000",
            "64998228318203558400000",
        ),
        ("multi-hardware-small", "10800000000", "813186000"),
        (
            "edgetpu",
            "262860028463325648694356376666767360",
            "11434854832776244019979878400",
        ),
        ("edgetpu-small", "3221225472", "113697792"),
    ];
    assert_eq!(preset_names(), table.map(|row| row.0));
    for (name, raw, active) in table {
        let counts = Space::preset(name).unwrap().count();
        assert_eq!(counts.raw, number(raw), "{name}");
        assert_eq!(counts.active, number(active), "{name}");
        // Widths are multiples of the rounding and no first block of a stage has a residual: no two are the same.
        assert_eq!(counts.distinct, Distinct::Exact(number(active)), "{name}");
    }
    // By hand: (10 + 100) · 2 · (10 + 100 + 1000) · 3 · (10 + 100 + 1000)
    assert_eq!(110_u64 * 2 * 1110 * 3 * 1110, 813_186_000);
    let one = zoo::member("mobilenet-v2").unwrap().0.count();
    assert_eq!((one.raw, one.active), (number("1"), number("1")));
}

#[test]
fn names_that_do_not_exist() {
    let error = Space::preset("multihardware").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no preset space `multihardware`; did you mean `multi-hardware`?"
    );
    let error = zoo::network("mobilenetv2", 10, 224).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no network `mobilenetv2` in the zoo; did you mean `mobilenet-v2`?"
    );
    let error = zoo::network("mobilenet-v2", 10, 100).unwrap_err();
    assert!(
        matches!(error, SpaceError::Resolution { resolution: 100, .. }),
        "{error}"
    );
}

#[test]
fn lowering_refuses_what_does_not_fit() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let error = space.lower(&"012".parse().unwrap(), head, 28).unwrap_err();
    assert!(
        matches!(
            error,
            SpaceError::GenotypeLength {
                expected: 21,
                found: 3,
                ..
            }
        ),
        "{error}"
    );
    let error = space.parse_genotype("90404-20040-40421-04040-4").unwrap_err();
    assert!(
        matches!(
            error,
            SpaceError::ChoiceOutOfRange {
                choices: 2,
                found: 9,
                ..
            }
        ),
        "{error}"
    );
    let error = space.lower(&space.largest(), head, 30).unwrap_err();
    assert!(
        matches!(error, SpaceError::Resolution { resolution: 30, .. }),
        "{error}"
    );
    let none = Head {
        classes: 0,
        input_channels: 1,
    };
    assert!(matches!(
        space.lower(&space.largest(), none, 28),
        Err(SpaceError::Graph(_))
    ));
    let error = space.encode([("stage1.dept", "1")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`multi-hardware-small` has no decision `stage1.dept`; did you mean `stage1.depth`?"
    );
    let error = space.encode([("stage1.depth", "7")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "decision `stage1.depth` has no choice `7`; it has 1, 2"
    );
    let error = space.encode([("stage1.depth", "1")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "decision `stage1.block1.kernel` is active and not chosen"
    );
}
