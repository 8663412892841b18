//! A section of the page and what stands in it.

use crate::chart::{Mark, swatch};
use crate::html::escape;
use crate::table::Table;

/// A titled part of the page.
pub(super) struct Section {
    pub id: &'static str,
    pub title: String,
    body: String,
}

impl Section {
    /// An empty section; `title` is plain text.
    pub fn new(id: &'static str, title: impl Into<String>) -> Self {
        Section {
            id,
            title: title.into(),
            body: String::new(),
        }
    }

    /// A paragraph of plain text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.body.push_str(&format!("<p>{}</p>\n", escape(text)));
        self
    }

    /// A line that explains marks: mark and plain text.
    pub fn legend(&mut self, entries: &[(Mark, &str)]) -> &mut Self {
        self.body.push_str("<ul class=\"legend\">");
        for (mark, text) in entries {
            self.body
                .push_str(&format!("<li>{}{}</li>", swatch(*mark), escape(text)));
        }
        self.body.push_str("</ul>\n");
        self
    }

    /// Legend entries whose swatch is a box of a class.
    pub fn boxes(&mut self, entries: &[(&str, &str)]) -> &mut Self {
        self.body.push_str("<ul class=\"legend\">");
        for (class, text) in entries {
            self.body.push_str(&format!(
                "<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 14 14\"><rect class=\"{class}\" x=\"1\" y=\"1\" width=\"12\" height=\"12\"/></svg>{}</li>",
                escape(text)
            ));
        }
        self.body.push_str("</ul>\n");
        self
    }

    /// Charts side by side where there is room; empty ones are left out.
    pub fn charts(&mut self, charts: impl IntoIterator<Item = String>) -> &mut Self {
        self.body.push_str("<div class=\"charts\">");
        for chart in charts.into_iter().filter(|chart| !chart.is_empty()) {
            self.body.push_str(&format!("<figure>{chart}</figure>\n"));
        }
        self.body.push_str("</div>\n");
        self
    }

    /// A chart with plain sentences beside it.
    pub fn chart_with_text(&mut self, chart: &str, sentences: &[String]) -> &mut Self {
        self.body.push_str(&format!(
            "<div class=\"charts\"><figure>{chart}</figure><div class=\"aside\">"
        ));
        for sentence in sentences {
            self.body.push_str(&format!("<p>{}</p>", escape(sentence)));
        }
        self.body.push_str("</div></div>\n");
        self
    }

    /// A table in full view.
    pub fn table(&mut self, table: &Table) -> &mut Self {
        self.body.push_str(&table.to_html());
        self
    }

    /// Tables behind a line that opens them.
    pub fn folded<'a>(&mut self, summary: &str, tables: impl IntoIterator<Item = &'a Table>) -> &mut Self {
        self.body
            .push_str(&format!("<details><summary>{}</summary>", escape(summary)));
        for table in tables {
            self.body.push_str(&table.to_html());
        }
        self.body.push_str("</details>\n");
        self
    }

    /// HTML that is already escaped.
    pub fn html_part(&mut self, html: &str) -> &mut Self {
        self.body.push_str(html);
        self
    }

    /// The section's element.
    pub fn html(&self) -> String {
        format!(
            "<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n",
            self.id,
            escape(&self.title),
            self.body
        )
    }
}
