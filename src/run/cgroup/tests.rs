//! Groups in a faked tree of a temporary folder: which files are written, which way is taken, what is refused.

use super::*;
