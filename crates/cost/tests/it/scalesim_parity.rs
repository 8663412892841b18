//! Every row that SCALE-Sim 3.0.0 computed, to the cycle.

use panarch_cost::scalesim::{Configuration, Topology};
use panarch_cost::systolic::{Dataflow, FoldMapping, Gemm, SystolicArray};

/// A file of the reference data, or `None` (and one line) when it is not there.
fn text(path: &str) -> Option<String> {
    panarch_testkit::reference_text(&format!("scalesim/{path}"))
}

/// The rows of a CSV file below its header; fields are asked for by name.
struct Rows<'a> {
    header: Vec<&'a str>,
    rows: Vec<Vec<&'a str>>,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').collect());
        let header = lines.next().expect("a header");
        Self {
            header,
            rows: lines.collect(),
        }
    }

    fn field(&self, row: usize, name: &str) -> &'a str {
        let column = self.header.iter().position(|field| *field == name).expect(name);
        self.rows[row][column]
    }

    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, row: usize, name: &str) -> T {
        self.field(row, name).parse().expect(name)
    }
}

fn mapping(configuration: &Configuration, gemm: Gemm) -> FoldMapping {
    configuration.array().unwrap().map(gemm).unwrap()
}

#[test]
fn simulated_rows() {
    let mut compared = 0;
    let mut largest: [f64; 2] = [0.0; 2];
    for (result, topology, configuration) in [
        ("mbv2_ws_32", "mobilenet_v2", "ws_32"),
        ("mbv2_os_32", "mobilenet_v2", "os_32"),
        ("mbv2nodw_ws_32_clean", "mobilenet_v2_nodw", "ws_32"),
        ("mbv2nodw_os_32_clean", "mobilenet_v2_nodw", "os_32"),
        ("r50_ws_32", "resnet50", "ws_32"),
        ("r50_os_32", "resnet50", "os_32"),
    ] {
        let Some(result_text) = text(&format!("results/{result}.csv")) else {
            return;
        };
        let Some(topology) = text(&format!("topologies/{topology}.csv")) else {
            return;
        };
        let Some(configuration) = text(&format!("configs/{configuration}.cfg")) else {
            return;
        };
        let layers = Topology::read("topology", &topology).unwrap().value.layers().unwrap();
        let configuration = Configuration::read("configuration", &configuration).unwrap().value;
        let rows = Rows::new(&result_text);
        // The runs of ResNet-50 were cut after a few layers.
        assert!(rows.rows.len() <= layers.len() && (result.starts_with("r50") || rows.rows.len() == layers.len()));
        for (row, layer) in layers.iter().enumerate().take(rows.rows.len()) {
            let name = rows.field(row, "name");
            let of = format!("{result}: {name}");
            let channel = format!("{}Channel_0", layer.name);
            assert!(
                name == layer.name || (layer.name.contains("DP") && name == channel),
                "{of}"
            );
            let ours = mapping(&configuration, layer.gemm);
            assert_eq!(ours.cycles().0, rows.number::<u64>(row, "compute_cycles"), "{of}");
            assert_eq!(ours.macs().0, rows.number::<u64>(row, "macs"), "{of}");
            let differences = [
                ours.overall_utilisation_percent().unwrap() - rows.number::<f64>(row, "overall_util"),
                ours.mapping_efficiency_percent() - rows.number::<f64>(row, "mapping_eff"),
            ];
            for (largest, difference) in largest.iter_mut().zip(differences) {
                assert!(difference.abs() < 1e-9, "{of}: {difference}");
                *largest = largest.max(difference.abs());
            }
            let accesses = ours.reported_accesses();
            assert_eq!(accesses.ifmap_reads, rows.number::<u64>(row, "ifmap_sram_rd"), "{of}");
            assert_eq!(accesses.filter_reads, rows.number::<u64>(row, "filter_sram_rd"), "{of}");
            assert_eq!(accesses.ofmap_writes, rows.number::<u64>(row, "ofmap_sram_wr"), "{of}");
            compared += 1;
        }
    }
    println!(
        "SCALE-Sim 3.0.0, simulated: {compared} rows, no difference in cycles; largest in overall utilisation {:.1e}, in mapping efficiency {:.1e}",
        largest[0], largest[1]
    );
    assert_eq!(compared, 53 * 2 + 36 * 2 + 5 + 4);
}

#[test]
fn closed_form_of_resnet_50() {
    let Some(table) = text("results/resnet50_closed_form.csv") else {
        return;
    };
    let Some(topology) = text("topologies/resnet50.csv") else {
        return;
    };
    let Some(repository) = text("topologies/resnet50_repo.csv") else {
        return;
    };
    let topology = Topology::read("resnet50.csv", &topology).unwrap().value;
    // The published file, with a row of commas and columns that nobody reads, says the same.
    assert_eq!(
        Topology::read("resnet50_repo.csv", &repository).unwrap().value,
        topology
    );
    let rows = Rows::new(&table);
    let layers = topology.layers().unwrap();
    assert_eq!(layers.len(), rows.rows.len());
    let mut compared = 0;
    for (name, dataflow) in Dataflow::NAMES {
        for side in [32, 64] {
            let key = format!("{name}_{side}");
            let array = SystolicArray::new(side, side, dataflow).unwrap();
            if let Some(file) = text(&format!("configs/{key}.cfg")) {
                let read = Configuration::read("configuration", &file).unwrap();
                assert_eq!((read.value.array().unwrap(), read.notes), (array, Vec::new()));
            }
            for (row, layer) in layers.iter().enumerate() {
                assert_eq!(layer.name, rows.field(row, "layer"));
                let ours = array.map(layer.gemm).unwrap();
                assert_eq!(ours.cycles().0, rows.number::<u64>(row, &key), "{key}: {}", layer.name);
                for (name, dimension) in [("M", layer.gemm.m()), ("N", layer.gemm.n()), ("K", layer.gemm.k())] {
                    assert_eq!(dimension, rows.number::<u64>(row, name));
                }
                compared += 1;
            }
        }
    }
    println!("SCALE-Sim, closed form of ResNet-50: {compared} rows, no difference in cycles");
    assert_eq!(compared, 54 * 6);
}
