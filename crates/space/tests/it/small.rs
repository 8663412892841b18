//! What the files of the small spaces state about themselves.

use panarch_space::{Genotype, Head, Space};

const GREY: Head = Head {
    classes: 10,
    input_channels: 1,
};
const COLOUR: Head = Head {
    classes: 10,
    input_channels: 3,
};

#[test]
fn multi_hardware_small_stays_within_four_million_macs() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let macs = |genotype: &Genotype, head, resolution| space.lower(genotype, head, resolution).unwrap().macs().0;
    assert_eq!(macs(&space.largest(), GREY, 28), 3_214_960);
    assert_eq!(macs(&space.largest(), COLOUR, 32), 3_917_824);
    assert_eq!(macs(&space.smallest(), GREY, 28), 229_616);
    let reference = space.reference("mobilenet-v2-like").unwrap();
    assert_eq!(macs(reference, GREY, 28), 1_657_872);
    let network = space.lower(reference, GREY, 28).unwrap();
    assert_eq!(network.parameter_count(), 54_674);
}
