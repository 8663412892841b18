//! What this machine can do at best: multiply-adds in registers, bytes through memory.

use std::hint::black_box;
use std::time::Instant;

/// Peaks of so many threads together.
#[derive(Clone, Copy)]
pub struct Peaks {
    /// Operations a second; a multiply-add is two.
    pub flops: f64,
    /// Bytes read and written a second.
    pub bandwidth: f64,
}

/// Independent sums: enough to hide the latency of a multiply-add on two ports.
const SUMS: usize = 12;
const ROUNDS: usize = 2_000_000;

macro_rules! multiply_adds {
    ($architecture:literal, $module:ident, $name:ident, $feature:literal, $splat:ident, $fma:ident, $add:ident, $lanes:literal) => {
        #[cfg(target_arch = $architecture)]
        #[target_feature(enable = $feature)]
        fn $name() -> f64 {
            use std::arch::$module::*;
            let (a, b) = ($splat(black_box(0.999_999)), $splat(black_box(1e-6)));
            let mut sums = [$splat(black_box(1.0)); SUMS];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = $fma(*sum, a, b);
                }
            }
            black_box(sums.into_iter().fold($splat(0.0), |all, sum| $add(all, sum)));
            (2 * $lanes * SUMS * ROUNDS) as f64
        }
    };
}
multiply_adds!(
    "x86_64",
    x86_64,
    avx2,
    "avx2,fma",
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    8
);
multiply_adds!(
    "x86_64",
    x86_64,
    avx512,
    "avx512f",
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    16
);
// The order of the operands is another; the rate is the same.
multiply_adds!("aarch64", aarch64, neon, "neon", vdupq_n_f32, vfmaq_f32, vaddq_f32, 4);

/// Plain Rust, as the compiler makes vectors of it.
fn portable() -> f64 {
    let (a, b) = (black_box(0.999_999_f32), black_box(1e-6_f32));
    let mut sums = [black_box(1.0_f32); 8 * SUMS];
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = *sum * a + b;
        }
    }
    black_box(sums);
    (2 * 8 * SUMS * ROUNDS) as f64
}

/// The widest instruction set that the engine uses here, and its operations.
fn widest() -> (&'static str, fn() -> f64) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has it.
            return ("AVX-512", || unsafe { avx512() });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has it.
            return ("AVX2", || unsafe { avx2() });
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        // SAFETY: the processor has it.
        return ("NEON", || unsafe { neon() });
    }
    ("portable", portable)
}

/// The best rate of several goes, all threads at once.
fn best(threads: usize, work: impl Fn() -> f64 + Sync) -> f64 {
    let go = |_| {
        let start = Instant::now();
        let done: f64 = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
            let own = work();
            own + others
                .into_iter()
                .map(|other| other.join().expect("a thread"))
                .sum::<f64>()
        });
        done / start.elapsed().as_secs_f64()
    };
    (0..7).map(go).fold(0.0, f64::max)
}

/// Floats of an array that fits no cache.
const STREAM: usize = 1 << 25;

fn bandwidth(threads: usize) -> f64 {
    let from = vec![1.0_f32; STREAM];
    let mut to = vec![0.0_f32; STREAM];
    let part = STREAM / threads;
    let go = |to: &mut [f32]| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for (to, from) in to.chunks_mut(part).zip(from.chunks(part)) {
                scope.spawn(move || {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = 1.5 * from;
                    }
                });
            }
        });
        black_box(&to);
        8.0 * STREAM as f64 / start.elapsed().as_secs_f64()
    };
    (0..7).map(|_| go(&mut to)).fold(0.0, f64::max)
}

/// Measures and prints the peaks of one thread and of `threads`; returns the latter.
pub fn measure(csv: bool, threads: usize) -> Peaks {
    let (level, work) = widest();
    let mut peaks = Peaks {
        flops: 0.0,
        bandwidth: 0.0,
    };
    if csv {
        println!("instruction_set,threads,flops_per_s,bytes_per_s");
    }
    let mut counts = vec![1, threads];
    counts.dedup();
    for count in counts {
        peaks = Peaks {
            flops: best(count, work),
            bandwidth: bandwidth(count),
        };
        let Peaks { flops, bandwidth } = peaks;
        if csv {
            println!("{level},{count},{flops:.0},{bandwidth:.0}");
        } else {
            println!(
                "peak of {count} threads: {:.1} GFLOP/s ({level}), {:.1} GB/s read and written",
                flops / 1e9,
                bandwidth / 1e9
            );
        }
    }
    println!();
    peaks
}
