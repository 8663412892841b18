//! What a table of our own says of whole networks.

use panarch_cost::CostSource;
use panarch_graph::{ContentHash, Latency, Network, Precision, ProvenanceKind, folded_structure, stream};
use panarch_predict::{LatencyTable, TableCheck, TableCostSource, TableEntry, TableHeader};
use panarch_space::{Head, Space};
use panarch_testkit::FakeDevice;

use crate::table_files::header;

const HEAD: Head = Head {
    classes: 10,
    input_channels: 1,
};

fn space() -> Space {
    Space::preset("multi-hardware-small").unwrap()
}

/// A table of what the fake device says of each block without its fixed time.
fn table(header: TableHeader, deviation: f64) -> LatencyTable {
    let device = FakeDevice::new("fake");
    let blocks = space().isolated_blocks(HEAD, 28).unwrap();
    let mut entries: Vec<(String, TableEntry)> = Vec::new();
    for block in blocks {
        let key = LatencyTable::key_of(&block.network);
        if entries.iter().all(|(known, _)| *known != key) {
            let mean = device.true_latency(&block.network) - device.fixed;
            let entry = TableEntry {
                mean,
                standard_deviation: Latency::from_seconds(deviation),
                count: Some(4),
            };
            entries.push((key, entry));
        }
    }
    let header = TableHeader {
        fixed: device.fixed,
        ..header
    };
    LatencyTable::new(header, entries).unwrap()
}

fn unchecked() -> TableHeader {
    TableHeader {
        check: None,
        ..header()
    }
}

fn members(count: usize) -> Vec<Network> {
    let space = space();
    let mut rng = stream(3, "members", 0);
    let member = |_| space.lower(&space.sample(&mut rng), HEAD, 28).unwrap();
    (0..count).map(member).collect()
}

#[test]
fn blocks_of_a_device_that_adds_up_add_up() {
    let device = FakeDevice::new("fake");
    let source = TableCostSource::new(
        "table",
        Precision::F32,
        1,
        table(unchecked(), 0.0),
        "test",
        ContentHash::plain(b"a table"),
    );
    let networks = members(200);
    for (network, cost) in networks.iter().zip(source.estimate(&networks)) {
        let cost = cost.unwrap();
        let expected = device.true_latency(network).seconds();
        let found = cost.latency.value.seconds();
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
        assert_eq!(cost.fixed, device.fixed);
        assert_eq!(cost.provenance.kind, ProvenanceKind::Predicted);
        assert_eq!(cost.latency.low, cost.latency.high);
        // Folded or not, a network is the same to a table.
        let folded = source.estimate(&[folded_structure(network)]).remove(0).unwrap();
        assert_eq!(folded.latency, cost.latency);
    }
}

#[test]
fn the_interval_combines_spread_means_and_systematic_error() {
    let deviation = 2e-6;
    let network = members(1).remove(0);
    let table_of = |header| {
        TableCostSource::new(
            "table",
            Precision::F32,
            1,
            table(header, deviation),
            "test",
            ContentHash::plain(b"a table"),
        )
    };
    let source = table_of(unchecked());
    let mut times: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    for block in source.table().blocks(&network).unwrap() {
        *times.entry(block.key).or_default() += 1.0;
    }
    let variance: f64 = times
        .values()
        .map(|m| m * deviation.powi(2) + (m * deviation).powi(2) / 4.0)
        .sum();
    let latency = source
        .estimate(std::slice::from_ref(&network))
        .remove(0)
        .unwrap()
        .latency;
    let half = (latency.high - latency.value).seconds();
    assert!((half / (1.959_964 * variance.sqrt()) - 1.0).abs() < 1e-4, "{half}");
    let check = TableCheck {
        networks: 50,
        mean_error: 0.08,
        rms_error: 0.1,
        kendall_tau: None,
    };
    let header = TableHeader {
        check: Some(check),
        model_error: 0.2,
        anchor: None,
        anchor_spread: None,
        ..header()
    };
    let wide = table_of(header)
        .estimate(std::slice::from_ref(&network))
        .remove(0)
        .unwrap()
        .latency;
    let systematic = wide.value.seconds() * (0.1_f64.powi(2) + 0.2_f64.powi(2)).sqrt();
    let expected = 1.959_964 * (variance + systematic.powi(2)).sqrt();
    let half = (wide.high - wide.value).seconds();
    assert!((half / expected - 1.0).abs() < 1e-4, "{half} {expected}");
}
