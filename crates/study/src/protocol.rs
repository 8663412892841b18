use std::fmt;

use panarch_graph::{ContentHash, Inputs, Precision, Provenance, ProvenanceKind};

/// How an accuracy is found, whatever network it is of.
///
/// A study holds one evaluation of a genotype for each protocol, so that what was predicted, what was judged with
/// inherited weights, in floating point or in int8, live side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationProtocol {
    /// Measured on images, predicted by a model, or quoted.
    pub kind: ProvenanceKind,
    /// Where the weights came from.
    pub weights: WeightOrigin,
    /// The number format of weights and activations.
    pub precision: Precision,
    /// What the statistics of batch normalisation were taken from again; none where they were not.
    pub recalibration: Option<ImageSet>,
    /// What was classified; none where no image was.
    pub images: Option<ImageSet>,
}

/// Where the weights of an evaluated network came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WeightOrigin {
    /// Cut out of a supernet as they are.
    Inherited,
    /// Cut out of a supernet and trained further.
    FineTuned,
    /// Trained for this network alone, from the beginning.
    Own,
    /// Published by others.
    Published,
    /// Nobody has said.
    Unstated,
}

impl WeightOrigin {
    /// Every origin.
    pub const ALL: [Self; 5] = [
        Self::Inherited,
        Self::FineTuned,
        Self::Own,
        Self::Published,
        Self::Unstated,
    ];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inherited => "inherited",
            Self::FineTuned => "fine-tuned",
            Self::Own => "own",
            Self::Published => "published",
            Self::Unstated => "unstated",
        }
    }
}

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// What is trained on.
    Training,
    /// What choices are made by.
    Validation,
    /// What is looked at once, in the end.
    Test,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 3] = [Self::Training, Self::Validation, Self::Test];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Images that an evaluation looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSet {
    /// The part of the dataset that they are of.
    pub split: Split,
    /// How many there are, where that is known.
    pub count: Option<u64>,
    /// The hash of the pictures, of how they are normalised, and of the batches that they go through a network in.
    pub content: Option<ContentHash>,
}

impl ImageSet {
    /// The content of the images that are called `name` among the inputs of an evaluation, as `panarch-train` calls them:
    /// `NAME pictures`, `batches of the NAME pictures` and `normalisation`. None where the inputs lack one of these.
    #[must_use]
    pub fn content_of(inputs: &Inputs, name: &str) -> Option<ContentHash> {
        let parts = Inputs::new()
            .with("pictures", inputs.get(&format!("{name} pictures"))?)
            .with("batches", inputs.get(&format!("batches of the {name} pictures"))?)
            .with("normalisation", inputs.get("normalisation")?);
        Some(parts.key())
    }

    /// What tells these images from others: their content decides their number.
    fn identity(&self) -> String {
        let which = match (self.content, self.count) {
            (Some(content), _) => content.to_string(),
            (None, Some(count)) => count.to_string(),
            (None, None) => WeightOrigin::Unstated.name().to_owned(),
        };
        format!("{} {which}", self.split.name())
    }
}

impl fmt::Display for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(count) => write!(f, "{count} {} images", self.split.name()),
            None => write!(f, "{} images", self.split.name()),
        }
    }
}

impl EvaluationProtocol {
    /// The hash that evaluations are kept under. Two protocols of one key are one protocol: where the content of images is
    /// known, their number follows from it.
    #[must_use]
    pub fn key(&self) -> ContentHash {
        let identity =
            |images: &Option<ImageSet>| images.as_ref().map_or_else(|| "none".to_owned(), ImageSet::identity);
        let parts = [
            kind_name(self.kind).to_owned(),
            self.weights.name().to_owned(),
            self.precision.name().to_owned(),
            identity(&self.recalibration),
            identity(&self.images),
        ];
        ContentHash::of_parts("panarch evaluation protocol v1", parts.iter().map(String::as_bytes))
    }

    /// The standard error of an accuracy of this share that was counted on the protocol's images: that of a binomial share.
    /// None where nothing was counted, or nobody knows on how many.
    #[must_use]
    pub fn standard_error(&self, share: f64) -> Option<f64> {
        let count = self.images?.count?;
        let counted = self.kind == ProvenanceKind::Measured && count > 0;
        counted.then(|| (share * (1.0 - share) / count as f64).sqrt())
    }

