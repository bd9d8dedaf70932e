//! Kinds of nodes and tokens of the tree.

/// What a node or token is. Nodes first, tokens from [`Kind::Text`] on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
pub(super) enum Kind {
    /// The whole file.
    File,
    /// A parser directive.
    Directive,
    /// An instruction, heredocs included.
    Instruction,
    /// The instruction's name.
    Keyword,
    /// `--name=value`.
    Flag,
    /// An argument split off at white space, or the single argument of USER and its like.
    Word,
    /// A JSON array of strings.
    Array,
    /// A string of that array, quotes included.
    String,
    /// Text for a shell.
    Shell,
    /// `name=value` of ENV and LABEL.
    Pair,
    /// The name of a pair.
    Name,
    /// The value of a pair.
    Value,
    /// Body and terminator of a heredoc.
    Heredoc,

    /// Bytes of a word, an array or a shell text.
    Text,
    /// White space between words.
    Space,
    /// Escape character, blanks and newline.
    Continuation,
    /// A comment line: `#` and what follows, without the newline (with it inside an instruction).
    Comment,
    /// A blank line inside an instruction, with its newline.
    Blank,
    /// The end of a line.
    Newline,
    /// A byte-order mark at the start of the file.
    ByteOrderMark,
    /// Lines of a heredoc.
    Body,
    /// The line that ends a heredoc, without its newline.
    Terminator,
}

/// The tree's language, for rowan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Dockerfile {}

impl rowan::Language for Dockerfile {
    type Kind = Kind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> Kind {
        ALL.get(raw.0 as usize).copied().unwrap_or(Kind::Text)
    }

    fn kind_to_raw(kind: Kind) -> rowan::SyntaxKind {
        rowan::SyntaxKind(kind as u16)
    }
}

const ALL: [Kind; 22] = [
    Kind::File,
    Kind::Directive,
    Kind::Instruction,
    Kind::Keyword,
    Kind::Flag,
    Kind::Word,
    Kind::Array,
    Kind::String,
    Kind::Shell,
    Kind::Pair,
    Kind::Name,
    Kind::Value,
    Kind::Heredoc,
    Kind::Text,
    Kind::Space,
    Kind::Continuation,
    Kind::Comment,
    Kind::Blank,
    Kind::Newline,
    Kind::ByteOrderMark,
    Kind::Body,
    Kind::Terminator,
];

/// A node of the tree.
pub(super) type Node = rowan::SyntaxNode<Dockerfile>;

#[cfg(test)]
mod tests {
    #[test]
    fn kinds_stand_at_their_own_number() {
        for (number, kind) in super::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}
