//! Steady-state steps allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use panarch_graph::stream;
use panarch_nn::{Executor, Gradients, Sgd, SgdOptions, Store, Views, softmax_cross_entropy};

use crate::random::{network, uniform};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate after its locals are gone.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steps_after_the_first_allocate_nothing() {
    // One thread, so that this thread's count is the whole count.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for seed in 0..20 {
            let network = network(seed, 6);
            let mut store = Store::covering([&network]).unwrap();
            store.initialise(&mut stream(seed, "initial", 0));
            let views = Views::resolve(&network, &store).unwrap();
            let mut executor = Executor::new(&network, 5).unwrap();
            let mut gradients = Gradients::zeros(&store);
            let mut sgd = Sgd::new(&store, SgdOptions::default());
            let input = uniform(
                &mut stream(seed, "input", 0),
                5 * network.input_shape().elements() as usize,
            );
            let mut input_gradient = vec![0.0; input.len()];
            let mut slope = vec![0.0; 5 * 5];
            let mut step = || {
                gradients.zero();
                let logits = executor.train(&store, &views, &input).unwrap();
                softmax_cross_entropy(logits, 5, &[0, 1, 2, 3, 4], 0.1, None, &mut slope).unwrap();
                executor.update_running_statistics(&mut store, &views).unwrap();
                let into = Some(&mut input_gradient[..]);
                executor.backward(&store, &views, &slope, &mut gradients, into).unwrap();
                gradients.clip(1.0);
                sgd.step(&mut store, &gradients, 0.01).unwrap();
                executor.evaluate(&store, &views, None, &input).unwrap();
            };
            step();
            let before = COUNT.get();
            step();
            step();
            assert_eq!(COUNT.get() - before, 0, "seed {seed}");
        }
    });
}
