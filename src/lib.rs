//! harden: Dockerfile and image hardening. The library behind the binary of the same name.
//!
//! Modules in layer order; `use crate::` arrows go down only, and `tests/it/tidy.rs` fails on any other.

pub mod platform;
pub mod text;

pub mod diagnostic;
pub mod secret;
pub mod tables;

pub mod image;
pub mod shell;
pub mod syntax;

pub mod config;
pub mod discover;
pub mod model;

pub mod lint;
pub mod policy;

pub mod fix;
pub mod report;
pub mod run;

pub mod cli;
