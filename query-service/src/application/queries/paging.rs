//! Pages: where they start and how long they are.

use std::num::NonZeroU8;

use crate::application::ports::reading::Sort;

#[derive(Debug, Clone, PartialEq)]
pub struct Paging {
    pub sort: Sort,
    pub limit: PageLimit,
    pub start: Start,
}

/// How many items a page has at most: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(NonZeroU8);

impl PageLimit {
    pub const MAX: u64 = 100;

    pub fn new(limit: u64) -> Option<Self> {
        let limit = u8::try_from(limit)
            .ok()
            .filter(|limit| u64::from(*limit) <= Self::MAX)?;
        NonZeroU8::new(limit).map(Self)
    }

    pub fn get(self) -> usize {
        usize::from(self.0.get())
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(const { NonZeroU8::new(20).unwrap() })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    Offset(PageOffset),
    /// Where an earlier page of the same query ended.
    Cursor(String),
}

/// How many items come before the page. With the page's limit at most [`PageOffset::WINDOW`]: an offset is paid for by
/// everything before it, a cursor is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageOffset(usize);

impl PageOffset {
    pub const WINDOW: u64 = 10_000;

    pub fn new(offset: u64, limit: PageLimit) -> Option<Self> {
        let end = offset.checked_add(limit.get() as u64)?;
        (end <= Self::WINDOW).then_some(Self(usize::try_from(offset).ok()?))
    }

    pub fn get(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!(PageLimit::new(0), None);
        assert_eq!(PageLimit::new(1).map(PageLimit::get), Some(1));
        assert_eq!(PageLimit::new(100).map(PageLimit::get), Some(100));
        assert_eq!(PageLimit::new(101), None);
        assert_eq!(PageLimit::new(256 + 20), None);
        assert_eq!(PageLimit::default().get(), 20);
    }

    #[test]
    fn an_offset_ends_its_page_within_the_window() {
        let limit = PageLimit::new(100).expect("within bounds");
        assert_eq!(PageOffset::new(9_900, limit), Some(PageOffset(9_900)));
        assert_eq!(PageOffset::new(9_901, limit), None);
        assert_eq!(PageOffset::new(u64::MAX, limit), None);
    }
}
