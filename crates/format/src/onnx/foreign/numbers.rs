//! Numbers that no weight may be are refused where they enter, by the file's own name of the tensor and the place.

use super::super::messages::{AttributeProto, BFLOAT16, DOUBLE, FLOAT16, NodeProto, TensorProto, attribute_type};
use super::super::tensor::from_f32;
use super::tests::{ints, model, node, read, refusal, weight};

/// 108 values of which one is wrong, [1, 1, 0, 2] of [4, 3, 3, 3].
fn spoiled(value: f32) -> Vec<f32> {
    let mut values = vec![0.5; 108];
    values[27 + 9 + 2] = value;
    values
}

fn convolution() -> Vec<NodeProto> {
    vec![
        node("Conv", &["x", "w"], "a", Vec::new()),
        node("Relu", &["a"], "y", Vec::new()),
    ]
}

fn tensor(name: &str, dims: &[i64], data_type: i32, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(data_type),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

#[test]
fn weights_of_every_float_type() {
    let shape = [4, 3, 3, 3];
    for (value, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let half = |value: f32| -> u16 {
            if value.is_nan() {
                0x7e01
            } else if value.is_infinite() {
                if value > 0.0 { 0x7c00 } else { 0xfc00 }
            } else {
                0x3800
            }
        };
        let values = spoiled(value);
        let cases = [
            from_f32("w", &[4, 3, 3, 3], &values),
            TensorProto {
                float_data: values.clone(),
                raw_data: None,
                ..from_f32("w", &[4, 3, 3, 3], &[])
            },
            tensor(
                "w",
                &shape,
                FLOAT16,
                values.iter().flat_map(|v| half(*v).to_le_bytes()).collect(),
            ),
            tensor(
                "w",
                &shape,
                BFLOAT16,
                values
                    .iter()
                    .flat_map(|v| ((v.to_bits() >> 16) as u16).to_le_bytes())
                    .collect(),
            ),
            tensor(
                "w",
                &shape,
                DOUBLE,
                values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
            ),
        ];
        for case in cases {
            let error = refusal(convolution(), vec![case]);
            assert!(
                error.contains("`w`") && error.contains("[1, 1, 0, 2]") && error.contains(word),
                "{error}"
            );
        }
    }
    // Finite as f64, infinite as f32.
    let mut wide: Vec<f64> = vec![0.5; 108];
    wide[0] = 1e300;
    let raw = wide.iter().flat_map(|value| value.to_le_bytes()).collect();
    let error = refusal(convolution(), vec![tensor("w", &shape, DOUBLE, raw)]);
    assert!(error.contains("`w`") && error.contains("[0, 0, 0, 0]"), "{error}");
    assert!(read(&model(convolution(), vec![weight()])).is_ok());
}

#[test]
fn biases_and_every_parameter_of_batch_normalisation() {
    let names = ["scale", "shift", "mean", "variance"];
    let nodes = vec![
        node("Conv", &["x", "w", "b"], "a", Vec::new()),
        node(
            "BatchNormalization",
            &["a", "scale", "shift", "mean", "variance"],
            "y",
            Vec::new(),
        ),
    ];
    let all = |wrong: &str, value: f32| -> Vec<TensorProto> {
        let vector = |name: &str| {
            let mut values = [1.0_f32; 4];
            if name == wrong {
                values[2] = value;
            }
            from_f32(name, &[4], &values)
        };
        let vectors = ["b"].iter().chain(&names).map(|name| vector(name));
        std::iter::once(weight()).chain(vectors).collect()
    };
    assert!(read(&model(nodes.clone(), all("", 0.0))).is_ok());
    assert!(
        read(&model(nodes.clone(), all("variance", 0.0))).is_ok(),
        "a variance may be 0"
    );
    for name in ["b", "scale", "shift", "mean", "variance"] {
        for value in [f32::NAN, f32::INFINITY] {
            let error = refusal(nodes.clone(), all(name, value));
            assert!(error.contains(&format!("`{name}`")) && error.contains("[2]"), "{error}");
        }
    }
    let error = refusal(nodes.clone(), all("variance", -1e-6));
    assert!(
        error.contains("`variance`") && error.contains("[2]") && error.contains("negative"),
        "{error}"
    );
    // Everything else may be negative.
    for name in ["b", "scale", "shift", "mean"] {
        assert!(read(&model(nodes.clone(), all(name, -2.0))).is_ok(), "{name}");
    }
}

#[test]
fn constants_inside_the_graph() {
    let constant = |value: AttributeProto| {
        vec![
            NodeProto {
                attribute: vec![value],
                ..node("Constant", &[], "c", Vec::new())
            },
            node("Conv", &["x", "w"], "a", Vec::new()),
            node("Add", &["a", "c"], "y", Vec::new()),
        ]
    };
    let floats = |values: &[f32]| AttributeProto {
        name: Some("value_floats".to_owned()),
        floats: values.to_vec(),
        r#type: Some(attribute_type::FLOATS),
        ..AttributeProto::default()
    };
    let float = |value: f32| AttributeProto {
        name: Some("value_float".to_owned()),
        f: Some(value),
        r#type: Some(attribute_type::FLOAT),
        ..AttributeProto::default()
    };
    let whole = |values: &[f32]| AttributeProto {
        name: Some("value".to_owned()),
        t: Some(TensorProto {
            name: None,
            ..from_f32("", &[1, 4, 1, 1], values)
        }),
        r#type: Some(attribute_type::TENSOR),
        ..AttributeProto::default()
    };
    assert!(read(&model(constant(float(0.5)), vec![weight()])).is_ok());
    for value in [
        float(f32::NAN),
        floats(&[f32::NAN]),
        whole(&[0.0, f32::NAN, 0.0, 0.0]),
        whole(&[0.0, 0.0, f32::INFINITY, 0.0]),
    ] {
        let error = refusal(constant(value), vec![weight()]);
        assert!(error.contains("`c`"), "{error}");
    }
    // One infinite number is the open end of a clip, and no weight.
    let error = refusal(constant(float(f32::INFINITY)), vec![weight()]);
    assert!(error.contains("inf"), "{error}");
    let clip = |most: f32| {
        let nodes = vec![
            node("Conv", &["x", "w"], "a", Vec::new()),
            node("Clip", &["a", "least", "most"], "y", Vec::new()),
        ];
        let bounds = [from_f32("least", &[], &[0.0]), from_f32("most", &[], &[most])];
        read(&model(nodes, std::iter::once(weight()).chain(bounds).collect()))
    };
    assert!(clip(f32::INFINITY).is_ok());
    assert!(clip(f32::NAN).unwrap_err().to_string().contains("`most`"));
}

#[test]
fn what_is_computed_from_constants() {
    // The root of a negative variance.
    let nodes = vec![
        node("Sqrt", &["v"], "root", Vec::new()),
        node("Conv", &["x", "w"], "a", Vec::new()),
        node("Div", &["a", "root"], "y", Vec::new()),
    ];
    let constants = |value: f32| vec![weight(), from_f32("v", &[1, 4, 1, 1], &[1.0, 4.0, value, 1.0])];
    assert!(read(&model(nodes.clone(), constants(9.0))).is_ok());
    let error = refusal(nodes.clone(), constants(-1.0));
    assert!(error.contains("`root`") && error.contains("[0, 2, 0, 0]"), "{error}");
    assert!(read(&model(nodes, constants(0.0))).is_err(), "a division by 0");
}

#[test]
fn scales_of_quantised_weights() {
    let nodes = vec![
        node("DequantizeLinear", &["q", "s"], "w", vec![super::tests::int("axis", 0)]),
        node("Conv", &["x", "w"], "a", vec![ints("strides", &[1, 1])]),
        node("Relu", &["a"], "y", Vec::new()),
    ];
    let constants = |scales: &[f32]| {
        vec![
            tensor("q", &[4, 3, 3, 3], super::super::messages::INT8, vec![3; 108]),
            from_f32("s", &[scales.len()], scales),
        ]
    };
    assert!(read(&model(nodes.clone(), constants(&[0.1, 0.2, 0.3, 0.4]))).is_ok());
    for value in [0.0, -0.5, f32::NAN, f32::INFINITY] {
        let error = refusal(nodes.clone(), constants(&[0.1, 0.2, value, 0.4]));
        assert!(error.contains("[2]"), "{error}");
    }
}

#[test]
fn small_integers_that_are_none() {
    for (data_type, value) in [
        (super::super::messages::UINT8, 256),
        (super::super::messages::INT8, 200),
        (FLOAT16, 1 << 16),
        (BFLOAT16, -1),
    ] {
        let mut listed = vec![0; 108];
        listed[7] = value;
        let w = TensorProto {
            int32_data: listed,
            raw_data: None,
            ..tensor("w", &[4, 3, 3, 3], data_type, Vec::new())
        };
        let error = refusal(convolution(), vec![w]);
        assert!(error.contains("`w`") && error.contains(&value.to_string()), "{error}");
    }
}
