//! Our evaluator on the mappings that ZigZag chose, against ZigZag's own figures.
//!
//! `golden/zigzag.csv` was measured with zigzag-dse 3.9.1 (LOMA, `lpf_limit` 4, latency) on its MobileNetV2: one row for each
//! distinct layer and mapping, with ZigZag's cycles and picojoules. It holds figures only.

use panarch_cost::mapper::{
    Cuts, Cycles, DIMS, Evaluator, Loop, LoopDim, LoopNest, MOST_LEVELS, Machine, Objective, Rounding, TiledOrder,
    Unrolling, best_mapping,
};

use crate::machines;

/// A row of the table.
pub struct Row {
    pub machine: String,
    pub layer: String,
    pub nest: LoopNest,
    pub order: Vec<Loop>,
    pub cuts: Cuts,
    /// Loops, stall, onload, offload, drain, total.
    pub cycles: [f64; 6],
    pub picojoules: f64,
}

fn numbers<const N: usize>(text: &str) -> [u64; N] {
    let list: Vec<u64> = text.split(' ').map(|it| it.parse().unwrap()).collect();
    list.try_into().unwrap()
}

pub fn rows() -> Vec<Row> {
    let text = include_str!("golden/zigzag.csv");
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        assert_eq!(f.len(), 17, "{line}");
        let dim = |name: &str| LoopDim::NAMES.iter().find(|(known, _)| *known == name).unwrap().1;
        let loops = f[6].split(' ').filter(|it| !it.is_empty()).map(|it| {
            let (name, size) = it.split_once(':').unwrap();
            (dim(name), size.parse().unwrap())
        });
        let mut cuts: Cuts = [[0; MOST_LEVELS]; 3];
        for (operand, column) in [7, 8, 9].into_iter().enumerate() {
            for (level, cut) in f[column].split(' ').enumerate() {
                cuts[operand][level] = cut.parse().unwrap();
            }
        }
        let nest = LoopNest {
            sizes: numbers::<DIMS>(f[2]),
            stride: numbers::<2>(f[3]),
            dilation: numbers::<2>(f[4]),
            input: numbers::<2>(f[5]),
        };
        rows.push(Row {
            machine: f[0].to_owned(),
            layer: f[1].to_owned(),
            nest,
            order: loops.collect(),
            cuts,
            cycles: std::array::from_fn(|at| f[10 + at].parse().unwrap()),
            picojoules: f[16].parse().unwrap(),
        });
    }
    rows
}

fn evaluate(machine: &Machine, row: &Row, rounding: Rounding) -> (Cycles, f64) {
    let unrolling = Unrolling::new(machine, &row.nest, rounding);
    let evaluator = Evaluator {
        machine,
        unrolling: &unrolling,
        rounding,
    };
    let mut order = TiledOrder::empty();
    assert!(order.fill(machine, &row.nest, &unrolling, &row.order));
    let cycles = evaluator.cycles(&order, &row.cuts, [2, 0, 1]);
    (cycles, evaluator.picojoules(&order, &row.cuts, row.nest.macs()))
}

#[test]
fn our_count_of_zigzags_mappings_is_zigzags() {
    let mut wrong = Vec::new();
    for row in rows() {
        let machine = machines::named(&row.machine);
        let (ours, picojoules) = evaluate(&machine, &row, Rounding::Down);
        let parts = [
            ours.loops,
            ours.stall,
            ours.onload,
            ours.offload,
            ours.drain,
            ours.sum(),
        ];
        if parts.iter().zip(row.cycles).any(|(a, b)| (*a as f64 - b).abs() > 1.0)
            || (picojoules / row.picojoules - 1.0).abs() > 1e-3
        {
            wrong.push(format!(
                "{} {}: {parts:?} {picojoules} for {:?} {}",
                row.machine, row.layer, row.cycles, row.picojoules
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn our_mappings_are_at_least_as_good_as_zigzags_in_every_layer() {
    for row in rows() {
        let machine = machines::named(&row.machine);
        // Both counted alike, and strictly: every element moves, and a port that works is not free.
        let (theirs, _) = evaluate(&machine, &row, Rounding::Up);
        let ours = best_mapping(&machine, &row.nest, Objective::Cycles).unwrap();
        let context = format!(
            "{} {}: {} for {}",
            row.machine,
            row.layer,
            ours.cycles.total(),
            theirs.total()
        );
        assert!(ours.cycles.total() <= theirs.total(), "{context}");
        assert!(ours.cycles.total() >= ours.bound, "{context}");
        assert!(
            ours.cycles.total() >= row.nest.macs().div_ceil(machine.multipliers()),
            "{context}"
        );
        // Where ours is more than what ZigZag says of its own, ZigZag's is less than the machine can do, or differs by
        // the rows and columns that it rounds away.
        let theirs = row.cycles[5];
        let alike = ours.cycles.total() as f64 <= theirs * 1.001 || theirs < ours.bound as f64;
        assert!(alike, "{context} {:?}", row.cycles);
    }
}
