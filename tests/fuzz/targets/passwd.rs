#![no_main]

#[path = "../images.rs"]
#[allow(dead_code)]
mod images;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| images::passwd(bytes));
