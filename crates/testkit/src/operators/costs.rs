//! Every kind of cost model, and what each must say of an operator.

use std::sync::Arc;

use panarch_cost::{CostError, CostSource, DeviceProfile, Model};
use panarch_graph::{ContentHash, Latency, Network, NodeId, Precision, Provenance, ProvenanceKind, fused_layers};
use panarch_predict::{LatencyTable, TableCostSource, TableEntry, TableHeader, blocks};

use super::suite::{Answer, refused};

/// A kind of cost model, with a device that it answers for.
#[derive(Clone)]
pub struct CostKind {
    /// What the table calls it.
    pub name: &'static str,
    /// The preset whose figures it computes with; none for a table, which is made of the network's own blocks.
    pub device: Option<&'static str>,
    /// What answers; none for a table.
    pub source: Option<Arc<dyn CostSource>>,
}

/// Every kind of cost model that needs no machine and no program.
///
/// # Panics
/// When a preset cannot be opened.
#[must_use]
pub fn cost_kinds() -> Vec<CostKind> {
    let opened =
        |name: &'static str, device: &'static str, profile: Result<DeviceProfile, String>, model: Option<Model>| {
            let source = profile.and_then(|profile| {
                let opened = match model {
                    Some(model) => profile.model(model),
                    None => profile.cost_source(),
                };
                opened.map_err(|error| error.to_string())
            });
            CostKind {
                name,
                device: Some(device),
                source: Some(Arc::from(source.unwrap_or_else(|error| panic!("{device}: {error}")))),
            }
        };
    let with = |name, device, model| {
        let profile = DeviceProfile::preset(device).map_err(|error| error.to_string());
        opened(name, device, profile, model)
    };
    let derived = "base = \"edgetpu-v1\"\nfallback = \"mobile-cpu\"\n";
    let derived = DeviceProfile::from_toml("edgetpu-v1-with-cpu.toml", derived).map_err(|error| error.to_string());
    vec![
        with("analytic, cube", "cube-16", Some(Model::Analytic)),
        with("analytic, lanes", "mobile-cpu", Some(Model::Analytic)),
        with("analytic, few operators", "edgetpu-v1", Some(Model::Analytic)),
        with("analytic, systolic", "systolic-32", Some(Model::Analytic)),
        with("cycle simulator", "systolic-32", Some(Model::Cycle)),
        with("mapper", "zigzag-edge-tpu", None),
        with("Ethos-U compiler", "ethos-u55-256", Some(Model::Analytic)),
        opened("fallback", "edgetpu-v1 with mobile-cpu", derived, Some(Model::Analytic)),
        CostKind {
            name: "table of blocks",
            device: None,
            source: None,
        },
    ]
}

/// What a kind of cost model says of the node that a case is about: something, or a refusal by name.
pub(super) fn answer(kind: &CostKind, network: &Network, subject: Option<NodeId>, words: &[&str]) -> Answer {
    let asked = match &kind.source {
        Some(source) => source.estimate(std::slice::from_ref(network)),
        None => match table(network) {
            Ok(table) => table.estimate(std::slice::from_ref(network)),
            Err(error) => return refused(&error, words),
        },
    };
    let cost = match asked.into_iter().next() {
        Some(Ok(cost)) => cost,
        Some(Err(CostError::Unsupported { refused: reason, .. })) => return refused(&reason.to_string(), words),
        Some(Err(error)) => return refused(&error.to_string(), words),
        None => return Answer::Wrong("no answer".to_owned()),
    };
    if !(cost.latency.value > cost.fixed && cost.latency.value.seconds().is_finite()) {
        return Answer::Wrong(format!("nothing beyond the fixed {:?}", cost.fixed));
    }
    let Some(subject) = subject.filter(|id| !network.node(*id).op.only_reshapes()) else {
        return Answer::Yes;
    };
    let own = fused_layers(network)
        .into_iter()
        .find(|layer| layer.nodes.contains(&subject));
    let own = own.map(|layer| layer.name).unwrap_or_default();
    // Of a layer in two parts, the second has the name of its own first node.
    let names = [own.as_str(), network.node(subject).name.as_str()];
    let mut parts = cost
        .per_layer
        .iter()
        .filter(|layer| names.contains(&layer.name.as_str()));
    // A table knows blocks, not layers.
    if kind.source.is_some() && !parts.any(|layer| layer.latency > Latency::ZERO) {
        return Answer::Wrong(format!("the layer `{own}` takes no time"));
    }
    Answer::Yes
}

/// A table that has a millisecond for each block of a network.
fn table(network: &Network) -> Result<TableCostSource, String> {
    let entry = TableEntry {
        mean: Latency::from_seconds(1e-3),
        standard_deviation: Latency::ZERO,
        count: Some(1),
    };
    let known = blocks(network).map_err(|error| error.to_string())?;
    let mut keys: Vec<String> = known.iter().map(|block| LatencyTable::key_of(&block.network)).collect();
    keys.sort();
    keys.dedup();
    let hash = ContentHash::plain(b"operators");
    let header = TableHeader {
        origin: Provenance {
            kind: ProvenanceKind::Quoted,
            device: "a table".to_owned(),
            tool: "the suite of operators".to_owned(),
            version: "1".to_owned(),
            precision: Precision::Int8,
            batch: 1,
            repeats: None,
            note: None,
        },
        space: "operators".to_owned(),
        space_hash: hash,
        device_hash: hash,
        resolution: network.input_shape().height,
        classes: network.shape(network.output()).channels,
        input_channels: network.input_shape().channels,
        asked: 1,
        fixed: Latency::ZERO,
        model_error: 0.0,
        anchor: None,
        anchor_spread: None,
        check: None,
    };
    let entries = keys.into_iter().map(|key| (key, entry)).collect();
    let table = LatencyTable::new(header, entries).map_err(|error| error.to_string())?;
    Ok(TableCostSource::new(
        "a table",
        Precision::Int8,
        1,
        table,
        "the suite of operators",
        hash,
    ))
}
