//! Profiles with other figures, of which the pages speak: requests to main memory that take long, depthwise mappings, and
//! the rate of a cube's vector unit.

use panarch_cost::{AnalyticModel, DeviceProfile, Model};
use panarch_graph::{Latency, Network};
use panarch_report::Table;
use panarch_space::{Head, Space, zoo};

use crate::profile_text::with;
use crate::table::shown;
use panarch_run::{Error, lookup};

/// The tables by their file names.
pub(super) fn tables() -> Result<Vec<(&'static str, Table)>, Error> {
    Ok(vec![
        ("requests.csv", requests()?),
        ("depthwise.csv", depthwise()?),
        ("cube-vector-rate.csv", cube_vector_rate()?),
    ])
}

/// A preset with other figures.
fn changed(preset: &str, figures: &[(&str, &str)]) -> Result<DeviceProfile, Error> {
    let mut text = lookup::device_text(preset)?;
    for (path, value) in figures {
        text = with(&text, path, value).ok_or_else(|| Error::Input(format!("`{preset}` has no figure {path}")))?;
    }
    Ok(DeviceProfile::from_toml("variant", &text)?)
}

fn latency(profile: &DeviceProfile, model: Model, network: &Network) -> Result<Latency, Error> {
    let mut costs = profile.model(model)?.estimate(std::slice::from_ref(network));
    let cost = costs
        .pop()
        .ok_or_else(|| Error::Input("a model said nothing".to_owned()))?;
    Ok(cost?.latency.value)
}

/// Little room for activations, so that tiles are spilled and wait for their own requests.
fn requests() -> Result<Table, Error> {
    let network = zoo::network("mobilenet-v2", 1000, 224)?;
    let mut rows = Vec::new();
    for seconds in ["0.2e-6", "1e-6", "3e-6"] {
        let figures = [
            ("memory.activation_bytes", "65536"),
            ("memory.off_chip_latency_s", seconds),
        ];
        let profile = changed("systolic-32", &figures)?;
        let ms = |model| Ok::<_, Error>(format!("{:.4}", latency(&profile, model, &network)?.millis()));
        rows.push(vec![seconds.to_owned(), ms(Model::Analytic)?, ms(Model::Cycle)?]);
    }
    let columns = ["off-chip latency (s)", "analytic (ms)", "cycle (ms)"];
    Ok(shown(
        "MobileNetV2 on systolic-32 with 64 KiB for activations",
        &columns,
        rows,
    ))
}

/// What the depthwise layers of MobileNetV2 take on a systolic array, by how they are mapped to it.
fn depthwise() -> Result<Table, Error> {
    let network = zoo::network("mobilenet-v2", 1000, 224)?;
    let mut rows = Vec::new();
    for mapping in ["per_channel", "channel_packed"] {
        // Whole folds, so that one of the two is SCALE-Sim's count.
        let figures = [
            ("depthwise.mapping", format!("\"{mapping}\"")),
            ("array.partial", "false".to_owned()),
        ];
        let figures = figures.each_ref().map(|(path, value)| (*path, value.as_str()));
        let profile = changed("systolic-32", &figures)?;
        let clock = profile.accelerator().map_or(f64::NAN, |machine| machine.clock_hz.value);
        let cost = AnalyticModel::new(profile)?.cost(&network)?;
        let layers = cost
            .per_layer
            .iter()
            .filter(|layer| layer.operator == "depthwise_conv2d");
        let cycles: f64 = layers.map(|layer| layer.compute.seconds() * clock).sum();
        rows.push(vec![mapping.to_owned(), format!("{cycles:.0}")]);
    }
    Ok(shown(
        "Depthwise layers of MobileNetV2 on systolic-32",
        &["mapping", "cycles"],
        rows,
    ))
}

/// A network that TuNAS found for the average of four devices, and the reference, on the cube as it is assumed and with a
/// vector unit four times as fast.
fn cube_vector_rate() -> Result<Table, Error> {
    const FOUND: &str = "11103-21121-30110-13130-0";
    let space = Space::preset("multi-hardware-small")?;
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let reference = space.reference("mobilenet-v2-like").cloned();
    let reference = reference.ok_or_else(|| Error::Input("the space has lost its reference".to_owned()))?;
    let networks = [space.parse_genotype(FOUND)?, reference].map(|genotype| space.lower(&genotype, head, 28));
    let [network, reference] = networks;
    let (network, reference) = (network?, reference?);
    let mut rows = Vec::new();
    for rate in ["2.7", "10.8"] {
        let profile = changed("cube-16", &[("vector.elements_per_cycle", rate)])?;
        let ms = |network| Ok::<_, Error>(format!("{:.5}", latency(&profile, Model::Analytic, network)?.millis()));
        rows.push(vec![FOUND.to_owned(), rate.to_owned(), ms(&network)?, ms(&reference)?]);
    }
    let columns = ["network", "vector elements per cycle", "latency (ms)", "reference (ms)"];
    Ok(shown("The cube's vector unit", &columns, rows))
}
