//! Devices that are described otherwise than by an accelerator's parts.

use super::Outline;
use super::accelerator::{clock, error_and_support};
use super::writer::{From, Writer, quoted};

/// An array of input channels × output channels below a memory of weights, one of activations, and the main memory.
pub(super) fn hierarchy(outline: &Outline, to: &mut Writer) {
    clock(outline, to);
    to.section("array");
    to.figure(
        "mac_pj",
        quoted("0.23 pJ"),
        From::Default("8-bit product and sum, Horowitz (ISSCC 2014), 45 nm"),
    );
    to.figure(
        "partial_sum_bits",
        32,
        From::Default("sums of 8-bit products as they are kept"),
    );
    for (name, loop_name, what) in [
        ("rows", "input_channel", "input channels lie along the rows"),
        ("columns", "output_channel", "output channels lie along the columns"),
    ] {
        let (size, given) = outline.dimension(name);
        to.item("array.dimensions");
        to.plain("name", name);
        to.figure(
            "size",
            size,
            if given {
                From::Given
            } else {
                From::Default("a common size")
            },
        );
        to.figure("unrolls", quoted(loop_name), From::Default(what));
    }
    let bits = 8 * outline.precision.bytes();
    register(
        to,
        "weight register",
        "weight",
        bits,
        &["to_lower"],
        &["from_higher"],
        "[]",
    );
    register(
        to,
        "output register",
        "output",
        32,
        &["to_lower", "to_higher"],
        &["from_lower", "from_higher"],
        "[\"rows\"]",
    );
    let sram = outline.sram_bytes();
    let all = outline.sram.as_ref().map_or("1 MiB, a common size".to_owned(), |sram| {
        format!("the {} given", sram.text)
    });
    let (rows, columns) = (outline.dimension("rows").0, outline.dimension("columns").0);
    let width = |lanes: u64| (bits * lanes).min(1 << 20);
    memory(
        to,
        "weight memory",
        &["weight"],
        (
            &number(8.0 * (sram / 4.0).floor().max(1.0)),
            From::Default(&format!("a quarter of {all}")),
        ),
        (25.0, "25 pJ for 64 bits of a small SRAM"),
        &[
            (width(u64::from(rows) * u64::from(columns)), &["weight to_lower"]),
            (width(u64::from(columns)), &["weight from_higher"]),
        ],
    );
    memory(
        to,
        "activation memory",
        &["input", "output"],
        (
            &number(8.0 * (sram - (sram / 4.0).floor()).max(1.0)),
            From::Default(&format!("three quarters of {all}")),
        ),
        (100.0, "100 pJ for 64 bits of a 1 MB SRAM, Horowitz (ISSCC 2014), 45 nm"),
        &[
            (
                width(u64::from(rows) + 4 * u64::from(columns)),
                &["input to_lower", "output to_lower", "output to_higher"],
            ),
            (
                width(u64::from(rows) + 4 * u64::from(columns)),
                &["input from_higher", "output from_higher", "output from_lower"],
            ),
        ],
    );
    let rate = outline.dram.as_ref().map_or(12.8e9, |dram| dram.value);
    let per_cycle = (8.0 * rate / outline.clock_hz()).round().clamp(1.0, f64::from(1 << 20)) as u64;
    let words = outline
        .dram
        .as_ref()
        .map_or("12.8 GB/s".to_owned(), |dram| dram.text.clone());
    memory_of(
        to,
        "main memory",
        &["input", "weight", "output"],
        ("1e12", From::Default("more than any network needs")),
        (1920.0, "1.92 nJ for 64 bits of DRAM, Horowitz (ISSCC 2014), 45 nm"),
        &[(
            per_cycle,
            &[
                "input from_higher",
                "input to_lower",
                "weight from_higher",
                "weight to_lower",
                "output from_higher",
                "output to_lower",
                "output from_lower",
                "output to_higher",
            ],
        )],
        Some(&format!("{words} over the clock")),
    );
    error_and_support(to);
}

fn register(to: &mut Writer, name: &str, operand: &str, bits: u64, out: &[&str], into: &[&str], serves: &str) {
    to.item("memories");
    to.plain("name", name);
    to.figure(
        "operands",
        format!("[{}]", quoted(operand)),
        From::Default("a value beside every multiplier"),
    );
    to.figure("bits", bits, From::Default("one value"));
    to.figure("read_pj", 0.01, From::Default("a register"));
    to.figure("write_pj", 0.01, From::Default("a register"));
    to.figure("serves", serves, From::Default("the multipliers that share it"));
    for way in out.iter().chain(into) {
        to.item("memories.ports");
        to.figure("bits_per_cycle", bits, From::Default("one value a cycle"));
        to.figure("least_bits", bits, From::Default("one value"));
        to.figure(
            "carries",
            format!("[{}]", quoted(&format!("{operand} {way}"))),
            From::Default("a way of its own"),
        );
    }
}

type Ports<'a> = &'a [(u64, &'a [&'a str])];

fn memory(
    to: &mut Writer,
    name: &str,
    operands: &[&str],
    size: (&str, From<'_>),
    energy: (f64, &str),
    ports: Ports<'_>,
) {
    memory_of(to, name, operands, size, energy, ports, None);
}

fn memory_of(
    to: &mut Writer,
    name: &str,
    operands: &[&str],
    (bits, from): (&str, From<'_>),
    (energy, reason): (f64, &str),
    ports: Ports<'_>,
    width: Option<&str>,
) {
    let list = |names: &[&str]| format!("[{}]", names.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", "));
    to.item("memories");
    to.plain("name", name);
    to.figure("operands", list(operands), From::Default("what lives there"));
    to.figure("bits", bits, from);
    // The figure is of 64 bits, the port is as wide as it is.
    let words = ports.first().map_or(1.0, |(per_cycle, _)| *per_cycle as f64 / 64.0);
    to.figure("read_pj", energy * words, From::Default(reason));
    to.figure("write_pj", energy * words, From::Default(reason));
    to.figure("serves", list(&["rows", "columns"]), From::Default("the whole array"));
    for (per_cycle, carries) in ports {
        to.item("memories.ports");
        to.figure(
            "bits_per_cycle",
            per_cycle,
            From::Default(width.unwrap_or("as wide as the array needs")),
        );
        to.figure("least_bits", (*per_cycle).min(64), From::Default("a word"));
        to.figure("carries", list(carries), From::Default("these take turns"));
    }
}

pub(super) fn command(_: &Outline, to: &mut Writer) {
    to.section("command");
    to.line("# Put your command here; {onnx} stands for the network's file. No shell reads it.");
    to.line("arguments = [\"./bench.sh\", \"{onnx}\"]");
    to.plain("format", "onnx");
    to.plain("answers", "measured");
    to.line("# Runs that count, runs before them that do not, and the longest time of one.");
    to.line("repeat = 5\nwarmup = 1\ntimeout_s = \"60 s\"");
    to.section("command.result");
    to.line("# It prints a line such as `latency: 4.21 ms`.");
    to.line("from = \"stdout\"\nparser = \"regex\"\npattern = 'latency: (\\S+) ms'\nunit = \"ms\"");
}

pub(super) fn table(outline: &Outline, to: &mut Writer) {
    to.section("table");
    to.line("# `panarch device table build` writes such a table, with a profile of its own.");
    to.plain("file", &format!("{}.csv", outline.name));
    to.plain("dialect", "panarch");
}

pub(super) fn measured(to: &mut Writer) {
    to.section("measured");
    to.plain("runtime", "rten");
    to.line("threads = 1");
}

fn number(value: f64) -> String {
    format!("{value:.0}")
}
