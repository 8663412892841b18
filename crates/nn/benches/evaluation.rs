//! Images a second of evaluation against those of the forward pass in training, in turn.
//!
//! `THREADS` (default 2), `REPEATS` (default 30 rounds), `NETWORK` (`reference` or `small`), `FORMAT=csv`. The ratio is
//! the median over the rounds.

mod reference;

use panarch_nn::Executor;
use reference::{BATCH, Trainer, median, network, pool, seconds, setting};

fn main() {
    let csv = std::env::var("FORMAT").is_ok_and(|format| format == "csv");
    let repeats = setting("REPEATS", 30.0) as usize;
    let (threads, pool) = pool();
    let network = network();
    let trainer = Trainer::new(&[&network]);
    let views = trainer.views(&network);
    let (store, input) = (&trainer.store, &trainer.input);
    let plan = || Executor::new(&network, BATCH).expect("a plan");
    let (mut training, mut evaluating) = (plan(), plan());
    let (mut forward, mut evaluation) = (Vec::new(), Vec::new());
    pool.install(|| {
        for round in 0..repeats + 2 {
            let trained = seconds(|| {
                training.train(store, &views, input).expect("a forward pass");
            });
            let evaluated = seconds(|| {
                evaluating.evaluate(store, &views, None, input).expect("an evaluation");
            });
            // The first rounds touch the memory for the first time.
            if round >= 2 {
                forward.push(trained);
                evaluation.push(evaluated);
            }
        }
    });
    let ratio = median(forward.iter().zip(&evaluation).map(|(a, b)| a / b).collect());
    let rate = |times: Vec<f64>| BATCH as f64 / median(times);
    let (forward, evaluation) = (rate(forward), rate(evaluation));
    let bytes = [training, evaluating].map(|executor| executor.into_workspace().bytes() as f64 / 1e6);
    if csv {
        println!("threads,training_forward_images_per_s,evaluation_images_per_s,ratio");
        println!("{threads},{forward:.1},{evaluation:.1},{ratio:.3}");
    } else {
        println!("training forward {forward:.0} img/s, workspace {:.1} MB", bytes[0]);
        println!("evaluation       {evaluation:.0} img/s, workspace {:.1} MB", bytes[1]);
        println!("ratio            {ratio:.2}");
    }
}
