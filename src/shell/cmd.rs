//! cmd.exe.
use super::list::{Context, List};
use super::source::Source;
pub(super) fn read(list: &mut List, source: &Source<'_>, context: Context) {
    let _ = (list, source.text, context);
}
