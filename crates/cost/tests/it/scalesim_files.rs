//! SCALE-Sim's files, read in all their shapes, written and read again, cut and flipped.

use panarch_cost::scalesim::{Configuration, ConvolutionRow, GemmRow, InterfaceBandwidth, Topology};
use panarch_cost::systolic::Dataflow;
use proptest::prelude::*;

/// Lines and columns of the problems, and their text.
fn problems(text: &str) -> (Vec<(u32, u32)>, String) {
    let error = Topology::read("t.csv", text).unwrap_err();
    (error.iter().map(|it| (it.line, it.column)).collect(), error.to_string())
}

#[test]
fn one_topology_in_many_spellings() {
    let header = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,";
    let expected = Topology::Convolutions(vec![
        ConvolutionRow {
            name: "Conv1".to_owned(),
            ifmap: [225, 225],
            filter: [3, 3],
            channels: 3,
            filters: 32,
            stride: 2,
        },
        ConvolutionRow {
            name: "DP_b0".to_owned(),
            ifmap: [114, 114],
            filter: [3, 3],
            channels: 32,
            filters: 1,
            stride: 1,
        },
    ]);
    for text in [
        format!("{header}\nConv1, 225, 225, 3, 3, 3, 32, 2,\nDP_b0, 114, 114, 3, 3, 32, 1, 1,\n"),
        format!("{header}\r\n\r\nConv1,225,225,3,3,3,32,2\r\n,,,,,,\r\n  DP_b0 ,114 ,114,3,3,32,1,1,,,x,y"),
        format!("\u{feff}{header},,,Eh,Ew,e2\n,,,,,\nConv1,225,225,3,3,3,32,2,,,110,1,2\nDP_b0,114,114,3,3,32,1,1,\n\n"),
        "Layer,h\nConv1,225,225,3,3,3,32,2,\nDP_b0,114,114,3,3,32,1,1,".to_owned(),
        "\nConv1,225,225,3,3,3,32,+2,\rDP_b0,114,114,3,3,32,1,1,".replace('\n', "\r"),
        "Layer name,IFMAP height,IFMAP width,Filter height,Filter width,Channels,Num filter,Stride height,Stride width,\n\
         Conv1,225,225,3,3,3,32,2,2,\nDP_b0,114,114,3,3,32,1,1,1,\n"
            .to_owned(),
    ] {
        let read = Topology::read("t.csv", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!((read.value, read.notes), (expected.clone(), Vec::new()), "{text}");
    }
    let layers = expected.layers().unwrap();
    assert_eq!((layers[0].repeats, layers[1].repeats), (1, 32));
    assert_eq!(
        (layers[1].gemm.m(), layers[1].gemm.n(), layers[1].gemm.k()),
        (112 * 112, 1, 9)
    );
}

#[test]
fn both_forms_are_told_apart() {
    let gemms = Topology::Gemms(vec![GemmRow {
        name: "DP".to_owned(),
        m: 5,
        n: 6,
        k: 7,
    }]);
    for text in [
        "Layer,M,N,K\nDP,5,6,7",
        "layer name, m, n, k,\nDP, 5, 6, 7, 2:4,\n",
        "GEMMs\nDP,5,6,7,\n",
    ] {
        assert_eq!(Topology::read("t.csv", text).unwrap().value, gemms, "{text}");
    }
    // `DP` means nothing to the form of products.
    assert_eq!(gemms.layers().unwrap()[0].repeats, 1);
}

#[test]
fn a_second_stride_is_taken_as_scale_sim_does() {
    let text = "n,IFMAP H,W,Filter H,W,Channels,Filters,Stride H,Stride W,\na,8,8,2,2,1,1,2,3,\nb,8,8,2,2,1,1,2,2,\n";
    let read = Topology::read("t.csv", text).unwrap();
    assert_eq!(read.value.layers().unwrap()[0].gemm.m(), 16);
    assert_eq!(read.notes.len(), 1);
    assert!(
        read.notes[0].starts_with("1 rows have a second stride"),
        "{:?}",
        read.notes
    );
}

#[test]
fn positions_are_rounded_up() {
    // ⌈(8 − 3 + 2) / 2⌉: a convolution has 3 positions here.
    let text = "n,IFMAP\na,8,3,3,3,1,1,2,\n";
    assert_eq!(
        Topology::read("t.csv", text).unwrap().value.layers().unwrap()[0]
            .gemm
            .m(),
        4
    );
}

#[test]
fn all_problems_of_a_topology_at_once() {
    let text = "Layer name, IFMAP Height,\na,0,8,3,3,x,1,1,\nb,8,8,3\nok,8,8,3,3,1,1,1,\nc,2,8,3,9,1,1,1,\n\
                d,4294967295,1,1,1,4294967295,4294967295,1,\ne,99999999999999999999,1,1,1,1,1,1\nf,,,,,,,,1\n";
    let (places, message) = problems(text);
    let expected = [
        (2, 3),
        (2, 11),
        (3, 8),
        (3, 8),
        (3, 8),
        (3, 8),
        (5, 7),
        (5, 9),
        (6, 3),
        (7, 3),
        (8, 3),
    ];
    assert_eq!(places, expected, "{message}");
    assert!(
        message.contains("`99999999999999999999`") && message.contains("no value for stride"),
        "{message}"
    );
    for (text, word) in [
        ("", "no layers"),
        ("\n\n,,\n", "no layers"),
        ("Layer,M,N,K\n", "no layers"),
        ("Layer,M,K,N\na,1,2,3\n", "M, N, K"),
        ("a,8,8,3,3,1,1,1,\nb,8,8,3,3,1,1,1,\n", "put a header before it"),
        ("a,8,8,3,x,1,1,1,\nb,8,8,3,3,1,1,1,\n", "put a header before it"),
        ("\na,8,8,3,x,1,1,1,\nb,8,8,3,3,1,1,1,\n", "t.csv:2:9: the filter width"),
        ("\na,8,x,3,3,1,1,1,\n", "t.csv:2:5: the IFMAP width"),
        ("Layer,M,N,K\na\u{1b}[31m,1,2,3\n", "control character"),
        ("what\never\n", "tells neither form"),
    ] {
        let (_, message) = problems(text);
        assert!(message.contains(word), "{text:?}: {message}");
    }
    let many = format!("Layer,M,N,K\n{}", "a,x,y,z\n".repeat(1000));
    assert_eq!(problems(&many).0.len(), 101);
}

const CFG: &str = "[general]\nrun_name = one\n\n[architecture_presets]\nArrayHeight:    16\narraywidth = 8\n\
    IfmapSramSzkB: 64\nFilterSramSzkB: 32\nOfmapSramSzkB: 16\nIfmapOffset: 0\nFilterOffset: 1000\nOfmapOffset: 2000\n\
    Bandwidth : 10, 20\nDataflow : os\nMemoryBanks: 1\nReadRequestBuffer: 3\nWriteRequestBuffer: 4\n\
    # a comment\n; another\n[run_presets]\nInterfaceBandwidth: USER\nWhatever: 7\n";

#[test]
fn a_configuration_is_read() {
    let read = Configuration::read("c.cfg", CFG).unwrap();
    let expected = Configuration {
        run_name: "one".to_owned(),
        rows: 16,
        columns: 8,
        dataflow: Dataflow::OutputStationary,
        ifmap_sram_kib: 64,
        filter_sram_kib: 32,
        ofmap_sram_kib: 16,
        offsets: [0, 1000, 2000],
        bandwidths: vec![10, 20],
        interface: InterfaceBandwidth::User,
        request_buffers: [3, 4],
    };
    assert_eq!(read.value, expected);
    assert_eq!(
        read.notes,
        ["InterfaceBandwidth = USER adds stalls in SCALE-Sim; compute cycles are without them"]
    );
    assert_eq!(Configuration::read("c.cfg", &CFG.replace('\n', "\r\n")).unwrap(), read);
    let small = "[architecture_presets]\nArrayHeight=4\nArrayWidth=4\nDataflow=is\nBandwidth =\n";
    let read = Configuration::read("c.cfg", small).unwrap();
    assert_eq!(
        (read.value.ifmap_sram_kib, read.value.dataflow),
        (256, Dataflow::InputStationary)
    );
    assert!(read.notes[0].contains("IfmapSramSzkB = 256"), "{:?}", read.notes);
}

#[test]
fn all_problems_of_a_configuration_at_once() {
    for (from, to, line, word) in [
        (
            "ArrayHeight:    16",
            "ArrayHeight: -16",
            5,
            "`ArrayHeight` must be a whole number from 1",
        ),
        ("arraywidth = 8", "arraywidth = 0", 6, "`ArrayWidth`"),
        ("arraywidth = 8", "arraywidth", 6, "neither a [section] nor"),
        ("arraywidth = 8", "arraywidth = 99999999", 6, "1048576"),
        ("IfmapSramSzkB: 64", "IfmapSramSzkB: 6.4", 7, "`6.4`"),
        ("Dataflow : os", "Dataflow : OS", 14, "did you mean `os`"),
        ("Bandwidth : 10, 20", "Bandwidth : 10,", 13, "`Bandwidth`"),
        ("Bandwidth : 10, 20", "Bandwidth : 10\n  20", 13, "`Bandwidth`"),
        ("MemoryBanks: 1", "ArrayWidth: 9", 15, "twice"),
        ("USER", "user", 21, "did you mean `USER`"),
        ("run_name = one", "run_name = ../one", 2, "run_name"),
        (
            "[run_presets]",
            "[sparsity]\nSparsitySupport: True\n[run_presets]",
            21,
            "sparsity is not modelled",
        ),
        ("[general]\n", "", 1, "below a [section]"),
        ("[run_presets]", "[general]", 20, "twice"),
    ] {
        let text = CFG.replace(from, to);
        let error = Configuration::read("c.cfg", &text).unwrap_err();
        let lines: Vec<u32> = error.iter().map(|it| it.line).collect();
        assert!(
            lines.contains(&line) && error.to_string().contains(word),
            "{to}: {error}"
        );
    }
    let two = CFG.replace("16", "x").replace("os", "xs");
    assert_eq!(Configuration::read("c.cfg", &two).unwrap_err().len(), 3);
    let error = Configuration::read("c.cfg", "[general]\n").unwrap_err();
    assert_eq!(error.len(), 3, "{error}");
}

fn conv_rows() -> impl Strategy<Value = ConvolutionRow> {
    let sizes = (1..300_u32, 1..300_u32, 1..300_u32, 1..300_u32);
    ("[A-Za-z0-9_./:-]{1,12}", sizes, 1..4096_u32, 1..4096_u32, 1..9_u32).prop_map(
        |(name, (high, wide, more_high, more_wide), channels, filters, stride)| ConvolutionRow {
            name,
            ifmap: [high + more_high, wide + more_wide],
            filter: [high, wide],
            channels,
            filters,
            stride,
        },
    )
}

fn gemm_rows() -> impl Strategy<Value = GemmRow> {
    ("[A-Za-z0-9_ ]{0,8}[a-z]", 1..u32::MAX, 1..1000_u32, 1..1000_u32).prop_map(|(name, m, n, k)| GemmRow {
        name: name.trim().to_owned(),
        m,
        n,
        k,
    })
}

fn topologies() -> impl Strategy<Value = Topology> {
    prop_oneof![
        prop::collection::vec(conv_rows(), 1..8).prop_map(Topology::Convolutions),
        prop::collection::vec(gemm_rows(), 1..8).prop_map(Topology::Gemms),
    ]
}

fn configurations() -> impl Strategy<Value = Configuration> {
    let array = ("[a-z][a-z0-9_ -]{0,8}[a-z]", 1..4096_u32, 1..4096_u32, 0..3_usize);
    let sizes = (
        1..99_999_u32,
        1..99_999_u32,
        1..99_999_u32,
        [0..1_u64 << 40, 0..9, 0..9],
    );
    let rest = (prop::collection::vec(1..99_u32, 0..4), 0..2_usize, [1..99_u32, 1..99]);
    (array, sizes, rest).prop_map(|(array, sizes, (mut bandwidths, interface, request_buffers))| {
        let interface = InterfaceBandwidth::NAMES[interface].1;
        if interface == InterfaceBandwidth::User && bandwidths.is_empty() {
            bandwidths.push(1);
        }
        Configuration {
            run_name: array.0,
            rows: array.1,
            columns: array.2,
            dataflow: Dataflow::NAMES[array.3].1,
            ifmap_sram_kib: sizes.0,
            filter_sram_kib: sizes.1,
            ofmap_sram_kib: sizes.2,
            offsets: sizes.3,
            bandwidths,
            interface,
            request_buffers,
        }
    })
}

proptest! {
    #[test]
    fn a_written_topology_reads_the_same(topology in topologies()) {
        let read = Topology::read("t.csv", &topology.to_csv());
        prop_assert_eq!(read.unwrap().value, topology);
    }

    #[test]
    fn a_written_configuration_reads_the_same(configuration in configurations()) {
        let read = Configuration::read("c.cfg", &configuration.to_cfg());
        prop_assert_eq!(read.unwrap().value, configuration);
    }

    #[test]
    fn cut_and_flipped_files_never_panic(
        topology in topologies(),
        configuration in configurations(),
        cut in 0.0..1.0_f64,
        flips in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..6),
    ) {
        for (text, is_topology) in [(topology.to_csv(), true), (configuration.to_cfg(), false)] {
            let mut bytes = text.into_bytes();
            bytes.truncate((cut * bytes.len() as f64) as usize + 1);
            for (place, byte) in &flips {
                let place = (place * bytes.len() as f64) as usize;
                bytes[place] = *byte;
            }
            let text = String::from_utf8_lossy(&bytes);
            if is_topology {
                if let Ok(read) = Topology::read("t.csv", &text) {
                    // What was read is arithmetic, whatever it says.
                    prop_assert!(read.value.layers().is_ok());
                }
            } else if let Ok(read) = Configuration::read("c.cfg", &text) {
                prop_assert!(read.value.array().is_ok());
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*|[\\[\\]=:,0-9a-z\\r\\n \\t]*") {
        let _ = Topology::read("t.csv", &text);
        let _ = Configuration::read("c.cfg", &text);
    }
}
