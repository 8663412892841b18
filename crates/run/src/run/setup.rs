//! What every step needs: space, images, study.

use std::path::PathBuf;

use panarch_data::{DataRoot, Dataset, DatasetSource, FolderOptions, HeldOut, Inventory, Splits};
use panarch_graph::{ContentHash, Network, stream};
use panarch_space::{Genotype, Head, Space};
use panarch_study::{EventKind, Header, Study, Timestamp, open_or_create};
use panarch_train::{Validation, Validator};

use super::{DATABASE, EVENTS, FINALISTS, Watch, inputs};
use crate::{Error, RunFile, lookup};

/// The opened inputs of a run.
pub struct Setup {
    /// The run file.
    pub file: RunFile,
    /// Where the run writes.
    pub folder: PathBuf,
    /// The search space.
    pub space: Space,
    /// Classes and channels, from the dataset.
    pub head: Head,
    /// Height and width of the images.
    pub resolution: u32,
    /// The images, with the test split still locked away in it.
    pub dataset: Dataset,
    /// Training and validation images.
    pub splits: Splits,
    /// The images that sub-networks are judged on.
    pub validator: Validator,
    /// Where everything that is found out is kept.
    pub study: Study,
}

/// The images of a run, and what they are parted into.
pub(super) struct Images {
    pub(super) resolution: u32,
    pub(super) dataset: Dataset,
    pub(super) splits: Splits,
    pub(super) validator: Validator,
}

impl Images {
    /// Opens the dataset; a small one holds out a fifth at the most.
    pub(super) fn open(file: &RunFile, space: &Space, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let resolution = file.data.resolution.unwrap_or(space.default_resolution());
        let source = DatasetSource::parse(&file.data.dataset)?;
        let options = FolderOptions {
            resolution: Some(resolution),
            ..file.data.folder_options(&file.output.directory)
        };
        let dataset =
            panarch_data::open(&source, &DataRoot::from_environment(), &options)?.at_resolution(resolution)?;
        let inventory = dataset.inventory();
        let left_out = inventory.and_then(Inventory::left_out);
        for remark in inventory
            .map(Inventory::remarks)
            .unwrap_or_default()
            .into_iter()
            .chain(left_out)
        {
            watch.note(remark);
        }
        let held_out = match dataset.has_validation() {
            true => file.data.validation,
            false => file.data.validation.min(dataset.train_len() / 5).max(1),
        };
        if held_out < file.data.validation {
            watch.note(format!(
                "few images: {held_out} are held out for validation, a fifth of the training part"
            ));
        }
        let splits = dataset.hold_out(HeldOut::Count(held_out), file.seed)?;
        // Before a study is begun that could not go on: a corrected folder or file then begins in the same place.
        dataset.is_enough(&splits, file.train.batch)?;
        let validator = Validator::new(
            &splits,
            Validation {
                recalibration_images: file.data.recalibration,
                validation_images: file.data.validation,
                seed: file.seed,
                ..Validation::default()
            },
        )?;
        Ok(Self {
            resolution,
            dataset,
            splits,
            validator,
        })
    }
}

impl Setup {
    /// Opens space, dataset and study. Creates the run's folder, or goes on in it.
    ///
    /// # Errors
    /// Bad input, a missing dataset, or a study that cannot be used.
    pub fn open(file: &RunFile, watch: &mut Watch<'_>) -> Result<Self, Error> {
        watch.step("Opening space, images and study");
        let space = lookup::space(file.space.source.as_str())?;
        // Before a study is begun with it.
        file.train.resolve(lookup::schedule(&file.train.schedule)?)?;
        let Images {
            resolution,
            dataset,
            splits,
            validator,
        } = Images::open(file, &space, watch)?;
        let folder = file.output.directory.clone();
        std::fs::create_dir_all(&folder).map_err(Error::writing(&folder))?;
        for place in [folder.clone(), folder.join(FINALISTS), folder.join(EVENTS)] {
            panarch_format::remove_leftovers(&place);
        }
        let study = open_study(file, &space, dataset.name(), &folder)?;
        if let Some(before) = study.before() {
            let changed = inputs::changed_keys(before, study.header());
            if !changed.is_empty() {
                let text = format!("another run file than last time in this folder: {}", changed.join(", "));
                study.log("run file", EventKind::Note, &text)?;
                watch.note(text);
            }
        }
        watch.done(format!(
            "{} with {} decisions; {}: {} training, {} validation, {} test images of {resolution}×{resolution}; study in {}",
            space.name(),
            space.decisions().len(),
            dataset.name(),
            splits.train.len(),
            splits.validation.len(),
            dataset.test_len(),
            folder.display()
        ));
        let head = splits.head();
        Ok(Self {
            file: file.clone(),
            folder,
            space,
            head,
            resolution,
            dataset,
            splits,
            validator,
            study,
        })
    }

    /// The key under which the costs of genotypes are kept: what answers for them, and what makes networks of them.
    pub(super) fn cost_key(&self, protocol: ContentHash) -> ContentHash {
        let network = format!("{} {:?} {}", self.space.hash(), self.head, self.resolution);
        let parts = [protocol.as_bytes().as_slice(), network.as_bytes()];
        ContentHash::of_parts("panarch costs of genotypes v1", parts)
    }

    /// The network of a genotype.
    ///
    /// # Errors
    /// When the genotype is not of the space.
    pub fn network(&self, genotype: &Genotype) -> Result<Network, Error> {
        Ok(self.space.lower(genotype, self.head, self.resolution)?)
    }

    /// The member that sets the targets, if one does.
    ///
    /// # Errors
    /// When the space names no such member.
    pub fn target_reference(&self) -> Result<Option<Genotype>, Error> {
        let reference = self.file.devices.targets.reference.as_deref();
        reference.map(|name| self.member(name)).transpose()
    }

    /// The member that gets a row of its own, if one does, with its name.
    ///
    /// # Errors
    /// When the space names no such member.
    pub fn reference(&self) -> Result<Option<(String, Genotype)>, Error> {
        let Some(name) = &self.file.finalists.reference else {
            return Ok(None);
        };
        Ok(Some((name.clone(), self.member(name)?)))
    }

    /// The network that every measurement of a real machine is taken beside, with its name: what sets the targets, else the
    /// reference, else the first network that the space names, else one that is drawn for the purpose.
    ///
    /// # Errors
    /// When the space names no such member.
    pub fn anchor(&self) -> Result<(String, Genotype), Error> {
        if let Some(name) = &self.file.devices.targets.reference {
            return Ok((name.clone(), self.member(name)?));
        }
        if let Some(reference) = self.reference()? {
            return Ok(reference);
        }
        if let Some(named) = self.space.references().first() {
            return Ok((named.name.clone(), self.space.canonical(&named.genotype)));
        }
        let drawn = self.space.canonical(&self.space.sample(&mut stream(0, "anchor", 0)));
        Ok((drawn.to_string(), drawn))
    }

    fn member(&self, name: &str) -> Result<Genotype, Error> {
        Ok(self.space.canonical(&lookup::member_of(&self.space, name)?))
    }
}

fn open_study(file: &RunFile, space: &Space, dataset: &str, folder: &std::path::Path) -> Result<Study, Error> {
    let header = Header {
        name: file.name.clone(),
        run: file.resolved_toml(),
        space: space.name().to_owned(),
        space_hash: space.hash(),
        dataset: dataset.to_owned(),
        panarch_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: Timestamp::now(),
    };
    let url = format!("sqlite:///{}", folder.join(DATABASE).display());
    let storage = open_or_create(&url, &header)?;
    Ok(Study::resume(storage, &header)?)
}
