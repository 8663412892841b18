use panarch_graph::random;
use panarch_nn::{CpuEngine, Engine, Loss, SgdOptions, Statistics, Step};
use panarch_train::Supernet;
use rand::RngExt as _;

use crate::support::{splits, tiny_space};

/// An engine passes plans and memory from member to member; none of that may show in a result.
#[test]
fn an_engine_that_changes_members_answers_like_a_fresh_one() {
    let (space, splits) = (tiny_space(), splits(32, 8));
    let supernet = Supernet::new(&space, splits.head(), 8, 3).unwrap();
    let genotypes = [space.largest(), space.smallest(), space.largest()];
    let mut rng = random::stream(1, "images", 0);
    let images: Vec<f32> = (0..6 * 64).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut shared = CpuEngine::new();
    for (round, genotype) in genotypes.iter().enumerate() {
        // Smaller batches after larger ones, and the other way round.
        let count = [4, 6, 2][round];
        let images = &images[..64 * count];
        let labels: Vec<u32> = (0..count as u32).map(|image| image % 4).collect();
        let mut found = Vec::new();
        for engine in [&mut shared, &mut CpuEngine::new()] {
            let placed = supernet.place(engine).unwrap();
            let (parameters, member) = (placed.parameters(), placed.member(genotype).unwrap());
            engine.begin(parameters, SgdOptions::default()).unwrap();
            let loss = Loss {
                labels: &labels,
                mixed: None,
                smoothing: 0.0,
                teacher: None,
                scale: 1.0,
            };
            let (mut trained, mut logits) = (Vec::new(), Vec::new());
            let value = engine.train(parameters, &member, images, &loss, &mut trained).unwrap();
            let step = Step {
                learning_rate: 0.1,
                clip_norm: Some(1.0),
            };
            let norm = engine.step(parameters, step).unwrap();
            let statistics = engine
                .recalibrate(parameters, &member, &mut |take| take(images))
                .unwrap();
            let own = Statistics::Own(&statistics);
            engine.forward(parameters, &member, own, images, &mut logits).unwrap();
            assert!(norm > 0.0 && logits.len() == count * 4 && trained.len() == logits.len());
            found.push((value, norm, logits, engine.save(parameters).unwrap()));
            engine.remove(parameters);
        }
        assert_eq!(found[0], found[1], "round {round}");
        // What was trained is the engine's alone.
        assert_ne!(found[0].3.content_hash(), supernet.content_hash(), "round {round}");
    }
}
