//! Product tags: which product is shown when, and where in the picture.

use crate::domain::id::{ProductId, TagId, VariantId};

/// A point of the frame in ten-thousandths of its width and height, from the top left. Integers keep
/// tags comparable and free of rounding; the API shows 0..1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Hotspot {
    /// From the left, 0..=10 000.
    pub x: u16,
    /// From the top, 0..=10 000.
    pub y: u16,
}

impl Hotspot {
    /// The point at the fractions `x`, `y` of the frame; `None` outside of it.
    pub fn from_fractions(x: f64, y: f64) -> Option<Self> {
        let inside = |v: f64| (0.0..=1.0).contains(&v).then(|| (v * 10_000.0).round() as u16);
        Some(Self { x: inside(x)?, y: inside(y)? })
    }

    /// The fractions of the frame.
    pub fn fractions(self) -> (f64, f64) {
        (f64::from(self.x) / 10_000.0, f64::from(self.y) / 10_000.0)
    }
}

/// One product in one clip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProductTag {
    /// Who it is; new with each edit of the list.
    pub id: TagId,
    /// What is shown.
    pub product: ProductId,
    /// The very variant that is shown, if the creator said so.
    pub variant: Option<VariantId>,
    /// First millisecond of the clip at which the card shows.
    pub start_ms: u32,
    /// The card is gone from this millisecond on; above `start_ms`.
    pub end_ms: u32,
    /// Where in the picture.
    pub hotspot: Option<Hotspot>,
}
