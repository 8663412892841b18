//! On each device: r of the network found for it alone, and r of the chosen one.

use crate::RunReport;
use crate::run_report::{Finalist, Role};
use crate::summary::signed;

use super::axis::{Frame, Scale};
use super::mark::Mark;
use super::svg::{Anchor, Room, Svg};

const ROW: f64 = 54.0;

/// One row a device; an empty string without a chosen network or without winners.
pub(crate) fn dumbbell(report: &RunReport) -> String {
    let Some(chosen) = report.chosen() else {
        return String::new();
    };
    let r = |finalist: &Finalist, device: usize| report.ratios(finalist).get(device).copied().unwrap_or(f64::NAN);
    let mut rows = Vec::new();
    for (index, device) in report.devices.iter().enumerate() {
        let role = Role::Device {
            name: device.name.clone(),
        };
        if let Some(winner) = report.finalist(&role) {
            rows.push((index, device, winner));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let all = rows
        .iter()
        .flat_map(|(device, _, winner)| [r(winner, *device), r(chosen, *device)]);
    let top = 42.0;
    let frame = Frame {
        left: 14.0,
        top,
        right: 446.0,
        bottom: top + ROW * rows.len() as f64,
        x: Scale::around(all.chain([1.0]), 7),
        y: Scale::from_zero([1.0], 1),
    };
    let mut svg = Svg::new(
        460.0,
        frame.bottom + 44.0,
        "The chosen network against the winner for each device alone",
        "One row a device: r of the network found for that device alone and r of the chosen network.",
    );
    svg.text(
        (4.0, 16.0),
        Anchor::Start,
        "heading",
        "Chosen against the winner for each device",
    );
    frame.draw_x(&mut svg, "r = latency / target (smaller is faster)");
    let target = frame.x_at(1.0);
    svg.line((target, top), (target, frame.bottom), "target");
    for (row, (index, device, winner)) in rows.iter().enumerate() {
        let base = top + ROW * row as f64;
        let y = base + 36.0;
        let (alone, joint) = (r(winner, *index), r(chosen, *index));
        let points = chosen.test_accuracy.value.percent() - winner.test_accuracy.value.percent();
        let slower = signed((joint / alone - 1.0) * 100.0, 1).text;
        let verdict = format!("time {slower} %, accuracy {} points", signed(points, 2).text);
        let room = Room::of(180.0, 12.5);
        svg.fitted(
            (frame.left, base + 18.0),
            Anchor::Start,
            "label halo strong",
            &device.name,
            room,
        );
        svg.text((frame.right, base + 18.0), Anchor::End, "label halo", &verdict);
        svg.line((frame.x_at(alone), y), (frame.x_at(joint), y), "range");
        let tooltip = |finalist: &Finalist, r: f64| {
            format!(
                "{} on {}: r = {r:.3}, test accuracy {}",
                finalist.label(),
                device.name,
                finalist.test_accuracy.value
            )
        };
        svg.mark(Mark::WINNER, (frame.x_at(alone), y), 5.0, &tooltip(winner, alone));
        svg.mark(Mark::CHOSEN, (frame.x_at(joint), y), 5.5, &tooltip(chosen, joint));
    }
    svg.finish()
}
