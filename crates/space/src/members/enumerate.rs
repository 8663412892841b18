use crate::members::variation::Open;
use crate::{Genotype, Space};

impl Space {
    /// Every canonical genotype once, made one at a time; see [`Space::count`] for how many there are.
    #[must_use]
    pub fn enumerate(&self) -> Members<'_> {
        Members::new(self, Open::All)
    }
}

/// The members of a space, or of what is open of it; made by [`Space::enumerate`] and
/// [`Subspace::enumerate`](crate::Subspace::enumerate).
#[derive(Debug, Clone)]
pub struct Members<'s> {
    space: &'s Space,
    open: Open<'s>,
    /// The decisions of the next member that are given beforehand, in the order in which the walk asks for them, with the
    /// positions of their choices among the open ones.
    answers: Option<Vec<(usize, usize)>>,
}

impl<'s> Members<'s> {
    pub(crate) const fn new(space: &'s Space, open: Open<'s>) -> Self {
        Self {
            space,
            open,
            answers: Some(Vec::new()),
        }
    }

    /// The next sequence of answers in counting order: the last answer that can grow grows by one, what follows it is
    /// dropped. `None` after the last.
    fn successor(&self, mut answers: Vec<(usize, usize)>) -> Option<Vec<(usize, usize)>> {
        while let Some((decision, position)) = answers.pop() {
            if position + 1 < self.open.count(self.space, decision) {
                answers.push((decision, position + 1));
                return Some(answers);
            }
        }
        None
    }
}

impl Iterator for Members<'_> {
    type Item = Genotype;

    fn next(&mut self) -> Option<Genotype> {
        let given = self.answers.take()?;
        let mut choices: Vec<Option<u8>> = vec![None; self.space.decisions.len()];
        let mut asked: Vec<(usize, usize)> = Vec::with_capacity(choices.len());
        self.space.walk(&mut |decision| {
            if let Some(choice) = choices.get(decision).copied().flatten() {
                return choice;
            }
            let position = given.get(asked.len()).map_or(0, |(_, position)| *position);
            let choice = self.open.choice(decision, position);
            asked.push((decision, position));
            if let Some(place) = choices.get_mut(decision) {
                *place = Some(choice);
            }
            choice
        });
        self.answers = self.successor(asked);
        let choices = choices.into_iter().map(|choice| choice.unwrap_or(0));
        Some(Genotype::new(choices.collect()))
    }
}
