//! One integration binary, a module a room.

mod bad_input;
mod build;
mod cli;
mod config;
mod conformance;
mod context;
mod corpus;
mod discover;
mod engine;
mod expansion;
#[cfg(target_os = "linux")]
mod export;
mod fix;
mod fix_cli;
mod fix_corpus;
mod formats;
mod fuzz;
mod fuzz_images;
mod hostile;
mod image_cache;
mod image_cli;
mod image_documents;
mod image_facts;
mod image_made;
mod image_report;
mod image_source;
mod image_tree;
mod image_tree_model;
#[cfg(unix)]
mod image_tree_umoci;
mod layer;
mod lints;
mod model;
mod oracle;
mod packages;
mod planted;
mod policy;
mod policy_ask;
#[cfg(target_os = "linux")]
mod policy_calls;
mod readme;
mod recovery;
mod registry;
mod rewrite;
#[cfg(target_os = "linux")]
mod run_attempts;
#[cfg(target_os = "linux")]
mod run_cgroup;
#[cfg(target_os = "linux")]
mod run_cli;
#[cfg(target_os = "linux")]
mod run_differential;
#[cfg(target_os = "linux")]
mod run_faults;
#[cfg(target_os = "linux")]
mod run_launch;
#[cfg(target_os = "linux")]
mod run_launch_life;
#[cfg(target_os = "linux")]
mod run_lsm;
#[cfg(target_os = "linux")]
mod run_network;
#[cfg(target_os = "linux")]
mod run_refusals;
#[cfg(target_os = "linux")]
mod run_runtimes;
#[cfg(target_os = "linux")]
mod run_seccomp;
#[cfg(target_os = "linux")]
mod run_store;
#[cfg(target_os = "linux")]
mod run_vm;
#[cfg(target_os = "linux")]
mod run_web;
mod secret;
mod shell;
#[allow(dead_code)]
mod support;
mod syntax;
mod tidy;
mod traced;
