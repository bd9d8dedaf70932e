//! The command line: the only place that knows clap. One file per subcommand.

pub mod context;
