//! The weights of a network alone, as safetensors.

use std::collections::BTreeMap;

use panarch_format::safetensors_bytes;
use panarch_train::published::published_names;

use super::{Exported, Exporter, Names, Outgoing, weights_of};
use crate::Error;
use crate::checkpoint::WEIGHTS_FORMAT;

pub(super) const EXPORTER: Exporter = Exporter {
    extension: "safetensors",
    summary: "the weights alone",
    export,
};

fn export(outgoing: &Outgoing<'_>) -> Result<Exported, Error> {
    let network = outgoing.network;
    let (weights, notes) = weights_of(outgoing);
    let tensors = match outgoing.names {
        Names::Own => weights,
        Names::Published => {
            let renamed = published_names(network)?.into_iter();
            let renamed = renamed.filter_map(|(spec, name)| Some((name, weights.get(&spec.name)?.clone())));
            renamed.collect()
        }
    };
    let metadata = BTreeMap::from([
        ("format".to_owned(), WEIGHTS_FORMAT.to_owned()),
        ("network".to_owned(), network.name().to_owned()),
        ("hash".to_owned(), network.content_hash().to_string()),
    ]);
    Ok(Exported {
        bytes: safetensors_bytes(&tensors, &metadata)?,
        notes,
        check: None,
    })
}
