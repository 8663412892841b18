//! Ranges in plain words.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

/// " from 1 to 1000", " of 1 or more", …; empty for the full range. Begins with a space.
pub(crate) fn describe<T: Display + PartialEq>(range: &impl RangeBounds<T>) -> String {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Unbounded, Bound::Unbounded) => String::new(),
        (Bound::Included(low), Bound::Unbounded) => format!(" of {low} or more"),
        (Bound::Excluded(low), Bound::Unbounded) => format!(" greater than {low}"),
        (Bound::Unbounded, Bound::Included(high)) => format!(" of {high} or less"),
        (Bound::Unbounded, Bound::Excluded(high)) => format!(" less than {high}"),
        (Bound::Included(low), Bound::Included(high)) if low == high => format!(" equal to {low}"),
        (Bound::Included(low), Bound::Included(high)) => format!(" from {low} to {high}"),
        (Bound::Included(low), Bound::Excluded(high)) => {
            format!(" of {low} or more and less than {high}")
        }
        (Bound::Excluded(low), Bound::Included(high)) => {
            format!(" greater than {low} and at most {high}")
        }
        (Bound::Excluded(low), Bound::Excluded(high)) => {
            format!(" greater than {low} and less than {high}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use std::ops::Bound;

    #[test]
    fn every_kind_of_range_has_words() {
        assert_eq!(describe::<u32>(&(..)), "");
        assert_eq!(describe(&(1..=9)), " from 1 to 9");
        assert_eq!(describe(&(1..=1)), " equal to 1");
        assert_eq!(describe(&(1..)), " of 1 or more");
        assert_eq!(describe(&(..=9)), " of 9 or less");
        assert_eq!(describe(&(..9)), " less than 9");
        assert_eq!(describe(&(0.0..1.0)), " of 0 or more and less than 1");
        let open = (Bound::Excluded(0.0), Bound::Included(1.0));
        assert_eq!(describe(&open), " greater than 0 and at most 1");
        let above = (Bound::Excluded(0), Bound::Unbounded);
        assert_eq!(describe(&above), " greater than 0");
        let between = (Bound::Excluded(0), Bound::Excluded(2));
        assert_eq!(describe(&between), " greater than 0 and less than 2");
    }
}
