//! What a network sees in pictures.

use std::path::Path;

use panarch_data::{EvaluationTransform, Normalisation};

use crate::checkpoint::{LoadedNetwork, logits};
use crate::{Error, lookup, memory};

/// The classes of ImageNet (ILSVRC 2012), in their usual order.
const IMAGENET: &str = include_str!("imagenet_classes.txt");

/// The property of an exported file with the names of its classes.
pub(crate) const CLASSES: &str = "classes";
/// The property of an exported file with the bits that count in pictures of 16 bits a sample, where they are fewer.
pub(crate) const DEPTH: &str = "input.depth";

/// Class names as one property: one a line, or, if a name has line ends in it, as a JSON array on one line.
pub(crate) fn classes_text(names: &[String]) -> String {
    match names.iter().any(|name| name.contains(['\n', '\r'])) || names.len() < 2 {
        true => serde_json::Value::from(names).to_string(),
        false => names.join("\n"),
    }
}

/// The inverse of [`classes_text`]: of several names, only the array has no line end.
fn class_names(text: &str) -> Vec<String> {
    let array = (!text.contains('\n'))
        .then(|| serde_json::from_str(text).ok())
        .flatten();
    array.unwrap_or_else(|| text.lines().map(str::to_owned).collect())
}

/// One guess.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The class's number, from 0.
    pub class: usize,
    /// The class's name.
    pub name: String,
    /// The share that the softmax gives it. Not a calibrated probability.
    pub share: f64,
}

/// A network that is ready to look at pictures.
pub struct Classifier<'a> {
    loaded: &'a LoadedNetwork,
    transform: EvaluationTransform,
    names: Vec<String>,
}

impl<'a> Classifier<'a> {
    /// With the class names of a file (one a line), of the network's own file, or of ImageNet where it has 1000 classes; with
    /// the normalisation of the network's own file, or of ImageNet.
    ///
    /// # Errors
    /// A file of names that cannot be read or has another number of names than the network has classes; a network with
    /// several outputs.
    pub fn new(loaded: &'a LoadedNetwork, labels: Option<&Path>) -> Result<Self, Error> {
        let network = &loaded.network;
        memory::check_engine(network, 1)?;
        let classes = network.shape(network.sole_output()?).channels as usize;
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let names = match labels {
            Some(path) => {
                let names = lines(&lookup::read_text(path)?);
                if names.len() != classes {
                    let message = format!(
                        "{} has {} names, the network {classes} classes",
                        path.display(),
                        names.len()
                    );
                    return Err(Error::Input(message));
                }
                names
            }
            None => match loaded.properties.get(CLASSES).map(|text| class_names(text)) {
                Some(names) if names.len() == classes => names,
                Some(names) => {
                    let message = format!(
                        "the network's own file names {} classes, the network has {classes}; name them with --labels",
                        names.len()
                    );
                    return Err(Error::Input(message));
                }
                None if classes == 1000 => lines(IMAGENET),
                None => Vec::new(),
            },
        };
        let mut transform = EvaluationTransform::imagenet();
        if let (Some(mean), Some(deviation)) = (numbers(loaded, "input.mean"), numbers(loaded, "input.deviation")) {
            // What was trained on a folder of pictures saw all of the central square.
            transform = EvaluationTransform {
                central: 1.0,
                normalisation: Normalisation { mean, deviation },
                depth: numbers(loaded, DEPTH)
                    .and_then(|depth| Some(*depth.first()? as u8))
                    .unwrap_or(16),
            };
        }
        Ok(Self {
            loaded,
            transform,
            names,
        })
    }

    /// The most likely classes of a picture, at most `count`.
    ///
    /// # Errors
    /// A picture that cannot be decoded, a network for images that are not squares, or one whose answer is no number.
    pub fn look(&self, picture: &Path, count: usize) -> Result<Vec<Guess>, Error> {
        let network = &self.loaded.network;
        let input = self.transform.picture(picture, network.input_shape())?;
        let logits = logits(network, &self.loaded.weights, &input.data)?;
        if logits.iter().any(|logit| !logit.is_finite()) {
            let message = format!(
                "the network answers {} with values that are no finite numbers",
                picture.display()
            );
            return Err(Error::Input(message));
        }
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let total: f64 = powers.iter().sum();
        let mut order: Vec<usize> = (0..powers.len()).collect();
        order.sort_by(|a, b| powers[*b].total_cmp(&powers[*a]));
        let guess = |class: usize| Guess {
            class,
            name: self
                .names
                .get(class)
                .map_or_else(|| format!("class {class}"), String::clone),
            share: powers[class] / total,
        };
        Ok(order.into_iter().take(count).map(guess).collect())
    }
}

/// A property that is a list of numbers.
fn numbers(loaded: &LoadedNetwork, key: &str) -> Option<Vec<f32>> {
    let text = loaded.properties.get(key)?;
    let numbers = text.split([',', ' ', '\n']).filter(|part| !part.is_empty());
    numbers.map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_survive() {
        for names in [
            &["cats", "dogs"][..],
            &["a\nb", "c"],
            &["tab\there", "\"quoted\"", "[1]"],
            &["ends in return\r", "б", "猫", "\u{1b}[31m", "back\\slash\\n"],
            &["[\"one\"]"],
        ] {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(class_names(&classes_text(&names)), names);
        }
        // As files have it that were exported before.
        assert_eq!(class_names("one"), ["one"]);
    }
}
