//! Ignore comments of harden that silence nothing. The engine makes the findings (`src/lint/unused.rs`): it alone knows
//! what was silenced.

use crate::diagnostic::{Category, Severity};
use crate::lint::Lint;

pub(super) static LINT: Lint = Lint {
    summary: "An ignore comment silences nothing",
    category: Category::Build,
    severity: Severity::Low,
    sources: &["https://docs.astral.sh/ruff/rules/unused-noqa/"],
    ..Lint::BASE
};
