use super::least_ratio::Ratio;
use super::optimum::{Budget, Found, Solution};
use super::problem::Problem;
use super::quantum;
use super::relaxation::Met;
use crate::SearchError;

/// A member of the front of accuracy against the worst ratio of cost to limit.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontPoint {
    /// The member.
    pub member: Found,
    /// Its worst ratio.
    pub ratio: f64,
    /// Whether it is proved that no member of this ratio is more accurate.
    pub proven: bool,
}

impl Problem {
    /// Members of the front of accuracy against the worst ratio r of cost to limit, from the least r up: the most accurate
    /// member at each of `points` values of r, evenly spaced from the least that any member has to that of the most accurate
    /// one. Two values may have the same member, so that there may be fewer.
    ///
    /// # Errors
    /// [`SearchError::Settings`] without limits or points; as [`Problem::best`].
    pub fn front(&self, points: usize, budget: &Budget<'_>) -> Result<Vec<FrontPoint>, SearchError> {
        let least = self.least_ratio(budget)?;
        let known = &mut Vec::new();
        let Some(top) = self.at(None, budget, known)? else {
            return Err(SearchError::Unsettled);
        };
        let mut front: Vec<FrontPoint> = Vec::new();
        let steps = points.saturating_sub(1);
        for step in 0..points {
            let point = if step == steps {
                top.clone()
            } else {
                let ratio = least.ratio + (top.ratio - least.ratio) * step as f64 / steps as f64;
                let mut allowed: Vec<i64> = self
                    .most
                    .iter()
                    .map(|most| ((*most as f64 * ratio).floor() as i64).min(quantum::WIDE))
                    .collect();
                // The least ratio itself may be lost to rounding.
                let own = least.member.sums.iter().skip(1);
                allowed
                    .iter_mut()
                    .zip(own)
                    .for_each(|(allowed, own)| *allowed = (*allowed).max(*own));
                match self.at(Some(allowed), budget, known)? {
                    Some(point) => point,
                    None => continue,
                }
            };
            add(&mut front, point);
        }
        Ok(front)
    }

    /// The whole front, from the largest worst ratio down, as long as `more` agrees to go on after each member.
    ///
    /// # Errors
    /// As [`Problem::front`].
    pub fn whole_front(
        &self,
        budget: &Budget<'_>,
        mut more: impl FnMut(&FrontPoint) -> bool,
    ) -> Result<Vec<FrontPoint>, SearchError> {
        let mut front: Vec<FrontPoint> = Vec::new();
        let known = &mut Vec::new();
        let mut next = self.at(None, budget, known)?;
        while let Some(point) = next {
            let ratio = Ratio::worst(&point.member.sums, &self.most);
            let go_on = more(&point);
            // What was found before and is no more accurate is worse.
            while front
                .last()
                .is_some_and(|last| last.member.sums.first() <= point.member.sums.first())
            {
                front.pop();
            }
            front.push(point);
            next = if go_on {
                self.at(Some(ratio.below(&self.most)), budget, known)?
            } else {
                None
            };
        }
        front.reverse();
        Ok(front)
    }

    /// The most accurate member within these limits, or without any.
    fn at(
        &self,
        most: Option<Vec<i64>>,
        budget: &Budget<'_>,
        known: &mut Vec<Vec<Met>>,
    ) -> Result<Option<FrontPoint>, SearchError> {
        if self.most.is_empty() {
            return Err(SearchError::Settings {
                reason: "without limits there is no ratio".to_owned(),
            });
        }
        let loose = || vec![quantum::WIDE; self.most.len()];
        let problem = Self {
            most: most.unwrap_or_else(loose),
            ..self.clone()
        };
        Ok(match problem.best_from(1, budget, known)? {
            Solution::Infeasible(_) => None,
            Solution::Optimum(optimum) => optimum.best.into_iter().next().map(|member| FrontPoint {
                ratio: Ratio::worst(&member.sums, &self.most).value(),
                member,
                proven: optimum.proven,
            }),
        })
    }
}

/// Adds a point of a ratio that is no less than those before, unless they are as accurate.
fn add(front: &mut Vec<FrontPoint>, point: FrontPoint) {
    let accuracy = |point: &FrontPoint| point.member.sums.first().copied();
    if front.iter().all(|other| accuracy(other) < accuracy(&point)) {
        front.push(point);
    }
}
