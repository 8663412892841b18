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
        counted: None,
        latency: Latency::from_millis(latency_ms),
    }
}

/// A network of ISyNet's repository at 224 pixels. Its counts are 1.25 to 1.27 times those of the same networks at 224 pixels,
/// ResNets included, as if they were of 248 pixels; its latency script has 224. Cause unknown.
const fn isynet(
    network: &'static str,
    mega_macs_stated: u64,
    mega_macs_counted: u64,
    latency_ms: f64,
) -> PublishedLatency {
    PublishedLatency {
        counted: Some(Macs(mega_macs_counted * 1_000_000)),
        ..row(network, 224, mega_macs_stated, latency_ms)
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
        // The page of models has other figures for S and M (5.0 and 7.3 ms), and L alone.
        source: "coral.ai, benchmark page (USB 3 column); EfficientNet-EdgeTPU L, which is not there, from its page of models; \
                 int8",
        left_out: "DenseNet and ResNet v2, whose batch normalisations stand alone and are no operators of the profile; SSD and \
                   segmentation networks; Inception-ResNet v2, of which the 57 ms for 56 M parameters are half of what they \
                   take to stream, by all other networks of the page; which SqueezeNet was run is not said",
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
        never_fitted: &[row("inception-v1", 224, 0, 3.4), row("inception-v4", 299, 0, 85.0)],
    },
    PublishedDevice {
        profile: "cortex-a53",
        source: "coral.ai, benchmark page, embedded processor column (Cortex-A53 of the development board); int8",
        left_out: "as of the Edge TPU",
        rows: &[
            row("mobilenet-v1", 224, 569, 164.0),
            row("mobilenet-v2", 224, 300, 122.0),
            row("resnet-50-v1", 299, 0, 1763.0),
            row("vgg-16", 224, 0, 4595.0),
            row("vgg-19", 224, 0, 5538.0),
        ],
        // The same page has 5.4 and 8.5 seconds for the EfficientNets on a desktop processor, on kernels that nobody had
        // optimised; this column shows no such thing.
        never_fitted: &[
            row("efficientnet-edgetpu-s", 224, 0, 705.0),
            row("efficientnet-edgetpu-m", 240, 0, 1081.0),
            row("inception-v1", 224, 0, 392.0),
            row("inception-v4", 299, 0, 3157.0),
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
        never_fitted: &[],
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
        never_fitted: &[],
    },
    PublishedDevice {
        profile: "mobile-gpu",
        source: "tensorflow/tpu, EfficientNet-lite table; Pixel 4 GPU, 16-bit floats",
        left_out: "the 32-bit column",
        rows: &lites([6.0, 8.0, 10.0, 14.0, 21.0]),
        never_fitted: &[],
    },
    PublishedDevice {
        profile: "mobile-cpu",
        source: "tensorflow/tpu, EfficientNet-lite table; Pixel 4 processor, four threads, int8",
        left_out: "the 32-bit column; MobileNetEdgeTPU in the table of slim, which does not say how many threads",
        rows: &lites([6.5, 9.1, 12.0, 18.0, 30.0]),
        never_fitted: &[],
    },
    PublishedDevice {
        profile: "ascend-310",
        // As times of whole batches they would be beyond any peak of the part.
        source: "repository of ISyNet (mindspore-ai/models, research/cv/ISyNet); f16, 224 pixels, two cores, batch of 16; that \
                 times are of one image is our reading",
        left_out: "none",
        rows: &[
            isynet("isynet-n0", 1130, 893, 0.43),
            isynet("isynet-n1", 2850, 2271, 0.72),
            isynet("isynet-n1-s1", 2880, 2290, 0.74),
            isynet("isynet-n1-s2", 3340, 2666, 0.83),
            isynet("isynet-n1-s3", 4120, 3279, 0.97),
            isynet("isynet-n2", 4930, 3891, 1.10),
            isynet("isynet-n3", 7320, 5825, 1.55),
            isynet("resnet-18", 2280, 1814, 0.63),
            isynet("resnet-34", 4630, 3664, 1.05),
            isynet("resnet-50", 5190, 4089, 1.64),
        ],
        never_fitted: &[],
    },
];
