use std::fs;

use panarch_graph::{
    Activation, Conv2d, Estimate, Latency, NetworkBuilder, Op, Precision, Provenance, ProvenanceKind, Shape,
};

use super::*;

const LAYERS: &str = "Original Operator,NNG Operator,Target,Op Cycles,NPU,SRAM AC,DRAM AC,OnFlash AC,OffFlash AC,MAC Count,Name\n\
                      Conv2D,Conv2D,NPU,40,40,20,0,0,9,1000,relu;conv\n\
                      Conv2D,Relu,NPU,0,0,0,0,0,0,0,relu;conv\n\
                      Mean,DepthwiseConv2D,NPU,7,1,2,7,3,4,5,pool\n";
const SUMMARY: &str = "accelerator_configuration,system_config,memory_mode,core_clock,sram_memory_used,dram_memory_used,\
                       dram_total_bytes,off_chip_flash_total_bytes,nn_macs,cycles_npu,cycles_sram_access,\
                       cycles_dram_access,cycles_on_chip_flash_access,cycles_off_chip_flash_access,cycles_total\n\
                       Ethos_U55_256,Sys,Mode,1000.0,0.5,0.25,64,16,1005,41,22,7,3,13,47\n";

#[test]
fn a_report_is_read_and_checked() {
    let read = report(LAYERS, SUMMARY).unwrap();
    assert_eq!((read.core, read.rows.len()), ("regor", 2));
    assert_eq!(
        (read.sram_bytes, read.dram_bytes, read.off_chip_traffic),
        (512, 256, 80)
    );
    assert_eq!((read.total.total, read.total.npu, read.macs), (47.0, 41.0, 1005));
}

/// The older core names its columns otherwise, and repeats its header for each part of the network.
#[test]
fn both_dialects_are_read() {
    let old = LAYERS
        .replace("Original Operator", "TFLite_operator")
        .replace(",Target", "")
        .replace(",NPU,40,", ",40,");
    let old = old
        .replace("Relu,NPU,", "Relu,")
        .replace("DepthwiseConv2D,NPU,", "DepthwiseConv2D,");
    let (header, rows) = old.split_once('\n').unwrap();
    let (first, rest) = rows.split_once('\n').unwrap();
    let read = report(&format!("{header}\n{first}\n{header}\n{rest}"), SUMMARY).unwrap();
    assert_eq!(read.core, "legacy");
    assert_eq!(read.rows, report(LAYERS, SUMMARY).unwrap().rows);
}

/// Rows of the same layer are one entry; a row that no layer knows stands for itself.
#[test]
fn rows_are_put_to_the_layers_of_the_network() {
    let mut builder = NetworkBuilder::new("net", Shape::new(3, 8, 8));
    let input = builder.input();
    builder.scope("stem");
    let conv = builder
        .add("conv", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input])
        .unwrap();
    let relu = builder.add("relu", Op::Activation(Activation::Relu), &[conv]).unwrap();
    let pool = builder.add("pool", Op::GlobalAvgPool, &[relu]).unwrap();
    let network = builder.finish(pool).unwrap();
    let layers = LAYERS.replace(",pool\n", ",pool_intermediate\n")
        + "Pad,Pad,NPU,3,3,0,0,0,0,0,conv:pad\nG,Conv2D,NPU,2,2,0,0,0,0,0,relu_act\nX,Mul,NPU,1,1,0,0,0,0,0,x\n";
    let summary = SUMMARY.replace(",41,22", ",47,22").replace(",13,47", ",13,53");
    let provenance = Provenance {
        kind: ProvenanceKind::VendorEstimate,
        device: "npu".to_owned(),
        tool: "vela".to_owned(),
        version: "5".to_owned(),
        precision: Precision::Int8,
        batch: 1,
        repeats: Some(1),
        note: None,
    };
    let context = Context {
        network: Some(&network),
        provenance,
        interval: &Estimate::exact,
    };
    let cost = cost(&report(&layers, &summary).unwrap(), context);
    let found: Vec<_> = cost
        .per_layer
        .iter()
        .map(|layer| {
            (
                layer.name.as_str(),
                layer.operator.as_str(),
                layer.output,
                (layer.latency.seconds() * 1000.0).round(),
            )
        })
        .collect();
    let expected = [
        ("conv", "conv2d", Shape::new(4, 8, 8), 45.0),
        ("pool", "global_avg_pool", Shape::vector(4), 7.0),
        ("x", "Mul", Shape::new(0, 0, 0), 1.0),
    ];
    assert_eq!(found, expected);
    let sum: Latency = cost.per_layer.iter().map(|layer| layer.latency).sum();
    assert!((sum.seconds() - cost.latency.value.seconds()).abs() < 1e-12);
    assert_eq!(cost.latency.value.seconds(), 0.053);
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (layers, summary, part) in [
        (
            LAYERS.replace("NPU,40,40", "NPU,41,40"),
            SUMMARY.to_owned(),
            "largest part 40",
        ),
        (
            LAYERS.to_owned(),
            SUMMARY.replace(",13,47", ",13,48"),
            "has 48 cycles (total)",
        ),
        (
            LAYERS.to_owned(),
            SUMMARY.replace(",41,22", ",41,23"),
            "has 23 cycles (SRAM)",
        ),
        (LAYERS.to_owned(), SUMMARY.replace("1000.0", "0"), "no time"),
        (LAYERS.to_owned(), SUMMARY.replace("1000.0", "nan"), "`core_clock`"),
        (LAYERS.replace("NPU,7,1", "NPU,-7,1"), SUMMARY.to_owned(), "`Op Cycles`"),
        (LAYERS.replace("Op Cycles", "Cycles"), SUMMARY.to_owned(), "`Op Cycles`"),
        (String::new(), SUMMARY.to_owned(), "empty"),
        ("rubbish\n1,2".to_owned(), SUMMARY.to_owned(), "header"),
        (LAYERS.to_owned(), String::new(), "no row"),
        (LAYERS.to_owned(), SUMMARY.lines().next().unwrap().to_owned(), "no row"),
    ] {
        match report(&layers, &summary) {
            Err(Refusal::Unreadable(reason)) => assert!(reason.contains(part), "{reason} lacks {part}"),
            other => panic!("{part}: {other:?}"),
        }
    }
}

