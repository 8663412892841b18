//! Drawing a run's events: bars on a terminal, plain lines elsewhere. Both on standard error; tables go to standard output.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use panarch::event::{Event, Observer};
use panarch_measure::threads;
use panarch_report::Format;
use panarch_toml::shown;

use super::output::{Printer, say};

/// How often a plain line is written.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Draws events as they come.
pub struct Progress {
    printer: Printer,
    bar: Option<ProgressBar>,
    interactive: bool,
    title: String,
    began: Instant,
    /// When this process first heard how far the step is, and how far it was: earlier processes may have done that part.
    first: Option<(Instant, u64)>,
    last_line: Option<Instant>,
}

impl Progress {
    /// Draws bars when standard error is a terminal, and plain lines otherwise.
    pub fn new(printer: Printer) -> Self {
        Self {
            printer,
            bar: None,
            interactive: std::io::stderr().is_terminal(),
            title: String::new(),
            began: Instant::now(),
            first: None,
            last_line: None,
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    fn step(&mut self, title: String) {
        self.finish_bar();
        self.began = Instant::now();
        self.first = None;
        self.last_line = None;
        self.title = title;
        if self.interactive {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(shown(&self.title).into_owned());
            // The bar turns by a thread of its own; where none can be started it moves with the work.
            if threads::can_start(1).is_ok() {
                bar.enable_steady_tick(Duration::from_millis(200));
            }
            self.bar = Some(bar);
        } else {
            self.line(&format!("▸ {}", self.title));
        }
    }

    fn progress(&mut self, done: u64, total: u64, unit: &str, detail: &str) {
        let (since, first) = *self.first.get_or_insert((Instant::now(), done));
        let remaining = remaining(since.elapsed(), done.saturating_sub(first), total.saturating_sub(first));
        if let Some(bar) = &self.bar {
            if bar.length() != Some(total) {
                bar.set_length(total);
                let template = "{spinner} {prefix}  {bar:24} {pos}/{len}  {wide_msg}";
                let style = ProgressStyle::with_template(template);
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            }
            bar.set_position(done);
            bar.set_message(format!("{unit}{}  {}", eta(remaining), shown(detail)));
            return;
        }
        if self.last_line.is_some_and(|last| last.elapsed() < PLAIN_INTERVAL) && done < total {
            return;
        }
        self.last_line = Some(Instant::now());
        self.line(&format!(
            "  {}: {done}/{total} {unit}{}  {detail}",
            self.title,
            eta(remaining)
        ));
    }

    fn finish_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event) {
        match event {
            Event::Step { title } => self.step(title),
            Event::Progress {
                done,
                total,
                unit,
                detail,
            } => self.progress(done, total, unit, &detail),
            Event::Done { summary } => {
                self.finish_bar();
                self.line(&format!(
                    "✓ {} ({}): {summary}",
                    self.title,
                    duration(self.began.elapsed())
                ));
            }
            Event::Note(text) => self.line(&format!("  {text}")),
            // Machine-readable output is the result alone.
            Event::Table(table) if self.printer.format() == Format::Table => {
                let printer = self.printer;
                match &self.bar {
                    Some(bar) => bar.suspend(|| printer.table(&table)),
                    None => printer.table(&table),
                }
            }
            Event::Table(_) => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish_bar();
    }
}

fn remaining(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    if done == 0 || done >= total {
        return None;
    }
    Some(elapsed.mul_f64((total - done) as f64 / done as f64))
}

fn eta(remaining: Option<Duration>) -> String {
    remaining.map_or_else(String::new, |left| format!(", {} left", duration(left)))
}

/// `42 s`, `3 min 07 s`, `1 h 02 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, text) in [(7, "7 s"), (187, "3 min 07 s"), (3725, "1 h 02 min")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn what_is_left_follows_what_is_done() {
        assert_eq!(remaining(Duration::from_secs(10), 1, 3), Some(Duration::from_secs(20)));
        assert_eq!(remaining(Duration::from_secs(10), 0, 3), None);
        assert_eq!(remaining(Duration::from_secs(10), 3, 3), None);
    }
}
