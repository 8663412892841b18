//! Short trainings, pinned: whoever owns weights and optimiser, the same seeds give the same training.
//!
//! The values come from the build before engines owned parameters and optimiser state, noted again when the engine began to
//! compute expansions again, which adds in another order. Sums on other instruction sets have
//! another order, and small trainings drift apart quickly; so the first losses hold everywhere within rounding, and all losses,
//! validation counts and the weights hold to the last bit on processors of the kind on which they were noted.

use std::sync::atomic::AtomicBool;

use panarch_nn::{CpuEngine, Engine};
use panarch_testkit::NaiveEngine;
use panarch_train::{
    Control, FineTuning, NetworkTrainer, Progress, Schedule, SupernetTrainer, Training, Validation, Validator,
};

use crate::kill::Small;
use crate::support::{optimisation, pace, splits, tiny_space};

/// What a training of six epochs of four steps reports.
struct Pinned {
    schedule: &'static str,
    losses: &'static [f32],
    /// Right answers of the corner networks, of 64, at the end of each epoch and phase.
    right: &'static [usize],
    /// The hash of all weights.
    digest: &'static str,
}

#[rustfmt::skip]
const PINNED: [Pinned; 6] = [
    Pinned {
        schedule: "progressive-shrinking",
        losses: &[1.388235, 1.380465, 1.3669835, 1.3781345, 1.3478783, 1.3371128, 1.3396966, 2.70322, 2.7307851, 2.7340822, 2.7415514, 2.7234154, 2.7596917, 2.7324696, 2.7408602, 2.751694, 2.7446377, 2.754823, 2.769363, 2.7968633, 2.7889638, 2.7478688, 2.7120981, 2.7689717],
        right: &[30, 31, 31, 30, 31, 31, 31, 25, 31, 30, 32, 25, 34, 32, 32, 26, 33, 32, 32, 26, 27, 33, 16, 15, 34, 27, 29, 33, 16, 12, 35, 32, 31, 33, 19, 16],
        digest: "4cc4a8d056201d4c18a3ea891816480d08d6728cf480a6a9baca6815a1128612",
    },
    Pinned {
        schedule: "compound",
        losses: &[1.388235, 1.380465, 1.366311, 1.3783742, 1.3393528, 1.3134369, 1.3056682, 1.2465507, 1.2419376, 1.2851304, 1.2873316, 1.2192624, 1.2058662, 2.845852, 2.7040467, 2.8121245, 2.7682886, 2.7643926, 2.790142, 2.793722, 2.7859633, 2.714557, 2.664243, 2.7644823],
        right: &[32, 42, 42, 42, 42, 31, 40, 32, 17, 13, 41, 32, 39, 31, 19, 14, 41, 35, 40, 33, 22, 20, 42, 35, 39, 33, 23, 22],
        digest: "5cef39b0f2a6115c08cee88cb05117b9bd97c5d31854053113fd6efa228e6432",
    },
    Pinned {
        schedule: "sandwich",
        losses: &[1.388235, 1.3079387, 1.2176634, 2.1259332, 1.8929704, 5.1564693, 2.055857, 2.0743563, 2.3184524, 1.5579585, 4.6932535, 4.5121865, 1.2053943, 0.8029193, 0.77631617, 1.9380507, 0.9457959, 0.5222636, 1.0926691, 0.58023256, 0.5311396, 0.53787017, 0.7037323, 0.5406858],
        right: &[28, 20, 21, 19, 14, 23, 32, 31, 21, 34, 21, 29, 43, 25, 37, 27, 27, 16, 49, 30, 32, 46, 45, 33, 64, 60, 47, 54, 60, 51, 64, 60, 47, 54, 60, 52],
        digest: "1b4e8e07ff4f55359d36794a9b210b7aa277c4ca233e7110d5f24fe4245fb60e",
    },
    Pinned {
        schedule: "single-path",
        losses: &[1.3819442, 1.3857256, 1.3787268, 1.3940109, 1.3798294, 1.3848716, 1.3853277, 1.3840418, 1.3789512, 1.3776847, 1.3919097, 1.3735474, 1.3862182, 1.3770151, 1.3734518, 1.389653, 1.3670211, 1.3730353, 1.3512688, 1.3637167, 1.3749267, 1.3714213, 1.3793645, 1.3651428],
        right: &[18, 19, 10, 23, 16, 31, 25, 21, 15, 21, 22, 30, 30, 27, 19, 23, 25, 29, 30, 28, 25, 27, 26, 30, 32, 28, 26, 30, 26, 30, 33, 29, 26, 31, 26, 29],
        digest: "ebb81f2aacd58dc21e049cb3c7694113395c5c9c576174346d787b0189bceff5",
    },
    Pinned {
        schedule: "fair",
        losses: &[1.3844371, 1.3830129, 1.385429, 1.3884811, 1.3842448, 1.3849298, 1.3876898, 1.3857995, 1.3849385, 1.3814563, 1.388572, 1.3847889, 1.3894093, 1.3892514, 1.3813072, 1.3914089, 1.3857085, 1.3788911, 1.3813818, 1.3872244, 1.3769492, 1.3764669, 1.380373, 1.3809942],
        right: &[8, 13, 6, 17, 13, 29, 13, 16, 5, 24, 12, 28, 17, 18, 8, 28, 12, 27, 17, 21, 11, 31, 13, 25, 17, 22, 11, 33, 13, 25, 18, 23, 11, 33, 13, 25],
        digest: "dc4ef78286b8d4b371feab4970fa1be9abefccd52c8b3d5fdb8b484784c47f3a",
    },
    Pinned {
        schedule: "tunas",
        losses: &[1.3859777, 1.3507075, 1.3491672, 1.4453233, 1.3244832, 1.145599, 1.403826, 1.1685777, 1.0784838, 1.200347, 1.1078935, 1.0184913, 0.87366045, 1.2598705, 0.8419588, 1.6408318, 0.65782714, 0.7118575, 1.1283216, 0.79865783, 0.53871554, 0.56755793, 0.8795926, 0.8871975],
        right: &[40, 36, 33, 40, 30, 32, 37, 48, 50, 40, 48, 37, 51, 55, 57, 50, 62, 44, 64, 64, 64, 50, 59, 42, 63, 64, 64, 44, 56, 44, 63, 64, 64, 44, 57, 46],
        digest: "a3bbcb11956dced69bfc886dfcaee22369342833b06efddac5ee8369fcfc9be9",
    },
];

