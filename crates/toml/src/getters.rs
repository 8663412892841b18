//! The getters by name: thin forms of the generic ones of [`Table`].

use std::ops::RangeBounds;

use crate::read::Spanned;
use crate::table::Table;

macro_rules! getters {
    ($($what:literal: $type:ty, $required:ident, $optional:ident;)*) => {
        impl Table<'_> {$(
            #[doc = concat!("A required ", $what, ".")]
            pub fn $required(&self, key: &str) -> Option<$type> {
                self.required(key)
            }
            #[doc = concat!("An optional ", $what, "; a wrong value is reported.")]
            pub fn $optional(&self, key: &str) -> Option<$type> {
                self.optional(key)
            }
        )*}
    };
}
getters! {
    "string": String, string, optional_string;
    "string with its place": Spanned<String>, string_spanned, optional_string_spanned;
    "boolean": bool, bool, optional_bool;
    "whole number of 32 bits": u32, u32, optional_u32;
    "whole number of 32 bits with its place": Spanned<u32>, u32_spanned, optional_u32_spanned;
    "whole number of 64 bits": u64, u64, optional_u64;
    "whole number with a sign": i64, i64, optional_i64;
    "whole number that counts things": usize, usize, optional_usize;
    "finite number": f64, f64, optional_f64;
    "finite number with its place": Spanned<f64>, f64_spanned, optional_f64_spanned;
    "list of strings": Vec<String>, list_of_strings, optional_list_of_strings;
    "list of strings with their places": Vec<Spanned<String>>, list_of_strings_spanned, optional_list_of_strings_spanned;
    "list of whole numbers of 32 bits": Vec<u32>, list_of_u32, optional_list_of_u32;
    "list of whole numbers of 64 bits": Vec<u64>, list_of_u64, optional_list_of_u64;
    "list of finite numbers": Vec<f64>, list_of_f64, optional_list_of_f64;
    "list of booleans": Vec<bool>, list_of_bool, optional_list_of_bool;
}

macro_rules! getters_in {
    ($($what:literal: $type:ty, $required:ident, $optional:ident;)*) => {
        impl Table<'_> {$(
            #[doc = concat!("A required ", $what, " in a range.")]
            pub fn $required(&self, key: &str, range: impl RangeBounds<$type>) -> Option<$type> {
                self.required_in(key, range)
            }
            #[doc = concat!("An optional ", $what, " in a range; a wrong value is reported.")]
            pub fn $optional(&self, key: &str, range: impl RangeBounds<$type>) -> Option<$type> {
                self.optional_in(key, range)
            }
        )*}
    };
}
getters_in! {
    "whole number of 32 bits": u32, u32_in, optional_u32_in;
    "whole number of 64 bits": u64, u64_in, optional_u64_in;
    "whole number that counts things": usize, usize_in, optional_usize_in;
    "finite number": f64, f64_in, optional_f64_in;
}
