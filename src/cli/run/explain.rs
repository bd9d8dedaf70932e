//! `--explain`: the profile with its reasons.

use std::io::{self, Write};

use crate::cli::output::clean;
use crate::policy::ExplainRow;

/// Writes the profile as a table: what, value, why.
pub(super) fn write(out: &mut dyn Write, rows: &[ExplainRow]) -> io::Result<()> {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    for row in rows {
        writeln!(out, "{:width$}  {}", row.what, clean(&row.value))?;
        if !row.why.is_empty() {
            writeln!(out, "{:width$}    {}", "", clean(&row.why))?;
        }
    }
    Ok(())
}
