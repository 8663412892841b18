//! The reward of a search trial by trial.

use crate::run_report::SearchFacts;
use crate::summary::improvements;

use super::axis::{Frame, Scale};
use super::svg::{Anchor, Room, Svg};

/// Beyond this many trials the dots are thinned.
const DOTS: usize = 1500;
/// Rewards below this share of the trials may fall out of the frame at the bottom.
const TAIL: f64 = 0.02;

/// Every trial as a dot, the best so far as a line; an empty string without rewards.
pub(crate) fn history(search: &SearchFacts) -> String {
    let rewards: Vec<(usize, f64)> = search
        .trials
        .iter()
        .enumerate()
        .filter_map(|(index, trial)| trial.reward.map(|reward| (index + 1, reward)))
        .filter(|(_, reward)| reward.is_finite())
        .collect();
    if rewards.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<f64> = rewards.iter().map(|(_, reward)| *reward).collect();
    sorted.sort_by(f64::total_cmp);
    let tail = (sorted.len() as f64 * TAIL) as usize;
    let frame = Frame {
        left: 52.0,
        top: 50.0,
        right: 450.0,
        bottom: 200.0,
        x: Scale::from_zero([search.trials.len() as f64], 6),
        y: Scale::around(sorted[tail..].iter().copied(), 4),
    };
    let mut svg = Svg::new(
        460.0,
        242.0,
        &format!("Reward by trial, search {}", search.name),
        &format!("{} trials; the line is the best reward so far.", search.trials.len()),
    );
    svg.fitted(
        (4.0, 16.0),
        Anchor::Start,
        "heading",
        &search.name,
        Room::of(440.0, 12.5),
    );
    frame.draw(&mut svg, "trial", "reward");
    let every = rewards.len().div_ceil(DOTS);
    for (trial, reward) in rewards.iter().step_by(every) {
        svg.circle(frame.at(*trial as f64, *reward), 2.0, "cloud", "");
    }
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (index, reward) in improvements(search) {
        let (x, y) = frame.at(index as f64 + 1.0, reward);
        if let Some((_, last)) = steps.last().copied() {
            steps.push((x, last));
        }
        steps.push((x, y));
    }
    if let Some((_, last)) = steps.last().copied() {
        steps.push((frame.x_at(search.trials.len() as f64), last));
    }
    svg.polyline(&steps, "bestline");
    svg.finish()
}
