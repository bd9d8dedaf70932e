//! Facts of one Dockerfile: stages and their graph, scopes with provenance, what is in force at every instruction, every
//! command. Lints read this, never raw text. Opens no file: what comes from outside is plain data, filled by the caller.

mod build;
mod context;
mod copies;
pub mod dockerignore;
mod downloads;
mod facts;
mod image;
mod image_name;
mod insert;
mod mentions;
mod modes;
mod origin;
mod privilege;
mod rewrite;
mod scope;
mod scripts;
mod value;
mod variables;
mod words;

pub use context::{Context, ContextFile, ContextScript, IgnoreFile, Known, Wanted, script_of, wanted};
pub use facts::{
    Base, Binding, BindingKind, CommandRef, Dockerfile, ImageName, Instruction, Origin, Setting, Shell, Stage, State,
};
pub use image::{Account, ImageContent, ImageFacts};
pub use mentions::Mentions;
pub use modes::{ModeChange, Modes, Target, TargetKind, strips_setid};
pub use origin::{BaseUser, is_root};
pub use privilege::{PrivilegeDrop, drops_privileges, switches_user};
pub use value::Value;
pub use variables::Variables;
pub use words::Without;
