//! The engine's gradients against finite differences of the reference.

use panarch_graph::{Network, Weights, stream};
use panarch_nn::{Executor, Gradients, NnError, Store, Views};
use rand::RngExt;

use super::reference::Mode;
use super::suite::{IMAGES, grains, results};

/// A step of finite differences; values and steps are exact in f32.
const STEP: f32 = 1.0 / 262_144.0;
/// Random directions that gradients are compared along.
const DIRECTIONS: usize = 4;

/// Why gradients do not agree, or cannot be compared.
pub enum Departure {
    /// The engine refuses.
    Refused(NnError),
    /// A step to one side and one to the other differ: the function has no gradient there, so that nothing is said of the
    /// engine.
    Kink,
    /// They differ, in words.
    Far(String),
}

impl From<NnError> for Departure {
    fn from(error: NnError) -> Self {
        Self::Refused(error)
    }
}

/// Compares the gradients of Σ result · slope along random directions in all parameters and the images.
pub fn compare(network: &Network, weights: &Weights, images: &[f32]) -> Result<(), Departure> {
    let store = Store::from_weights(network, weights)?;
    let views = Views::resolve(network, &store)?;
    let mut executor = Executor::new(network, IMAGES)?;
    let count = executor.train(&store, &views, images)?.len();
    let mut rng = stream(11, network.name(), 0);
    let slope = grains(&mut rng, count, 1.0);
    let mut gradients = Gradients::zeros(&store);
    let mut of_images = vec![0.0; images.len()];
    executor.backward(&store, &views, &slope, &mut gradients, Some(&mut of_images))?;
    let loss = |weights: &Weights, images: &[f32]| -> f64 {
        let values = results(network, weights, images, Mode::Train);
        let terms = values.iter().zip(&slope);
        terms.map(|(value, slope)| value * f64::from(*slope)).sum()
    };
    let trainable: Vec<_> = network
        .parameters()
        .into_iter()
        .filter(|it| it.role.is_trainable())
        .collect();
    let here = loss(weights, images);
    for _ in 0..DIRECTIONS {
        let (mut predicted, mut size) = (0.0, 0.0_f64);
        let mut moved = [1.0, -1.0].map(|_| (weights.clone(), images.to_vec()));
        let mut go = |gradient: f32, ends: [&mut f32; 2]| {
            let way = f32::from(rng.random_range(-1_i8..=1));
            let [up, down] = ends;
            *up += way * STEP;
            *down -= way * STEP;
            let product = f64::from(gradient) * f64::from(way);
            predicted += product;
            size += product * product;
        };
        let [(up, up_images), (down, down_images)] = &mut moved;
        for spec in &trainable {
            let own = store
                .id(&spec.name)
                .map(|id| gradients.get(id).to_vec())
                .unwrap_or_default();
            let mut ends = [up.remove(&spec.name), down.remove(&spec.name)];
            if let [Some(up), Some(down)] = &mut ends {
                for ((gradient, up), down) in own.iter().zip(&mut up.data).zip(&mut down.data) {
                    go(*gradient, [up, down]);
                }
            }
            let [high, low] = ends;
            for (weights, tensor) in [(&mut *up, high), (&mut *down, low)] {
                if let Some(tensor) = tensor {
                    weights.insert(spec.name.clone(), tensor);
                }
            }
        }
        for ((gradient, up), down) in of_images.iter().zip(up_images).zip(down_images) {
            go(*gradient, [up, down]);
        }
        let [above, below] = &moved;
        let step = f64::from(STEP);
        let rise = (loss(&above.0, &above.1) - here) / step;
        let fall = (here - loss(&below.0, &below.1)) / step;
        // A sum of independent products is about as large as the root of the sum of their squares.
        let size = size.sqrt().max(1e-3);
        if (rise - fall).abs() > 2e-3 * size.max(rise.abs()) {
            return Err(Departure::Kink);
        }
        let found = (rise + fall) / 2.0;
        if (found - predicted).abs() > 2e-3 * size {
            return Err(Departure::Far(format!(
                "gradient {predicted} along a direction in which the difference is {found}"
            )));
        }
    }
    Ok(())
}
