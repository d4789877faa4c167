//! Requests and responses: handlers extract, call one service and show the answer.

pub mod tus_headers;
