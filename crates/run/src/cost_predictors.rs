//! Predictors of what networks cost on several devices, fitted to the same measured networks, and the choice within limits
//! that they allow.

use panarch_graph::Estimate;
use panarch_predict::{Choice, JointBand, LEVEL, Member, PredictError, Sample, TrainedPredictor};
use panarch_space::Space;

use crate::Error;
use crate::run::guard_band::{GuardBand, beyond};

/// The room that a choice leaves between predictions and limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Band {
    /// None: predictions count as they are.
    None,
    /// Each limit is kept with its share of this confidence, whatever the errors have to do with each other (Bonferroni).
    Each(f64),
    /// All limits are kept together with this confidence, by the errors that the predictors make together ([`JointBand`]).
    Joint(f64),
}

/// One predictor for each device, all fitted to the same networks.
#[derive(Debug)]
pub struct CostPredictors {
    predictors: Vec<TrainedPredictor>,
}

/// What a network is expected to cost on each device.
pub type Costs = Vec<Estimate<f64>>;

impl CostPredictors {
    /// Fits one predictor to each device's column of costs, which has a value for each of the networks.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for a column of another length; those of [`TrainedPredictor::train`].
    pub fn train(
        space: &Space,
        networks: &[Member],
        columns: &[(String, Vec<f64>)],
        choice: Choice,
    ) -> Result<Self, Error> {
        let predictor = |(device, costs): &(String, Vec<f64>)| {
            if costs.len() != networks.len() {
                let (found, expected) = (costs.len(), networks.len());
                let reason = format!("`{device}` has {found} costs for {expected} networks");
                return Err(PredictError::Inputs { reason });
            }
            let samples = networks.iter().zip(costs).map(|(member, cost)| Sample {
                member: member.clone(),
                value: *cost,
                repeats: 1,
            });
            TrainedPredictor::train(space, device, samples.collect(), choice)
        };
        let predictors = columns.iter().map(predictor).collect::<Result<_, _>>()?;
        Ok(Self { predictors })
    }

    /// What networks are expected to cost; none for one that is out of the range of a predictor.
    #[must_use]
    pub fn foresee(&self, networks: &[Member]) -> Vec<Option<Costs>> {
        let mut foreseen = vec![Some(Vec::with_capacity(self.predictors.len())); networks.len()];
        for predictor in &self.predictors {
            for (costs, answer) in foreseen.iter_mut().zip(predictor.predict(networks)) {
                match (costs.as_mut(), answer) {
                    (Some(known), Ok(cost)) => known.push(cost),
                    _ => *costs = None,
                }
            }
        }
        foreseen
    }

    /// The place of the network that is worth most among those that keep their limits; `worth` of a network that nobody knows
    /// the worth of is none. `limits` holds a device's place with its limit: a device may have none.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for a limit on a device that there is not.
    pub fn choose(
        &self,
        foreseen: &[Option<Costs>],
        worth: &[Option<f64>],
        limits: &[(usize, f64)],
        band: Band,
    ) -> Result<Option<usize>, Error> {
        let limited: Option<Vec<&TrainedPredictor>> =
            limits.iter().map(|(device, _)| self.predictors.get(*device)).collect();
        let limited = limited.ok_or_else(|| PredictError::Inputs {
            reason: format!(
                "there is a limit on a device of which {} are known",
                self.predictors.len()
            ),
        })?;
        let joint = match band {
            Band::Joint(confidence) => Some((JointBand::new(&limited)?, confidence)),
            _ => None,
        };
        let power = match band {
            Band::Each(confidence) => GuardBand::new(Some(confidence), limits.len()).power(LEVEL),
            _ => None,
        };
        let within = |costs: &Costs| {
            let costs = limits
                .iter()
                .map(|(device, limit)| costs.get(*device).map(|cost| (*cost, *limit)));
            let Some(costs) = costs.collect::<Option<Vec<_>>>() else {
                return false;
            };
            match &joint {
                Some((joint, confidence)) => {
                    let (predictions, limits): (Vec<f64>, Vec<f64>) =
                        costs.iter().map(|(cost, limit)| (cost.value, *limit)).unzip();
                    joint.holds(&predictions, &limits, *confidence)
                }
                None => costs.iter().all(|(cost, limit)| beyond(*cost, power) <= *limit),
            }
        };
        let candidates = foreseen.iter().zip(worth).enumerate();
        let candidates = candidates.filter_map(|(place, (costs, worth))| {
            let (costs, worth) = (costs.as_ref()?, (*worth)?);
            within(costs).then_some((place, worth))
        });
        Ok(candidates
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(place, _)| place))
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::stream;
    use panarch_predict::Model;

