use panarch_graph::Latency;

/// Published latencies on an Ascend 310, by the names of the zoo: f16, 224 pixels, two cores, time of one image in a batch of 16.
///
/// Quoted from the repository of ISyNet (mindspore-ai/models, research/cv/ISyNet). That they are of one image is our reading:
/// as times of whole batches they would be beyond any peak of the part.
pub const PUBLISHED_ON_ASCEND_310: [(&str, Latency); 10] = [
    ("isynet-n0", Latency::from_millis(0.43)),
    ("isynet-n1", Latency::from_millis(0.72)),
    ("isynet-n1-s1", Latency::from_millis(0.74)),
    ("isynet-n1-s2", Latency::from_millis(0.83)),
    ("isynet-n1-s3", Latency::from_millis(0.97)),
    ("isynet-n2", Latency::from_millis(1.10)),
    ("isynet-n3", Latency::from_millis(1.55)),
    ("resnet-18", Latency::from_millis(0.63)),
    ("resnet-34", Latency::from_millis(1.05)),
    ("resnet-50", Latency::from_millis(1.64)),
];
