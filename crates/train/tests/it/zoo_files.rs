//! Every network of the zoo through an ONNX file and back.

use panarch_format::{BatchNormExport, OnnxOptions, read_onnx, write_onnx};
use panarch_graph::{Node, Op, Weights, folded_structure, stream};
use panarch_space::zoo;

/// The file as another tool would name itself in it; everything else as it was.
fn of_another_tool(mut onnx: Vec<u8>) -> Vec<u8> {
    let own = b"\x12\x07panarch";
    let place = onnx.windows(own.len()).position(|found| found == own).unwrap();
    onnx[place + 2..place + own.len()].copy_from_slice(b"another");
    onnx
}

#[test]
fn every_network_of_the_zoo_comes_back_with_its_hash() {
    for name in zoo::names() {
        let network = zoo::network(name, 10, 96).unwrap();
        let weights = Weights::random(&network, &mut stream(1, name, 0));
        let write = |batch_norm| {
            let options = OnnxOptions {
                batch_norm,
                ..OnnxOptions::default()
            };
            write_onnx(&network, &weights, &options).unwrap()
        };
        let (kept, folded) = (write(BatchNormExport::Kept), write(BatchNormExport::Folded));
        let read = read_onnx(&kept).unwrap();
        assert_eq!(read.network.content_hash(), network.content_hash(), "{name}");
        assert_eq!((&read.network, &read.weights), (&network, &weights), "{name}");
        assert!(read.notes.is_empty(), "{name}: {:?}", read.notes);

        let read = read_onnx(&folded).unwrap();
        assert_eq!(read.metadata.content_hash, Some(network.content_hash()), "{name}");
        assert_eq!(
            read.network.content_hash(),
            folded_structure(&network).content_hash(),
            "{name}"
        );

        // What one reader knows from Panarch's own remarks, the other finds out.
        for (onnx, expected) in [(kept, network.clone()), (folded, folded_structure(&network))] {
            let read = read_onnx(&of_another_tool(onnx)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read.network.parameter_count(), expected.parameter_count(), "{name}");
            assert_eq!(read.network.macs(), expected.macs(), "{name}");
            // A pool that rounds up is written with the padding that it has at this size, and is one that does not, then.
            let rounds_up = |node: &Node| matches!(&node.op, Op::Pool(pool) if pool.ceil);
            if !expected.nodes().iter().any(rounds_up) {
                assert_eq!(
                    read.network.content_hash(),
                    expected.content_hash(),
                    "{name}: {:?}",
                    read.notes
                );
            }
        }
    }
}
