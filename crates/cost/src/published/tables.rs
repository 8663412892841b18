use panarch_graph::{Latency, Macs};

use super::{PublishedDevice, PublishedLatency};

/// Millions of MACs are 0 where the source states none.
const fn row(network: &'static str, pixels: u32, mega_macs: u64, latency_ms: f64) -> PublishedLatency {
    PublishedLatency {
        network,
        pixels,
        macs: match mega_macs {
            0 => None,
            mega => Some(Macs(mega * 1_000_000)),
        },
        latency: Latency::from_millis(latency_ms),
    }
}

const LITE: [(&str, u32, u64); 5] = [
    ("efficientnet-lite0", 224, 407),
    ("efficientnet-lite1", 240, 631),
    ("efficientnet-lite2", 260, 899),
    ("efficientnet-lite3", 280, 1440),
    ("efficientnet-lite4", 300, 2640),
];

const fn lites(latencies_ms: [f64; 5]) -> [PublishedLatency; 5] {
    let mut rows = [row("", 0, 0, 0.0); 5];
    let mut index = 0;
    while index < rows.len() {
        let (network, pixels, mega_macs) = LITE[index];
        rows[index] = row(network, pixels, mega_macs, latencies_ms[index]);
        index += 1;
    }
    rows
}

/// Every device with published latencies, the two of the Coral board first.
pub const PUBLISHED: &[PublishedDevice] = &[
    PublishedDevice {
        profile: "edgetpu-coral",
        source: "coral.ai, benchmark page (USB 3 column) and model page (EfficientNet-EdgeTPU L); int8",
        left_out: "DenseNet, Inception v1 and v4, Inception-ResNet v2, ResNet v2, SSD and segmentation networks are not in the \
                   zoo; which SqueezeNet was run is not said",
        rows: &[
            row("mobilenet-v1", 224, 569, 2.4),
            row("mobilenet-v2", 224, 300, 2.6),
            row("efficientnet-edgetpu-s", 224, 0, 5.1),
            row("efficientnet-edgetpu-m", 240, 0, 8.7),
            row("efficientnet-edgetpu-l", 300, 0, 21.3),
            row("resnet-50-v1", 299, 0, 49.0),
            row("vgg-16", 224, 0, 296.0),
            row("vgg-19", 224, 0, 308.0),
        ],
    },
    PublishedDevice {
        profile: "cortex-a53",
        source: "coral.ai, benchmark page, embedded processor column (Cortex-A53 of the development board); int8",
        left_out: "as of the Edge TPU; besides, the EfficientNets: on the page's desktop processor they take 5.4 and 8.5 seconds, \
                   so they ran on kernels that nobody had optimised",
        rows: &[
            row("mobilenet-v1", 224, 569, 164.0),
            row("mobilenet-v2", 224, 300, 122.0),
            row("resnet-50-v1", 299, 0, 1763.0),
            row("vgg-16", 224, 0, 4595.0),
            row("vgg-19", 224, 0, 5538.0),
        ],
    },
    PublishedDevice {
        profile: "edgetpu-pixel4",
        source: "tensorflow/models research/slim, MobileNet table, and tensorflow/tpu EfficientNet-lite table; Pixel 4 Edge TPU, \
                 int8",
        left_out: "none; lite4 has no latency there",
        rows: &[
            row("mobilenet-edgetpu-w0.75", 224, 624, 3.1),
            row("mobilenet-edgetpu", 224, 990, 3.6),
            row("efficientnet-lite0", 224, 407, 3.8),
            row("efficientnet-lite1", 240, 631, 5.4),
            row("efficientnet-lite2", 260, 899, 7.9),
            row("efficientnet-lite3", 280, 1440, 9.7),
        ],
    },
    PublishedDevice {
        profile: "edgetpu-pixel6",
        source: "tensorflow/models official/projects/edgetpu/vision, classification table; Pixel 6 Edge TPU, int8, 224 pixels",
        left_out: "the segmentation and detection networks",
        rows: &[
            row("mobilenet-edgetpu-v2-tiny", 224, 0, 0.78),
            row("mobilenet-edgetpu-v2-xs", 224, 0, 0.82),
            row("mobilenet-edgetpu-v2-s", 224, 0, 1.03),
            row("mobilenet-edgetpu-v2-m", 224, 0, 1.35),
            row("mobilenet-edgetpu-v2-l", 224, 0, 1.64),
            row("mobilenet-edgetpu", 224, 990, 0.92),
            row("mobilenet-edgetpu-w1.25", 224, 0, 1.20),
            row("mobilenet-edgetpu-w1.5", 224, 0, 1.42),
            row("mobilenet-edgetpu-w1.75", 224, 0, 1.93),
        ],
    },
    PublishedDevice {
        profile: "mobile-gpu",
        source: "tensorflow/tpu, EfficientNet-lite table; Pixel 4 GPU, 16-bit floats",
        left_out: "the 32-bit column",
        rows: &lites([6.0, 8.0, 10.0, 14.0, 21.0]),
    },
    PublishedDevice {
        profile: "mobile-cpu",
        source: "tensorflow/tpu, EfficientNet-lite table; Pixel 4 processor, four threads, int8",
        left_out: "the 32-bit column; MobileNetEdgeTPU in the table of slim, which does not say how many threads",
        rows: &lites([6.5, 9.1, 12.0, 18.0, 30.0]),
    },
    PublishedDevice {
        profile: "ascend-310",
        // As times of whole batches they would be beyond any peak of the part.
        source: "repository of ISyNet (mindspore-ai/models, research/cv/ISyNet); f16, 224 pixels, two cores, batch of 16; that \
                 times are of one image is our reading",
        left_out: "none",
        rows: &[
            row("isynet-n0", 224, 893, 0.43),
            row("isynet-n1", 224, 2271, 0.72),
            row("isynet-n1-s1", 224, 2290, 0.74),
            row("isynet-n1-s2", 224, 2666, 0.83),
            row("isynet-n1-s3", 224, 3279, 0.97),
            row("isynet-n2", 224, 3891, 1.10),
            row("isynet-n3", 224, 5825, 1.55),
            row("resnet-18", 224, 1814, 0.63),
            row("resnet-34", 224, 3664, 1.05),
            row("resnet-50", 224, 4089, 1.64),
        ],
    },
];
