//! Facts of one Dockerfile: stages and their graph, scopes with provenance, what is in force at every instruction, every
//! command. Lints read this, never raw text. Opens no file: what comes from outside is plain data, filled by the caller.

mod account;
mod beside;
mod build;
mod casing;
mod context;
mod copies;
pub mod dockerignore;
mod downloads;
mod exec_form;
mod facts;
mod image;
mod image_name;
mod insert;
mod join;
mod leave_root;
mod mentions;
mod modes;
mod narrow;
mod origin;
mod packages;
mod pairs;
mod privilege;
mod references;
mod removal;
mod rewrite;
mod scope;
mod scripts;
mod value;
mod variables;
mod words;

pub use casing::Case;
mod writable;

pub use account::{AccountSource, RunAs, run_as};
pub use beside::secrets_beside;
pub use context::{Context, ContextFile, ContextScript, IgnoreFile, Known, Wanted, script_of, wanted};
pub use exec_form::{AlmostExec, Flaw, Mended};
pub use facts::{
    Base, Binding, BindingKind, CommandRef, Dockerfile, ImageName, Instruction, Origin, Setting, Shell, Stage, State,
};
pub use image::{Account, ImageContent, ImageFacts};
pub use leave_root::{leave_root, starts_as_root};
pub use mentions::Mentions;
pub use modes::{ModeChange, Modes, Target, TargetKind, strips_setid};
pub use narrow::{mode_without_setid, mode_without_world_write};
pub use origin::{BaseUser, is_root};
pub use packages::{Cleanup, Reliance, empties, may_use_index, takes_apt_lists};
pub use privilege::{PrivilegeDrop, drops_privileges, switches_user};
pub use value::Value;
pub use variables::Variables;
pub use words::Without;
