use panarch_graph::ContentHash;
use serde::{Deserialize, Serialize};

use super::provenance::{KindJson, PrecisionJson};
use crate::{EvaluationProtocol, ImageSet, Split, WeightOrigin};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WeightsJson {
    Inherited,
    FineTuned,
    Own,
    Published,
    Unstated,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SplitJson {
    Training,
    Validation,
    Test,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImagesJson {
    split: SplitJson,
    count: Option<u64>,
    content: Option<ContentHash>,
}

/// An [`EvaluationProtocol`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtocolJson {
    kind: KindJson,
    weights: WeightsJson,
    precision: PrecisionJson,
    recalibration: Option<ImagesJson>,
    images: Option<ImagesJson>,
}

impl From<ImageSet> for ImagesJson {
    fn from(images: ImageSet) -> Self {
        Self {
            split: match images.split {
                Split::Training => SplitJson::Training,
                Split::Validation => SplitJson::Validation,
                Split::Test => SplitJson::Test,
            },
            count: images.count,
            content: images.content,
        }
    }
}

impl From<ImagesJson> for ImageSet {
    fn from(json: ImagesJson) -> Self {
        Self {
            split: match json.split {
                SplitJson::Training => Split::Training,
                SplitJson::Validation => Split::Validation,
                SplitJson::Test => Split::Test,
            },
            count: json.count,
            content: json.content,
        }
    }
}

impl From<&EvaluationProtocol> for ProtocolJson {
    fn from(protocol: &EvaluationProtocol) -> Self {
        Self {
            kind: protocol.kind.into(),
            weights: match protocol.weights {
                WeightOrigin::Inherited => WeightsJson::Inherited,
                WeightOrigin::FineTuned => WeightsJson::FineTuned,
                WeightOrigin::Own => WeightsJson::Own,
                WeightOrigin::Published => WeightsJson::Published,
                WeightOrigin::Unstated => WeightsJson::Unstated,
            },
            precision: protocol.precision.into(),
            recalibration: protocol.recalibration.map(Into::into),
            images: protocol.images.map(Into::into),
        }
    }
}

impl From<ProtocolJson> for EvaluationProtocol {
    fn from(json: ProtocolJson) -> Self {
        Self {
            kind: json.kind.into(),
            weights: match json.weights {
                WeightsJson::Inherited => WeightOrigin::Inherited,
                WeightsJson::FineTuned => WeightOrigin::FineTuned,
                WeightsJson::Own => WeightOrigin::Own,
                WeightsJson::Published => WeightOrigin::Published,
                WeightsJson::Unstated => WeightOrigin::Unstated,
            },
            precision: json.precision.into(),
            recalibration: json.recalibration.map(Into::into),
            images: json.images.map(Into::into),
        }
    }
}
