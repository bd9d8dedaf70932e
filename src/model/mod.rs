//! Facts of one Dockerfile: stages and their graph, scopes with provenance, what is in force at every instruction, every
//! command. Lints read this, never raw text. Opens no file: what comes from outside is plain data, filled by the caller.

mod beside;
mod build;
mod context;
mod copies;
pub mod dockerignore;
mod downloads;
mod edits;
mod facts;
mod image;
mod image_name;
mod leaving;
mod modes;
mod origin;
mod packages;
mod privilege;
mod references;
mod scope;
mod scripts;
mod steps;
mod trace;
mod value;
mod variables;

pub use beside::secrets_beside;
pub use context::{Context, ContextFile, ContextScript, IgnoreFile, Known, Wanted, script_of, wanted};
pub use edits::{AlmostExec, Case, Flaw, Mended, Mentions, Without};
pub use facts::{
    Base, Binding, BindingKind, CommandRef, Dockerfile, ImageName, Instruction, Origin, Setting, Shell, Stage, State,
};
pub use image::{Account, ImageContent, ImageFacts};
pub use leaving::{AccountSource, RunAs, leave_root, run_as, starts_as_root};
pub use modes::{ModeChange, Modes, Target, TargetKind, strips_setid};
pub use origin::{BaseUser, is_root};
pub use packages::{Cleanup, Reliance, empties, may_use_index, takes_apt_lists};
pub use privilege::{PrivilegeDrop, drops_privileges, switches_user};
pub use steps::{maker_said, secrets_in_step, step_said};
pub use trace::Trace;
pub use value::Value;
pub use variables::Variables;
