//! How many images a second one loading thread makes, against how many the engine trains on: a loader has to be several
//! times faster than the training that it feeds.
//!
//! The training is a forward and backward pass of the largest member of `multi-hardware-small`. The last lines are whole
//! steps with the heavy augmentation, the batches filled by the engine's own threads between the steps or by workers
//! beside them.
//!
//! `THREADS` of the engine (default 2), `SECONDS` (a window's length, default 2; the median of five windows counts),
//! `BATCH` (default 128).

use std::time::Instant;

use panarch_data::{Augmentation, ColourJitter, Dataset, Feed, HeldOut, ImageSet, Loader, RandAugment, Splits};
use panarch_graph::Shape;
use panarch_nn::{CpuEngine, Engine as _, Loss, Member, Mixed, Parameters, SgdOptions};
use panarch_space::{Head, Space};
use panarch_train::Supernet;

const IMAGES: usize = 8_000;
const CLASSES: usize = 10;
const WINDOWS: usize = 5;

fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Smooth pictures with some noise: values spread as in photographs, of no meaning.
fn synthetic(shape: Shape) -> Splits {
    let (channels, side) = (shape.channels as usize, shape.width as usize);
    let size = shape.elements() as usize;
    let value = |index: usize| {
        let (image, place) = (index / size, index % size);
        let (x, y) = (place / channels % side, place / channels / side);
        let wave = (x as f32 * 0.3 + image as f32).sin() * (y as f32 * 0.2 + (place % channels) as f32).cos();
        (128.0 + 90.0 * wave) as u8 ^ (index * 7919 % 31) as u8
    };
    let set = |count: usize| {
        let labels = (0..count).map(|image| (image * 7 % CLASSES) as u16).collect();
        ImageSet::new(shape, (0..count * size).map(value).collect(), labels).expect("images")
    };
    let classes = (0..CLASSES).map(|class| class.to_string()).collect();
    Dataset::new("synthetic", classes, set(IMAGES), None, set(CLASSES))
        .and_then(|dataset| dataset.hold_out(HeldOut::Count(CLASSES), 0))
        .expect("a dataset")
}

/// RandAugment, colour jitter, cutout and mixup over mirroring and shifting.
const HEAVY: Augmentation = Augmentation {
    flip: true,
    crop_padding: 4,
    rand_augment: Some(RandAugment {
        operations: 2,
        magnitude: 9,
    }),
    colour_jitter: Some(ColourJitter {
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
    }),
    cutout: Some(8),
    mixup: Some(0.2),
    ..Augmentation::NONE
};

const LIGHT: Augmentation = Augmentation {
    flip: true,
    crop_padding: 4,
    ..Augmentation::NONE
};

fn loader(splits: &Splits, augmentation: Augmentation, batch: usize) -> Loader {
    Loader::training(splits.train.clone(), &splits.normalisation, augmentation, batch, 1).expect("a loader")
}

/// Images a second of some ways of handling a number of images at a time: of each the median of its windows. The windows
/// take turns, so that what else the machine does hits all alike.
fn rates<const WAYS: usize>(seconds: f64, mut handle: impl FnMut(usize) -> usize) -> [f64; WAYS] {
    let mut rates = [(); WAYS].map(|()| Vec::new());
    for _ in 0..WINDOWS {
        for (way, rates) in rates.iter_mut().enumerate() {
            handle(way);
            let (start, mut images) = (Instant::now(), 0);
            while start.elapsed().as_secs_f64() < seconds {
                images += handle(way);
            }
            rates.push(images as f64 / start.elapsed().as_secs_f64());
        }
    }
    rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[WINDOWS / 2]
    })
}

/// The largest member in its engine.
struct Training {
    engine: CpuEngine,
    parameters: Parameters,
    member: Member,
    logits: Vec<f32>,
}

impl Training {
    fn new(shape: Shape) -> Self {
        let space = Space::preset("multi-hardware-small").expect("the preset");
        let head = Head {
            classes: CLASSES as u32,
            input_channels: shape.channels,
        };
        let supernet = Supernet::new(&space, head, shape.height, 1).expect("a supernet");
        let mut engine = CpuEngine::new();
        let placed = supernet.place(&mut engine).expect("room");
        let parameters = placed.parameters().clone();
        engine.begin(&parameters, SgdOptions::default()).expect("room");
        Self {
            member: placed.member(&space.largest()).expect("a member"),
            engine,
            parameters,
            logits: Vec::new(),
        }
    }

    fn step(&mut self, batch: &panarch_data::Batch) -> usize {
        let loss = Loss {
            labels: batch.labels(),
            mixed: batch.mixed().map(|it| Mixed {
                labels: it.labels,
                shares: it.shares,
            }),
            smoothing: 0.1,
            teacher: None,
            scale: 1.0,
        };
        self.engine
            .train(&self.parameters, &self.member, batch.images(), &loss, &mut self.logits)
            .expect("a step");
        batch.len()
    }
}

fn main() {
    let (threads, seconds) = (setting("THREADS", 2.0) as usize, setting("SECONDS", 2.0));
    let batch = setting("BATCH", 128.0) as usize;
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads")
    };
    let (engine, alone) = (pool(threads), pool(1));
    println!("images/s, batch {batch}; the loader in one thread, the engine in {threads}");
    for shape in [Shape::new(1, 28, 28), Shape::new(3, 32, 32)] {
        let splits = synthetic(shape);
        let mut training = Training::new(shape);
        let fixed = {
            let mut feed = Feed::new(&loader(&splits, LIGHT, batch), 0..1, 0).expect("a feed");
            feed.next().expect("a batch").clone()
        };
        let [trained] = engine.install(|| rates(seconds, |_| training.step(&fixed)));
        println!("{shape}: training {trained:.0}");
        let feed = |augmentation, workers| {
            Feed::new(&loader(&splits, augmentation, batch), 0..u64::MAX, workers).expect("a feed")
        };
        let kinds = [("no", Augmentation::NONE), ("light", LIGHT), ("heavy", HEAVY)];
        let mut feeds = kinds.map(|(_, augmentation)| feed(augmentation, 0));
        let loaded: [f64; 3] = alone.install(|| rates(seconds, |way| feeds[way].next().expect("a batch").len()));
        for ((name, _), loaded) in kinds.iter().zip(loaded) {
            println!(
                "{shape}: loading, {name} augmentation {loaded:.0}, {:.1} times the training",
                loaded / trained
            );
        }
        let workers = [0, 1, 2];
        for (name, augmentation) in [("light", LIGHT), ("heavy", HEAVY)] {
            let mut feeds = workers.map(|workers| feed(augmentation, workers));
            let both: [f64; 3] =
                engine.install(|| rates(seconds, |way| training.step(feeds[way].next().expect("a batch"))));
            for (workers, both) in workers.iter().zip(both) {
                println!("{shape}: both, {name} augmentation, {workers} workers {both:.0}");
            }
        }
    }
}
