//! Tables and figures of others: SCALE-Sim, block latencies, linear models, published networks.

use panarch_cost::products::ListedProduct;
use panarch_cost::scalesim::{Configuration, Topology};
use panarch_predict::{Additive, AdditiveLatency, Dialect, LatencyTable, LinearTerms, Measurement, Rows};
use panarch_space::Space;
use panarch_testkit::toy_space;
use panarch_train::published::published_network;

use super::{reference, texts, with_text};
use crate::Target;

pub const SCALESIM_CONFIGURATION: Target = Target {
    name: "scalesim-configuration",
    seeds: || {
        texts([
            "[general]\nrun_name = a\n\n[architecture_presets]\nArrayHeight : 32\nArrayWidth : 32\nIfmapSramSzkB : 64\nFilterSramSzkB : 64\nOfmapSramSzkB : 64\nIfmapOffset : 0\nFilterOffset : 10000000\nOfmapOffset : 20000000\nDataflow : ws\nBandwidth : 10\nMemoryBanks : 1\n\n[run_presets]\nInterfaceBandwidth : CALC\n",
        ])
    },
    run: |bytes| {
        with_text(bytes, |text| {
            if let Err(problems) = Configuration::read("fuzz.cfg", text) {
                let _ = problems.to_string();
            }
        });
    },
};

pub const SCALESIM_TOPOLOGY: Target = Target {
    name: "scalesim-topology",
    seeds: || {
        let mut seeds = texts([
            "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\nconv, 34, 34, 3, 3, 3, 16, 1,\n",
            "Layer, M, N, K,\nproduct, 64, 32, 16,\n",
        ]);
        seeds.extend(reference("scalesim/topologies/mobilenet_v2.csv"));
        seeds
    },
    run: |bytes| {
        with_text(bytes, |text| {
            if let Err(problems) = Topology::read("fuzz.csv", text) {
                let _ = problems.to_string();
            }
        });
    },
};

pub const PRODUCTS: Target = Target {
    name: "products",
    seeds: || {
        texts([
            "1024,512,256\n7,1,3\n",
            "m,n,k\n64,64,64\n",
            "\"k\",name,n,m\n# a remark\n3,a,2,1\n,,\n",
        ])
    },
    run: |bytes| {
        with_text(bytes, |text| match ListedProduct::read("fuzz.csv", text) {
            Ok(products) => {
                for product in products.iter().take(16) {
                    let _ = product.gemm.network();
                }
            }
            Err(problems) => {
                let _ = problems.to_string();
            }
        });
    },
};

pub const LATENCY_TABLE: Target = Target {
    name: "latency-table",
    seeds: || {
        // The first byte names the dialect.
        let ofa = "Conv-input:3x224x224-output:16x112x112: {mean: 1.5, std: 0.1, count: 10}\n";
        let nsga = "Conv-input:224x224x3-output:112x112x16:\n  mean: 0.3\n  std: 0.01\n  count: 5\n";
        let mut seeds = texts([
            format!("0{ofa}"),
            format!("1{nsga}"),
            "2# panarch latency table 1\n# device = a\n".to_owned(),
        ]);
        if let Some(table) = reference("ofa/i7-8700k/lookup_table.yaml") {
            let table: Vec<u8> = table.into_iter().take(4096).collect();
            seeds.push([b"1", table.as_slice()].concat());
        }
        seeds
    },
    run: |bytes| {
        // The first byte chooses the dialect.
        let Some((&first, rest)) = bytes.split_first() else {
            return;
        };
        let dialects = [Dialect::Ofa, Dialect::Nsganetv2, Dialect::Panarch];
        let dialect = dialects[usize::from(first) % dialects.len()];
        with_text(rest, |text| {
            if let Ok(table) = LatencyTable::read(text, dialect)
                && let Some(csv) = table.to_csv()
            {
                assert!(
                    LatencyTable::read(&csv, Dialect::Panarch).is_ok(),
                    "a table is not read back:\n{csv}"
                );
            }
        });
    },
};

pub const LINEAR_TERMS: Target = Target {
    name: "linear-terms",
    seeds: || {
        let mut seeds = texts(["{\"version\": 1}"]);
        seeds.extend(reference("tunas/pixel1_proxylessnas_linear.json"));
        seeds
    },
    run: |bytes| {
        with_text(bytes, |text| {
            if let Ok(space) = Space::preset("tunas-proxyless") {
                let _ = LinearTerms::from_json(text, &space);
            }
        });
    },
};

pub const ADDITIVE: Target = Target {
    name: "additive",
    seeds: || {
        let space = toy_space();
        let mut rng = panarch_graph::stream(1, "seed", 0);
        let design = panarch_predict::design_of_experiments(&space, 40, &mut rng).unwrap_or_default();
        let measurements: Vec<Measurement> = design
            .into_iter()
            .map(|genotype| {
                let value = genotype.as_bytes().iter().map(|&choice| f64::from(choice)).sum::<f64>() + 1.0;
                Measurement::new(genotype, value)
            })
            .collect();
        let table = Additive::fit(&space, &measurements).and_then(|table| table.to_json(&space));
        texts(table)
    },
    run: |bytes| {
        with_text(bytes, |text| {
            let space = toy_space();
            if let Ok(table) = Additive::from_json(text, &space) {
                let _ = table.predict(&space, &space.largest(), 0.9);
            }
            let _ = AdditiveLatency::from_json(text, &space);
        });
    },
};

pub const PUBLISHED_NETWORK: Target = Target {
    name: "published-network",
    seeds: || {
        let names = [
            "proxylessnas/proxyless-w0.25-r112_imagenet.json",
            "field_cases/devices/config_resolution.json",
        ];
        let mut seeds = texts(["{\"name\": \"MobileNetV3\", \"first_conv\": {}, \"blocks\": [], \"classifier\": {}}"]);
        seeds.extend(names.iter().filter_map(|name| reference(name)));
        seeds
    },
    run: |bytes| {
        with_text(bytes, |text| {
            let _ = published_network("fuzz", text, 64);
        });
    },
};

pub const ROWS: Target = Target {
    name: "rows",
    seeds: || {
        let lists = "3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3";
        let numbered =
            |prefix: &str, count: u32| -> String { (0..count).map(|index| format!(",{prefix}{index}")).collect() };
        let columns = [numbered("d", 5), numbered("ks", 20), numbered("e", 20)].concat();
        texts([
            "key,ms\n000000,1.5\n12340-0,nan\n".to_owned(),
            "e01,e02,e12,e03,e13,e23,ms\n4,2,1,2,1,1,10\n".to_owned(),
            format!("d;ks;e;image_size;ms\n2 2 3 4 2;{lists};{lists};128;0.5\n"),
            format!("r{columns},ms\n128{},\"2\"\n", ",3".repeat(45)),
            "block0_e,block0_k,block0_l,block0_se,ms\n6,3,1,0,1\n".to_owned(),
        ])
    },
    run: |bytes| {
        with_text(bytes, |text| {
            for name in ["nas-bench-201", "ofa-mbv3-w1.0", "mnasnet-anb"] {
                if let Ok(space) = Space::preset(name) {
                    let _ = Rows::read(&space, text, &["ms"]).map(|rows| rows.measured(0));
                }
            }
        });
    },
};
