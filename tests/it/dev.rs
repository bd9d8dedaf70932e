//! dev
#![allow(missing_docs, dead_code, unused)]
mod run_cgroup;
mod support;
