//! Latencies that others published, and the networks they are of.

pub mod networks;

use networks as n;
use panarch_cost::matrix_efficiency::PUBLISHED_ON_ASCEND_310;
use panarch_graph::Network;

/// A network with the MACs that its publication states, in millions, where it states them.
pub struct Case {
    pub name: &'static str,
    pub network: Network,
    pub published_mmacs: Option<f64>,
    /// Published latency in milliseconds.
    pub latency_ms: f64,
}

fn case(name: &'static str, network: Network, mmacs: impl Into<Option<f64>>, latency_ms: f64) -> Case {
    Case {
        name,
        network,
        published_mmacs: mmacs.into(),
        latency_ms,
    }
}

fn efficientnet_s() -> Network {
    n::efficientnet_edgetpu(1.0, 1.0, 224)
}

fn efficientnet_m() -> Network {
    n::efficientnet_edgetpu(1.0, 1.1, 240)
}

fn efficientnet_l() -> Network {
    n::efficientnet_edgetpu(1.2, 1.4, 300)
}

fn lites(latencies_ms: &[f64]) -> Vec<Case> {
    let scales = [
        ("efficientnet-lite0", 1.0, 1.0, 224, 407.0),
        ("efficientnet-lite1", 1.0, 1.1, 240, 631.0),
        ("efficientnet-lite2", 1.1, 1.2, 260, 899.0),
        ("efficientnet-lite3", 1.2, 1.4, 280, 1440.0),
        ("efficientnet-lite4", 1.4, 1.8, 300, 2640.0),
    ];
    scales
        .into_iter()
        .zip(latencies_ms)
        .map(|((name, width, depth, pixels, mmacs), ms)| {
            case(name, n::efficientnet_lite(width, depth, pixels), mmacs, *ms)
        })
        .collect()
}

/// Coral Edge TPU over USB 3 (coral.ai benchmark and model pages).
pub fn coral() -> Vec<Case> {
    vec![
        case("mobilenet-v1", n::mobilenet_v1(), 569.0, 2.4),
        case("mobilenet-v2", n::mobilenet_v2(), 300.8, 2.6),
        case("efficientnet-edgetpu-s", efficientnet_s(), 1790.0, 5.1),
        case("efficientnet-edgetpu-m", efficientnet_m(), 3010.0, 8.7),
        case("efficientnet-edgetpu-l", efficientnet_l(), 7940.0, 21.3),
        case(
            "resnet50-v1-299",
            n::resnet_v1_bottleneck([3, 4, 6, 3], 299),
            None,
            49.0,
        ),
        case("vgg16", n::vgg([2, 2, 3, 3, 3]), None, 296.0),
        case("vgg19", n::vgg([2, 2, 4, 4, 4]), None, 308.0),
    ]
}

/// Cortex-A53 of the Coral development board, int8 (same pages).
///
/// The EfficientNets of that column are left out: on the page's desktop processor they take 5.4 and 8.5 seconds, so they ran
/// on kernels that nobody had optimised.
pub fn cortex_a53() -> Vec<Case> {
    vec![
        case("mobilenet-v1", n::mobilenet_v1(), 569.0, 164.0),
        case("mobilenet-v2", n::mobilenet_v2(), 300.8, 122.0),
        case(
            "resnet50-v1-299",
            n::resnet_v1_bottleneck([3, 4, 6, 3], 299),
            None,
            1763.0,
        ),
        case("vgg16", n::vgg([2, 2, 3, 3, 3]), None, 4595.0),
        case("vgg19", n::vgg([2, 2, 4, 4, 4]), None, 5538.0),
    ]
}

/// Edge TPU of a Pixel 4, int8 (tensorflow/models slim and tensorflow/tpu EfficientNet-lite tables).
pub fn pixel4_edgetpu() -> Vec<Case> {
    let mut cases = vec![
        case("mobilenet-edgetpu-0.75", n::mobilenet_edgetpu(0.75), 624.0, 3.1),
        case("mobilenet-edgetpu-1.0", n::mobilenet_edgetpu(1.0), 990.0, 3.6),
    ];
    cases.extend(lites(&[3.8, 5.4, 7.9, 9.7]));
    cases
}

/// GPU of a Pixel 4, 16-bit floats (EfficientNet-lite table).
pub fn pixel4_gpu() -> Vec<Case> {
    lites(&[6.0, 8.0, 10.0, 14.0, 21.0])
}

