//! proof
/// table
pub fn table(_rows: &[[String; 3]]) -> String {
    String::new()
}
