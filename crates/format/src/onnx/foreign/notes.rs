use std::collections::HashSet;

/// What reading a file of others left out or wrote in another way, told in short sentences.
#[derive(Debug, Default)]
pub struct Notes {
    sentences: Vec<String>,
    said: HashSet<String>,
    counted: Vec<(&'static str, usize)>,
}

impl Notes {
    /// Says something once.
    pub fn say(&mut self, sentence: String) {
        if self.said.insert(sentence.clone()) {
            self.sentences.push(sentence);
        }
    }

    /// Says how often something was done.
    pub fn count(&mut self, what: &'static str) {
        match self.counted.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => self.counted.push((what, 1)),
        }
    }

    /// All sentences.
    pub fn finish(self) -> Vec<String> {
        let counted = self
            .counted
            .into_iter()
            .map(|(what, count)| format!("{what}: {count}."));
        self.sentences.into_iter().chain(counted).collect()
    }
}
