//! Gradients and steps.

use panarch_graph::{Network, Weights};
use panarch_nn::{Engine, Loss, SgdOptions, Step};

use super::{
    CLASSES, IMAGES, LABELS, PLAIN, Placed, WHOLE, images, large, loss, near, near_within, place, small, supernet,
};
use crate::naive_engine::wide;
use crate::operators::reference::{Mode, forward};

/// The loss of a network in f64.
fn slow_loss(network: &Network, weights: &Weights) -> f64 {
    let pass = forward(network, weights, &images(1), Mode::Train);
    let logits = pass.values.last().expect("an output");
    let Loss { smoothing, scale, .. } = loss();
    let base = f64::from(smoothing) / CLASSES as f64;
    let rows = logits.chunks_exact(CLASSES).zip(LABELS);
    let losses = rows.map(|(row, label)| {
        let total: f64 = row.iter().map(|logit| logit.exp()).sum();
        let terms = row.iter().enumerate().map(|(class, logit)| {
            let target = base
                + if class == label as usize {
                    1.0 - f64::from(smoothing)
                } else {
                    0.0
                };
            -target * (logit - total.ln())
        });
        terms.sum::<f64>()
    });
    f64::from(scale) * losses.sum::<f64>() / IMAGES as f64
}

/// Slopes of the loss by every few values of every trainable tensor, against those of an engine.
pub(super) fn check_slopes(placed: &Placed, engine: &mut dyn Engine) {
    let found = placed.gradients(engine);
    let saved = placed.save(engine);
    for tensor in placed.parameters.layout().tensors() {
        if !tensor.kind.is_trainable() || tensor.kind.is_derived() {
            continue;
        }
        let gradients = &found.get(&tensor.name).expect("every tensor").data;
        let every = (tensor.elements() / 12).max(1);
        let (mut some, mut expected) = (Vec::new(), Vec::new());
        for index in (0..tensor.elements()).step_by(every) {
            let mut sides = Vec::new();
            for change in [2e-3_f32, -2e-3] {
                let mut moved = saved.get(&tensor.name).expect("every tensor").clone();
                moved.data[index] += change;
                let at = f64::from(moved.data[index]);
                let mut store = placed.store();
                store.load(&saved).expect("the same tensors");
                store
                    .load(&[(tensor.name.clone(), moved)].into_iter().collect())
                    .expect("its tensor");
                let weights = placed.member.views().extract(&store).expect("the same layout");
                sides.push((at, slow_loss(placed.member.network(), &weights)));
            }
            some.push(gradients[index]);
            expected.push((sides[0].1 - sides[1].1) / (sides[0].0 - sides[1].0));
        }
        near_within(&format!("the gradient of {}", tensor.name), &some, &expected, 1e-2);
    }
}

pub(super) fn gradients_match_finite_differences(engine: &mut dyn Engine) {
    for network in [small(), large()] {
        let placed = place(engine, &supernet(), network).begun(engine, PLAIN);
        let expected = slow_loss(placed.member.network(), &placed.weights(engine));
        near("the loss", &[placed.train(engine)], &[expected]);
        check_slopes(&placed, engine);
    }
}

pub(super) fn gradients_add_up_and_end_with_the_step(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small()).begun(engine, PLAIN);
    let once = placed.gradients(engine);
    let before = placed.save(engine);
    engine.begin(&placed.parameters, PLAIN).expect("it holds the tensors");
    placed.train(engine);
    placed.train(engine);
    assert_eq!(before, placed.save(engine), "only a step changes weights");
    placed.step(engine, WHOLE);
    let after = placed.save(engine);
    for (name, gradient) in once.iter() {
        let both = before
            .get(name)
            .expect("it")
            .data
            .iter()
            .zip(&after.get(name).expect("it").data);
        let moved: Vec<f32> = both.map(|(before, after)| before - after).collect();
        let twice: Vec<f64> = gradient.data.iter().map(|value| 2.0 * f64::from(*value)).collect();
        near_within(&format!("two gradients of {name}"), &moved, &twice, 1e-3);
    }
    placed.step(engine, WHOLE);
    assert_eq!(after, placed.save(engine), "a step without gradients changes nothing");
}

pub(super) fn steps_follow_the_formula(engine: &mut dyn Engine) {
    for (nesterov, clip_norm) in [(true, Some(0.05)), (true, None), (false, Some(1e6))] {
        let options = SgdOptions {
            momentum: 0.8,
            nesterov,
            weight_decay: 0.1,
        };
        let learning_rate = 0.3;
        let placed = place(engine, &supernet(), large());
        // The same tensors once more, to read gradients off.
        let other = place(engine, &supernet(), large());
        engine.begin(&placed.parameters, options).expect("it holds the tensors");
        let tensors = placed.parameters.layout().tensors();
        let mut velocity: Vec<Vec<f64>> = tensors.iter().map(|tensor| vec![0.0; tensor.elements()]).collect();
        for round in 0..3 {
            let before = placed.save(engine);
            engine.load(&other.parameters, &before).expect("the same tensors");
            let gradients = other.gradients(engine);
            let squares = gradients.iter().flat_map(|(_, tensor)| wide(&tensor.data));
            let norm = squares.map(|value| value * value).sum::<f64>().sqrt();
            let factor = clip_norm.map_or(1.0, |limit: f64| (limit / (norm + 1e-6)).min(1.0));
            placed.train(engine);
            let step = Step {
                learning_rate,
                clip_norm,
            };
            let found = placed.step(engine, step);
            let expected = if clip_norm.is_some() { norm } else { 0.0 };
            assert!(
                (found - expected).abs() <= 1e-3 * norm,
                "norm {found}, expected {expected}"
            );
            let after = placed.save(engine);
            let momentum = engine.save_momentum(&placed.parameters).expect("an optimiser");
            for (tensor, velocity) in tensors.iter().zip(&mut velocity) {
                let name = &tensor.name;
                let (before, after) = (before.get(name).expect("it"), after.get(name).expect("it"));
                if !tensor.kind.is_trainable() {
                    assert_eq!(before, after, "{name} is not trained");
                    assert!(momentum.get(name).is_none(), "{name} has no momentum");
                    continue;
                }
                let decay = if tensor.kind.decays() { 0.1_f32 } else { 0.0 };
                let gradients = wide(&gradients.get(name).expect("it").data);
                let weights = wide(&before.data).into_iter().zip(gradients).zip(velocity.iter_mut());
                let expected: Vec<f64> = weights
                    .map(|((weight, gradient), velocity)| {
                        let gradient = factor * gradient + f64::from(decay) * weight;
                        *velocity = f64::from(options.momentum) * *velocity + gradient;
                        let nesterovs = gradient + f64::from(options.momentum) * *velocity;
                        weight - f64::from(learning_rate) * if nesterov { nesterovs } else { *velocity }
                    })
                    .collect();
                near_within(&format!("{name} after step {round}"), &after.data, &expected, 1e-3);
                let found = &momentum.get(name).expect("momentum").data;
                near_within(&format!("the momentum of {name}"), found, velocity, 1e-2);
            }
        }
        // A new beginning forgets the momentum.
        engine.begin(&placed.parameters, options).expect("it holds the tensors");
        let momentum = engine.save_momentum(&placed.parameters).expect("an optimiser");
        assert!(
            momentum
                .iter()
                .all(|(_, tensor)| tensor.data.iter().all(|value| *value == 0.0))
        );
    }
}
