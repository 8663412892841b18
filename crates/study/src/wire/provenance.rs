use panarch_graph::{Precision, Provenance, ProvenanceKind};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindJson {
    Measured,
    Simulated,
    Predicted,
    VendorEstimate,
    Quoted,
}

impl From<ProvenanceKind> for KindJson {
    fn from(kind: ProvenanceKind) -> Self {
        match kind {
            ProvenanceKind::Measured => Self::Measured,
            ProvenanceKind::Simulated => Self::Simulated,
            ProvenanceKind::Predicted => Self::Predicted,
            ProvenanceKind::VendorEstimate => Self::VendorEstimate,
            ProvenanceKind::Quoted => Self::Quoted,
        }
    }
}

impl From<KindJson> for ProvenanceKind {
    fn from(json: KindJson) -> Self {
        match json {
            KindJson::Measured => Self::Measured,
            KindJson::Simulated => Self::Simulated,
            KindJson::Predicted => Self::Predicted,
            KindJson::VendorEstimate => Self::VendorEstimate,
            KindJson::Quoted => Self::Quoted,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PrecisionJson {
    F32,
    F16,
    Bf16,
    Int8,
}

impl From<Precision> for PrecisionJson {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F16 => Self::F16,
            Precision::Bf16 => Self::Bf16,
            Precision::Int8 => Self::Int8,
        }
    }
}

impl From<PrecisionJson> for Precision {
    fn from(json: PrecisionJson) -> Self {
        match json {
            PrecisionJson::F32 => Self::F32,
            PrecisionJson::F16 => Self::F16,
            PrecisionJson::Bf16 => Self::Bf16,
            PrecisionJson::Int8 => Self::Int8,
        }
    }
}

/// A [`Provenance`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProvenanceJson {
    kind: KindJson,
    device: String,
    tool: String,
    tool_version: String,
    precision: PrecisionJson,
    batch: u32,
    repeats: Option<u32>,
    note: Option<String>,
}

impl From<&Provenance> for ProvenanceJson {
    fn from(provenance: &Provenance) -> Self {
        Self {
            kind: provenance.kind.into(),
            device: provenance.device.clone(),
            tool: provenance.tool.clone(),
            tool_version: provenance.version.clone(),
            precision: provenance.precision.into(),
            batch: provenance.batch,
            repeats: provenance.repeats,
            note: provenance.note.clone(),
        }
    }
}

impl From<ProvenanceJson> for Provenance {
    fn from(json: ProvenanceJson) -> Self {
        Self {
            kind: json.kind.into(),
            device: json.device,
            tool: json.tool,
            version: json.tool_version,
            precision: json.precision.into(),
            batch: json.batch,
            repeats: json.repeats,
            note: json.note,
        }
    }
}
