//! Constants that are computed, and parts, sizes and borders that are hostile.

use super::*;

/// Weights that are standardised when the network runs, in both ways that exporters write it, are constants.
#[test]
fn standardised_weights_are_computed() {
    let values: Vec<f32> = (0..108).map(|index| ((index * 37 % 101) as f32).sin()).collect();
    let eps = 1e-3;
    let standardised = |output: usize| -> Vec<f32> {
        let row = &values[output * 27..(output + 1) * 27];
        let mean = row.iter().sum::<f32>() / 27.0;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 27.0;
        row.iter()
            .map(|value| (value - mean) / (variance + eps).sqrt())
            .collect()
    };
    let expected: Vec<f32> = (0..4).flat_map(standardised).collect();
    let stored = || from_f32("w", &[4, 3, 3, 3], &values);
    let convolution = || node("Conv", &["x", "s"], "y", Vec::new());
    let eps_attribute = AttributeProto {
        name: Some("epsilon".to_owned()),
        f: Some(eps),
        r#type: Some(attribute_type::FLOAT),
        ..AttributeProto::default()
    };
    let training = vec![
        node("Reshape", &["w", "flat"], "r", Vec::new()),
        node(
            "BatchNormalization",
            &["r", "one", "zero", "zero", "one"],
            "n",
            vec![eps_attribute, int("training_mode", 1)],
        ),
        node("Reshape", &["n", "whole"], "s", Vec::new()),
        convolution(),
    ];
    let constants = vec![
        stored(),
        from_i64("flat", &[1, 4, -1]),
        from_i64("whole", &[4, 3, 3, 3]),
        from_f32("one", &[4], &[1.0; 4]),
        from_f32("zero", &[4], &[0.0; 4]),
    ];
    let spelled = vec![
        node(
            "ReduceMean",
            &["w"],
            "mean",
            vec![ints("axes", &[1, 2, 3]), int("keepdims", 1)],
        ),
        node("Sub", &["w", "mean"], "centred", Vec::new()),
        node("Mul", &["centred", "centred"], "square", Vec::new()),
        node(
            "ReduceMean",
            &["square"],
            "variance",
            vec![ints("axes", &[-1, 2, 1]), int("keepdims", 1)],
        ),
        node("Add", &["variance", "eps"], "raised", Vec::new()),
        node("Sqrt", &["raised"], "root", Vec::new()),
        node("Expand", &["root", "whole"], "wide", Vec::new()),
        node("Div", &["centred", "wide"], "s", Vec::new()),
        convolution(),
    ];
    let others = vec![stored(), from_f32("eps", &[], &[eps]), from_i64("whole", &[4, 3, 3, 3])];
    for (nodes, constants) in [(training, constants), (spelled, others)] {
        let read = read(&model(nodes, constants)).unwrap();
        let found = &read.weights.get("y.weight").unwrap().data;
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
    }
}

/// Sizes that come from outside are errors before anything is allocated.
#[test]
fn hostile_parts_and_sizes_are_errors() {
    let many = |name: &str, values: &[i64]| from_i64(name, values);
    let slice = |starts: i64, ends: i64, axes: i64, steps: i64| {
        let constants = vec![
            many("a", &[starts]),
            many("b", &[ends]),
            many("c", &[axes]),
            many("d", &[steps]),
        ];
        (
            vec![node("Slice", &["x", "a", "b", "c", "d"], "y", Vec::new())],
            constants,
        )
    };
    let resize = |sizes: &[i64]| {
        let nodes = vec![node("Resize", &["x", "", "", "a"], "y", vec![text("mode", "nearest")])];
        (nodes, vec![many("a", sizes)])
    };
    let scales = |scales: &[f32]| {
        let nodes = vec![node("Resize", &["x", "", "a"], "y", vec![text("mode", "linear")])];
        (nodes, vec![from_f32("a", &[scales.len()], scales)])
    };
    let split = |sizes: &[i64]| {
        let mut parts = node("Split", &["x", "a"], "y", vec![int("axis", 1)]);
        parts.output.push("z".to_owned());
        (vec![parts], vec![many("a", sizes)])
    };
    let pad = |mode: &str, sides: &[i64]| {
        let nodes = vec![node("Pad", &["x", "a"], "y", vec![text("mode", mode)])];
        (nodes, vec![many("a", sides)])
    };
    let cases = [
        slice(3, 3, 1, 1),
        slice(0, i64::MAX, 1, 0),
        slice(0, i64::MAX, 1, i64::MIN),
        slice(0, i64::MAX, 1, i64::MAX),
        slice(0, 1, 9, 1),
        slice(i64::MIN, i64::MIN, 3, 1),
        resize(&[1, 3, i64::MAX, 8]),
        resize(&[1, 3, -1, 8]),
        resize(&[1, 3, 1 << 20, 8]),
        resize(&[1, 9, 8, 8]),
        resize(&[1, 3]),
        scales(&[1.0, 1.0, f32::NAN, 1.0]),
        scales(&[1.0, 1.0, f32::INFINITY, 1.0]),
        scales(&[1.0, 1.0, 1e-9, 1.0]),
        split(&[i64::MAX, i64::MAX]),
        split(&[-1, 4]),
        split(&[1, 1]),
        pad("reflect", &[0, 0, 8, 0, 0, 0, 0, 0]),
        pad("edge", &[0, 0, i64::MAX, 0, 0, 0, 0, 0]),
        pad("constant", &[0, 0, i64::MIN, 0, 0, 0, 0, 0]),
        pad("constant", &[0, 0, -4, 0, 0, 0, -4, 0]),
        pad("wrap", &[0, 0, 1, 0, 0, 0, 0, 0]),
    ];
    for (index, (nodes, constants)) in cases.into_iter().enumerate() {
        let (operator, mut model) = (nodes[0].op_type.clone().unwrap(), model(nodes, constants));
        model.graph.as_mut().unwrap().output = vec![value("y", &[0, 0, 0, 0])];
        let error = read(&model).unwrap_err().to_string();
        assert!(
            error.contains("`y`") && error.contains(&operator)
                || error.contains("node `y`")
                || error.contains("tensor `a`"),
            "{index}: {error}"
        );
    }
}
