//! More of something never makes a machine slower, and what else must hold for random machines and networks, by both models.
//!
//! `cargo run -p panarch-cost --example more_of_one_thing -- 30000 1` tries that many pairs from that seed and prints them by
//! kind; the tests here try few.

mod draw;
mod machine;
mod pairs;
mod questions;

use panarch_cost::{CycleSimulator, DeviceProfile, Unit};
use panarch_graph::{Conv2d, Network, Op, Shape};

use crate::networks::{Sketch, named};
use draw::Draw;
use machine::Machine;
use pairs::{Table, costs};
use questions::{question, single};

fn machines(seed: u64, count: u64) -> impl Iterator<Item = (Draw, Machine)> {
    (0..count).map(move |number| {
        let mut draw = Draw::new(seed << 32 | number);
        let machine = Machine::random(&mut draw);
        (draw, machine)
    })
}

#[test]
fn more_of_one_thing_is_never_slower() {
    let table = Table::of(1000, 1);
    assert_eq!(table.slower(), 0, "{table}");
}

#[test]
fn the_array_is_never_used_more_than_wholly_and_parts_make_the_whole() {
    for (mut draw, machine) in machines(2, 300) {
        let network = question(&mut draw);
        for cost in costs(&machine, &network) {
            let of = format!("{}\n{}", network.name(), machine.text());
            assert!((0.0..=1.0).contains(&cost.utilisation), "{}: {of}", cost.utilisation);
            let total = cost.latency.value.seconds();
            let sum: f64 = cost.per_layer.iter().map(|layer| layer.latency.seconds()).sum();
            assert!((sum + cost.fixed.seconds() - total).abs() <= 1e-9 * total, "{of}");
            for layer in &cost.per_layer {
                let it = &layer.attribution;
                let parts =
                    [it.compute, it.fill, it.weights, it.activations, it.vector, it.issue].map(|it| it.seconds());
                assert!(parts.iter().all(|part| *part >= 0.0), "{parts:?}: {of}");
                let latency = layer.latency.seconds();
                assert!((parts.iter().sum::<f64>() - latency).abs() <= 1e-9 * latency, "{of}");
                assert!(latency >= layer.compute.seconds() * (1.0 - 1e-9), "{of}");
            }
        }
    }
}

#[test]
fn no_two_jobs_of_a_unit_overlap_on_any_machine() {
    for (mut draw, machine) in machines(3, 100) {
        let network = question(&mut draw);
        let (cost, jobs) = CycleSimulator::new(machine.profile()).unwrap().trace(&network).unwrap();
        let clock = machine.value("clock", "frequency_hz");
        let cycles: f64 = cost.per_layer.iter().map(|layer| layer.latency.seconds() * clock).sum();
        for unit in Unit::ALL {
            let mut free = 0;
            for job in jobs.iter().filter(|job| job.unit == unit) {
                assert!(
                    job.start.0 >= free && job.cycles.0 > 0,
                    "{job:?} before {free}: {}",
                    machine.text()
                );
                free = job.start.0 + job.cycles.0;
            }
            // Times are of one image; no batch is larger than 64.
            assert!(
                free as f64 <= 64.0 * cycles + 1.0,
                "{unit:?} ends at {free}: {}",
                machine.text()
            );
        }
    }
}

