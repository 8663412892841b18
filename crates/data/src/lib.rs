//! Datasets: readers, splits, normalisation, batches, and how Fashion-MNIST is obtained.
//!
//! The way of an image: a reader ([`idx`], [`cifar`], [`image_folder`]) gives bytes in NHWC order, a
//! [`Dataset`] holds them with their labels and classes, [`Dataset::hold_out`] parts the training images into
//! training and validation [`Subset`]s, and a [`Loader`] makes normalised `f32` [`Batch`]es of them, ahead of time where
//! a [`Feed`] has workers.
//! The official test images are reached by [`Dataset::test_split`] alone, as a [`TestSplit`] that neither the
//! trainer nor a validation accepts.

mod augmentation;
mod batch;
pub mod cifar;
mod dataset;
mod duplicate;
mod error;
pub mod fashion_mnist;
mod feed;
mod generated;
mod hash;
pub mod idx;
pub mod image_folder;
mod known;
mod loader;
mod location;
mod open;
mod picture;
mod size;
mod split;
mod statistics;

pub use augmentation::{Augmentation, ColourJitter, RandAugment, ResizedCrop, Resolutions};
pub use batch::{Batch, Mixed};
pub use dataset::{Dataset, ImageSet};
pub use duplicate::{Duplicate, Place};
pub use error::DataError;
pub use feed::Feed;
pub use generated::{CLASSES as GENERATED_CLASSES, Generated, generate};
pub use image_folder::{Damaged, DamagedPicture, FolderOptions, Inventory, PassedOver, PictureFile, Reason};
pub use known::{DATASETS, Fetch, KnownDataset};
pub use loader::{Epoch, Loader};
pub use location::DataRoot;
pub use open::{Check, DatasetSource, DatasetStatus, check, list, open};
pub use picture::{Budget, DEPTHS, EvaluationTransform, PictureFault};
pub use split::shuffle;
pub use split::{HeldOut, Splits, Subset, TestSplit};
pub use statistics::{Normalisation, class_counts};
