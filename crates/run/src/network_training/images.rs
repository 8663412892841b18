//! The network and the images that suit each other.

use std::path::Path;

use panarch_data::{DataRoot, Dataset, DatasetSource, FolderOptions, HeldOut, Inventory, Splits};
use panarch_graph::{Network, Shape};
use panarch_train::{Validation, Validator};

use super::NetworkTraining;
use crate::event::Watch;
use crate::lookup::{NamedNetwork, NetworkShape};
use crate::{Error, ImageSize, lookup};

/// Training images by which statistics of batch normalisation are computed, for each validation and in the end.
const RECALIBRATION: usize = 2_000;

/// A network, and images of its size and classes.
pub(super) struct Images {
    pub(super) network: Network,
    pub(super) dataset: Dataset,
    pub(super) splits: Splits,
    pub(super) validator: Validator,
}

impl Images {
    pub(super) fn open(asked: &NetworkTraining, folder: &Path, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let source = DatasetSource::parse(&lookup::expand_home(&asked.dataset))?;
        let open = |resolution| {
            let options = FolderOptions {
                resolution,
                leave_out: vec![folder.to_owned()],
                ..FolderOptions::default()
            };
            Ok::<_, Error>(panarch_data::open(&source, &DataRoot::from_environment(), &options)?)
        };
        let side = lookup::side(asked.resolution, "a training")?;
        let mut dataset = open(side)?;
        let named = suited(asked, &dataset)?;
        let Shape {
            channels,
            height,
            width,
        } = named.network.input_shape();
        if height != width {
            return Err(Error::Input(format!(
                "{} takes images of {height}×{width}; images are brought to squares",
                asked.network
            )));
        }
        if dataset.shape() != named.network.input_shape() {
            let own = dataset.shape();
            // Pictures of files have no size of their own, and lose nothing when they are read at another one.
            dataset = match dataset.inventory() {
                Some(_) => open(Some(height))?,
                None => dataset.at_resolution(height)?,
            };
            watch.note(format!(
                "images of {}×{} are brought to {height}×{width}, which the network takes",
                own.height, own.width
            ));
        }
        let classes = named.network.output_elements();
        if classes != dataset.classes().len() as u64 || channels != dataset.shape().channels {
            return Err(Error::Input(format!(
                "{} answers with {classes} classes for images of {channels} channel(s), {} has {} classes and {} channel(s); a file \
                 has the classes that it has: train a named network or a member of a space, which take the dataset's",
                asked.network,
                dataset.name(),
                dataset.classes().len(),
                dataset.shape().channels
            )));
        }
        if named.weights.is_some() {
            watch.note("the weights in the file are not used: a training begins from random ones");
        }
        let inventory = dataset.inventory();
        let left_out = inventory.and_then(Inventory::left_out);
        let remarks = inventory.map(Inventory::remarks).unwrap_or_default();
        remarks
            .into_iter()
            .chain(left_out)
            .for_each(|remark| watch.note(remark));
        let splits = split(asked, &dataset, watch)?;
        dataset.is_enough(&splits, asked.recipe.batch)?;
        let validation = Validation {
            recalibration_images: RECALIBRATION,
            validation_images: splits.validation.len(),
            seed: asked.seed,
            ..Validation::default()
        };
        let validator = Validator::new(&splits, validation)?;
        Ok(Self {
            network: named.network,
            dataset,
            splits,
            validator,
        })
    }
}

/// The network with the dataset's classes, at the size that was asked for, else at that of the dataset's images if it can be
/// had, else at its own.
fn suited(asked: &NetworkTraining, dataset: &Dataset) -> Result<NamedNetwork, Error> {
    let shape = dataset.shape();
    let network = |resolution| {
        let wanted = NetworkShape {
            resolution,
            channels: shape.channels,
            classes: dataset.classes().len() as u32,
        };
        lookup::network(&asked.network, wanted)
    };
    let square = (shape.height == shape.width).then_some(ImageSize::square(shape.height));
    if asked.resolution.is_some() {
        return network(asked.resolution);
    }
    match (dataset.inventory(), square) {
        (None, Some(size)) => network(Some(size)).or_else(|_| network(None)),
        _ => network(None),
    }
}

/// Holds images out; a small dataset a fifth at the most.
fn split(asked: &NetworkTraining, dataset: &Dataset, watch: &mut Watch<'_>) -> Result<Splits, Error> {
    let held_out = match dataset.has_validation() {
        true => asked.validation,
        false => asked.validation.min(dataset.train_len() / 5).max(1),
    };
    if held_out < asked.validation {
        watch.note(format!(
            "few images: {held_out} are held out for validation, a fifth of the training part"
        ));
    }
    Ok(dataset.hold_out(HeldOut::Count(held_out), asked.seed)?)
}
