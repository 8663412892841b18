//! Published tables of block latencies, through space, genotype and network.

use panarch_cost::{CostError, CostSource};
use panarch_graph::{ContentHash, Latency, Network, Precision, stream};
use panarch_predict::{Dialect, LatencyTable, PredictError, TableCostSource};
use panarch_space::{Genotype, Head, Space};

use panarch_testkit::reference_text as reference;

const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

fn note10(resolution: u32) -> Option<LatencyTable> {
    let text = reference(&format!("ofa/note10_lookup_tables_w1.2/{resolution}_lookup_table.yaml"))?;
    Some(LatencyTable::read(&text, Dialect::Ofa).unwrap())
}

fn source(table: LatencyTable) -> TableCostSource {
    TableCostSource::new(
        "note10",
        Precision::F32,
        1,
        table,
        "published",
        ContentHash::plain(b"a table"),
    )
}

fn latency(source: &TableCostSource, network: &Network) -> Latency {
    let cost = source.estimate(std::slice::from_ref(network)).remove(0).unwrap();
    let latency = cost.latency;
    assert!(
        latency.low < latency.value && latency.value < latency.high,
        "{latency:?}"
    );
    latency.value
}

/// The largest network at 224 pixels takes 92.40 ms, the smallest at 160 takes 9.89 ms, by the published sum.
#[test]
fn note10_extremes_are_the_published_ones() {
    let space = Space::preset("ofa-mbv3-w1.2").unwrap();
    for (resolution, genotype, expected) in [(224, space.largest(), 92.40), (160, space.smallest(), 9.89)] {
        let Some(table) = note10(resolution) else { return };
        assert_eq!(table.len(), 96);
        let network = space.lower(&genotype, HEAD, resolution).unwrap();
        // Stem, first block, blocks, expansion, average, mixing and classifier have an entry each.
        let entries = table.blocks(&network).unwrap().len();
        assert_eq!(entries, 2 + if resolution == 224 { 20 } else { 10 } + 4);
        let found = latency(&source(table), &network).millis();
        assert!((found - expected).abs() < 0.005, "{found}");
    }
}

#[test]
fn every_resolution_answers_for_every_sampled_member() {
    let space = Space::preset("ofa-mbv3-w1.2").unwrap();
    for resolution in (160..=224).step_by(4) {
        let Some(table) = note10(resolution) else { return };
        let source = source(table);
        let mut rng = stream(1, "note10", u64::from(resolution));
        let networks: Vec<Network> = (0..20)
            .map(|_| space.lower(&space.sample(&mut rng), HEAD, resolution).unwrap())
            .collect();
        for cost in source.estimate(&networks) {
            let millis = cost.unwrap().latency.value.millis();
            assert!((9.0..93.0).contains(&millis), "{millis}");
        }
    }
}

#[test]
fn what_is_not_in_the_table_is_an_error_that_names_block_and_nearest_key() {
    let Some(table) = note10(224) else { return };
    let narrow = Space::preset("ofa-mbv3-w1.0").unwrap();
    let network = narrow.lower(&narrow.largest(), HEAD, 224).unwrap();
    let error = table.blocks(&network).unwrap_err();
    assert!(
        matches!(&error, PredictError::NotInTable { block, nearest: Some(nearest), .. } if block == "stem" && nearest.starts_with("Conv-")),
        "{error}"
    );
    let wide = Space::preset("ofa-mbv3-w1.2").unwrap();
    let other_size = wide.lower(&wide.largest(), HEAD, 192).unwrap();
    let answers = source(table.clone()).estimate(&[other_size]);
    assert!(matches!(&answers[0], Err(CostError::NotInTable { .. })), "{answers:?}");
    // ReLU6 has no key at all.
    let proxyless = Space::preset("ofa-proxyless-w1.3").unwrap();
    let network = proxyless.lower(&proxyless.largest(), HEAD, 224).unwrap();
    let error = table.blocks(&network).unwrap_err();
    assert!(matches!(&error, PredictError::Block { .. }), "{error}");
}

