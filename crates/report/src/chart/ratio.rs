//! r = latency / target of every finalist on every device.

use crate::RunReport;

use super::axis::{Frame, Scale};
use super::mark::device_mark;
use super::svg::{Anchor, Room, Svg};

const ROW: f64 = 46.0;

/// One row a finalist, one mark a device; the line r = 1 is the target.
pub(crate) fn ratios(report: &RunReport) -> String {
    let rows = report.finalists_by_role();
    if rows.is_empty() || report.devices.is_empty() {
        return String::new();
    }
    let all = rows.iter().flat_map(|finalist| {
        finalist.latency.iter().zip(&report.devices).flat_map(|(on, device)| {
            [on.latency.low, on.latency.high, on.latency.value].map(|latency| latency / device.target)
        })
    });
    let (top, height) = (14.0, ROW * rows.len() as f64);
    let frame = Frame {
        left: 14.0,
        top,
        right: 410.0,
        bottom: top + height,
        x: Scale::around(all.chain([1.0]), 7),
        y: Scale::from_zero([1.0], 1),
    };
    let mut svg = Svg::new(
        460.0,
        frame.bottom + 44.0,
        "Latency over target of every finalist on every device",
        "One row a finalist, one mark a device. Left of the line r = 1 is faster than the target.",
    );
    for (index, finalist) in rows.iter().enumerate() {
        if report.is_chosen(finalist) {
            svg.rect((4.0, top + ROW * index as f64), (452.0, ROW), "band", "");
        }
    }
    frame.draw_x(&mut svg, "r = latency / target (smaller is faster)");
    svg.line((frame.x_at(1.0), top), (frame.x_at(1.0), frame.bottom), "target");
    svg.text((454.0, top - 3.0), Anchor::End, "axis", "worst r");
    for (index, finalist) in rows.iter().enumerate() {
        let base = top + ROW * index as f64;
        let y = base + 31.0;
        let chosen = report.is_chosen(finalist);
        let class = if chosen { "label strong" } else { "label" };
        let name = if chosen {
            format!("★ {}", finalist.label())
        } else {
            finalist.label()
        };
        svg.fitted(
            (frame.left, base + 15.0),
            Anchor::Start,
            class,
            &name,
            Room {
                width: 380.0,
                font: 12.5,
            },
        );
        let ratios = report.ratios(finalist);
        let worst = crate::summary::worst(&ratios);
        let least = ratios.iter().copied().fold(f64::NAN, f64::min);
        svg.line((frame.x_at(least), y), (frame.x_at(worst), y), "range");
        for (device, (on, facts)) in finalist.latency.iter().zip(&report.devices).enumerate() {
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
            svg.mark(device_mark(device), (frame.x_at(r), y), 5.0, &tooltip);
        }
        svg.text((454.0, y + 4.0), Anchor::End, class, &format!("{worst:.2}"));
    }
    svg.finish()
}
