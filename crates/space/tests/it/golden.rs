//! Parameters and MACs of every network of the zoo against a table of counts, independent ones where there are any.

use panarch_graph::Network;
use panarch_space::{Head, Space, zoo};

const TABLE: &str = include_str!("golden/zoo.csv");

/// Name, resolution, classes, parameters, MACs and source.
fn rows() -> Vec<[&'static str; 6]> {
    let cells = |line: &'static str| -> [&str; 6] { line.split(',').collect::<Vec<_>>().try_into().unwrap() };
    TABLE.lines().skip(1).map(cells).collect()
}

#[test]
fn every_network_has_its_published_size() {
    let rows = rows();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let mut known = zoo::names();
    known.sort_unstable();
    let mut listed = names.clone();
    listed.sort_unstable();
    assert_eq!(known, listed);
    for [name, resolution, classes, parameters, macs, source] in rows {
        let network = zoo::network(name, classes.parse().unwrap(), resolution.parse().unwrap()).unwrap();
        assert_eq!(network.name(), name);
        let found = (network.parameter_count().to_string(), network.macs().0.to_string());
        assert_eq!(found, (parameters.to_owned(), macs.to_owned()), "{name} ({source})");
    }
}

/// Content hashes name networks in studies, caches and exported files: none may change with a release.
#[test]
fn every_network_keeps_its_content_hash() {
    let rows = include_str!("golden/hashes.csv").lines().skip(1);
    let mut known = Vec::new();
    for row in rows {
        let [name, resolution, hash]: [&str; 3] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
        let network = zoo::network(name, 1000, resolution.parse().unwrap()).unwrap();
        assert_eq!(network.content_hash().short(), hash, "{name} at {resolution}");
        known.push(name);
    }
    assert_eq!(known, zoo::names());
}

/// Of the others the layout is published and a total is not: their rows hold our own counts and only keep them from changing.
#[test]
fn few_networks_have_no_published_total() {
    let rows = rows();
    let alone: Vec<&str> = rows
        .iter()
        .filter(|row| row[5].contains("no published total"))
        .map(|row| row[0])
        .collect();
    let expected = [
        "isynet-n3-s2",
        "mobilenet-edgetpu-v2-tiny",
        "mobilenet-edgetpu-w1.25",
        "mobilenet-edgetpu-w1.5",
        "mobilenet-edgetpu-w1.75",
    ];
    assert_eq!(alone, expected, "docs/guide.md names their number");
}

#[test]
fn every_network_says_where_it_comes_from() {
    for name in zoo::names() {
        let (space, genotype) = zoo::member(name).unwrap();
        assert!(genotype.is_empty(), "{name} leaves a choice open");
        assert_eq!(space.name(), name);
        assert!(!space.source().is_empty() && !space.description().is_empty(), "{name}");
    }
    for name in [
        "mobilenet-multi-avg",
        "mobilenet-multi-max",
        "mobilenet-edgetpu",
        "isynet-n0",
    ] {
        assert!(!zoo::member(name).unwrap().0.note().is_empty(), "{name}");
    }
}

/// Everything that the Keras counts of the backbones include: running statistics, but no classifier.
fn backbone_values(network: &Network) -> u64 {
    let parameters = network.parameters();
    let backbone = parameters.iter().filter(|it| !it.name.starts_with("head.classifier."));
    backbone.map(panarch_graph::ParameterSpec::elements).sum()
}

/// The Keras totals of the Multi models are of heads whose second convolution has BN (4 values a channel) where ours has a
/// bias.
#[test]
fn keras_backbone_counts() {
    let table = [
        ("mobilenet-multi-avg", 3_704_416 - 3 * 1280),
        ("mobilenet-multi-max", 3_174_560 - 3 * 1280),
        ("mobilenet-multi-avg-w0.75", 2_349_704 - 3 * 1280),
        ("mobilenet-multi-max-w0.75", 2_045_816 - 3 * 1280),
        ("mobilenet-edgetpu", 2_849_312),
        ("mobilenet-edgetpu-w0.75", 1_737_288),
    ];
    for (name, values) in table {
        let network = zoo::network(name, 1001, 224).unwrap();
        assert_eq!(backbone_values(&network), values, "{name}");
    }
}

/// The reconstructed spaces hold the networks that were found in them: the member is the network of the zoo, which is written
/// down on its own as a block table.
#[test]
fn published_networks_are_members() {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let table: [(&str, &[&str]); 3] = [
        ("multi-hardware", &["mobilenet-multi-avg", "mobilenet-multi-max"]),
        ("edgetpu", &["mobilenet-edgetpu", "efficientnet-edgetpu-s"]),
        (
            "isynet",
            &[
                "isynet-n0",
                "isynet-n1",
                "isynet-n1-s1",
                "isynet-n1-s2",
                "isynet-n1-s3",
                "isynet-n2",
                "isynet-n3",
                "isynet-n3-s2",
            ],
        ),
    ];
    for (preset, networks) in table {
        let space = Space::preset(preset).unwrap();
        let references: Vec<&str> = space.references().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(references, networks, "{preset}");
        for name in networks {
            let genotype = space.reference(name).unwrap();
            // Through the names of decisions and back, and through the text form.
            let again = space.encode(space.decode(genotype)).unwrap();
            assert_eq!(&again, genotype, "{name}");
            assert_eq!(space.parse_genotype(&genotype.to_string()).unwrap(), again, "{name}");
            let member = space.lower(&again, head, 224).unwrap();
            let network = zoo::network(name, 1000, 224).unwrap();
            assert_eq!(member.content_hash(), network.content_hash(), "{name} in {preset}");
        }
    }
}