/// The keys of a member of Once-for-All's space by NSGANetV2's rules, written down without the network.
fn keys(space: &Space, genotype: &Genotype, widths: [u32; 9], resolution: u32) -> Vec<String> {
    let choice = |name: String| -> u32 {
        let position = space.decisions().iter().position(|it| it.name == name).unwrap();
        space.decisions()[position].text(genotype, position).parse().unwrap()
    };
    let half = |size: u32| size.div_ceil(2);
    let [stem, first, .., last, mixed] = widths;
    let mut size = half(resolution);
    let mut keys = vec![
        format!("first_conv-input:{resolution}x{resolution}x3-output:{size}x{size}x{stem}"),
        format!(
            "MBConv-input:{size}x{size}x{stem}-output:{size}x{size}x{first}-expand:1-kernel:3-stride:1-idskip:1-se:0"
        ),
    ];
    let mut input = first;
    for (stage, (stride, gate)) in [(2, 0), (2, 1), (2, 0), (1, 1), (2, 1)].into_iter().enumerate() {
        let output = widths[stage + 2];
        for block in 1..=choice(format!("stage{}.depth", stage + 1)) {
            let stride = if block == 1 { stride } else { 1 };
            let after = if stride == 2 { half(size) } else { size };
            let skip = u32::from(stride == 1 && input == output);
            let name = |property: &str| choice(format!("stage{}.block{block}.{property}", stage + 1));
            let (kernel, ratio) = (name("kernel"), name("expansion"));
            keys.push(format!("MBConv-input:{size}x{size}x{input}-output:{after}x{after}x{output}-expand:{ratio}-kernel:{kernel}-stride:{stride}-idskip:{skip}-se:{gate}"));
            (size, input) = (after, output);
        }
    }
    keys.push(format!(
        "final_expand_layer-input:{size}x{size}x{input}-output:{size}x{size}x{last}"
    ));
    keys.push(format!("feature_mix_layer-input:1x1x{last}-output:1x1x{mixed}"));
    keys.push(format!("classifier-input:{mixed}-output:1000"));
    keys
}

#[test]
fn the_i7_table_sums_its_own_entries() {
    let Some(text) = reference("ofa/i7-8700k/lookup_table.yaml") else {
        return;
    };
    let table = LatencyTable::read(&text, Dialect::Nsganetv2).unwrap();
    assert_eq!(table.len(), 4050);
    let direct = |key: &String| -> f64 {
        let rest = text.split_once(&format!("{key}:\n  mean: ")).unwrap().1;
        rest.lines().next().unwrap().parse().unwrap()
    };
    let spaces = [
        ("ofa-mbv3-w1.0", [16, 16, 24, 40, 80, 112, 160, 960, 1280]),
        ("ofa-mbv3-w1.2", [24, 24, 32, 48, 96, 136, 192, 1152, 1536]),
    ];
    let source = TableCostSource::new(
        "i7-8700k",
        Precision::F32,
        1,
        table,
        "published",
        ContentHash::plain(b"a table"),
    );
    for (name, widths) in spaces {
        let space = Space::preset(name).unwrap();
        let mut rng = stream(2, "i7", 0);
        let sampled = (0..10).map(|_| space.sample(&mut rng));
        for genotype in [space.smallest(), space.largest()].into_iter().chain(sampled) {
            for resolution in [192, 224, 256] {
                let keys = keys(&space, &genotype, widths, resolution);
                let expected: f64 = keys.iter().map(direct).sum();
                let network = space.lower(&genotype, HEAD, resolution).unwrap();
                let found = latency(&source, &network).millis();
                assert!(
                    (found - expected).abs() < 1e-9 * expected,
                    "{name} {genotype} at {resolution}: {found} {expected}"
                );
            }
        }
    }
}
