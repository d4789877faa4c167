//! From scored candidates to a page.

mod chronological;
mod slate;

pub use chronological::Chronological;
pub use slate::VariedSlate;
