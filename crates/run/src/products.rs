//! What matrix products cost on devices.

use std::path::Path;

use panarch_cost::products::ListedProduct;
use panarch_cost::{Cost, CostError, DeviceProfile, Model};
use panarch_graph::{Bytes, Latency, Macs};

use crate::{Error, device_source, lookup};

/// A product of a list and what a device says of it.
#[derive(Debug, Clone)]
pub struct ProductCost {
    /// The product.
    pub product: ListedProduct,
    /// The device's answer; the batch of its profile does not matter, because a product states its own size.
    pub answer: Result<Cost, CostError>,
    /// Clock cycles of the latency, on devices whose clock is known.
    pub cycles: Option<f64>,
}

/// What all products of a list that a device answers take, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct ProductSum {
    /// How many were answered.
    pub products: usize,
    /// Their multiply-accumulates.
    pub macs: Macs,
    /// Their time.
    #[serde(rename = "latency_s")]
    pub latency: Latency,
    /// Their cycles, where they are known.
    pub cycles: Option<f64>,
    /// Bytes across the border of the chip.
    #[serde(rename = "traffic_bytes")]
    pub traffic: Bytes,
}

impl ProductSum {
    /// The sum of what was answered.
    #[must_use]
    pub fn of(costs: &[ProductCost]) -> Self {
        let mut sum = Self::default();
        for cost in costs {
            let Ok(answer) = &cost.answer else { continue };
            sum.products += 1;
            sum.macs = Macs(sum.macs.0.saturating_add(cost.product.gemm.macs().0));
            sum.latency += answer.latency.value;
            sum.traffic = Bytes(sum.traffic.0.saturating_add(answer.traffic.0));
            if let Some(cycles) = cost.cycles {
                *sum.cycles.get_or_insert(0.0) += cycles;
            }
        }
        sum
    }
}

/// Reads a list of products.
///
/// # Errors
/// A file that is missing or has problems, each with its line.
pub fn read(file: &Path) -> Result<Vec<ListedProduct>, Error> {
    Ok(ListedProduct::read(
        &file.display().to_string(),
        &lookup::read_text(file)?,
    )?)
}

/// Asks a device for products: by a model of choice, or else what its profile says should answer.
///
/// # Errors
/// Products that are no networks; that a device cannot be asked, or cannot run a product, is in the answers.
pub fn costs(
    profile: &DeviceProfile,
    model: Option<Model>,
    products: &[ListedProduct],
) -> Result<Vec<ProductCost>, Error> {
    let profile = &profile.clone().with_batch(1);
    let mut networks = Vec::with_capacity(products.len());
    for product in products {
        networks.push(product.gemm.network()?);
    }
    let source = match model {
        Some(model) => profile.model(model).map_err(Error::from),
        None => device_source::open(profile),
    };
    let answers = match source {
        Ok(source) => source.estimate(&networks),
        // A device that cannot be asked hides no other.
        Err(error) => vec![Err(refusal(profile, error)); products.len()],
    };
    let clock = clock_hz(profile);
    let cost = |(product, answer): (&ListedProduct, Result<Cost, CostError>)| ProductCost {
        product: product.clone(),
        cycles: clock.and_then(|clock| Some((answer.as_ref().ok()?.latency.value.seconds() * clock).round())),
        answer,
    };
    Ok(products.iter().zip(answers).map(cost).collect())
}

/// Why a device cannot be asked, as its answer.
fn refusal(profile: &DeviceProfile, error: Error) -> CostError {
    match error {
        Error::Cost(error) => error,
        other => CostError::Failed {
            device: profile.name().to_owned(),
            reason: other.to_string(),
        },
    }
}

fn clock_hz(profile: &DeviceProfile) -> Option<f64> {
    let accelerator = profile.accelerator().map(|machine| machine.clock_hz.value);
    accelerator.or_else(|| Some(profile.hierarchy()?.clock_hz.value))
}
