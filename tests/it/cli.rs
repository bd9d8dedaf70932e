//! Tests of one room; see `main.rs`.
