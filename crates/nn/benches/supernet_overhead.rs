//! What it costs to train a network as the member of a supernet: the same network, the same operations, once with a
//! store of its own and once through views into the store of a supernet of twice the expansion and 7×7 kernels.
//!
//! Three ways in turn, a step each: `own` store; `views` into the supernet's store, one executor; `planned`, the same
//! with views resolved and an executor planned anew in every step, as when the member changes from step to step. A step
//! zeroes the gradients, goes forward and backward and updates the statistics of batch normalisation. The optimiser is
//! timed apart, because it works on the whole store whatever member was trained.
//!
//! `THREADS` (default 2), `REPEATS` (default 30 rounds), `FORMAT=csv`. Overheads are medians over the rounds of the
//! ratio to `own` in the same round, with the quartiles.

mod reference;

use panarch_nn::{Executor, Workspace};
use reference::{BATCH, REFERENCE, Stage, Trainer, build, median, network, pool, seconds, setting};

/// The value that a share of the values are below.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn main() {
    let csv = std::env::var("FORMAT").is_ok_and(|format| format == "csv");
    let repeats = setting("REPEATS", 30.0) as usize;
    let (threads, pool) = pool();
    let member = network();
    let stages = REFERENCE.map(|stage| Stage {
        expand: 2 * stage.expand,
        kernel: 7,
        ..stage
    });
    let largest = build("largest", member.input_shape(), 1, &stages, false);
    let (mut own, mut shared) = (Trainer::new(&[&member]), Trainer::new(&[&member, &largest]));
    let (own_views, shared_views) = (own.views(&member), shared.views(&member));
    let plan = || Executor::new(&member, BATCH).expect("a plan");
    let (mut own_executor, mut shared_executor) = (plan(), plan());
    let mut workspace = Some(Workspace::default());
    let mut times: [Vec<f64>; 5] = Default::default();
    pool.install(|| {
        for round in 0..repeats + 2 {
            let own_step = seconds(|| {
                own.gradients.zero();
                own.forward_and_backward(&mut own_executor, &own_views);
            });
            let own_update = seconds(|| own.update());
            let views_step = seconds(|| {
                shared.gradients.zero();
                shared.forward_and_backward(&mut shared_executor, &shared_views);
            });
            let shared_update = seconds(|| shared.update());
            let planned_step = seconds(|| {
                let memory = workspace.take().expect("the workspace of the round before");
                let mut executor = Executor::with_workspace(&member, BATCH, memory).expect("a plan");
                let views = shared.views(&member);
                shared.gradients.zero();
                shared.forward_and_backward(&mut executor, &views);
                workspace = Some(executor.into_workspace());
            });
            // The first rounds touch the memory for the first time.
            if round >= 2 {
                let found = [own_step, views_step, planned_step, own_update, shared_update];
                for (times, time) in times.iter_mut().zip(found) {
                    times.push(time);
                }
            }
        }
    });
    let [own, views, planned, own_update, shared_update] = &times;
    if csv {
        println!("way,threads,time_s,overhead,overhead_lower_quartile,overhead_upper_quartile");
    }
    for (way, found, base) in [
        ("own", own, own),
        ("views", views, own),
        ("planned", planned, own),
        ("own optimiser", own_update, own_update),
        ("supernet optimiser", shared_update, own_update),
    ] {
        let overheads: Vec<f64> = found.iter().zip(base).map(|(time, base)| time / base - 1.0).collect();
        let time = median(found.clone());
        let [lower, middle, upper] = [0.25, 0.5, 0.75].map(|share| quantile(&overheads, share));
        if csv {
            println!("{way},{threads},{time:.6},{middle:.4},{lower:.4},{upper:.4}");
        } else {
            println!(
                "{way:<18} {:>8.2} ms  overhead {:>6.1} % ({:.1} to {:.1})",
                1e3 * time,
                100.0 * middle,
                100.0 * lower,
                100.0 * upper
            );
        }
    }
}
