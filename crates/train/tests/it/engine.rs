use panarch_graph::random;
use panarch_nn::{BnStatistics, Gradients};
use panarch_train::{CpuEngine, Engine, Supernet};
use rand::RngExt as _;

use crate::support::{splits, tiny_space};

/// An engine passes plans and memory from member to member; none of that may show in a result.
#[test]
fn an_engine_that_changes_members_answers_like_a_fresh_one() {
    let (space, splits) = (tiny_space(), splits(32, 8));
    let supernet = Supernet::new(&space, splits.head(), 8, 3).unwrap();
    let members = [space.largest(), space.smallest(), space.largest()].map(|g| supernet.member(&g).unwrap());
    let mut rng = random::stream(1, "images", 0);
    let images: Vec<f32> = (0..6 * 64).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut shared = CpuEngine::new();
    for (round, member) in members.iter().enumerate() {
        // Smaller batches after larger ones, and the other way round.
        let images = &images[..64 * [4, 6, 2][round]];
        let mut answers = Vec::new();
        for engine in [&mut shared, &mut CpuEngine::new()] {
            let mut gradients = Gradients::zeros(supernet.store());
            let mut loss = |logits: &[f32], gradient: &mut [f32]| {
                gradient.copy_from_slice(logits);
                Ok(logits.iter().map(|value| value * value).sum::<f32>() / 2.0)
            };
            let value = engine
                .train(member, supernet.store(), images, &mut loss, &mut gradients)
                .unwrap();
            let mut statistics = BnStatistics::new();
            engine
                .observe(member, supernet.store(), images, &mut statistics)
                .unwrap();
            let mut logits = Vec::new();
            engine
                .evaluate(member, supernet.store(), Some(&statistics), images, &mut logits)
                .unwrap();
            assert!(gradients.global_norm() > 0.0 && logits.len() == images.len() / 64 * 4);
            answers.push((value, gradients, logits));
        }
        assert_eq!(answers[0], answers[1], "round {round}");
    }
}

#[test]
fn members_of_another_store_are_refused() {
    let (space, splits) = (tiny_space(), splits(32, 8));
    let supernet = Supernet::new(&space, splits.head(), 8, 3).unwrap();
    let member = supernet.member(&space.largest()).unwrap();
    let mut logits = Vec::new();
    let other = panarch_nn::Store::new();
    let result = CpuEngine::new().evaluate(&member, &other, None, &[0.0; 64], &mut logits);
    assert!(result.is_err());
}
