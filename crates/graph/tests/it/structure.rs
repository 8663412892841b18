use panarch_graph::{
    Activation, ContentHash, Conv2d, GraphError, Network, NetworkBuilder, Node, NodeId, Op, Shape, Tensor,
};
use proptest::prelude::*;

use crate::random_network::networks;

fn two_branches(first: u32, second: u32, names: [&str; 2], swap: bool) -> Network {
    let mut b = NetworkBuilder::new("n", Shape::new(3, 8, 8));
    let input = b.input();
    let branch = |b: &mut NetworkBuilder, name: &str, kernel: u32| {
        b.add(name, Op::Conv2d(Conv2d::square(4, kernel, 1)), &[input]).unwrap()
    };
    let (left, right) = if swap {
        let right = branch(&mut b, names[1], second);
        (branch(&mut b, names[0], first), right)
    } else {
        let left = branch(&mut b, names[0], first);
        (left, branch(&mut b, names[1], second))
    };
    let out = b.add("out", Op::Add, &[left, right]).unwrap();
    b.finish(out).unwrap()
}

#[test]
fn the_hash_sees_structure_only() {
    let net = two_branches(3, 5, ["a", "b"], false);
    let hash = net.content_hash();
    assert_eq!(
        two_branches(3, 5, ["x", "y"], false).content_hash(),
        hash,
        "names do not count"
    );
    assert_eq!(
        two_branches(3, 5, ["a", "b"], true).content_hash(),
        hash,
        "nor the order of independent nodes"
    );
    assert_eq!(net.clone().with_name("other").content_hash(), hash);
    assert_ne!(
        two_branches(5, 3, ["a", "b"], false).content_hash(),
        hash,
        "the order of inputs does"
    );
    assert_ne!(two_branches(3, 3, ["a", "b"], false).content_hash(), hash);
    assert_ne!(net.with_input_shape(Shape::new(3, 9, 9)).unwrap().content_hash(), hash);
}

#[test]
fn two_equal_branches_are_not_one_branch_read_twice() {
    let twice = {
        let mut b = NetworkBuilder::new("n", Shape::new(3, 8, 8));
        let input = b.input();
        let conv = b.add("a", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input]).unwrap();
        let out = b.add("out", Op::Add, &[conv, conv]).unwrap();
        b.finish(out).unwrap()
    };
    assert_ne!(
        two_branches(3, 3, ["a", "b"], false).content_hash(),
        twice.content_hash()
    );
}

#[test]
fn hashes_read_and_write() {
    let hash = ContentHash::of("test", b"abc");
    assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
    assert!("abc".parse::<ContentHash>().is_err());
    assert!("g".repeat(64).parse::<ContentHash>().is_err());
    assert_ne!(hash, ContentHash::of("another", b"abc"));
}

#[test]
fn what_cannot_be_a_network_is_refused() {
    let mut b = NetworkBuilder::new("n", Shape::new(3, 8, 8));
    let input = b.input();
    let a = b.add("a", Op::Activation(Activation::Relu), &[input]).unwrap();
    assert!(matches!(
        b.add("a", Op::Flatten, &[a]),
        Err(GraphError::DuplicateName { .. })
    ));
    assert!(matches!(b.add("second", Op::Input, &[]), Err(GraphError::Input)));
    let node = Node {
        name: "later".to_owned(),
        op: Op::Flatten,
        inputs: vec![a],
        block: "head".to_owned(),
    };
    let mut other = NetworkBuilder::new("m", Shape::new(3, 8, 8));
    assert!(matches!(other.push(node), Err(GraphError::UnknownInput { .. })));
    let b2 = b.add("b", Op::Flatten, &[a]).unwrap();
    let c = b.add("c", Op::Flatten, &[a]).unwrap();
    assert!(c > b2);
    assert!(matches!(b.finish(c), Err(GraphError::Unused { .. })));
    assert!(
        NetworkBuilder::new("empty", Shape::new(0, 8, 8))
            .finish(NodeId::default())
            .is_err()
    );
}

proptest! {
    #[test]
    fn rebuilding_gives_the_same_network(net in networks()) {
        let again = net.with_input_shape(net.input_shape()).unwrap();
        prop_assert_eq!(&again, &net);
        prop_assert_eq!(again.content_hash(), net.content_hash());
    }

    #[test]
    fn consumers_are_the_edges_turned_round(net in networks()) {
        for id in net.ids() {
            for reader in net.consumers(id) {
                prop_assert!(net.node(*reader).inputs.contains(&id));
            }
            for input in &net.node(id).inputs {
                prop_assert!(net.consumers(*input).contains(&id));
            }
        }
    }
}

#[test]
fn channels_go_last() {
    let images = Tensor::new(vec![2, 3, 1, 2], (0..12).map(|it| it as f32).collect()).unwrap();
    let expected = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11].map(|it| it as f32);
    assert_eq!(images.channels_last(), expected);
    let vector = Tensor::new(vec![2], vec![1.0, 2.0]).unwrap();
    assert_eq!(vector.channels_last(), [1.0, 2.0]);
}
