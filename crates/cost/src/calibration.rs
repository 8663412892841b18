use panarch_graph::{Latency, Network};
use rayon::prelude::*;

use crate::{AnalyticModel, CostError, DeviceProfile};

/// The first and the last factor by which a figure is moved.
const STEPS: (f64, f64) = (1.5, 1.002);
/// What is left of the loss, at most, after a move that helps: a figure that would best be nothing, or without end, is else
/// followed for ever.
const LEAST_GAIN: f64 = 1.0 - 1e-5;

/// A figure of a profile that is to be fitted, and where the fit begins.
#[derive(Debug, Clone, PartialEq)]
pub struct StartingFigure {
    /// `section.key`, such as `array.utilisation`.
    pub path: String,
    /// The value to begin with; the profile's own when absent.
    pub value: Option<f64>,
}

/// Figures of a profile fitted to known latencies.
///
/// Coordinate descent on the sum of squared logarithms of estimate / latency: each figure in turn is moved by a factor up and
/// down, a move that helps is kept, and the factor shrinks when none does. Deterministic; it finds a local optimum, and of
/// figures that stand in for one another some point of the valley. Figures out of the range that profiles allow are not tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The profile's text with the fitted figures.
    pub text: String,
    /// The fitted figures.
    pub figures: Vec<(String, f64)>,
    /// The root mean square of the logarithms of estimate / latency, about a relative error.
    pub error: f64,
}

impl Calibration {
    /// Fits figures of the accelerator profile in `text` to the latencies of networks.
    ///
    /// # Errors
    /// When the text is not such a profile, a figure is not in it, or the machine cannot run one of the networks.
    pub fn new(text: &str, figures: &[StartingFigure], cases: &[(&Network, Latency)]) -> Result<Self, CostError> {
        let mut text = text.to_owned();
        for figure in figures {
            let place = Place::of(&text, &figure.path)?;
            text = place.with(&text, figure.value.unwrap_or(place.value));
        }
        let mut least = loss(&text, cases)?;
        let mut step = STEPS.0;
        while step > STEPS.1 {
            let mut improved = false;
            for figure in figures {
                for factor in [step, step.recip()] {
                    let place = Place::of(&text, &figure.path)?;
                    let moved = place.with(&text, place.value * factor);
                    // A figure outside its range has no loss.
                    if let Some(loss) = loss(&moved, cases).ok().filter(|loss| *loss < least * LEAST_GAIN) {
                        (text, least, improved) = (moved, loss, true);
                    }
                }
            }
            if !improved {
                step = 1.0 + (step - 1.0) / 2.0;
            }
        }
        let values = figures
            .iter()
            .map(|figure| Ok((figure.path.clone(), Place::of(&text, &figure.path)?.value)));
        Ok(Self {
            figures: values.collect::<Result<_, CostError>>()?,
            error: (least / cases.len().max(1) as f64).sqrt(),
            text,
        })
    }

    /// The model of the fitted profile.
    ///
    /// # Errors
    /// None that [`Calibration::new`] would not have had.
    pub fn model(&self) -> Result<AnalyticModel, CostError> {
        AnalyticModel::new(DeviceProfile::from_toml("fitted", &self.text)?)
    }

    /// Each network's latency as the model foresees it when fitted to all others.
    ///
    /// # Errors
    /// As [`Calibration::new`].
    pub fn leave_one_out(
        text: &str,
        figures: &[StartingFigure],
        cases: &[(&Network, Latency)],
    ) -> Result<Vec<Latency>, CostError> {
        let fits = Self::without_each(text, figures, cases)?;
        let foreseen = fits.iter().zip(cases);
        foreseen
            .map(|(fit, (network, _))| Ok(fit.model()?.cost(network)?.latency.value))
            .collect()
    }

    /// The fits to all networks but one, for each in turn.
    ///
    /// # Errors
    /// As [`Calibration::new`].
    pub fn without_each(
        text: &str,
        figures: &[StartingFigure],
        cases: &[(&Network, Latency)],
    ) -> Result<Vec<Self>, CostError> {
        let fits = (0..cases.len()).into_par_iter().map(|left_out| {
            let mut others = cases.to_vec();
            others.remove(left_out);
            Self::new(text, figures, &others)
        });
        fits.collect()
    }
}

fn loss(text: &str, cases: &[(&Network, Latency)]) -> Result<f64, CostError> {
    let model = AnalyticModel::new(DeviceProfile::from_toml("candidate", text)?)?;
    let squares = cases.iter().map(|(network, latency)| {
        let estimate = model.cost(network)?.latency.value;
        Ok((estimate / *latency).ln().powi(2))
    });
    squares.sum()
}

/// Where the number of a figure stands in a profile's text.
struct Place {
    start: usize,
    end: usize,
    value: f64,
}

impl Place {
    fn of(text: &str, path: &str) -> Result<Self, CostError> {
        Self::find(text, path).ok_or_else(|| CostError::NoFigure { path: path.to_owned() })
    }

    fn find(text: &str, path: &str) -> Option<Self> {
        let (section, key) = path.split_once('.')?;
        let table = text.find(&format!("\n[{section}]\n"))?;
        let behind = text.get(table + 1..)?;
        let length = behind.find("\n[").unwrap_or(behind.len());
        let body = behind.get(..length)?;
        let opening = format!("\n{key} = {{ value = ");
        let start = table + 1 + body.find(&opening)? + opening.len();
        let rest = text.get(start..)?;
        let end = start + rest.find(',')?;
        let value = text.get(start..end)?.trim().parse().ok()?;
        Some(Self { start, end, value })
    }

    fn with(&self, text: &str, value: f64) -> String {
        let (before, after) = (text.get(..self.start), text.get(self.end..));
        format!("{}{value:e}{}", before.unwrap_or_default(), after.unwrap_or_default())
    }
}