/// CPU of a Pixel 4, int8, four threads (EfficientNet-lite table).
pub fn pixel4_cpu() -> Vec<Case> {
    lites(&[6.5, 9.1, 12.0, 18.0, 30.0])
}

/// Ascend 310, f16, per image of a batch of 16 (ISyNet repository).
pub fn ascend310() -> Vec<Case> {
    const N1_2: &[(u32, u32)] = &[(3, 128), (3, 128), (3, 128)];
    const N1_3: &[(u32, u32)] = &[(3, 256), (1, 256), (3, 128)];
    const N1_4: &[(u32, u32)] = &[(1, 256), (1, 256), (1, 256)];
    let n1 = |depths: [u32; 3]| {
        n::isynet([
            (&[(7, 16)], 1, false, false),
            (&[(15, 32), (1, 32), (3, 32), (5, 32)], 1, false, false),
            (N1_2, depths[0], true, false),
            (N1_3, depths[1], true, false),
            (N1_4, depths[2], true, false),
        ])
    };
    let n0 = n::isynet([
        (&[(5, 16)], 1, false, false),
        (&[(3, 32), (3, 32)], 2, true, false),
        (&[(3, 64), (3, 64), (3, 64), (1, 64)], 4, true, false),
        (&[(1, 128), (3, 128)], 2, true, true),
        (&[(3, 256), (3, 256), (1, 256)], 6, true, false),
    ]);
    let n2 = n::isynet([
        (&[(3, 16), (7, 16), (7, 16)], 1, false, false),
        (&[(5, 64), (3, 64), (3, 32)], 3, false, true),
        (&[(3, 64), (3, 64)], 4, true, false),
        (&[(3, 256), (1, 256)], 17, true, false),
        (&[(1, 1024), (1, 1024), (1, 1024)], 2, true, false),
    ]);
    let n3 = n::isynet([
        (&[(5, 32), (7, 32)], 1, false, false),
        (&[(3, 64), (3, 64)], 5, true, false),
        (&[(3, 128), (13, 128), (3, 128), (3, 128)], 3, true, false),
        (&[(13, 256), (1, 256), (3, 256)], 13, true, true),
        (&[(1, 1024), (1, 1024), (1, 1024)], 1, true, false),
    ]);
    let latency_ms = |name: &str| {
        let mut published = PUBLISHED_ON_ASCEND_310.iter();
        let found = published.find(|(known, _)| *known == name);
        found.expect("a published latency").1.millis()
    };
    vec![
        case("isynet-n0", n0, 893.0, latency_ms("isynet-n0")),
        case("isynet-n1", n1([4, 6, 1]), 2271.0, latency_ms("isynet-n1")),
        case("isynet-n1-s1", n1([4, 6, 3]), 2290.0, latency_ms("isynet-n1-s1")),
        case("isynet-n1-s2", n1([5, 6, 6]), 2666.0, latency_ms("isynet-n1-s2")),
        case("isynet-n1-s3", n1([6, 8, 7]), 3279.0, latency_ms("isynet-n1-s3")),
        case("isynet-n2", n2, 3891.0, latency_ms("isynet-n2")),
        case("isynet-n3", n3, 5825.0, latency_ms("isynet-n3")),
        case(
            "resnet-18",
            n::resnet_basic([2, 2, 2, 2], 224),
            1814.0,
            latency_ms("resnet-18"),
        ),
        case(
            "resnet-34",
            n::resnet_basic([3, 4, 6, 3], 224),
            3664.0,
            latency_ms("resnet-34"),
        ),
        case(
            "resnet-50",
            n::resnet_bottleneck([3, 4, 6, 3], 224),
            4089.0,
            latency_ms("resnet-50"),
        ),
    ]
}

/// Every device with published latencies, by the name of its profile.
pub fn devices() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("cortex-a53", cortex_a53()),
        ("edgetpu-coral", coral()),
        ("edgetpu-pixel4", pixel4_edgetpu()),
        ("mobile-gpu", pixel4_gpu()),
        ("mobile-cpu", pixel4_cpu()),
        ("ascend-310", ascend310()),
    ]
}

/// Mean of |estimate / published − 1|.
pub fn mean_error(pairs: &[(f64, f64)]) -> f64 {
    pairs
        .iter()
        .map(|(estimate, published)| (estimate / published - 1.0).abs())
        .sum::<f64>()
        / pairs.len() as f64
}
