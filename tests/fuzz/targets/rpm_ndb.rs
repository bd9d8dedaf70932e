#![no_main]

#[path = "../packages.rs"]
#[allow(dead_code)]
mod packages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| packages::rpm_ndb(bytes));
