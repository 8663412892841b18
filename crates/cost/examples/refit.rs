//! Temporary.
use panarch_cost::published::PUBLISHED;
use panarch_cost::{AnalyticModel, Calibration, DeviceProfile, StartingFigure, preset_text};
use panarch_space::zoo;
fn main() {
    let all: [(&str, &[(&str, f64)]); 7] = [
        (
            "edgetpu-coral",
            &[
                ("array.utilisation", 0.5),
                ("depthwise.utilisation", 0.5),
                ("memory.off_chip_bytes_per_s", 0.5e9),
                ("overhead.inference_s", 1e-3),
            ],
        ),
        (
            "cortex-a53",
            &[("array.utilisation", 0.5), ("array.output_elements_per_cycle", 0.5)],
        ),
        (
            "edgetpu-pixel4",
            &[
                ("array.utilisation", 0.5),
                ("depthwise.utilisation", 0.5),
                ("overhead.inference_s", 1e-3),
            ],
        ),
        (
            "edgetpu-pixel6",
            &[
                ("array.utilisation", 0.5),
                ("depthwise.utilisation", 0.5),
                ("overhead.inference_s", 0.5e-3),
            ],
        ),
        (
            "mobile-gpu",
            &[("depthwise.utilisation", 0.5), ("overhead.inference_s", 1e-3)],
        ),
        (
            "mobile-cpu",
            &[("depthwise.utilisation", 0.5), ("array.output_elements_per_cycle", 5.0)],
        ),
        (
            "ascend-310",
            &[
                ("array.utilisation", 0.5),
                ("memory.off_chip_bytes_per_s", 50e9),
                ("overhead.inference_s", 20e-6),
                ("overhead.layer_s", 10e-6),
            ],
        ),
    ];
    let only = std::env::args().nth(1);
    for (name, figures) in all {
        if only.as_deref().is_some_and(|it| it != name) {
            continue;
        }
        let device = PUBLISHED.iter().find(|d| d.profile == name).unwrap();
        let nets: Vec<_> = device
            .rows
            .iter()
            .map(|row| zoo::network(row.network, 1000, row.pixels).unwrap())
            .collect();
        let cases: Vec<_> = nets.iter().zip(device.rows).map(|(n, r)| (n, r.latency)).collect();
        let text = preset_text(name).unwrap();
        let model = AnalyticModel::new(DeviceProfile::preset(name).unwrap()).unwrap();
        let errors: Vec<f64> = cases
            .iter()
            .map(|(n, l)| model.cost(n).unwrap().latency.value.seconds() / l.seconds() - 1.0)
            .collect();
        let show = |e: &[f64]| {
            format!(
                "mean {:.1} % max {:.1} %  {:?}",
                100.0 * e.iter().map(|x| x.abs()).sum::<f64>() / e.len() as f64,
                100.0 * e.iter().fold(0.0_f64, |a, x| a.max(x.abs())),
                e.iter().map(|x| (x * 1000.0).round() / 10.0).collect::<Vec<_>>()
            )
        };
        println!("{name}: as committed {}", show(&errors));
        let figures: Vec<_> = figures
            .iter()
            .map(|(p, v)| StartingFigure {
                path: (*p).to_owned(),
                value: Some(*v),
            })
            .collect();
        let fitted = Calibration::new(text, &figures, &cases).unwrap();
        let mut model2 = text.to_owned();
        for (path, value) in &fitted.figures {
            let (section, key) = path.split_once('.').unwrap();
            let mut inside = false;
            let lines: Vec<String> = model2
                .lines()
                .map(|l| {
                    if l.starts_with('[') {
                        inside = l == format!("[{section}]");
                    }
                    if inside && l.starts_with(&format!("{key} = ")) {
                        format!("{key} = {{ value = {value:e}, assumption = \"x\" }}")
                    } else {
                        l.to_owned()
                    }
                })
                .collect();
            model2 = lines.join("\n");
        }
        match DeviceProfile::from_toml("x", &model2) {
            Ok(profile) => {
                let model = AnalyticModel::new(profile).unwrap();
                let errors: Vec<f64> = cases
                    .iter()
                    .map(|(n, l)| model.cost(n).unwrap().latency.value.seconds() / l.seconds() - 1.0)
                    .collect();
                println!("   after {}", show(&errors));
            }
            Err(e) => println!("{e}"),
        }
        println!("   fitted {:?} error {}", fitted.figures, fitted.error);
    }
}
