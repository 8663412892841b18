//! What `Space::describe` says.

use panarch_space::{Condition, Space};

use crate::fixtures::space;

#[test]
fn conditions_of_the_small_edgetpu_space() {
    let space = Space::preset("edgetpu-small").unwrap();
    let description = space.describe();
    let active_when = |name: &str| {
        let row = description.decisions.iter().find(|row| row.name == name).unwrap();
        row.active_when.join(" and ")
    };
    assert_eq!(active_when("stage1.depth"), "");
    assert_eq!(active_when("stage1.width"), "");
    assert_eq!(
        active_when("stage1.block1.kernel"),
        "stage1.block1.operator = inverted-bottleneck"
    );
    assert_eq!(active_when("stage1.block2.expansion"), "stage1.depth = 2");
    assert_eq!(
        active_when("stage1.block2.kernel"),
        "stage1.depth = 2 and stage1.block2.operator = inverted-bottleneck"
    );
    assert_eq!(active_when("stage3.block2.kernel"), "stage3.depth in {2, 3}");
    assert_eq!(description.places.len(), 1 + 2 + 2 + 3 + 3);
    assert_eq!(description.places[1].width, ["8", "16"]);
    assert_eq!(description.places[1].operators[1].kernel, ["3"]);
    assert_eq!(description.references[0].name, "mobilenet-v2-like");
}

#[test]
fn conditions_of_everything() {
    let space = space("everything");
    let of = |name: &str| {
        let position = space.decision(name).unwrap();
        space.decisions()[position].conditions.clone()
    };
    assert!(of("middle.block2.residual").contains(&Condition::ResidualFits));
    // A choice of the whole stage matters when any of its blocks asks for it.
    let texts: Vec<String> = of("stage1.expansion").iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["stage1.depth in {1, 2}"]);
    let names: Vec<&str> = space.decisions().iter().map(|it| it.name.as_str()).collect();
    for name in [
        "stem.operator",
        "last.block1.fused.kernel",
        "last.activation",
        "middle.block1.expansion",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // One width, one expansion, stride 2: nothing to choose.
    for name in ["stage1.width", "middle.block2.expansion", "last.block1.residual"] {
        assert!(!names.contains(&name), "{name} in {names:?}");
    }
}

#[test]
fn ties() {
    let description = space("tied").describe();
    let row = |name: &str| description.decisions.iter().find(|row| row.name == name);
    assert_eq!(
        row("stage1.depth").unwrap().drives,
        [
            "stage1.block1.expansion",
            "stage1.block2.expansion",
            "stage1.block3.expansion",
            "stage3.kernel"
        ]
    );
    assert!(row("stage1.block1.expansion").is_none());
}

#[test]
fn json() {
    let description = Space::preset("multi-hardware-small").unwrap().describe();
    let json = serde_json::to_value(&description).unwrap();
    assert_eq!(json["default_resolution_px"], 28);
    assert_eq!(json["decisions"][0]["name"], "stage1.depth");
    assert_eq!(json["decisions"][0]["choices"][1], "2");
}