    use super::*;

    fn error(index: usize) -> f64 {
        1.0 + 0.1 * (index as f64 * 1.7).sin()
    }

    /// Networks with the MACs and the parameters of each as costs, with an error that both have in common.
    fn measured(space: &Space, count: usize) -> (Vec<Member>, Vec<(String, Vec<f64>)>) {
        let mut rng = stream(5, "cost predictors", 0);
        let head = panarch_space::Head {
            classes: 1000,
            input_channels: 3,
        };
        let mut columns = vec![("macs".to_owned(), Vec::new()), ("parameters".to_owned(), Vec::new())];
        let mut members = Vec::new();
        for index in 0..count {
            let genotype = space.sample(&mut rng);
            let network = space.lower(&genotype, head, space.default_resolution()).unwrap();
            columns[0].1.push(network.macs().0 as f64 * error(index));
            columns[1].1.push(network.parameter_count() as f64 * error(index));
            members.push(Member {
                genotype,
                resolution: None,
            });
        }
        (members, columns)
    }

    #[test]
    fn a_band_keeps_limits_that_predictions_alone_do_not() {
        let space = Space::preset("mnasnet-anb").unwrap();
        let (members, columns) = measured(&space, 400);
        let part = |range: std::ops::Range<usize>| -> Vec<(String, Vec<f64>)> {
            let part = columns
                .iter()
                .map(|(name, costs)| (name.clone(), costs[range.clone()].to_vec()));
            part.collect()
        };
        let predictors =
            CostPredictors::train(&space, &members[..100], &part(0..100), Choice::Only(Model::Counts)).unwrap();
        let foreseen = predictors.foresee(&members[100..]);
        let others = part(100..400);
        // The more MACs the better, whatever the error of a measurement.
        let worth = others[0].1.iter().zip(100..).map(|(macs, index)| macs / error(index));
        let worth: Vec<Option<f64>> = worth.map(Some).collect();
        let bands = [Band::None, Band::Each(0.9), Band::Joint(0.9)];
        let mut kept = [0; 3];
        for draw in 0..60 {
            let at = |device: usize, shift: usize| others[device].1[(draw * 5 + shift) % 300] * 1.05;
            let limits = [(0, at(0, 0)), (1, at(1, 7))];
            for (kept, band) in kept.iter_mut().zip(bands) {
                let found = predictors.choose(&foreseen, &worth, &limits, band).unwrap();
                let keeps = |place: usize| limits.iter().all(|(device, limit)| others[*device].1[place] <= *limit);
                *kept += u32::from(found.is_none_or(keeps));
            }
        }
        // Those with the most MACs that are predicted to be within the limits are near them.
        assert!(kept[0] < 50 && kept[1] >= 54 && kept[2] >= 54, "{kept:?}");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let space = Space::preset("mnasnet-anb").unwrap();
        let (members, mut columns) = measured(&space, 40);
        let choice = Choice::Only(Model::Ridge);
        let predictors = CostPredictors::train(&space, &members, &columns, choice).unwrap();
        let unknown = predictors.choose(&[], &[], &[(2, 1.0)], Band::None).unwrap_err();
        assert!(unknown.to_string().contains("2 are known"), "{unknown}");
        columns[1].1.pop();
        let short = CostPredictors::train(&space, &members, &columns, choice).unwrap_err();
        assert!(short.to_string().contains("39 costs for 40 networks"), "{short}");
    }
}
