use crate::{Genotype, Space};

impl Space {
    /// Every canonical genotype once, made one at a time; see [`Space::count`] for how many there are.
    #[must_use]
    pub fn enumerate(&self) -> Members<'_> {
        Members {
            space: self,
            answers: Some(Vec::new()),
        }
    }
}

/// The members of a space; made by [`Space::enumerate`].
#[derive(Debug, Clone)]
pub struct Members<'s> {
    space: &'s Space,
    /// The decisions of the next member that are given beforehand, in the order in which the walk asks for them.
    answers: Option<Vec<(usize, u8)>>,
}

impl Iterator for Members<'_> {
    type Item = Genotype;

    fn next(&mut self) -> Option<Genotype> {
        let given = self.answers.take()?;
        let mut choices: Vec<Option<u8>> = vec![None; self.space.decisions.len()];
        let mut asked: Vec<(usize, u8)> = Vec::with_capacity(choices.len());
        self.space.walk(&mut |decision| {
            if let Some(choice) = choices.get(decision).copied().flatten() {
                return choice;
            }
            let choice = given.get(asked.len()).map_or(0, |(_, choice)| *choice);
            asked.push((decision, choice));
            if let Some(place) = choices.get_mut(decision) {
                *place = Some(choice);
            }
            choice
        });
        self.answers = self.space.successor(asked);
        let choices = choices.into_iter().map(|choice| choice.unwrap_or(0));
        Some(Genotype::new(choices.collect()))
    }
}

impl Space {
    /// The next sequence of answers in counting order: the last answer that can grow grows by one, what follows it is
    /// dropped. `None` after the last.
    fn successor(&self, mut answers: Vec<(usize, u8)>) -> Option<Vec<(usize, u8)>> {
        while let Some((decision, choice)) = answers.pop() {
            let choices = self.decisions.get(decision).map_or(0, |it| it.choices.len());
            if usize::from(choice) + 1 < choices {
                answers.push((decision, choice + 1));
                return Some(answers);
            }
        }
        None
    }
}
