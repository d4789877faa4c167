//! Purchases under faults: every step failed in turn, random traffic, and races, each judged by an
//! auditor that knows only what must hold.

#[expect(dead_code, reason = "the simulation uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

const IS_CLUSTER: bool = false;

mod faults;
mod race;
mod steps;
mod traffic;
mod world;
