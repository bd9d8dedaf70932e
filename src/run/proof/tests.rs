//! What differs is told, whatever the texts of the kernel are.

use super::*;
