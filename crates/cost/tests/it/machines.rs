//! ZigZag's example machines.

use panarch_cost::mapper::Machine;
use panarch_cost::{DeviceProfile, MappedModel};

/// The profile of one of ZigZag's machines.
pub fn profile(name: &str) -> DeviceProfile {
    let preset = match name {
        "edge_tpu_like" => return DeviceProfile::preset("zigzag-edge-tpu").unwrap(),
        "tpu_like" => include_str!("../../examples/machines/zigzag-tpu.toml"),
        "tesla_npu_like" => include_str!("../../examples/machines/zigzag-tesla-npu.toml"),
        "ascend_like" => include_str!("../../examples/machines/zigzag-ascend.toml"),
        _ => panic!("no machine {name}"),
    };
    DeviceProfile::from_toml(name, preset).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The same in plain numbers.
pub fn named(name: &str) -> Machine {
    MappedModel::new(profile(name)).unwrap().machine().clone()
}
