//! Scorers: the first of the list that works decides.

mod popularity;
mod value;

pub use popularity::Popularity;
pub use value::ActionValue;
