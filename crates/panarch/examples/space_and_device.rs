//! A search space and a device, both written down as TOML, and what the members of one cost on the other.

use panarch::cost::DeviceProfile;
use panarch::device_source;
use panarch::graph::stream;
use panarch::space::{Head, Space};

/// MobileNet-like blocks: kernel, expansion, depth and width are to be chosen.
const SPACE: &str = r#"
name = "my-space"
version = 1
description = "Two stages for small pictures"
resolutions = [32]
default_resolution = 32
[block]
operator = "inverted-bottleneck"
kernel = [3, 5]
expansion = [3, 6]
activation = "relu"
[[stem]]
operator = "conv"
kernel = 3
stride = 2
width = 16
[[stage]]
depth = [1, 2, 3]
width = [16, 24]
[[stage]]
depth = [1, 2, 3]
width = [32, 48]
stride = 2
[[head]]
operator = "global-average-pool"
[[head]]
operator = "classifier"
"#;

/// A chip like `systolic-32`, with a wider array and a slower clock.
const DEVICE: &str =
    "format = 1\nbase = \"systolic-32\"\nname = \"my-chip\"\nclock.frequency_hz = \"400 MHz\"\narray.columns = 64\n";

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let space = Space::from_toml("my-space.toml", SPACE)?;
    let chip = device_source::open(&DeviceProfile::from_toml("my-chip.toml", DEVICE)?)?;
    println!("{}: {} different networks", space.name(), space.count().active);
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let mut rng = stream(1, "members", 0);
    for genotype in [space.smallest(), space.sample(&mut rng), space.largest()] {
        let network = space.lower(&genotype, head, space.default_resolution())?;
        let cost = device_source::ask(chip.as_ref(), &network, None)?;
        let (latency, kind) = (cost.latency.value, cost.provenance.kind);
        println!("{genotype}: {} MACs, {latency} ({kind})", network.macs().0);
    }
    Ok(())
}
