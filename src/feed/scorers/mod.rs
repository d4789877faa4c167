//! Scorers: the first of the list that works decides.

mod learned;
mod popularity;
mod value;

pub use learned::LearnedValue;
pub use popularity::Popularity;
pub use value::ActionValue;
