//! Hot state that several nodes share, on Redis.
//!
//! Redis may be lost at any moment: it costs freshness or a repeat, never money, stock or an acknowledged
//! write. So every call has a short deadline, and after a failure calls fail at once for a moment instead
//! of each waiting for its own: a frozen Redis must not be felt in every request.
//!
//! Every key stands in `schema/redis/KEYS.md` with its type, its time to live and its bound.

mod feed_sessions;
mod link;
mod wakeups;

pub use crate::adapters::redis::feed_sessions::RedisFeedSessions;
pub use crate::adapters::redis::link::{RedisConfig, RedisError, RedisLink};
pub use crate::adapters::redis::wakeups::RedisWakeups;
