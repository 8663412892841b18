//! A small SVG writer: escaped text, short numbers, classes instead of colours.

use std::fmt::{self, Write};

use crate::html::escape;

use super::mark::Mark;

/// A coordinate with one decimal at most.
pub(super) struct N(pub f64);

impl fmt::Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        // Not-a-number and infinity are no coordinates; minus zero reads badly.
        let rounded = if rounded.is_finite() && rounded != 0.0 {
            rounded
        } else {
            0.0
        };
        write!(f, "{rounded}")
    }
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing that grows element by element.
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
    title: String,
    description: String,
}

impl Svg {
    /// An empty drawing in user units (one unit is about a CSS pixel).
    pub fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        Svg {
            body: String::new(),
            width,
            height,
            title: escape(title),
            description: escape(description),
        }
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (x1, y1, x2, y2) = (N(from.0), N(from.1), N(to.0), N(to.1));
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        ));
    }

    pub fn rect(&mut self, at: (f64, f64), size: (f64, f64), class: &str, tooltip: &str) {
        let (x, y, w, h) = (N(at.0), N(at.1), N(size.0.max(0.0)), N(size.1.max(0.0)));
        let open = format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"").to_string();
        self.element(&open, "rect", tooltip);
    }

    /// A rectangle with rounded corners.
    pub fn rounded(&mut self, at: (f64, f64), size: (f64, f64), class: &str, tooltip: &str) {
        let (x, y, w, h) = (N(at.0), N(at.1), N(size.0.max(0.0)), N(size.1.max(0.0)));
        let open = format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"5\"");
        self.element(&open, "rect", tooltip);
    }

    pub fn circle(&mut self, at: (f64, f64), radius: f64, class: &str, tooltip: &str) {
        let (x, y, r) = (N(at.0), N(at.1), N(radius));
        self.element(
            &format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\""),
            "circle",
            tooltip,
        );
    }

    pub fn mark(&mut self, mark: Mark, at: (f64, f64), radius: f64, tooltip: &str) {
        let open = format!(
            "<path class=\"mark {}\" d=\"{}\"",
            mark.class,
            mark.shape.path(at, radius)
        );
        self.element(&open, "path", tooltip);
    }

    pub fn path(&mut self, data: &str, class: &str) {
        self.put(format_args!("<path class=\"{class}\" d=\"{data}\"/>"));
    }

    /// A broken line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        let mut data = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let _ = write!(data, "{}{} {}", if index == 0 { "M" } else { "L" }, N(*x), N(*y));
        }
        self.path(&data, class);
    }

    pub fn text(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let (x, y, text) = (N(at.0), N(at.1), escape(text));
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"
        ));
    }

    /// A text cut to `room`; the whole text is its tooltip if it was cut.
    pub fn fitted(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str, room: Room) {
        let cut = room.cut(text);
        if cut == text {
            return self.text(at, anchor, class, text);
        }
        self.put(format_args!("<g><title>{}</title>", escape(text)));
        self.text(at, anchor, class, &cut);
        self.put(format_args!("</g>"));
    }

    /// The `<svg>` element, of its own width at most.
    pub fn finish(self) -> String {
        let Svg {
            body,
            width,
            height,
            title,
            description,
        } = self;
        let (w, h) = (N(width), N(height));
        format!(
            "<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {w} {h}\" style=\"aspect-ratio:{w}/{h}\">\
             <title>{title}</title><desc>{description}</desc>{body}</svg>"
        )
    }

    fn element(&mut self, open: &str, name: &str, tooltip: &str) {
        if tooltip.is_empty() {
            self.put(format_args!("{open}/>"));
        } else {
            self.put(format_args!("{open}><title>{}</title></{name}>", escape(tooltip)));
        }
    }

    fn put(&mut self, what: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(what);
    }
}

/// Horizontal room for a text, in user units at a font size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub width: f64,
    pub font: f64,
}

impl Room {
    /// Room of a width for a font size.
    pub const fn of(width: f64, font: f64) -> Self {
        Room { width, font }
    }

    /// The text, or its beginning and an ellipsis where it would not fit.
    pub fn cut(self, text: &str) -> String {
        // Sans-serif characters are 0.56 em wide on average; wide ones count double.
        let columns = (self.width / (0.56 * self.font)).floor().max(1.0) as usize;
        if unicode_width::UnicodeWidthStr::width(text) <= columns {
            return text.to_owned();
        }
        let mut cut = String::new();
        let mut used = 1;
        for character in text.chars() {
            used += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
            if used > columns {
                break;
            }
            cut.push(character);
        }
        cut.push('…');
        cut
    }
}

/// A mark on its own, for legends in running text.
pub(crate) fn swatch(mark: Mark) -> String {
    format!(
        "<svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 14 14\"><path class=\"mark {}\" d=\"{}\"/></svg>",
        mark.class,
        mark.shape.path((7.0, 7.0), 5.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_nan() {
        for (value, text) in [(1.04, "1"), (0.25, "0.3"), (-0.01, "0"), (f64::NAN, "0"), (1e3, "1000")] {
            assert_eq!(N(value).to_string(), text);
        }
    }

    #[test]
    fn strings_are_escaped() {
        let mut svg = Svg::new(10.0, 10.0, "<a>", "\"b\"");
        svg.text((0.0, 0.0), Anchor::Start, "t", "</text><script>");
        svg.circle((0.0, 0.0), 1.0, "c", "<x>");
        svg.fitted((0.0, 0.0), Anchor::Start, "t", "<long text>", Room::of(30.0, 10.0));
        let text = svg.finish();
        assert!(
            !text.contains("<script") && !text.contains("<a>") && !text.contains("<x>"),
            "{text}"
        );
        assert!(text.contains("&lt;long text&gt;"));
    }

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        let room = Room::of(58.0, 10.0);
        assert_eq!(room.cut("ten chars."), "ten chars.");
        assert_eq!(room.cut("eleven chars"), "eleven ch…");
    }
}
