//! dev
#![allow(dead_code, missing_docs)]
mod image_made;
mod run_store;
mod support;
