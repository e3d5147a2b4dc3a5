//! How large and how heavy a product is.

use super::{InvalidValue, Reason};

/// Millimetres, each side 1 to 1,000,000 (a kilometre).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    length_mm: i32,
    width_mm: i32,
    height_mm: i32,
}

impl Size {
    pub const MAX_SIDE_MM: i32 = 1_000_000;

    /// The error names the side.
    pub fn new(length_mm: i64, width_mm: i64, height_mm: i64) -> Result<Self, InvalidValue> {
        Ok(Self {
            length_mm: positive("length_mm", length_mm, Self::MAX_SIDE_MM)?,
            width_mm: positive("width_mm", width_mm, Self::MAX_SIDE_MM)?,
            height_mm: positive("height_mm", height_mm, Self::MAX_SIDE_MM)?,
        })
    }

    pub fn length_mm(self) -> i32 {
        self.length_mm
    }

    pub fn width_mm(self) -> i32 {
        self.width_mm
    }

    pub fn height_mm(self) -> i32 {
        self.height_mm
    }
}

/// Grams, 1 to 1,000,000,000 (a thousand tonnes): the largest order's weight still fits 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(i32);

impl Weight {
    pub const MAX_GRAMS: i32 = 1_000_000_000;

    pub fn from_grams(grams: i64) -> Result<Self, InvalidValue> {
        positive("weight_grams", grams, Self::MAX_GRAMS).map(Self)
    }

    pub fn grams(self) -> i32 {
        self.0
    }
}

fn positive(field: &'static str, value: i64, max: i32) -> Result<i32, InvalidValue> {
    i32::try_from(value)
        .ok()
        .filter(|value| (1..=max).contains(value))
        .ok_or_else(|| {
            InvalidValue::new(
                field,
                Reason::OutOfRange {
                    min: 1,
                    max: i64::from(max),
                },
            )
        })
}
