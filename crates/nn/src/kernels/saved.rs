use super::elementwise::RowsIn;
use crate::simd::Simd;

/// Rows of values that were kept: f32, or bf16 that is widened while it is read.
#[derive(Clone, Copy)]
pub(crate) struct SavedRows {
    /// The first value, whatever its width.
    data: *const f32,
    stride: usize,
    bf16: bool,
}

/// A pointer to kept values of known width.
pub(crate) enum Width {
    F32(*const f32),
    Bf16(*const u16),
}

impl SavedRows {
    pub(crate) const fn new(data: *const f32, stride: usize, bf16: bool) -> Self {
        Self { data, stride, bf16 }
    }

    /// The rows that begin so many values further on.
    pub(crate) const fn at(self, values: usize) -> Self {
        let data = if self.bf16 {
            self.data.cast::<u16>().wrapping_add(values).cast()
        } else {
            self.data.wrapping_add(values)
        };
        Self { data, ..self }
    }

    /// The first value, as bytes.
    pub(crate) const fn start(self) -> *const u8 {
        self.data.cast()
    }

    /// Bytes of a value.
    pub(crate) const fn value_bytes(self) -> usize {
        if self.bf16 { 2 } else { 4 }
    }

    pub(crate) const fn stride(self) -> usize {
        self.stride
    }

    pub(crate) const fn width(self) -> Width {
        if self.bf16 {
            Width::Bf16(self.data.cast())
        } else {
            Width::F32(self.data)
        }
    }

    /// The rows as they are, where they are f32.
    pub(crate) fn as_f32(self) -> Option<RowsIn> {
        let Self { data, stride, bf16 } = self;
        (!bf16).then_some(RowsIn { data, stride })
    }
}

impl From<RowsIn> for SavedRows {
    fn from(from: RowsIn) -> Self {
        Self::new(from.data, from.stride, false)
    }
}

/// A stored value: f32, or bf16 as its bits.
pub(crate) trait Element: Copy {
    unsafe fn load<S: Simd>(from: *const Self) -> S::V;
    unsafe fn load_first<S: Simd>(from: *const Self, count: usize) -> S::V;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const Self) -> S::V {
        unsafe { S::load(from) }
    }
    #[inline(always)]
    unsafe fn load_first<S: Simd>(from: *const Self, count: usize) -> S::V {
        unsafe { S::load_first(from, count) }
    }
}

impl Element for u16 {
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const Self) -> S::V {
        unsafe { S::load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn load_first<S: Simd>(from: *const Self, count: usize) -> S::V {
        unsafe { S::load_bf16_first(from, count) }
    }
}

/// Runs `$body` with a pointer of the rows' own width.
macro_rules! with_width {
    ($kept:expr, |$pointer:ident| $body:expr) => {
        match $kept.width() {
            $crate::kernels::saved::Width::F32($pointer) => $body,
            $crate::kernels::saved::Width::Bf16($pointer) => $body,
        }
    };
}
pub(crate) use with_width;