/// Fine-tuning of the smallest member of the supernet of the sandwich, with a teacher.
#[rustfmt::skip]
const FINE_TUNED: Pinned = Pinned {
    schedule: "fine-tuning",
    losses: &[1.1453567, 1.2544887, 1.1075583, 1.2545643, 1.1402153, 1.0806502, 1.1563113, 1.2188748],
    right: &[],
    digest: "b1778a31a85f104c175e14ac06306d5833c5aa78a6b98f4be6b8fcd59002f691",
};

impl Pinned {
    fn check(&self, seen: &Seen, digest: &str) {
        let name = self.schedule;
        assert_eq!(seen.losses.len(), self.losses.len(), "{name}");
        for (found, expected) in seen.losses.iter().zip(self.losses).take(3) {
            assert!((found - expected).abs() < 1e-3 * expected, "{name}: {found} {expected}");
        }
        assert_eq!(seen.right.len(), self.right.len(), "{name}");
        if sums_as_noted() {
            assert_eq!(seen.losses, self.losses, "{name}");
            assert_eq!(seen.right, self.right, "{name}");
            assert_eq!(digest, self.digest, "{name}");
        }
    }
}

/// Whether this processor adds in the order of the one on which the values were noted.
fn sums_as_noted() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

fn schedule(name: &str) -> Schedule {
    let schedule = Schedule::preset(name).unwrap();
    let factor = 6.0 / schedule.epochs();
    schedule.scaled(factor).for_batch(16).with_learning_rate_factor(4.0)
}

