//! Charts side by side as an SVG file of its own, for pages outside the report.

use super::axis::{Frame, Scale};
use super::svg::{Anchor, Svg};

/// Width and height of one chart, in user units.
const PANEL: (f64, f64) = (340.0, 300.0);
/// Height of title and legend.
const HEAD: f64 = 52.0;
/// Colours that remain different for most kinds of colour blindness (Okabe & Ito 2008).
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933",
];
const STYLE: &str = "text{font-family:system-ui,sans-serif;fill:#444}.title{font-size:15px;font-weight:600;fill:#111}\
    .heading{font-size:13px;font-weight:600}.tick{font-size:11px}.axis,.key{font-size:12px}\
    .grid{stroke:#e4e4e4}.frame{stroke:#888}.paper{fill:#fff}";

/// One chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// The horizontal axis, with its unit.
    pub x: String,
    /// The vertical axis, with its unit.
    pub y: String,
    /// What is drawn. Series of one name have one colour in all panels.
    pub series: Vec<Series>,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// In the order in which they are joined. What is not finite is left out.
    pub points: Vec<(f64, f64)>,
    /// Whether a line goes through the points; if not, each is a dot.
    pub joined: bool,
}

/// The panels in one row under a title and a legend, as the text of an SVG file.
#[must_use]
pub fn panels_svg(title: &str, panels: &[Panel]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for series in panels.iter().flat_map(|panel| &panel.series) {
        if !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    let width = PANEL.0 * panels.len().max(1) as f64;
    let mut svg = Svg::new(width, HEAD + PANEL.1, title, "");
    svg.rect((0.0, 0.0), (width, HEAD + PANEL.1), "paper", "");
    svg.text((10.0, 20.0), Anchor::Start, "title", title);
    let mut left = 10.0;
    for (number, name) in names.iter().enumerate() {
        svg.circle((left + 5.0, 38.0), 4.0, &class(number), "");
        svg.text((left + 14.0, 42.0), Anchor::Start, "key", name);
        left += 30.0 + 6.8 * name.chars().count() as f64;
    }
    for (number, panel) in panels.iter().enumerate() {
        draw(&mut svg, panel, PANEL.0 * number as f64, &names);
    }
    let colours = COLOURS.iter().enumerate().map(|(number, colour)| {
        let class = class(number);
        format!("circle.{class}{{fill:{colour}}}path.{class}{{stroke:{colour};stroke-width:2;fill:none}}")
    });
    let style: String = colours.collect();
    let text = svg
        .finish()
        .replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    text.replacen("</title>", &format!("</title><style>{STYLE}{style}</style>"), 1)
}

fn class(number: usize) -> String {
    format!("s{}", number % COLOURS.len())
}

fn draw(svg: &mut Svg, panel: &Panel, left: f64, names: &[&str]) {
    let finite = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    let points = || panel.series.iter().flat_map(|series| &series.points).filter(finite);
    let frame = Frame {
        left: left + 56.0,
        top: HEAD + 46.0,
        right: left + PANEL.0 - 16.0,
        bottom: HEAD + PANEL.1 - 46.0,
        x: Scale::around(points().map(|point| point.0), 5),
        y: Scale::around(points().map(|point| point.1), 5),
    };
    svg.text((left + 10.0, HEAD + 16.0), Anchor::Start, "heading", &panel.title);
    frame.draw_x(svg, &panel.x);
    for tick in frame.y.ticks() {
        let y = frame.y_at(tick);
        svg.line((frame.left, y), (frame.right, y), "grid");
        svg.text((frame.left - 6.0, y + 4.0), Anchor::End, "tick", &frame.y.label(tick));
    }
    svg.text((left + 10.0, HEAD + 34.0), Anchor::Start, "axis", &panel.y);
    svg.line((frame.left, frame.top), (frame.left, frame.bottom), "frame");
    for series in &panel.series {
        let number = names.iter().position(|name| *name == series.name).unwrap_or(0);
        let points = series.points.iter().filter(finite);
        let places: Vec<(f64, f64)> = points.map(|(x, y)| frame.at(*x, *y)).collect();
        if series.joined {
            svg.polyline(&places, &class(number));
        }
        if !series.joined || places.len() < 40 {
            places
                .iter()
                .for_each(|place| svg.circle(*place, 3.0, &class(number), ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_its_own() {
        let series = |name: &str, joined| Series {
            name: name.to_owned(),
            points: vec![(1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0)],
            joined,
        };
        let panel = Panel {
            title: "a < b".to_owned(),
            x: "time (s)".to_owned(),
            y: "accuracy (%)".to_owned(),
            series: vec![series("one", true), series("two", false)],
        };
        let text = panels_svg("Title", &[panel.clone(), panel]);
        assert!(text.starts_with("<svg xmlns=") && text.ends_with("</svg>"));
        assert!(text.contains("a &lt; b") && text.contains("<style>"));
        // Two legends, and in each panel two points a series.
        assert_eq!(text.matches("<circle").count(), 2 + 8);
        assert_eq!(text.matches("<path class=\"s0\"").count(), 2);
    }
}
