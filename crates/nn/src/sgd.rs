use crate::{Gradients, NnError, Store};

/// Settings of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdOptions {
    /// Momentum μ, 0 for none.
    pub momentum: f32,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// L2 weight decay, added to the gradients of kernels and matrices only; never of batch normalisation and biases.
    pub weight_decay: f32,
}

impl Default for SgdOptions {
    /// Nesterov momentum 0.9, weight decay 3e-5.
    fn default() -> Self {
        Self {
            momentum: 0.9,
            nesterov: true,
            weight_decay: 3e-5,
        }
    }
}

/// Stochastic gradient descent with momentum in PyTorch's form:
/// g ← g + λ·w, v ← μ·v + g, w ← w − η·(g + μ·v with Nesterov, v without).
///
/// The velocity is the whole state; write it to a checkpoint and back, and training goes on with the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd {
    options: SgdOptions,
    velocity: Gradients,
}

impl Sgd {
    /// An optimiser for a store, with velocity 0.
    #[must_use]
    pub fn new(store: &Store, options: SgdOptions) -> Self {
        Self {
            options,
            velocity: Gradients::zeros(store),
        }
    }

    /// The settings.
    #[must_use]
    pub const fn options(&self) -> SgdOptions {
        self.options
    }

    /// The momentum buffers, in the store's layout.
    #[must_use]
    pub const fn velocity(&self) -> &Gradients {
        &self.velocity
    }

    /// The momentum buffers for writing, to resume from a checkpoint.
    pub const fn velocity_mut(&mut self) -> &mut Gradients {
        &mut self.velocity
    }

    /// One update of every trainable tensor.
    ///
    /// # Errors
    /// When the gradients or the optimiser belong to another store; nothing is changed then.
    pub fn step(&mut self, store: &mut Store, gradients: &Gradients, learning_rate: f32) -> Result<(), NnError> {
        gradients.check(store)?;
        self.velocity.check(store)?;
        let SgdOptions {
            momentum,
            nesterov,
            weight_decay,
        } = self.options;
        let ids: usize = store.tensors().len();
        for index in 0..ids {
            let tensor = &mut store.tensors_mut()[index];
            if !tensor.kind().is_trainable() {
                continue;
            }
            let decay = if tensor.kind().decays() { weight_decay } else { 0.0 };
            let velocity = self.velocity.at_mut(index);
            let values = tensor.data_mut().iter_mut().zip(gradients.at(index)).zip(velocity);
            for ((weight, gradient), velocity) in values {
                let gradient = gradient + decay * *weight;
                *velocity = momentum * *velocity + gradient;
                let direction = if nesterov {
                    gradient + momentum * *velocity
                } else {
                    *velocity
                };
                *weight -= learning_rate * direction;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorKind;

    /// Two steps by hand for a decayed and an undecayed tensor.
    #[test]
    fn two_steps_match_the_formula() {
        let mut store = Store::new();
        let weight = store
            .insert("w", TensorKind::LinearWeight, vec![1, 1], vec![2.0])
            .unwrap();
        let bias = store.insert("b", TensorKind::Bias, vec![1], vec![2.0]).unwrap();
        let options = SgdOptions {
            momentum: 0.5,
            nesterov: true,
            weight_decay: 0.25,
        };
        let mut sgd = Sgd::new(&store, options);
        let mut gradients = Gradients::zeros(&store);
        gradients.get_mut(weight)[0] = 1.0;
        gradients.get_mut(bias)[0] = 1.0;
        sgd.step(&mut store, &gradients, 0.1).unwrap();
        // w: g = 1.5, v = 1.5, step 0.1·(1.5 + 0.75); b: g = 1, v = 1, step 0.1·1.5
        assert!((store.get("w").unwrap().data()[0] - 1.775).abs() < 1e-6);
        assert!((store.get("b").unwrap().data()[0] - 1.85).abs() < 1e-6);
        sgd.step(&mut store, &gradients, 0.1).unwrap();
        // w: g = 1 + 0.44375, v = 0.75 + g; b: v = 1.5, step 0.1·(1 + 0.75)
        let gradient = 1.443_75_f32;
        let expected = 1.775 - 0.1 * (gradient + 0.5 * (0.75 + gradient));
        assert!((store.get("w").unwrap().data()[0] - expected).abs() < 1e-6);
        assert!((store.get("b").unwrap().data()[0] - 1.675).abs() < 1e-6);
    }

    #[test]
    fn gradients_of_another_store_are_refused() {
        let mut store = Store::new();
        store.insert("b", TensorKind::Bias, vec![2], vec![0.0; 2]).unwrap();
        let mut sgd = Sgd::new(&store, SgdOptions::default());
        let foreign = Gradients::zeros(&Store::new());
        assert!(sgd.step(&mut store, &foreign, 0.1).is_err());
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut store = Store::new();
        let id = store.insert("b", TensorKind::Bias, vec![2], vec![0.0; 2]).unwrap();
        let mut gradients = Gradients::zeros(&store);
        gradients.get_mut(id).copy_from_slice(&[3.0, 4.0]);
        assert!((gradients.clip(10.0) - 5.0).abs() < 1e-9);
        assert_eq!(gradients.get(id), [3.0, 4.0]);
        gradients.clip(1.0);
        assert!((gradients.global_norm() - 1.0).abs() < 1e-5);
        assert!((gradients.get(id)[0] / gradients.get(id)[1] - 0.75).abs() < 1e-6);
    }
}