#[test]
fn an_operator_left_to_the_processor_is_unsupported() {
    let layers = LAYERS.replace("DepthwiseConv2D,NPU", "DepthwiseConv2D,CPU");
    let expected = Refusal::Unsupported {
        layer: "pool".to_owned(),
        operator: "DepthwiseConv2D".to_owned(),
    };
    assert_eq!(report(&layers, SUMMARY), Err(expected));
}

#[test]
fn files_cut_anywhere_never_panic() {
    for end in 0..LAYERS.len() {
        let _ = report(&LAYERS[..end], SUMMARY);
    }
    for end in 0..SUMMARY.len() {
        let _ = report(LAYERS, &SUMMARY[..end]);
    }
}

/// Totals of the eleven runs as the vendor's compiler printed them, with the two models, four accelerators and both cores.
#[test]
fn the_totals_of_eleven_runs_are_read() {
    let Some(data) = panarch_testkit::reference("vela") else {
        return;
    };
    const HE: &str = "Ethos_U55_High_End_Embedded";
    let runs = [
        (format!("tiny32_int8-ethos-u55-128-{HE}"), 33_592.0, 30_639.0),
        (format!("tiny32_int8-ethos-u55-256-{HE}"), 27_128.0, 22_171.0),
        (
            "tiny32_int8-ethos-u65-512-Ethos_U65_High_End".to_owned(),
            26_268.0,
            26_268.0,
        ),
        (
            "tiny32_int8-ethos-u85-1024-Ethos_U85_SYS_DRAM_High".to_owned(),
            18_590.0,
            10_464.0,
        ),
        (
            format!("mobilenet_v2_224_int8-ethos-u55-128-{HE}"),
            7_894_748.0,
            5_829_931.0,
        ),
        (
            "mobilenet_v2_224_int8-ethos-u55-128-HE-Shared_Sram".to_owned(),
            7_894_748.0,
            5_829_931.0,
        ),
        (
            "mobilenet_v2_224_int8-ethos-u55-128-HE-Sram_Only".to_owned(),
            5_863_455.0,
            5_829_009.0,
        ),
        (
            format!("mobilenet_v2_224_int8-ethos-u55-256-{HE}"),
            6_049_349.0,
            3_218_270.0,
        ),
        (
            "mobilenet_v2_224_int8-ethos-u65-512-Ethos_U65_High_End".to_owned(),
            3_117_490.0,
            1_770_650.0,
        ),
        (
            "mobilenet_v2_224_int8-ethos-u85-1024-Ethos_U85_SYS_DRAM_High".to_owned(),
            2_307_891.0,
            941_323.0,
        ),
        (
            "mobilenet_v2_224_int8-u55-256-legacy".to_owned(),
            5_903_877.072,
            4_458_794.0,
        ),
    ];
    let folders = fs::read_dir(&data)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name() != "models");
    assert_eq!(folders.count(), runs.len());
    for (folder, total, npu) in runs {
        let read = read(&data.join(&folder)).unwrap_or_else(|error| panic!("{folder}: {error:?}"));
        assert_eq!((read.total.total, read.total.npu), (total, npu), "{folder}");
        assert_eq!(
            read.core,
            if folder.ends_with("legacy") { "legacy" } else { "regor" },
            "{folder}"
        );
        let sum: f64 = read.rows.iter().map(|row| row.cycles.total).sum();
        assert!((sum - total).abs() < 1e-3, "{folder}: {sum}");
    }
}
