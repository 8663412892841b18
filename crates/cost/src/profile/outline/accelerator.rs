//! A chip that is described by its parts.

use panarch_graph::Precision;
use panarch_toml::Unit;

use super::writer::{From, Writer, quoted};
use super::{Outline, OutlineKind};
use crate::Operator;

/// Energy of a product and of a byte: Horowitz, Computing's energy problem (ISSCC 2014), 45 nm, 0.9 V.
const HOROWITZ: &str = "Horowitz (ISSCC 2014), 45 nm, 0.9 V";

pub(super) fn write(outline: &Outline, to: &mut Writer) {
    clock(outline, to);
    array(outline, to);
    depthwise(outline, to);
    vector(outline, to);
    memory(outline, to);
    to.section("overhead");
    to.figure(
        "inference_s",
        quoted("20 us"),
        From::Default("a driver call and an interrupt"),
    );
    to.figure(
        "layer_s",
        1000.0 / outline.clock_hz(),
        From::Default("1,000 cycles to set up a layer"),
    );
    energy(outline.precision, to);
    error_and_support(to);
}

pub(super) fn clock(outline: &Outline, to: &mut Writer) {
    to.section("clock");
    match &outline.clock {
        Some(clock) => to.figure("frequency_hz", quoted(&clock.text), From::Given),
        None => to.figure(
            "frequency_hz",
            quoted("1 GHz"),
            From::Default("a round figure that such chips reach"),
        ),
    }
}

fn array(outline: &Outline, to: &mut Writer) {
    to.section("array");
    to.plain("kind", outline.kind.name());
    for (name, _) in outline.kind.dimensions() {
        let (value, given) = outline.dimension(name);
        let from = if given {
            From::Given
        } else {
            From::Default("a common size")
        };
        to.figure(name, value, from);
    }
    if let Some(count) = outline.count {
        to.figure("count", count, From::Given);
    }
    if outline.kind == OutlineKind::Systolic {
        match &outline.dataflow {
            Some(dataflow) => to.figure("dataflow", quoted(dataflow), From::Given),
            None => to.figure(
                "dataflow",
                quoted("ws"),
                From::Default("weights stay, as in most such chips"),
            ),
        }
        to.figure(
            "fold_overlap",
            true,
            From::Default("cells hold the next weights beside those in use"),
        );
        to.figure("utilisation", 1, From::Default("folds account for all idle cells"));
        return;
    }
    if outline.kind == OutlineKind::Lanes {
        to.figure(
            "pixel_order",
            quoted("flat"),
            From::Default("positions follow one another across line ends"),
        );
        to.granule(
            outline.dimension("reduction_lanes").0,
            "a reduction is rounded up to the lanes that sum it",
        );
    }
    to.figure(
        "weight_load_cycles",
        1,
        From::Default("weights are fed as wide as they are used"),
    );
    to.figure("startup_cycles", 100, From::Default("filling and draining"));
    let (lanes, reason) = outputs(outline);
    to.figure("output_elements_per_cycle", lanes, From::Default(reason));
    to.figure(
        "output_stage",
        quoted("beside"),
        From::Default("results leave while the next are worked on"),
    );
    to.figure(
        "utilisation",
        0.9,
        From::Default("a tenth of the cycles is lost at the ends of tiles"),
    );
}

/// Output channels that the array works on at once.
fn outputs(outline: &Outline) -> (u32, &'static str) {
    match outline.kind {
        OutlineKind::Grid => (
            outline
                .dimension("cores")
                .0
                .saturating_mul(outline.dimension("lanes").0),
            "one result a lane of a processing element and cycle",
        ),
        OutlineKind::Lanes => (
            outline.dimension("output_lanes").0,
            "one result an output lane and cycle",
        ),
        _ => (outline.dimension("columns").0, "one result a column and cycle"),
    }
}

fn depthwise(outline: &Outline, to: &mut Writer) {
    to.section("depthwise");
    match outline.kind {
        OutlineKind::Systolic => {
            to.figure(
                "mapping",
                quoted("channel_packed"),
                From::Default("a compiler packs the channels that rows and columns hold"),
            );
        }
        OutlineKind::Cube => {
            to.figure(
                "mapping",
                quoted("vector_unit"),
                From::Default("a cube would work with one of its lanes"),
            );
        }
        _ => {
            to.figure(
                "mapping",
                quoted("simd_lanes"),
                From::Default("a channel an output lane"),
            );
            to.figure(
                "channel_lanes",
                outputs(outline).0,
                From::Default("the output lanes of the array"),
            );
            to.figure("tap_padding", 1, From::Default("taps follow each other"));
        }
    }
    to.figure(
        "utilisation",
        1,
        From::Default("lanes that are rounded up to account for what is lost"),
    );
}

fn vector(outline: &Outline, to: &mut Writer) {
    to.section("vector");
    to.figure(
        "elements_per_cycle",
        outputs(outline).0,
        From::Default("one lane for each output lane of the array"),
    );
    to.figure("channel_padding", 1, From::Default("the last vector is cut short"));
    to.figure("add_passes", 1, From::Default("one pass"));
    to.figure("mul_passes", 1, From::Default("one pass"));
    to.figure("concat_passes", 0, From::Default("results are written to their place"));
    to.figure("tap_passes", 1, From::Default("one tap a cycle"));
    to.figure("pooling", quoted("vector_unit"), From::Default("no product is needed"));
    to.figure(
        "fused_activations",
        "[\"relu\", \"relu6\"]",
        From::Default("clamping is part of scaling"),
    );
    to.section("vector.activation_passes");
    for (activation, passes, reason) in [
        ("hard_swish", 2, "a clamp and a product"),
        ("hard_sigmoid", 1, "a clamp"),
        ("sigmoid", 2, "a table of 256 entries"),
        ("swish", 3, "a table and a product"),
    ] {
        to.figure(activation, passes, From::Default(reason));
    }
}

