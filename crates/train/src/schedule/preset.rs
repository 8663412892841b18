use panarch_toml::{Diagnostic, Diagnostics, did_you_mean};

use super::Schedule;

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and text of the embedded schedules.
        const PRESETS: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../../schedules/", $name, ".toml")),
        )),*];
    };
}
presets! {
    "progressive-shrinking",
    "compound",
    "sandwich",
    "single-path",
    "fair",
    "tunas",
}

/// The names of the embedded schedules.
#[must_use]
pub fn schedule_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

impl Schedule {
    /// An embedded schedule: one of [`schedule_names`].
    ///
    /// # Errors
    /// An unknown name, with the closest known one.
    pub fn preset(name: &str) -> Result<Self, Diagnostics> {
        let file = format!("schedules/{name}.toml");
        match PRESETS.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::from_toml(&file, text),
            None => {
                let known = schedule_names();
                let message = format!(
                    "there is no schedule `{name}`; known are {}, or a TOML file",
                    known.join(", ")
                );
                let problem = Diagnostic::new("schedules", message);
                let problem = match did_you_mean(name, &known) {
                    Some(meant) => problem.with_suggestion(meant),
                    None => problem,
                };
                let mut problems = Diagnostics::new();
                problems.push(problem);
                Err(problems)
            }
        }
    }

    /// The file of an embedded schedule, a starting point for one's own.
    #[must_use]
    pub fn preset_text(name: &str) -> Option<&'static str> {
        let found = PRESETS.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Open, Sampling};
    use super::*;

    #[test]
    fn every_preset_can_be_read() {
        for name in schedule_names() {
            let schedule = Schedule::preset(name).unwrap_or_else(|problems| panic!("{}", problems.rich()));
            assert_eq!(schedule.name, name);
            schedule.check().unwrap();
        }
    }

    /// Cai et al. 2020: 425 epochs and 1025 passes after the teacher; Sahni et al. 2021: 150 and 600.
    #[test]
    fn published_schedules_cost_what_was_published() {
        let of = |name| Schedule::preset(name).unwrap();
        let (shrinking, compound) = (of("progressive-shrinking"), of("compound"));
        for (schedule, teacher, epochs, passes) in
            [(&shrinking, 180.0, 425.0, 1025.0), (&compound, 180.0, 150.0, 600.0)]
        {
            assert_eq!(schedule.epochs(), teacher + epochs);
            let students = schedule.clone().without_teacher_phases();
            assert_eq!(students.student_epochs(), passes);
            assert_eq!(students.teacher_epochs(), epochs);
        }
        let halved = compound.scaled(0.5);
        assert_eq!((halved.epochs(), halved.phases[2].pace.warmup_epochs), (165.0, 2.5));
        let small = shrinking.for_batch(64);
        assert!((small.peak_learning_rate() - 2.6 / 32.0).abs() < 1e-12);
        assert_eq!(small.phases[0].sampling, Sampling::Largest);
        assert_eq!(small.phases[0].open, Open::Dimensions(Vec::new()));
    }

    #[test]
    fn what_a_schedule_leaves_closed_is_named() {
        let space = |name| panarch_space::Space::preset(name).unwrap();
        let shrinking = Schedule::preset("progressive-shrinking").unwrap();
        assert!(shrinking.never_opened(&space("ofa-mbv3-w1.0")).is_empty());
        assert!(shrinking.never_opened(&space("ofa-resnet50")).is_empty());
        assert!(!shrinking.never_opened(&space("mnasnet-anb")).is_empty());
        for name in ["compound", "sandwich", "single-path", "fair", "tunas"] {
            assert!(
                Schedule::preset(name)
                    .unwrap()
                    .never_opened(&space("edgetpu"))
                    .is_empty()
            );
        }
    }

    #[test]
    fn the_sandwich_of_the_file_is_the_one_of_the_code() {
        let pace = crate::Pace {
            warmup_epochs: 0.15,
            ..crate::Pace::default()
        };
        assert_eq!(
            Schedule::preset("sandwich").unwrap().phases,
            Schedule::sandwich(2, 1.0, pace, 32).phases
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_a_known_one() {
        let problems = Schedule::preset("progressive-shrinkin").unwrap_err().to_string();
        assert!(problems.contains("progressive-shrinking"), "{problems}");
    }
}
