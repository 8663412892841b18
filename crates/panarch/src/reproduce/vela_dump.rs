//! Our own models of Ethos-U accelerators against the vendor's compiler, Vela, on networks that they were not fitted to.

use std::path::Path;

use panarch_cost::Cost;
use panarch_report::Table;

use crate::run::Watch;
use crate::{Error, device_source, lookup};

use super::vela::sample::{Member, draw};

/// Networks that the compiler is asked about at once.
const TOGETHER: usize = 4;

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    for (device, count) in [(
        std::env::var("D").unwrap().leak() as &str,
        std::env::var("N").unwrap().parse::<usize>().unwrap(),
    )] {
        let members = draw(count, 30)?;
        let costs = ask(device, &members, watch)?;
        let profile = lookup::device(device)?;
        let mut out = String::from("[");
        for (m, c) in members.iter().zip(&costs) {
            let ours = lookup::modelled_cost(&profile, panarch_cost::Model::Analytic, &m.network).ok();
            let cyc = lookup::modelled_cost(&profile, panarch_cost::Model::Cycle, &m.network).ok();
            let inputs: std::collections::HashMap<&str, Vec<u64>> = panarch_graph::fused_layers(&m.network)
                .iter()
                .map(|l| {
                    let node = m.network.node(l.anchor);
                    let mut v: Vec<u64> = node
                        .inputs
                        .iter()
                        .flat_map(|i| {
                            let s = m.network.shape(*i);
                            [u64::from(s.channels), u64::from(s.height), u64::from(s.width)]
                        })
                        .collect();
                    if let panarch_graph::Op::Conv2d(conv) = &node.op {
                        v.extend([
                            u64::from(conv.kernel[0]),
                            u64::from(conv.stride[0]),
                            u64::from(conv.groups),
                        ]);
                    }
                    let name: &str = Box::leak(l.name.clone().into_boxed_str());
                    (name, v)
                })
                .collect();
            out += &format!(
                "{{\"space\":\"{}\",\"genotype\":\"{}\",\"resolution\":{},\"training\":{},\"macs\":{},\"vela\":{},\"ours\":{},\"cycle\":{},\"inputs\":{}}},\n",
                m.space,
                m.genotype,
                m.resolution,
                m.training,
                m.network.macs().0,
                serde_json::to_string(c).unwrap(),
                serde_json::to_string(&ours).unwrap(),
                serde_json::to_string(&cyc).unwrap(),
                serde_json::to_string(&inputs).unwrap()
            );
        }
        out.truncate(out.len() - 2);
        out += "]";
        std::fs::write(folder.join(format!("{device}.json")), out).unwrap();
    }
    Ok(vec![])
}

fn ask(device: &str, members: &[Member], watch: &mut Watch<'_>) -> Result<Vec<Cost>, Error> {
    let open = device_source::open(&lookup::device(device)?)?;
    watch.step(format!(
        "Asking the compiler about {} networks on {device}",
        members.len()
    ));
    let mut costs = Vec::with_capacity(members.len());
    for some in members.chunks(TOGETHER) {
        if watch.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let networks: Vec<_> = some.iter().map(|it| it.network.clone()).collect();
        for answer in open.source.estimate(&networks) {
            costs.push(answer?);
        }
        watch.progress(costs.len() as u64, members.len() as u64, "networks", "");
    }
    watch.done(format!("{} answers", costs.len()));
    Ok(costs)
}
