use panarch_cost::{Attribution, Cost, Job, Task, Unit};
use serde::Serialize;
use serde_json::json;

use crate::ReportError;

/// Everything is one process in the viewer.
const PROCESS: u32 = 1;
/// The track of whole layers; units follow.
const LAYERS: usize = 0;

/// A simulated run in the Trace Event Format (Google, 2016), which Perfetto and `chrome://tracing` open.
///
/// One track of layers, each with where its time went, and one track for each unit of the machine. Times are those of the
/// simulated machine; the first layer begins at 0.
///
/// # Errors
/// When the text cannot be written, which only a lack of memory brings about.
pub fn chrome_trace(cost: &Cost, jobs: &[Job], clock_hz: f64) -> Result<String, ReportError> {
    let micros = |cycles: u64| cycles as f64 / clock_hz * 1e6;
    let mut events = vec![name("process_name", LAYERS, &cost.provenance.device)];
    events.push(name("thread_name", LAYERS, "layers"));
    for unit in Unit::ALL {
        if jobs.iter().any(|job| job.unit == unit) {
            events.push(name("thread_name", track(unit), unit.name()));
        }
    }
    let batch = f64::from(cost.provenance.batch.max(1));
    let mut begin = 0.0;
    for layer in &cost.per_layer {
        // A cost is of one image, a run of a whole batch.
        let duration = layer.latency.seconds() * 1e6 * batch;
        events.push(Event {
            name: layer.name.clone(),
            category: "layer",
            kind: "X",
            begin,
            duration,
            process: PROCESS,
            track: LAYERS,
            arguments: json!({
                "operator": layer.operator,
                "output": layer.output.to_string(),
                "macs": layer.macs.0,
                "attribution_us": attribution(&layer.attribution, batch),
            }),
        });
        begin += duration;
    }
    for job in jobs {
        let layer = cost.per_layer.get(job.layer).map_or("", |layer| layer.name.as_str());
        events.push(Event {
            name: format!("{layer} {}", task(job.task)),
            category: task(job.task),
            kind: "X",
            begin: micros(job.start.0),
            duration: micros(job.cycles.0),
            process: PROCESS,
            track: track(job.unit),
            arguments: json!({ "tile": job.tile, "start_cycle": job.start.0, "cycles": job.cycles.0 }),
        });
    }
    let trace = json!({
        "displayTimeUnit": "ns",
        "otherData": { "provenance": cost.provenance, "clock_hz": clock_hz },
        "traceEvents": events,
    });
    serde_json::to_string(&trace).map_err(ReportError::Json)
}

#[derive(Serialize)]
struct Event {
    name: String,
    #[serde(rename = "cat")]
    category: &'static str,
    #[serde(rename = "ph")]
    kind: &'static str,
    #[serde(rename = "ts")]
    begin: f64,
    #[serde(rename = "dur")]
    duration: f64,
    #[serde(rename = "pid")]
    process: u32,
    #[serde(rename = "tid")]
    track: usize,
    #[serde(rename = "args")]
    arguments: serde_json::Value,
}

fn name(of: &str, track: usize, text: &str) -> Event {
    Event {
        name: of.to_owned(),
        category: "__metadata",
        kind: "M",
        begin: 0.0,
        duration: 0.0,
        process: PROCESS,
        track,
        arguments: json!({ "name": text }),
    }
}

const fn track(unit: Unit) -> usize {
    LAYERS + 1 + unit as usize
}

const fn task(task: Task) -> &'static str {
    match task {
        Task::FetchWeights => "weights",
        Task::Load => "load",
        Task::Feed => "feed",
        Task::Work => "work",
        Task::Drain => "drain",
        Task::Store => "store",
    }
}

fn attribution(of: &Attribution, batch: f64) -> serde_json::Value {
    let micros = |part: panarch_graph::Latency| part.seconds() * 1e6 * batch;
    json!({
        "compute": micros(of.compute),
        "fill": micros(of.fill),
        "weights": micros(of.weights),
        "activations": micros(of.activations),
        "vector": micros(of.vector),
        "issue": micros(of.issue),
    })
}

#[cfg(test)]
mod tests {
    use panarch_cost::{CycleSimulator, DeviceProfile};
    use panarch_graph::{Conv2d, NetworkBuilder, Op, Shape};

    use super::*;

    #[test]
    fn a_trace_holds_every_job_and_layer() {
        let mut builder = NetworkBuilder::new("two layers", Shape::new(16, 28, 28));
        let input = builder.input();
        let first = builder
            .add("first", Op::Conv2d(Conv2d::square(32, 3, 1)), &[input])
            .unwrap();
        let second = builder
            .add("second", Op::Conv2d(Conv2d::pointwise(64)), &[first])
            .unwrap();
        let network = builder.finish(second).unwrap();
        let profile = DeviceProfile::preset("cube-16").unwrap();
        let clock = profile.accelerator().unwrap().clock_hz.value;
        let (cost, jobs) = CycleSimulator::new(profile).unwrap().trace(&network).unwrap();
        let text = chrome_trace(&cost, &jobs, clock).unwrap();
        let trace: serde_json::Value = serde_json::from_str(&text).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let spans: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        assert_eq!(spans.len(), jobs.len() + cost.per_layer.len());
        let end = |event: &serde_json::Value| event["ts"].as_f64().unwrap() + event["dur"].as_f64().unwrap();
        let last = spans.iter().map(|event| end(event)).fold(0.0, f64::max);
        let whole = (cost.latency.value - cost.fixed).seconds() * 1e6;
        // A trace is in whole cycles, the latency is not.
        assert!((last - whole).abs() <= 1e6 / clock, "{last} and {whole}");
        assert_eq!(trace["otherData"]["provenance"]["kind"], "simulated");
    }
}
