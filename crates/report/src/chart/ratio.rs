//! r = latency / target of every finalist on every device.

use crate::RunReport;
use crate::run_report::Finalist;
use crate::summary::worst;

use super::axis::{Frame, Scale};
use super::mark::device_mark;
use super::svg::{Anchor, Room, Svg};

/// Height of a row's name.
const NAME: f64 = 24.0;

/// One row a finalist, one mark a device; the line r = 1 is the target.
pub(crate) fn ratios(report: &RunReport) -> String {
    let rows = report.finalists_by_role();
    if rows.is_empty() || report.devices.is_empty() {
        return String::new();
    }
    let ends = rows.iter().flat_map(|finalist| {
        finalist
            .latency
            .iter()
            .zip(&report.devices)
            .flat_map(|(on, device)| [on.latency.low, on.latency.high].map(|latency| latency / device.target))
    });
    // Devices have lanes of their own, so that equal ratios stay visible.
    let lane = if report.devices.len() <= 4 { 8.0 } else { 6.5 };
    let row = NAME + lane * report.devices.len() as f64 + 8.0;
    let frame = Frame {
        left: 14.0,
        top: 42.0,
        right: 408.0,
        bottom: 42.0 + row * rows.len() as f64,
        x: Scale::around(ends.chain([1.0]), 7),
        y: Scale::from_zero([1.0], 1),
    };
    let mut svg = Svg::new(
        460.0,
        frame.bottom + 44.0,
        "Latency over target of every finalist on every device",
        "One row a finalist, one mark a device. Left of the line r = 1 is faster than the target.",
    );
    svg.text((4.0, 16.0), Anchor::Start, "heading", "Every finalist on every device");
    for (index, finalist) in rows.iter().enumerate() {
        if report.is_chosen(finalist) {
            svg.rect((4.0, frame.top + row * index as f64), (452.0, row), "band", "");
        }
    }
    frame.draw_x(&mut svg, "r = latency / target (smaller is faster)");
    let target = frame.x_at(1.0);
    svg.line((target, frame.top), (target, frame.bottom), "target");
    svg.text((454.0, frame.top - 6.0), Anchor::End, "axis", "worst r");
    for (index, finalist) in rows.iter().enumerate() {
        let top = frame.top + row * index as f64;
        finalist_row(&mut svg, report, &frame, finalist, top, lane);
    }
    svg.finish()
}

fn finalist_row(svg: &mut Svg, report: &RunReport, frame: &Frame, finalist: &Finalist, top: f64, lane: f64) {
    let (class, name) = if report.is_chosen(finalist) {
        ("label onband strong", format!("★ {}", finalist.label()))
    } else {
        ("label halo", finalist.label())
    };
    let room = Room::of(380.0, 12.5);
    svg.fitted((frame.left, top + 16.0), Anchor::Start, class, &name, room);
    let ratios = report.ratios(finalist);
    let (first, worst) = (ratios.iter().copied().fold(f64::NAN, f64::min), worst(&ratios));
    let (from, to) = (frame.x_at(first), frame.x_at(worst));
    let lanes = lane * ratios.len() as f64;
    svg.rect((from, top + NAME), (to - from, lanes), "span", "");
    for (device, (on, facts)) in finalist.latency.iter().zip(&report.devices).enumerate() {
        let y = top + NAME + lane * (device as f64 + 0.5);
        let (low, high) = (on.latency.low / facts.target, on.latency.high / facts.target);
        svg.line((frame.x_at(low), y), (frame.x_at(high), y), "bar");
        let r = on.latency.value / facts.target;
        let tooltip = format!(
            "{} on {}: r = {r:.3} ({} of {})",
            finalist.label(),
            facts.name,
            on.latency.value,
            facts.target
        );
        svg.mark(device_mark(device), (frame.x_at(r), y), 4.6, &tooltip);
    }
    let middle = top + NAME + lanes / 2.0 + 4.0;
    svg.text((454.0, middle), Anchor::End, class, &format!("{worst:.3}"));
}