    /// The protocol of an evaluation of format 2 or before, by what its row says of itself and by the inputs of its pool.
    pub(crate) fn of_provenance(provenance: &Provenance, inputs: Option<&Inputs>) -> Self {
        let inherited = provenance.tool == "inherited weights, recalibrated";
        let content = |name| ImageSet::content_of(inputs?, name);
        let counted = provenance.note.as_deref().and_then(|note| {
            let (count, rest) = note.split_once(' ')?;
            count.parse().ok().filter(|_| rest.starts_with("validation images"))
        });
        Self {
            kind: provenance.kind,
            weights: if inherited {
                WeightOrigin::Inherited
            } else {
                WeightOrigin::Unstated
            },
            precision: provenance.precision,
            recalibration: inherited.then(|| ImageSet {
                split: Split::Training,
                count: None,
                content: content("recalibration"),
            }),
            images: (inherited || counted.is_some()).then(|| ImageSet {
                split: Split::Validation,
                count: counted,
                content: content("validation"),
            }),
        }
    }
}

impl fmt::Display for EvaluationProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} weights, {}",
            kind_name(self.kind).replace('_', " "),
            self.weights.name(),
            self.precision
        )?;
        if let Some(images) = &self.recalibration {
            write!(f, ", recalibrated on {images}")?;
        }
        self.images.as_ref().map_or(Ok(()), |images| write!(f, ", on {images}"))
    }
}

/// The word for a kind that keys are made of.
const fn kind_name(kind: ProvenanceKind) -> &'static str {
    match kind {
        ProvenanceKind::Measured => "measured",
        ProvenanceKind::Simulated => "simulated",
        ProvenanceKind::Predicted => "predicted",
        ProvenanceKind::VendorEstimate => "vendor_estimate",
        ProvenanceKind::Quoted => "quoted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol() -> EvaluationProtocol {
        EvaluationProtocol {
            kind: ProvenanceKind::Measured,
            weights: WeightOrigin::Inherited,
            precision: Precision::F32,
            recalibration: Some(ImageSet {
                split: Split::Training,
                count: Some(60),
                content: None,
            }),
            images: Some(ImageSet {
                split: Split::Validation,
                count: Some(400),
                content: None,
            }),
        }
    }

    #[test]
    fn every_part_of_a_protocol_decides_its_key() {
        let images = |change: fn(&mut ImageSet)| {
            move |protocol: &mut EvaluationProtocol| protocol.images.as_mut().into_iter().for_each(change)
        };
        let content = |set: &mut ImageSet| set.content = Some(ContentHash::of("images", b"a"));
        let changes: [&dyn Fn(&mut EvaluationProtocol); 9] = [
            &|_| {},
            &|it| it.kind = ProvenanceKind::Predicted,
            &|it| it.weights = WeightOrigin::FineTuned,
            &|it| it.precision = Precision::Int8,
            &|it| it.recalibration = None,
            &|it| it.recalibration.iter_mut().for_each(|set| set.count = Some(61)),
            &images(|set| set.count = Some(401)),
            &images(|set| set.split = Split::Test),
            &images(content),
        ];
        let keys: std::collections::BTreeSet<String> = changes
            .iter()
            .map(|change| {
                let mut changed = protocol();
                change(&mut changed);
                changed.key().to_string()
            })
            .collect();
        assert_eq!(keys.len(), changes.len());
        // Of images whose content is known, the number need not be.
        let mut known = protocol();
        images(content)(&mut known);
        let mut uncounted = known.clone();
        images(|set| set.count = None)(&mut uncounted);
        assert_eq!(known.key(), uncounted.key());
        assert_eq!(
            known.to_string(),
            "measured, inherited weights, f32, recalibrated on 60 training images, on 400 validation images"
        );
    }

    #[test]
    fn what_was_counted_has_a_standard_error() {
        assert_eq!(protocol().standard_error(0.5), Some(0.025));
        let predicted = EvaluationProtocol {
            kind: ProvenanceKind::Predicted,
            ..protocol()
        };
        assert_eq!(predicted.standard_error(0.5), None);
    }
}
