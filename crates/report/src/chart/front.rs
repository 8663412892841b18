//! Accuracy against latency on one device: all networks, the front, the finalists, the target.

use crate::RunReport;
use crate::figure::{TimeUnit, latency_with_interval};
use crate::run_report::{EvaluatedNetwork, Finalist, Role};

use super::axis::{Frame, Scale};
use super::mark::Mark;
use super::svg::{Anchor, Room, Svg};

/// With more points than this no tooltips are drawn for points off the front.
const TOOLTIPS: usize = 2500;

/// The chart of one device; an empty string without networks.
pub(crate) fn front(report: &RunReport, device: usize) -> String {
    let Some(facts) = report.devices.get(device) else {
        return String::new();
    };
    if report.networks.is_empty() {
        return String::new();
    }
    let on = |network: &EvaluatedNetwork| network.latency[device].latency;
    let unit = TimeUnit::for_all(report.networks.iter().map(|n| on(n).value).chain([facts.target]));
    let members = crate::summary::front(report, device);
    let of_front = || members.iter().map(|index| &report.networks[*index]);
    let times = report.networks.iter().map(|n| unit.of(on(n).value));
    let bars = of_front().flat_map(|n| [unit.of(on(n).low), unit.of(on(n).high)]);
    let shares = report.networks.iter().map(|n| n.accuracy.value.percent());
    let share_bars = of_front().flat_map(|n| [n.accuracy.low.percent(), n.accuracy.high.percent()]);
    let frame = Frame {
        left: 46.0,
        top: 52.0,
        right: 450.0,
        bottom: 308.0,
        x: Scale::around(times.chain(bars).chain([unit.of(facts.target)]), 6),
        y: Scale::around(shares.chain(share_bars), 6),
    };
    let at = |n: &EvaluatedNetwork| frame.at(unit.of(on(n).value), n.accuracy.value.percent());

    let mut svg = Svg::new(
        460.0,
        350.0,
        &format!("Accuracy against latency on {}", facts.name),
        &format!(
            "{} networks, {} of them on the front; the dashed line is the target of {}.",
            report.networks.len(),
            members.len(),
            facts.target
        ),
    );
    let room = Room::of(440.0, 13.5);
    svg.fitted((4.0, 16.0), Anchor::Start, "heading", &facts.name, room);
    let split = &report.search_accuracy.split;
    frame.draw(
        &mut svg,
        &format!("latency ({})", unit.name),
        &format!("{split} accuracy (%)"),
    );
    target(&mut svg, &frame, unit.of(facts.target));

    let tooltips = report.networks.len() * report.devices.len() <= TOOLTIPS;
    for network in &report.networks {
        let tooltip = if tooltips {
            describe(network, device)
        } else {
            String::new()
        };
        svg.circle(at(network), 2.4, "cloud", &tooltip);
    }
    let mut steps = Vec::new();
    for network in of_front() {
        let (x, y) = at(network);
        if let Some((_, last)) = steps.last().copied() {
            steps.push((x, last));
        }
        steps.push((x, y));
    }
    svg.polyline(&steps, "frontline");
    for network in of_front() {
        let (x, y) = at(network);
        let (low, high) = (unit.of(on(network).low), unit.of(on(network).high));
        svg.line((frame.x_at(low), y), (frame.x_at(high), y), "bar");
        let (low, high) = (network.accuracy.low.percent(), network.accuracy.high.percent());
        svg.line((x, frame.y_at(low)), (x, frame.y_at(high)), "bar");
        svg.mark(Mark::FRONT, (x, y), 3.2, &describe(network, device));
    }
    for (mark, finalist) in marked(report, &facts.name) {
        if let Some(network) = report.networks.iter().find(|network| network.hash == finalist.hash) {
            let tooltip = format!("{}: {}", finalist.label(), describe(network, device));
            svg.mark(mark, at(network), 6.0, &tooltip);
        }
    }
    svg.finish()
}

fn target(svg: &mut Svg, frame: &Frame, target: f64) {
    let x = frame.x_at(target);
    svg.line((x, frame.top), (x, frame.bottom), "target");
    let near_right = x > (frame.left + frame.right) * 0.75;
    let (anchor, shift) = if near_right {
        (Anchor::End, -5.0)
    } else {
        (Anchor::Start, 5.0)
    };
    svg.text((x + shift, frame.bottom - 6.0), anchor, "targetlabel", "target, r = 1");
}

/// Finalists with their marks, the most important last, so that it is drawn on top.
fn marked<'a>(report: &'a RunReport, device: &str) -> Vec<(Mark, &'a Finalist)> {
    let mut marks: Vec<(u8, Mark, &Finalist)> = report
        .finalists
        .iter()
        .map(|finalist| {
            let has = |wanted: &dyn Fn(&Role) -> bool| finalist.roles.iter().any(wanted);
            let chosen = report.is_chosen(finalist);
            let (rank, mark) = if chosen {
                (5, Mark::CHOSEN)
            } else if has(&|role| matches!(role, Role::Device { name } if name == device)) {
                (4, Mark::WINNER)
            } else if has(&|role| matches!(role, Role::Average | Role::WorstCase | Role::Other { .. })) {
                (3, Mark::AVERAGE)
            } else if has(&|role| matches!(role, Role::Reference { .. })) {
                (2, Mark::REFERENCE)
            } else {
                (1, Mark::OTHER_WINNER)
            };
            (rank, mark, finalist)
        })
        .collect();
    marks.sort_by_key(|(rank, ..)| *rank);
    marks.into_iter().map(|(_, mark, finalist)| (mark, finalist)).collect()
}

fn describe(network: &EvaluatedNetwork, device: usize) -> String {
    format!(
        "{}: {:.2} %, {}",
        network.genotype,
        network.accuracy.value.percent(),
        latency_with_interval(&network.latency[device].latency)
    )
}
