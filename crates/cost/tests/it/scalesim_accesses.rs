//! Accesses of on-chip memories, to the element, against counts of SCALE-Sim 3.0.0; its command stands in
//! `benches/scalesim_accesses.py`.

use panarch_cost::scalesim::Topology;
use panarch_cost::systolic::{Dataflow, Gemm, SramAccesses, SystolicArray};

const CONVOLUTION: &str = "Layer,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,\n";

fn gemm(layer: &str) -> Gemm {
    let row = layer.replace(' ', ",");
    let header = if layer.split(' ').count() == 3 {
        "Layer,M,N,K,\n"
    } else {
        CONVOLUTION
    };
    let topology = Topology::read("topology", &format!("{header}layer,{row},\n"))
        .unwrap()
        .value;
    topology.layers().unwrap().remove(0).gemm
}

#[test]
fn accesses_equal_scale_sims() {
    let mut compared = 0;
    for line in include_str!("golden/scalesim_accesses.csv").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |position: usize| fields[position].parse::<u64>().unwrap();
        let dataflow = Dataflow::NAMES.iter().find(|(name, _)| *name == fields[0]).unwrap().1;
        let array = SystolicArray::new(number(1) as u32, number(2) as u32, dataflow).unwrap();
        let theirs = SramAccesses {
            ifmap_reads: number(4),
            filter_reads: number(5),
            ofmap_writes: number(6),
        };
        let ours = array.map(gemm(fields[3])).unwrap();
        assert_eq!(ours.reported_accesses(), theirs, "{line}");
        compared += 1;
    }
    assert_eq!(compared, 3 * (6 * 8 + 1));
}

#[test]
fn inputs_are_read_again_for_each_fold() {
    // 196 positions, 2,304 values each, for 4 folds of 64 filters.
    for (dataflow, reads) in [
        (Dataflow::WeightStationary, 4 * 196 * 2304),
        (Dataflow::OutputStationary, 4 * 196 * 2304),
        (Dataflow::InputStationary, 196 * 2304),
    ] {
        let array = SystolicArray::new(64, 64, dataflow).unwrap();
        let mapping = array.map(gemm("16 16 3 3 256 256 1")).unwrap();
        assert_eq!(mapping.accesses().ifmap_reads, reads);
    }
}
