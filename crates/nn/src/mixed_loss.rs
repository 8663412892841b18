use crate::{NnError, Teacher, softmax_cross_entropy};

/// What the images of a batch are mixed of: a share of the one with the batch's label, the rest of another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixed<'a> {
    /// The class index of every image's other part.
    pub labels: &'a [u32],
    /// λ, the share of every image's first part.
    pub shares: &'a [f32],
}

/// What the logits of a batch are compared with: `scale` times [`softmax_cross_entropy`], for mixed images that of both parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss<'a> {
    /// The class index of every image.
    pub labels: &'a [u32],
    /// What the images are mixed of, if they are.
    pub mixed: Option<Mixed<'a>>,
    /// Label smoothing ε.
    pub smoothing: f32,
    /// A teacher's answers to the same images.
    pub teacher: Option<Teacher<'a>>,
    /// What loss and gradient are multiplied by.
    pub scale: f32,
}

impl Loss<'_> {
    /// The loss of logits `[batch, classes]`; writes its gradient.
    ///
    /// For an image that is λ of one and 1 − λ of another the loss is λ times the cross-entropy with the label of the one,
    /// 1 − λ times that with the other's (Zhang et al. 2018). The two cross-entropies of an image have the same normalising
    /// term, so one pass is enough: with label smoothing ε, they differ by
    /// (1 − ε)(logit of the first label − logit of the second).
    ///
    /// # Errors
    /// When slices disagree in length or a label is not a class.
    pub fn of(&self, logits: &[f32], gradient: &mut [f32]) -> Result<f32, NnError> {
        let classes = logits.len() / self.labels.len().max(1);
        let (labels, mixed, smoothing, teacher) = (self.labels, self.mixed, self.smoothing, self.teacher);
        let value = mixed_cross_entropy(logits, classes, labels, mixed, smoothing, teacher, gradient)?;
        gradient.iter_mut().for_each(|value| *value *= self.scale);
        Ok(value * self.scale)
    }
}

fn mixed_cross_entropy(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
    mixed: Option<Mixed<'_>>,
    smoothing: f32,
    teacher: Option<Teacher<'_>>,
    gradient: &mut [f32],
) -> Result<f32, NnError> {
    let loss = softmax_cross_entropy(logits, classes, labels, smoothing, teacher, gradient)?;
    let Some(Mixed { labels: others, shares }) = mixed else {
        return Ok(loss);
    };
    for found in [others.len(), shares.len()] {
        if found != labels.len() {
            let (what, expected) = ("the other parts of mixed images", labels.len());
            return Err(NnError::Length { what, expected, found });
        }
    }
    let wrong = others.iter().position(|label| *label as usize >= classes);
    if let Some(image) = wrong {
        let label = others[image];
        return Err(NnError::Label { image, label, classes });
    }
    let scale = 1.0 / labels.len().max(1) as f32;
    let mut difference = 0.0_f64;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((row, gradient), ((label, other), share)) in rows.zip(labels.iter().zip(others).zip(shares)) {
        let (label, other) = (*label as usize, *other as usize);
        let weight = (1.0 - share) * (1.0 - smoothing);
        difference += f64::from(weight * (row[label] - row[other]));
        gradient[label] += weight * scale;
        gradient[other] -= weight * scale;
    }
    Ok(loss + (difference * f64::from(scale)) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 9] = [0.3, -1.2, 2.0, 0.1, 0.9, -0.4, 1.5, 0.0, -3.0];
    const LABELS: [u32; 3] = [2, 0, 1];
    const OTHERS: [u32; 3] = [1, 0, 2];
    const SHARES: [f32; 3] = [0.3, 0.6, 1.0];
    const TEACHER: Teacher<'_> = Teacher {
        logits: &[1.0, 0.2, -0.3, -2.0, 0.5, 0.4, 0.0, 0.3, 0.1],
        ratio: 0.7,
    };

    #[test]
    fn it_is_the_weighted_mean_of_the_two_losses_of_each_image() {
        for (smoothing, teacher) in [(0.0, None), (0.1, None), (0.1, Some(TEACHER))] {
            let mut found = [0.0; 9];
            let mixed = Mixed {
                labels: &OTHERS,
                shares: &SHARES,
            };
            let loss = mixed_cross_entropy(&LOGITS, 3, &LABELS, Some(mixed), smoothing, teacher, &mut found).unwrap();
            let (mut expected, mut expected_gradient) = (0.0, [0.0; 9]);
            for image in 0..3 {
                let place = image * 3..image * 3 + 3;
                let teacher = teacher.map(|teacher| Teacher {
                    logits: &teacher.logits[place.clone()],
                    ..teacher
                });
                let share = SHARES[image];
                for (weight, label) in [(share, LABELS[image]), (1.0 - share, OTHERS[image])] {
                    let (row, mut gradient) = (&LOGITS[place.clone()], [0.0; 3]);
                    let loss = softmax_cross_entropy(row, 3, &[label], smoothing, teacher, &mut gradient).unwrap();
                    expected += weight * loss / 3.0;
                    for (sum, value) in expected_gradient[place.clone()].iter_mut().zip(gradient) {
                        *sum += weight * value / 3.0;
                    }
                }
            }
            assert!((loss - expected).abs() < 1e-6, "{loss} {expected}");
            for (found, expected) in found.iter().zip(expected_gradient) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut gradient = [0.0; 9];
        let mut loss = |labels: &[u32], shares: &[f32]| {
            let mixed = Some(Mixed { labels, shares });
            mixed_cross_entropy(&LOGITS, 3, &LABELS, mixed, 0.0, None, &mut gradient)
        };
        assert!(loss(&[0, 1, 3], &SHARES).is_err());
        assert!(loss(&[0, 1], &SHARES).is_err());
        assert!(loss(&OTHERS, &[0.5]).is_err());
        assert!(loss(&OTHERS, &SHARES).is_ok());
    }
}