fn memory(outline: &Outline, to: &mut Writer) {
    to.section("memory");
    let sram = outline.sram_bytes();
    let all = match &outline.sram {
        Some(sram) => format!("of the {} given", sram.text),
        None => "of 1 MiB, a common size".to_owned(),
    };
    let weights = (sram / 4.0).floor().max(1.0);
    let activations = (sram - weights).max(1.0);
    to.figure(
        "activation_bytes",
        activations,
        From::Default(&format!("three quarters {all}")),
    );
    to.figure(
        "weight_cache_bytes",
        0,
        From::Default("weights are streamed anew for each image"),
    );
    to.figure(
        "shared",
        false,
        From::Default("activations and weights have memories of their own"),
    );
    let bytes = outline.precision.bytes() as f64;
    let (lanes, reason) = feeding(outline);
    let rate = lanes * bytes * outline.clock_hz();
    to.figure(
        "on_chip_bytes_per_s",
        quantity(Unit::BytesPerSecond, rate),
        From::Default(reason),
    );
    to.figure(
        "activation_rereads",
        1,
        From::Default("a buffer before the array holds what neighbouring taps share"),
    );
    match &outline.dram {
        Some(dram) => to.figure("off_chip_bytes_per_s", quoted(&dram.text), From::Given),
        None => to.figure(
            "off_chip_bytes_per_s",
            quoted("12.8 GB/s"),
            From::Default("32 bits of LPDDR4-3200"),
        ),
    }
    to.figure(
        "channel_side_bytes",
        quoted("8 B"),
        From::Default("bias and scale of 4 bytes each"),
    );
    to.figure(
        "weight_buffer_bytes",
        weights,
        From::Default(&format!("a quarter {all}")),
    );
    to.figure(
        "off_chip_latency_s",
        quoted("100 ns"),
        From::Default("a row access of LPDDR4"),
    );
    to.figure(
        "fetch_ahead",
        true,
        From::Default("the compiler orders transfers ahead of their use"),
    );
    to.figure(
        "chain_fusion",
        false,
        From::Default("layers are run one after the other"),
    );
}

/// Elements that the array takes and gives in a cycle.
fn feeding(outline: &Outline) -> (f64, &'static str) {
    let of = |name: &str| f64::from(outline.dimension(name).0);
    let count = f64::from(outline.count.unwrap_or(1));
    let (one, reason) = match outline.kind {
        OutlineKind::Grid => (
            of("pe_rows") * of("pe_columns") * (of("ways") + of("cores") * of("lanes")),
            "what all processing elements take in and give out each cycle",
        ),
        OutlineKind::Lanes => (
            of("pixel_lanes_high") * of("pixel_lanes_wide") * of("reduction_lanes")
                + of("reduction_lanes") * of("output_lanes")
                + of("output_lanes"),
            "what the lanes take in and give out each cycle",
        ),
        OutlineKind::Cube => (
            of("rows") * of("depth") + of("depth") * of("columns") + of("rows") * of("columns"),
            "two small matrices in and one out each cycle",
        ),
        _ => (
            of("rows") + 2.0 * of("columns"),
            "a value a row in, a weight and a result a column each cycle",
        ),
    };
    (one * count, reason)
}

fn energy(precision: Precision, to: &mut Writer) {
    let (mac, reason) = match precision {
        Precision::Int8 => ("0.23 pJ", "8-bit product and sum"),
        Precision::F16 | Precision::Bf16 => ("1.5 pJ", "16-bit floating-point product and sum"),
        Precision::F32 => ("4.6 pJ", "32-bit floating-point product and sum"),
    };
    to.section("energy");
    let published = |what: &str| format!("{what}, {HOROWITZ}");
    to.figure("mac_j", quoted(mac), From::Default(&published(reason)));
    to.figure(
        "on_chip_byte_j",
        quoted("12.5 pJ"),
        From::Default(&published("a byte of a 1 MB SRAM")),
    );
    to.figure(
        "off_chip_byte_j",
        quoted("240 pJ"),
        From::Default(&published("a byte of DRAM")),
    );
    to.figure(
        "static_w",
        quoted("50 mW"),
        From::Default("leakage of a few square millimetres"),
    );
}

pub(super) fn error_and_support(to: &mut Writer) {
    to.section("error");
    to.figure("relative", 0.5, From::Default("nothing was measured or fitted"));
    to.figure("level", 0.9, From::Default("nothing was measured or fitted"));
    to.section("support");
    let operators = Operator::ALL.map(|operator| quoted(operator.name()));
    to.figure(
        "operators",
        format!("[{}]", operators.join(", ")),
        From::Default("everything; take out what the chip lacks"),
    );
    to.figure("largest_kernel", 64, From::Default("a bound against mistakes"));
}

/// A quantity with its unit where that says it whole, else the number.
fn quantity(unit: Unit, value: f64) -> String {
    let shown = unit.show(value);
    if unit.parse(&shown) == Ok(value) {
        quoted(&shown)
    } else if value.fract() == 0.0 && value < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:e}")
    }
}
