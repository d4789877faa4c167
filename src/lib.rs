//! Vitrine: an engine for shoppable short video, a ranked feed and a correct shop in one binary.
//!
//! The layers, lowest first. Each may name only what stands before it; `tests/tidy.rs` holds the
//! exact table and `ARCHITECTURE.md` tells the story.
//!
//! | layer | what it is |
//! |---|---|
//! | [`domain`] | pure values and rules |
//! | [`records`] | domain values as the bytes that stores keep |
//! | [`eval`] | the ranking judged offline, over recorded watching and in a simulated world |
//! | [`ports`] | traits for everything outside, each with a contract |
//! | [`services`] | the use cases |
//! | [`adapters`] | the ports over redb, S3, FFmpeg, payment providers |
//! | [`http`] | the API and the pages |
//! | [`config`], [`telemetry`], [`lifecycle`] | settings, the log, tasks and their end |
//! | [`app`] | the composition root |
//! | [`cli`] | the command line |

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod eval;
pub mod feed;
pub mod http;
pub mod lifecycle;
pub mod ports;
pub mod ranking;
pub mod records;
pub mod services;
pub mod telemetry;
pub mod worker;
