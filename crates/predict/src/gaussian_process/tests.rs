use super::*;

fn kernel(weights: &[f64], noise: f64) -> Kernel {
    Kernel {
        dimensions: vec![Dimension::Number; weights.len()],
        weights: weights.to_vec(),
        amplitude: 4.0,
        noise,
        mean: 1.0,
    }
}

/// Two observations, worked by hand: with c the correlation of the two points,
/// K⁻¹ = [[1+n, −c], [−c, 1+n]] / ((1+n)² − c²).
#[test]
fn two_observations_give_the_textbook_posterior() {
    let kernel = kernel(&[0.25], 0.1);
    let inputs = [vec![0.0], vec![2.0]];
    let values = [3.0, 0.0];
    let process = GaussianProcess::with_kernel(kernel.clone(), &inputs, &values).unwrap();
    // The squared distance of the observations is 0.25·4 = 1, of the point to each 0.25.
    let matern = |q: f64| (1.0 + (5.0 * q).sqrt() + 5.0 * q / 3.0) * (-(5.0 * q).sqrt()).exp();
    let (c, k) = (matern(1.0), matern(0.25));
    assert!((c - 0.523_994_1).abs() < 1e-6, "{c}");
    let determinant = 1.1 * 1.1 - c * c;
    // (1 + n − c) / ((1 + n)² − c²) = 1 / (1 + n + c), and the rests are 2 and −1.
    let mean = 1.0 + k * (2.0 - 1.0) / (1.1 + c);
    let variance = 4.0 * (1.0 - 2.0 * k * k / (1.1 + c));
    let answer = process.predict(&[vec![1.0]]).unwrap()[0];
    assert!((answer.mean - mean).abs() < 1e-12, "{answer:?} {mean}");
    assert!((answer.variance - variance).abs() < 1e-12, "{answer:?} {variance}");
    let square = (1.1 * (4.0 + 1.0) + 2.0 * c * 2.0) / determinant / 4.0;
    let density = -0.5 * (square + (16.0 * determinant).ln() + 2.0 * (2.0 * std::f64::consts::PI).ln());
    assert!((process.log_likelihood() - density).abs() < 1e-12);
    assert!((kernel.noise_variance() - 0.4).abs() < 1e-15);
}

#[test]
fn categories_are_equal_or_one_apart() {
    let mut kernel = kernel(&[0.5, 0.5], 0.0);
    kernel.dimensions = vec![Dimension::Category, Dimension::Number];
    let same = kernel.correlation(&[7.0, 1.0], &[7.0, 1.0]);
    let one = kernel.correlation(&[7.0, 1.0], &[2.0, 1.0]);
    let other = kernel.correlation(&[7.0, 1.0], &[3.0, 1.0]);
    assert!((same - 1.0).abs() < 1e-15 && one == other && one < 1.0);
}

/// A function of which one input matters much, one little and one not at all.
fn rows(count: usize) -> (Vec<Dimension>, Vec<Vec<f64>>, Vec<f64>) {
    let inputs: Vec<Vec<f64>> = (0..count)
        .map(|row| vec![(row * 7 % 11) as f64 / 10.0, (row * 5 % 4) as f64, (row * 3 % 5) as f64])
        .collect();
    let values = inputs.iter().map(|it| (3.0 * it[0]).sin() * 10.0 + 0.3 * it[1]);
    let values = values.collect();
    (
        vec![Dimension::Number, Dimension::Number, Dimension::Category],
        inputs,
        values,
    )
}

#[test]
fn fitting_finds_what_matters() {
    let (dimensions, inputs, values) = rows(60);
    let process = GaussianProcess::fit(&dimensions, &inputs[..40], &values[..40], 3).unwrap();
    let again = GaussianProcess::fit(&dimensions, &inputs[..40], &values[..40], 3).unwrap();
    assert_eq!(process, again, "nothing is drawn");
    let weights = &process.kernel().weights;
    assert!(weights[0] > 30.0 * weights[2], "{weights:?}");
    let answers = process.predict(&inputs[40..]).unwrap();
    let spread = process.kernel().amplitude.sqrt();
    for (answer, value) in answers.iter().zip(&values[40..]) {
        assert!((answer.mean - value).abs() < 0.3, "{answer:?} {value}");
        assert!(answer.variance.sqrt() < 0.1 * spread);
    }
    let far = process.predict(&[vec![50.0, 50.0, 9.0]]).unwrap()[0];
    assert!(
        (far.variance.sqrt() / spread - 1.0).abs() < 0.05,
        "far away it knows nothing"
    );
    let given = GaussianProcess::with_kernel(process.kernel().clone(), &inputs[..40], &values[..40]).unwrap();
    assert!((given.log_likelihood() - process.log_likelihood()).abs() < 1e-6);
}

#[test]
fn a_posterior_takes_observations_one_by_one_and_back() {
    let (dimensions, inputs, values) = rows(30);
    let process = GaussianProcess::fit(&dimensions, &inputs[..20], &values[..20], 1).unwrap();
    let mut posterior = Posterior::new(process.kernel().clone(), inputs[20..].to_vec()).unwrap();
    for (input, value) in inputs.iter().zip(&values).take(12) {
        posterior.observe(input, *value).unwrap();
    }
    let (before, mark) = (posterior.at(3), posterior.mark());
    posterior.observe(&inputs[23], 5.0).unwrap();
    assert!(posterior.at(3).variance < before.variance);
    posterior.back_to(mark);
    assert_eq!((posterior.at(3), posterior.observations()), (before, 12));
    for (input, value) in inputs.iter().zip(&values).take(20).skip(12) {
        posterior.observe(input, *value).unwrap();
    }
    let whole = process.predict(&inputs[20..]).unwrap();
    let one_by_one: Vec<Normal> = (0..10).map(|point| posterior.at(point)).collect();
    assert_eq!(whole, one_by_one, "bit for bit");
}

#[test]
fn equal_values_and_single_rows_are_fitted() {
    for count in [1, 2, 5] {
        let inputs: Vec<Vec<f64>> = (0..count).map(|row| vec![row as f64]).collect();
        let process = GaussianProcess::fit(&[Dimension::Number], &inputs, &vec![7.0; count], 2).unwrap();
        let answer = process.predict(&[vec![0.5]]).unwrap()[0];
        assert!((answer.mean - 7.0).abs() < 1e-6 && answer.variance >= 0.0, "{answer:?}");
    }
}

#[test]
fn senseless_rows_are_refused() {
    let number = [Dimension::Number];
    for (inputs, values) in [
        (vec![], vec![]),
        (vec![vec![1.0]], vec![1.0, 2.0]),
        (vec![vec![1.0, 2.0]], vec![1.0]),
        (vec![vec![f64::NAN]], vec![1.0]),
        (vec![vec![1.0]], vec![f64::INFINITY]),
    ] {
        assert!(GaussianProcess::fit(&number, &inputs, &values, 1).is_err());
    }
    let process = GaussianProcess::fit(&number, &[vec![1.0]], &[1.0], 1).unwrap();
    assert!(process.predict(&[vec![1.0, 2.0]]).is_err());
}
