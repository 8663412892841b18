//! Do the devices disagree? Kendall's τ as a heat map, and the fixed shares as bars.

use crate::run_report::{DeviceAgreement, DeviceFacts};

use super::axis::{Frame, Scale};
use super::svg::{Anchor, Room, Svg};

const LEFT: f64 = 108.0;

/// Kendall's τ between every two devices; pairs below the limit are outlined.
pub(crate) fn correlation(devices: &[DeviceFacts], agreement: &DeviceAgreement) -> String {
    if devices.is_empty() {
        return String::new();
    }
    let each = ((452.0 - LEFT) / devices.len() as f64).min(86.0);
    let (top, tall) = (30.0, each.min(52.0));
    let mut svg = Svg::new(
        460.0,
        top + tall * devices.len() as f64 + 8.0,
        "Kendall's τ between the latencies on every two devices",
        "1 means that two devices rank the sampled networks alike; pairs below the limit are outlined.",
    );
    for (row, device) in devices.iter().enumerate() {
        let y = top + tall * row as f64;
        let middle = LEFT + each * (row as f64 + 0.5);
        svg.fitted(
            (middle, 20.0),
            Anchor::Middle,
            "small",
            &device.name,
            Room::of(each - 4.0, 11.0),
        );
        let room = Room::of(LEFT - 10.0, 11.0);
        svg.fitted(
            (LEFT - 8.0, y + tall / 2.0 + 4.0),
            Anchor::End,
            "small",
            &device.name,
            room,
        );
        for (column, other) in devices.iter().enumerate() {
            let tau = agreement.kendall.get(row).and_then(|taus| taus.get(column)).copied();
            let tau = tau.unwrap_or(f64::NAN);
            let shade = (tau.clamp(0.0, 1.0) * 10.0).round() as usize;
            let class = format!("heat h{shade}");
            let x = LEFT + each * column as f64;
            let tooltip = format!("{} and {}: τ = {tau:.3}", device.name, other.name);
            svg.rect((x + 1.0, y + 1.0), (each - 2.0, tall - 2.0), &class, &tooltip);
            let differ = row != column && tau < agreement.kendall_limit;
            if differ {
                svg.rect((x + 2.5, y + 2.5), (each - 5.0, tall - 5.0), "outline", &tooltip);
            }
            let class = if shade >= 9 { "inside onheat" } else { "inside" };
            let text = if row == column {
                "1".to_owned()
            } else {
                format!("{tau:.2}")
            };
            svg.text((x + each / 2.0, y + tall / 2.0 + 4.0), Anchor::Middle, class, &text);
        }
    }
    svg.finish()
}

/// The median fixed share of every device, with the limit.
pub(crate) fn fixed_shares(devices: &[DeviceFacts], agreement: &DeviceAgreement) -> String {
    let shares = devices
        .iter()
        .filter_map(|device| device.fixed_share)
        .map(|share| share * 100.0);
    let limit = agreement.fixed_share_limit * 100.0;
    let frame = Frame {
        left: LEFT,
        top: 18.0,
        right: 420.0,
        bottom: 24.0 + 26.0 * devices.len() as f64,
        x: Scale::from_zero(shares.chain([limit * 1.1]), 5),
        y: Scale::from_zero([1.0], 1),
    };
    let mut svg = Svg::new(
        460.0,
        frame.bottom + 44.0,
        "Median fixed share of latency on every device",
        "The part of latency that no network can avoid; the dashed line is the limit of a fair comparison.",
    );
    frame.draw_x(&mut svg, "fixed share of latency (%)");
    for (row, device) in devices.iter().enumerate() {
        let y = frame.top + 6.0 + 26.0 * row as f64;
        svg.fitted(
            (LEFT - 8.0, y + 12.0),
            Anchor::End,
            "small",
            &device.name,
            Room::of(LEFT - 10.0, 11.0),
        );
        let Some(share) = device.fixed_share.map(|share| share * 100.0) else {
            svg.text((LEFT + 6.0, y + 12.0), Anchor::Start, "small", "not known");
            continue;
        };
        let tooltip = format!("{}: {share:.1} %", device.name);
        svg.rect((LEFT, y), (frame.x_at(share) - LEFT, 17.0), "seg compute", &tooltip);
        svg.text((454.0, y + 12.0), Anchor::End, "small", &format!("{share:.1}"));
    }
    svg.line(
        (frame.x_at(limit), frame.top),
        (frame.x_at(limit), frame.bottom),
        "target",
    );
    svg.text(
        (frame.x_at(limit), 12.0),
        Anchor::Middle,
        "targetlabel",
        &format!("limit {limit:.0} %"),
    );
    svg.finish()
}
