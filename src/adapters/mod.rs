//! Implementations of the ports. An adapter translates and decides nothing; siblings never name each
//! other.

pub mod embedded;

pub mod sim;
pub mod system;
