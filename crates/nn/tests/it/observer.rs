//! An observer is told of every part of a step, and changes nothing.

use panarch_nn::{Executor, Gradients, Observer, Phase};

use crate::random::uniform;
use crate::training::setting;

#[derive(Default)]
struct Log {
    open: Option<(Phase, String)>,
    parts: Vec<(Phase, String)>,
}

impl Observer for Log {
    fn begin(&mut self, phase: Phase, node: &str) {
        assert_eq!(self.open, None, "parts do not overlap");
        self.open = Some((phase, node.to_owned()));
    }

    fn end(&mut self, phase: Phase, node: &str) {
        assert_eq!(self.open.take(), Some((phase, node.to_owned())));
        self.parts.push((phase, node.to_owned()));
    }
}

#[test]
fn an_observer_sees_every_part_and_changes_nothing() {
    for seed in 0..10 {
        let setting = setting(seed, 5);
        let (store, views) = (&setting.store, &setting.views);
        let slope = uniform(&mut panarch_graph::stream(seed, "slope", 0), 5 * 5);
        let mut executor = Executor::new(&setting.network, 5).unwrap();
        let mut plain = Gradients::zeros(store);
        let logits = executor.train(store, views, &setting.input).unwrap().to_vec();
        executor.backward(store, views, &slope, &mut plain, None).unwrap();

        let mut log = Log::default();
        let mut gradients = Gradients::zeros(store);
        let found = executor.train_observed(store, views, &setting.input, &mut log).unwrap();
        assert_eq!(found, logits);
        executor
            .backward_observed(store, views, &slope, &mut gradients, None, &mut log)
            .unwrap();
        assert!(gradients == plain);
        let of = |phase: Phase| -> Vec<&str> {
            let parts = log.parts.iter().filter(|part| part.0 == phase);
            parts.map(|part| part.1.as_str()).collect()
        };
        let forward = of(Phase::Forward);
        assert!(forward.iter().all(|node| setting.network.find(node).is_some()));
        assert_eq!(of(Phase::Prepare)[1..], forward, "the input has no forward pass");
        let mut backward = of(Phase::Backward);
        assert_eq!(backward, of(Phase::Collect));
        backward.reverse();
        assert_eq!(backward, forward);
    }
}
