use panarch_graph::{Op, Tensor, Weights, fold_batch_norm, folded_structure, stream};
use proptest::prelude::*;

use crate::random_network::networks;

proptest! {
    #[test]
    fn folding_keeps_shapes_and_work(net in networks(), seed in 0_u64..100) {
        let weights = Weights::random(&net, &mut stream(seed, "test", 0));
        let (folded, folded_weights) = fold_batch_norm(&net, &weights).unwrap();
        prop_assert!(folded_weights.check(&folded).is_ok());
        prop_assert_eq!(&folded, &folded_structure(&net));
        prop_assert_eq!(folded.macs(), net.macs());
        prop_assert_eq!(folded.shape(folded.output()), net.shape(net.output()));
        // Every convolution that was followed by a normalisation alone has lost it.
        for id in folded.ids() {
            if let Op::BatchNorm(_) = folded.node(id).op {
                let host = folded.node(id).inputs[0];
                let is_conv = matches!(folded.node(host).op, Op::Conv2d(_));
                prop_assert!(!is_conv || folded.consumers(host).len() > 1);
            }
        }
        let names: usize = folded.parameters().len();
        prop_assert_eq!(folded_weights.len(), names);
    }
}

#[test]
fn folded_values_are_the_formula() {
    let mut b = panarch_graph::NetworkBuilder::new("n", panarch_graph::Shape::new(1, 1, 1));
    let input = b.input();
    let conv = b
        .add(
            "c",
            Op::Conv2d(panarch_graph::Conv2d::pointwise(1).with_bias(true)),
            &[input],
        )
        .unwrap();
    let eps = 0.25;
    let bn = b
        .add(
            "n",
            Op::BatchNorm(panarch_graph::BatchNorm { eps, momentum: 0.1 }),
            &[conv],
        )
        .unwrap();
    let net = b.finish(bn).unwrap();
    let one = |value: f32| Tensor::filled(vec![1], value);
    let weights: Weights = [
        ("c.weight".to_owned(), Tensor::filled(vec![1, 1, 1, 1], 3.0)),
        ("c.bias".to_owned(), one(1.0)),
        ("n.weight".to_owned(), one(4.0)),
        ("n.bias".to_owned(), one(0.5)),
        ("n.running_mean".to_owned(), one(2.0)),
        ("n.running_var".to_owned(), one(3.75)),
    ]
    .into_iter()
    .collect();
    let (folded, out) = fold_batch_norm(&net, &weights).unwrap();
    assert_eq!(folded.nodes().len(), 2);
    // scale 4 / √(3.75 + 0.25) = 2; w = 6; b = 0.5 + (1 − 2)·2 = −1.5
    assert_eq!(out.get("c.weight").unwrap().data, [6.0]);
    assert_eq!(out.get("c.bias").unwrap().data, [-1.5]);
}

/// Every tensor of the weights, with each kind of value that it may not hold.
#[test]
fn values_that_no_weight_may_have_are_named_with_their_place() {
    let net = {
        let mut b = panarch_graph::NetworkBuilder::new("n", panarch_graph::Shape::new(2, 3, 3));
        let input = b.input();
        let conv = panarch_graph::Conv2d::square(3, 3, 1).with_bias(true);
        let conv = b.add("c", Op::Conv2d(conv), &[input]).unwrap();
        let bn = Op::BatchNorm(panarch_graph::BatchNorm::default());
        let bn = b.add("n", bn, &[conv]).unwrap();
        b.finish(bn).unwrap()
    };
    let good = Weights::random(&net, &mut stream(1, "test", 0));
    assert!(good.check(&net).is_ok() && good.check_numbers().is_ok());
    for spec in net.parameters() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0] {
            let mut weights = good.clone();
            let mut tensor = good.get(&spec.name).unwrap().clone();
            *tensor.data.last_mut().unwrap() = value;
            weights.insert(spec.name.clone(), tensor);
            let last: Vec<usize> = spec.shape.iter().map(|axis| axis - 1).collect();
            let expected = if value.is_finite() && !spec.name.ends_with("running_var") {
                None
            } else {
                Some(format!("{last:?} is {value}"))
            };
            for found in [
                weights.check(&net),
                weights.check_numbers(),
                fold_batch_norm(&net, &weights).map(|_| ()),
            ] {
                match (&expected, found) {
                    (None, Ok(())) => {}
                    (Some(text), Err(error)) => {
                        let error = error.to_string();
                        assert!(
                            error.contains(text) && error.contains(&format!("`{}`", spec.name)),
                            "{error}"
                        );
                    }
                    (_, found) => panic!("{} with {value}: {found:?}", spec.name),
                }
            }
        }
    }
}

#[test]
fn an_interval_made_apart_from_its_value_holds_it() {
    use panarch_graph::Estimate;
    let estimate = Estimate::around(1.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON, 0.95);
    assert_eq!((estimate.low, estimate.value, estimate.high), (1.0, 1.0, 1.0));
    let estimate = Estimate::around(1.0, 0.5, 2.0, 0.95);
    assert_eq!((estimate.low, estimate.value, estimate.high), (0.5, 1.0, 2.0));
}
