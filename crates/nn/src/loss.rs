use crate::NnError;

/// What a teacher adds to the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Teacher<'a> {
    /// The teacher's logits, `[batch, classes]`.
    pub logits: &'a [f32],
    /// Factor of the teacher's cross-entropy.
    pub ratio: f32,
}

/// Mean over the batch of softmax cross-entropy with label smoothing, plus ratio · cross-entropy against the teacher's
/// softmax. Returns the loss and writes its gradient over `logits` into `gradient`.
///
/// `logits` and `gradient` are `[batch, classes]`. Label smoothing ε is PyTorch's: the target is
/// (1 − ε)·one-hot + ε / classes. The teacher's softmax has temperature 1 and gets no gradient.
///
/// # Errors
/// When slices disagree in length or a label is not a class.
pub fn softmax_cross_entropy(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
    smoothing: f32,
    teacher: Option<Teacher<'_>>,
    gradient: &mut [f32],
) -> Result<f32, NnError> {
    let expected = labels.len() * classes;
    let length = |what, found| {
        if found == expected {
            Ok(())
        } else {
            Err(NnError::Length { what, expected, found })
        }
    };
    length("the logits", logits.len())?;
    length("the gradient of the logits", gradient.len())?;
    if let Some(teacher) = teacher {
        length("the teacher's logits", teacher.logits.len())?;
    }
    for (image, label) in labels.iter().enumerate() {
        if *label as usize >= classes {
            return Err(NnError::Label {
                image,
                label: *label,
                classes,
            });
        }
    }
    if expected == 0 {
        return Ok(0.0);
    }
    let (base, scale) = (smoothing / classes as f32, 1.0 / labels.len() as f32);
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    let mut loss = 0.0_f64;
    for (image, (row, gradient)) in rows.enumerate() {
        let (largest, log_sum) = log_partition(row);
        let mut weight = 1.0;
        gradient.fill(base);
        gradient[labels[image] as usize] += 1.0 - smoothing;
        if let Some(Teacher { logits, ratio }) = teacher {
            let row = &logits[image * classes..(image + 1) * classes];
            let (largest, log_sum) = log_partition(row);
            for (target, logit) in gradient.iter_mut().zip(row) {
                *target += ratio * (logit - largest - log_sum).exp();
            }
            weight += ratio;
        }
        // `gradient` holds the target distribution, of total mass `weight`.
        for (target, logit) in gradient.iter_mut().zip(row) {
            let log_probability = logit - largest - log_sum;
            loss -= f64::from(*target * log_probability);
            *target = (weight * log_probability.exp() - *target) * scale;
        }
    }
    Ok((loss / labels.len() as f64) as f32)
}

/// The largest logit and the logarithm of Σ exp(logit − largest).
fn log_partition(logits: &[f32]) -> (f32, f32) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    (largest, sum.ln())
}

/// How many rows of `logits` have their largest value at the label (the first of equals wins).
///
/// # Errors
/// When the lengths disagree.
pub fn count_correct(logits: &[f32], classes: usize, labels: &[u32]) -> Result<usize, NnError> {
    Ok(right_answers(logits, classes, labels)?.filter(|right| *right).count())
}

/// Which rows of `logits` have their largest value at the label, as [`count_correct`] counts them.
///
/// # Errors
/// When the lengths disagree.
pub fn right_answers<'a>(
    logits: &'a [f32],
    classes: usize,
    labels: &'a [u32],
) -> Result<impl Iterator<Item = bool> + 'a, NnError> {
    if classes == 0 || logits.len() != labels.len() * classes {
        return Err(NnError::Length {
            what: "the logits",
            expected: labels.len() * classes,
            found: logits.len(),
        });
    }
    let best = |row: &[f32]| {
        let mut best = 0;
        for (class, logit) in row.iter().enumerate() {
            if *logit > row[best] {
                best = class;
            }
        }
        best
    };
    let rows = logits.chunks_exact(classes).zip(labels);
    Ok(rows.map(move |(row, label)| best(row) == *label as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_classes() {
        let mut gradient = [0.0; 8];
        let loss = softmax_cross_entropy(&[0.5; 8], 4, &[1, 3], 0.0, None, &mut gradient).unwrap();
        assert!((loss - 4.0_f32.ln()).abs() < 1e-6);
        assert!((gradient[1] + 0.375).abs() < 1e-6 && (gradient[0] - 0.125).abs() < 1e-6);
    }

    #[test]
    fn gradient_matches_finite_differences() {
        let logits = [0.3, -1.2, 2.0, 0.1, 0.9, -0.4];
        let teacher = Teacher {
            logits: &[1.0, 0.2, -0.3, -2.0, 0.5, 0.4],
            ratio: 0.7,
        };
        let run = |logits: &[f32], gradient: &mut [f32]| {
            softmax_cross_entropy(logits, 3, &[2, 0], 0.1, Some(teacher), gradient).unwrap()
        };
        let mut gradient = [0.0; 6];
        run(&logits, &mut gradient);
        for index in 0..6 {
            let (mut up, mut down, mut ignored) = (logits, logits, [0.0; 6]);
            up[index] += 1e-2;
            down[index] -= 1e-2;
            let slope = (run(&up, &mut ignored) - run(&down, &mut ignored)) / 2e-2;
            assert!((slope - gradient[index]).abs() < 1e-3, "{slope} {}", gradient[index]);
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let mut gradient = [0.0; 2];
        assert!(softmax_cross_entropy(&[0.0; 2], 2, &[2], 0.0, None, &mut gradient).is_err());
        assert!(softmax_cross_entropy(&[0.0; 3], 2, &[1], 0.0, None, &mut gradient).is_err());
        assert!(count_correct(&[0.0; 3], 2, &[1]).is_err());
    }

    #[test]
    fn correct_answers_are_counted() {
        assert_eq!(count_correct(&[0.1, 0.2, 0.9, 0.3], 2, &[1, 1]).unwrap(), 1);
    }
}
