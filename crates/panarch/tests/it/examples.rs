//! The examples of the library, run as a user would run them.

#[path = "../../examples/cost_source.rs"]
mod cost_source;
#[path = "../../examples/space_and_device.rs"]
mod space_and_device;
#[path = "../../examples/strategy.rs"]
mod strategy;
#[path = "../../examples/train_search_export.rs"]
#[allow(dead_code)]
mod train_search_export;

#[test]
fn a_space_and_a_device() {
    space_and_device::main().unwrap();
}

#[test]
fn a_cost_source() {
    cost_source::main().unwrap();
}

#[test]
fn a_strategy() {
    strategy::main().unwrap();
}

#[test]
fn the_whole_way() {
    let folder = tempfile::tempdir().unwrap();
    train_search_export::whole_way(folder.path()).unwrap();
    assert!(folder.path().join("run/report.html").is_file());
}
