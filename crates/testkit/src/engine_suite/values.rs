//! Values that go in and out by name.

use panarch_graph::{Linear, NetworkBuilder, Op, Shape, Tensor, Weights};
use panarch_nn::{Engine, Loss, Member, NnError, Parameters, SgdOptions, Statistics, Step, Store};

use super::{CLASSES, PLAIN, Placed, WHOLE, images, large, loss, near_within, place, small, supernet};
use crate::naive_engine::{narrow, wide};

pub(super) fn what_is_saved_can_be_loaded(engine: &mut dyn Engine) {
    let options = SgdOptions::default();
    let step = Step {
        learning_rate: 0.1,
        clip_norm: Some(1.0),
    };
    let placed = place(engine, &supernet(), large()).begun(engine, options);
    let began = placed.save(engine);
    assert_eq!(began, supernet().weights(), "what was handed in");
    placed.train(engine);
    placed.step(engine, step);
    let (weights, momentum) = (placed.save(engine), engine.save_momentum(&placed.parameters));
    let momentum = momentum.expect("an optimiser");
    let mut zeros = supernet();
    zeros
        .tensors_mut()
        .iter_mut()
        .for_each(|tensor| tensor.data_mut().fill(0.0));
    let other = place(engine, &zeros, large()).begun(engine, options);
    engine.load(&other.parameters, &weights).expect("the same tensors");
    engine
        .load_momentum(&other.parameters, &momentum)
        .expect("the same tensors");
    assert_eq!(weights, other.save(engine));
    assert_eq!(momentum, engine.save_momentum(&other.parameters).expect("an optimiser"));
    // Both go on in the same way, and neither knows of the other.
    for placed in [&placed, &other] {
        placed.train(engine);
        placed.step(engine, step);
    }
    let (one, two) = (placed.save(engine), other.save(engine));
    for (name, tensor) in one.iter() {
        near_within(name, &two.get(name).expect("it").data, &wide(&tensor.data), 1e-5);
    }
    engine.remove(&other.parameters);
    assert_eq!(one, placed.save(engine));
}

/// Three blends by hand; running statistics stay, and neither side knows of the other.
pub(super) fn an_average_follows_what_it_is_blended_with(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), large()).begun(engine, SgdOptions::default());
    let average = place(engine, &supernet(), large());
    let mut expected = average.save(engine);
    for share in [0.5, 0.1, 1.0] {
        placed.train(engine);
        placed.step(engine, WHOLE);
        let new = placed.save(engine);
        engine
            .blend(&average.parameters, &placed.parameters, share)
            .expect("the same tensors");
        assert_eq!(new, placed.save(engine), "what is averaged stays as it is");
        let found = average.save(engine);
        for tensor in placed.parameters.layout().tensors() {
            let value = |weights: &Weights| wide(&weights.get(&tensor.name).expect("it").data);
            let share = if tensor.kind.is_trainable() {
                f64::from(share)
            } else {
                0.0
            };
            let both = value(&expected).into_iter().zip(value(&new));
            let blended: Vec<f64> = both.map(|(old, new)| old + share * (new - old)).collect();
            near_within(&tensor.name, &narrow(&value(&found)), &blended, 1e-5);
        }
        expected = found;
    }
    let elsewhere = Store::covering([of_another_network().network()]).expect("one network");
    let other = engine.create(std::sync::Arc::new(elsewhere)).expect("room");
    let refused = engine.blend(&average.parameters, &other, 0.5);
    assert!(matches!(refused, Err(NnError::Mismatch { .. })), "{refused:?}");
    assert_eq!(expected, average.save(engine), "what is refused changes nothing");
    engine.remove(&placed.parameters);
    let gone = engine.blend(&average.parameters, &placed.parameters, 0.5);
    assert!(matches!(gone, Err(NnError::NotHeld)), "{gone:?}");
}

pub(super) fn what_is_not_there_is_refused(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small());
    let Placed { parameters, member } = &placed;
    let (images, mut logits) = (images(1), Vec::new());
    let trained = engine.train(parameters, member, &images, &loss(), &mut logits);
    assert!(matches!(trained, Err(NnError::NoOptimiser)), "{trained:?}");
    assert!(matches!(engine.step(parameters, WHOLE), Err(NnError::NoOptimiser)));
    assert!(matches!(engine.save_momentum(parameters), Err(NnError::NoOptimiser)));
    let before = placed.save(engine);
    let name = "head.bias".to_owned();
    let good = Tensor {
        shape: vec![CLASSES],
        data: narrow(&[1.0; CLASSES]),
    };
    for (other, shape, data) in [
        ("nobody.bias", vec![CLASSES], vec![0.0; CLASSES]),
        ("stem_bn.bias", vec![CLASSES], vec![0.0; CLASSES]),
        ("stem_bn.bias", vec![4], vec![0.0; 3]),
    ] {
        let wrong = Tensor { shape, data };
        let both: Weights = [(name.clone(), good.clone()), (other.to_owned(), wrong)]
            .into_iter()
            .collect();
        assert!(engine.load(parameters, &both).is_err(), "{other}");
    }
    assert_eq!(before, placed.save(engine), "what is refused changes nothing");
    let odd = engine.forward(parameters, member, Statistics::Running, &images[1..], &mut logits);
    assert!(odd.is_err(), "half an image");
    engine.begin(parameters, PLAIN).expect("it holds the tensors");
    let labels = [0, 1, CLASSES as u32, 0, 0];
    let loss = Loss {
        labels: &labels,
        ..loss()
    };
    assert!(
        engine.train(parameters, member, &images, &loss, &mut logits).is_err(),
        "no such class"
    );
    let elsewhere = of_another_network();
    let foreign = engine.forward(parameters, &elsewhere, Statistics::Running, &images, &mut logits);
    assert!(foreign.is_err(), "a member of other tensors");
    engine.remove(parameters);
    assert!(matches!(engine.save(parameters), Err(NnError::NotHeld)));
    let gone = engine.forward(parameters, member, Statistics::Running, &images, &mut logits);
    assert!(matches!(gone, Err(NnError::NotHeld)), "{gone:?}");
    let others = Parameters::new(parameters.layout().clone());
    assert!(matches!(engine.load(&others, &before), Err(NnError::NotHeld)));
}

/// A member whose views lie in a store of fewer tensors.
fn of_another_network() -> Member {
    let mut builder = NetworkBuilder::new("other", Shape::new(2, 6, 6));
    let x = builder.input();
    let pool = builder.add("pool", Op::GlobalAvgPool, &[x]).expect("a valid node");
    let linear = Linear {
        out: CLASSES as u32,
        bias: true,
    };
    let head = builder.add("head", Op::Linear(linear), &[pool]).expect("a valid node");
    let network = builder.finish(head).expect("a valid network");
    let store = Store::covering([&network]).expect("one network");
    Member::new(network, &store.layout()).expect("its own store")
}