fn validator() -> Validator {
    let settings = Validation {
        recalibration_images: 32,
        validation_images: 64,
        batch_size: 16,
        seed: 1,
    };
    Validator::new(&splits(64, 64), settings).unwrap()
}

/// What a run reported.
#[derive(Default)]
struct Seen {
    losses: Vec<f32>,
    right: Vec<usize>,
}

fn watch(run: impl FnOnce(&mut Control<'_>)) -> Seen {
    let mut seen = Seen::default();
    let cancelled = AtomicBool::new(false);
    let mut progress = |progress: &Progress| match progress {
        Progress::Step { loss, .. } => seen.losses.push(*loss),
        Progress::Validation { score, .. } => seen.right.push(score.correct),
        _ => {}
    };
    run(&mut Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    });
    seen
}

fn supernet(name: &str, engine: &mut dyn Engine, corners: bool) -> (Seen, SupernetTrainer) {
    let training = Training {
        optimisation: optimisation(),
        schedule: schedule(name),
    };
    let mut trainer = SupernetTrainer::new(&tiny_space(), &splits(64, 64), training, None).unwrap();
    if corners {
        trainer.validate_corners(validator());
    }
    let seen = watch(|control| {
        match trainer.likeliest() {
            Some(_) => trainer.train_rewarded(engine, &mut Small, control),
            None => trainer.train(engine, control),
        }
        .unwrap();
    });
    (seen, trainer)
}

#[test]
fn every_schedule_trains_as_before() {
    let schedules = panarch_train::schedule::schedule_names();
    assert_eq!(schedules.len(), PINNED.len());
    for pinned in &PINNED {
        let (seen, trainer) = supernet(pinned.schedule, &mut CpuEngine::new(), true);
        pinned.check(&seen, &trainer.supernet().content_hash().to_string());
    }
}

#[test]
fn fine_tuning_trains_as_before() {
    let mut engine = CpuEngine::new();
    let supernet = supernet("sandwich", &mut engine, true).1.into_supernet();
    let settings = FineTuning {
        pace: pace(2.0),
        optimisation: optimisation(),
        distillation: 0.5,
        ..FineTuning::default()
    };
    let smallest = tiny_space().smallest();
    let mut trainer = NetworkTrainer::fine_tune(&supernet, &smallest, &splits(64, 64), settings).unwrap();
    let seen = watch(|control| {
        trainer.train(&mut engine, &validator(), control).unwrap();
    });
    let done = trainer.finish(&mut engine, &validator()).unwrap();
    FINE_TUNED.check(&seen, &done.weights.content_hash().to_string());
}

/// Another engine, whose parameters nobody but itself can reach, trains along every schedule by the same code: phases, teachers,
/// sorted channels, kernel matrices, mixtures, policies. In f64 a training drifts from one in f32 by rounding alone, so the
/// losses agree closely at first and less later.
#[test]
fn another_engine_trains_the_same() {
    for pinned in &PINNED {
        let (seen, _) = supernet(pinned.schedule, &mut NaiveEngine::new(), false);
        assert_eq!(seen.losses.len(), pinned.losses.len(), "{}", pinned.schedule);
        let both = seen.losses.iter().zip(pinned.losses);
        let off: Vec<f32> = both
            .map(|(found, expected)| (found - expected).abs() / expected)
            .collect();
        let worst = |steps: usize| off.iter().take(steps).fold(0.0_f32, |most, off| most.max(*off));
        println!(
            "{}: off by {:.1e} in 4 steps, {:.1e} in all",
            pinned.schedule,
            worst(4),
            worst(24)
        );
        assert!(worst(4) < 1e-4 && worst(24) < 5e-2, "{}: {off:?}", pinned.schedule);
    }
}