/// Image in, result out and weights that do not stay on chip cross its border once: never less, and no more where there is
/// room.
#[test]
fn no_layer_beats_its_compulsory_bytes_and_none_are_counted_twice() {
    for (mut draw, mut machine) in machines(4, 600) {
        let network = single(&mut draw);
        machine.number("memory", "weight_cache_bytes", 0.0);
        let rate = |key: &'static str| match machine.value("memory", key) {
            0.0 => machine.value("memory", "off_chip_bytes_per_s"),
            own => own,
        };
        let (stream, host) = (rate("weight_stream_bytes_per_s"), rate("host_link_bytes_per_s"));
        let off_chip = machine.value("memory", "off_chip_bytes_per_s");
        let ends = (network.input_shape().elements() + network.shape(network.output()).elements()) as f64;
        // Biases are no weights here: what is kept for each channel is the profile's.
        let weights: f64 = network
            .ids()
            .map(|id| {
                let inputs = network
                    .node(id)
                    .inputs
                    .first()
                    .map_or(0, |it| network.shape(*it).channels);
                let out = network.shape(id).channels;
                let kernel = match &network.node(id).op {
                    Op::Conv2d(conv) => out * (inputs / conv.groups) * conv.kernel[0] * conv.kernel[1],
                    Op::Linear(_) => out * inputs,
                    _ => return 0.0,
                };
                f64::from(kernel) + f64::from(out) * machine.value("memory", "channel_side_bytes")
            })
            .sum();
        let of_batch = weights / f64::from(machine.batch);
        for cost in costs(&machine, &network) {
            let seconds = cost.latency.value.seconds() * (1.0 + 1e-9);
            assert!(
                seconds >= ends / host && seconds >= of_batch / stream,
                "{}",
                machine.text()
            );
            if (stream, host) == (off_chip, off_chip) {
                assert!(seconds >= (ends + of_batch) / off_chip, "{}", machine.text());
            }
            assert!(cost.traffic.0 as f64 >= ends + of_batch - 1.0, "{}", machine.text());
        }
        machine.number("memory", "activation_bytes", 1e12);
        machine.batch = 1;
        for cost in costs(&machine, &network) {
            assert!(
                (cost.traffic.0 as f64 - ends - weights).abs() <= 1.0,
                "{}",
                machine.text()
            );
        }
    }
}

/// What does not fit leaves the chip, and no more: no cliff where a byte is missing.
#[test]
fn a_byte_less_than_the_peak_is_no_cliff() {
    for (mut draw, mut machine) in machines(5, 150) {
        machine.batch = 1;
        let network = question(&mut draw);
        machine.number("memory", "activation_bytes", 1e12);
        let peak = costs(&machine, &network)[0].peak_memory.0 as f64;
        machine.number("memory", "activation_bytes", peak.max(1.0));
        let fits = costs(&machine, &network);
        machine.number("memory", "activation_bytes", (peak - 1.0).max(1.0));
        for (fits, short) in fits.iter().zip(&costs(&machine, &network)) {
            let (fits, short) = (fits.traffic.0 as f64, short.traffic.0 as f64);
            assert!(
                short <= 1.1 * fits,
                "{fits} became {short}: {}\n{}",
                network.name(),
                machine.text()
            );
        }
    }
}

/// The cases that were reported, by name.
#[test]
fn reported_cases() {
    let seconds = |changes: &[(&str, &str)], stream: &str, network: &Network| {
        let text = crate::variant::text("systolic-32", changes);
        let text = text.replace("[memory]\n", &format!("[memory]\n{stream}\n"));
        let profile = DeviceProfile::from_toml("reported.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let simulator = CycleSimulator::new(profile).unwrap();
        simulator.cost(network).unwrap().latency.value.seconds()
    };
    let isynet = named("isynet-n1", 224);
    for stream in [
        "",
        "weight_stream_bytes_per_s = { value = 1e9, assumption = \"a test\" }",
    ] {
        let mut before = f64::INFINITY;
        for buffer in ["65536", "131072", "262144", "524288"] {
            let changes = [
                ("memory.weight_buffer_bytes", buffer),
                ("memory.off_chip_bytes_per_s", "2e9"),
                ("memory.activation_bytes", "65536"),
                ("memory.fetch_ahead", "false"),
            ];
            let now = seconds(&changes, stream, &isynet);
            println!("{buffer} bytes, {stream}: {:.3} ms", now * 1e3);
            assert!(now <= before * 1.001, "{buffer}: {before} became {now}");
            before = now;
        }
    }
    // Idle rows and columns are not filled.
    let (mut sketch, x) = Sketch::new("narrow", Shape::new(3, 32, 32), panarch_graph::Activation::Relu);
    let y = sketch.add(Op::Conv2d(Conv2d::square(8, 3, 1)), &[x]);
    let narrow = sketch.finish(y);
    for key in ["array.rows", "array.columns"] {
        let times = ["32", "64", "256", "1024"].map(|size| seconds(&[(key, size)], "", &narrow));
        assert!(times.windows(2).all(|pair| pair[1] <= pair[0]), "{key}: {times:?}");
    }
}
