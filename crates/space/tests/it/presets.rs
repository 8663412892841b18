//! Sizes of the spaces, block tables, and names that do not exist.

use num_bigint::BigUint;
use panarch_space::{Distinct, Head, Space, SpaceError, preset_names, zoo};

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

/// Sizes of our own reconstructions and spaces. Where the number of different networks is not that of the active genotypes,
/// the file says why.
#[test]
fn counts() {
    let number = |text: &str| text.parse::<BigUint>().unwrap();
    let table = [
        (
            "multi-hardware",
            "506518578447916062887563493376",
            "51354326542104356383162368",
            "23877207104094825062400000",
        ),
        ("multi-hardware-small", "10800000000", "813186000", "813186000"),
        (
            "edgetpu",
            "19094505143590414009389329810345100123832320000",
            "6189668207636215167610195968000000000",
            "3602908799276060086559701324930560000",
        ),
        ("edgetpu-small", "3221225472", "113697792", "113697792"),
        (
            "isynet",
            "98982142624764757313286970540032",
            "57990232093571076771507620754432",
            "at most 57990232093571076771507620754432",
        ),
    ];
    for (name, raw, active, distinct) in table {
        let counts = Space::preset(name).unwrap().count();
        assert_eq!(counts.raw, number(raw), "{name}");
        assert_eq!(counts.active, number(active), "{name}");
        assert_eq!(counts.distinct.to_string(), distinct, "{name}");
    }
    // A stage of multi-hardware: 12 ways to fill the block that must be there, and none to three more.
    let stage = number("12") * (1_u32 + 12 + 144 + 1728);
    assert_eq!(
        stage.pow(5) * (2_u32 * 2 * 4 * 6 * 6 * 7),
        number("23877207104094825062400000")
    );
    // By hand: (10 + 100) · 2 · (10 + 100 + 1000) · 3 · (10 + 100 + 1000)
    assert_eq!(110_u64 * 2 * 1110 * 3 * 1110, 813_186_000);
    let one = zoo::member("mobilenet-v2").unwrap().0.count();
    assert_eq!((one.raw, one.active), (number("1"), number("1")));
    for name in preset_names() {
        let space = Space::preset(name).unwrap();
        let counts = space.count();
        assert_eq!(space.name(), name);
        assert!(counts.active <= counts.raw, "{name}");
        let (Distinct::Exact(distinct) | Distinct::AtMost(distinct)) = counts.distinct;
        assert!(distinct <= counts.active, "{name}");
    }
}

#[test]
fn names_that_do_not_exist() {
    let error = Space::preset("multihardware").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no preset space `multihardware`; did you mean `multi-hardware`?"
    );
    let error = Space::preset("ofa-mbv3").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no preset space `ofa-mbv3`; did you mean `ofa-mbv3-w1.0`?"
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
