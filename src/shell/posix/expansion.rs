//! Commands that stand in the words of other commands: in substitutions, wherever the tree hides them.

use shuck_ast::{
    ArrayElem, AssignmentValue, BourneParameterExpansion, HeredocBodyPart, ParameterExpansion, ParameterOp, Pattern,
    PatternPart, RedirectTarget, Stmt, StmtSeq, VarRef, WordPart, WordPartNode,
};

use super::Walk;
use crate::shell::Nesting;
use crate::shell::list::Context;

impl Walk<'_> {
    pub(super) fn redirects_of_group(&mut self, statement: &Stmt, context: Context) {
        if !statement.redirects.is_empty() {
            self.substitutions(statement, &[], std::iter::empty(), context.parent, context);
        }
    }

    /// Lists what stands in substitutions of a command's words.
    pub(super) fn substitutions<'w>(
        &mut self,
        statement: &Stmt,
        assignments: &[shuck_ast::Assignment],
        words: impl Iterator<Item = &'w shuck_ast::Word>,
        holder: Option<u32>,
        context: Context,
    ) {
        for assignment in assignments {
            self.value_of(assignment, holder, context);
        }
        for word in words {
            self.parts(&word.parts, holder, context);
        }
        for redirect in &statement.redirects {
            match &redirect.target {
                RedirectTarget::Word(word) => self.parts(&word.parts, holder, context),
                RedirectTarget::Heredoc(heredoc) => {
                    for part in &heredoc.body.parts {
                        match &part.kind {
                            HeredocBodyPart::CommandSubstitution { body, .. } => {
                                self.substitution(body, part.span, Nesting::Substitution, holder, context);
                            }
                            HeredocBodyPart::ArithmeticExpansion { expression_word_ast, .. } => {
                                self.parts(&expression_word_ast.parts, holder, context);
                            }
                            HeredocBodyPart::Parameter(parameter) => self.parameter(parameter, holder, context),
                            HeredocBodyPart::Literal(_) | HeredocBodyPart::Variable(_) => {}
                        }
                    }
                }
            }
        }
    }

    pub(super) fn value_of(&mut self, assignment: &shuck_ast::Assignment, holder: Option<u32>, context: Context) {
        self.subscript(&assignment.target, holder, context);
        match &assignment.value {
            AssignmentValue::Scalar(word) => self.parts(&word.parts, holder, context),
            AssignmentValue::Compound(array) => {
                for element in &array.elements {
                    let (ArrayElem::Sequential(value)
                    | ArrayElem::Keyed { value, .. }
                    | ArrayElem::KeyedAppend { value, .. }) = element;
                    self.parts(&value.word.parts, holder, context);
                }
            }
        }
    }

    pub(super) fn parts(&mut self, parts: &[WordPartNode], holder: Option<u32>, context: Context) {
        for part in parts {
            match &part.kind {
                WordPart::Literal(_)
                | WordPart::SingleQuoted { .. }
                | WordPart::Variable(_)
                | WordPart::PrefixMatch { .. }
                | WordPart::ZshQualifiedGlob(_) => {}
                WordPart::DoubleQuoted { parts, .. } => self.parts(parts, holder, context),
                WordPart::CommandSubstitution { body, .. } => {
                    self.substitution(body, part.span, Nesting::Substitution, holder, context);
                }
                WordPart::ProcessSubstitution { body, .. } => {
                    self.substitution(body, part.span, Nesting::Process, holder, context);
                }
                WordPart::ArithmeticExpansion { expression_word_ast, .. } => {
                    self.parts(&expression_word_ast.parts, holder, context);
                }
                WordPart::Parameter(parameter) => self.parameter(parameter, holder, context),
                WordPart::ParameterExpansion { reference, operator, operand_word_ast, .. } => {
                    self.subscript(reference, holder, context);
                    self.operator(operator, holder, context);
                    self.operand(operand_word_ast.as_deref(), holder, context);
                }
                WordPart::IndirectExpansion { reference, operator, operand_word_ast, .. } => {
                    self.subscript(reference, holder, context);
                    if let Some(operator) = operator {
                        self.operator(operator, holder, context);
                    }
                    self.operand(operand_word_ast.as_deref(), holder, context);
                }
                WordPart::Substring { reference, offset_word_ast, length_word_ast, .. }
                | WordPart::ArraySlice { reference, offset_word_ast, length_word_ast, .. } => {
                    self.subscript(reference, holder, context);
                    self.operand(Some(offset_word_ast), holder, context);
                    self.operand(length_word_ast.as_deref(), holder, context);
                }
                WordPart::Length(reference)
                | WordPart::ArrayAccess(reference)
                | WordPart::ArrayLength(reference)
                | WordPart::ArrayIndices(reference)
                | WordPart::Transformation { reference, .. } => self.subscript(reference, holder, context),
            }
        }
    }

    pub(super) fn parameter(&mut self, parameter: &ParameterExpansion, holder: Option<u32>, context: Context) {
        let Some(form) = parameter.bourne() else { return };
        match form {
            BourneParameterExpansion::Access { reference }
            | BourneParameterExpansion::Length { reference }
            | BourneParameterExpansion::Indices { reference }
            | BourneParameterExpansion::Transformation { reference, .. }
            | BourneParameterExpansion::Slice { reference, .. } => self.subscript(reference, holder, context),
            BourneParameterExpansion::PrefixMatch { .. } => {}
            BourneParameterExpansion::Indirect { reference, operator, .. } => {
                self.subscript(reference, holder, context);
                if let Some(operator) = operator {
                    self.operator(operator, holder, context);
                }
            }
            BourneParameterExpansion::Operation { reference, operator, .. } => {
                self.subscript(reference, holder, context);
                self.operator(operator, holder, context);
            }
        }
        for operand in [form.operand_word_ast(), form.offset_word_ast(), form.length_word_ast()] {
            self.operand(operand, holder, context);
        }
    }

    pub(super) fn operand(&mut self, word: Option<&shuck_ast::Word>, holder: Option<u32>, context: Context) {
        if let Some(word) = word {
            self.parts(&word.parts, holder, context);
        }
    }

    pub(super) fn subscript(&mut self, reference: &VarRef, holder: Option<u32>, context: Context) {
        self.operand(reference.subscript.as_deref().and_then(|subscript| subscript.word_ast()), holder, context);
    }

    pub(super) fn operator(&mut self, operator: &ParameterOp, holder: Option<u32>, context: Context) {
        match operator {
            ParameterOp::RemovePrefixShort { pattern }
            | ParameterOp::RemovePrefixLong { pattern }
            | ParameterOp::RemoveSuffixShort { pattern }
            | ParameterOp::RemoveSuffixLong { pattern }
            | ParameterOp::ReplaceFirst { pattern, .. }
            | ParameterOp::ReplaceAll { pattern, .. } => self.pattern(pattern, holder, context),
            _ => {}
        }
        self.operand(operator.replacement_word_ast(), holder, context);
    }

    pub(super) fn pattern(&mut self, pattern: &Pattern, holder: Option<u32>, context: Context) {
        for part in &pattern.parts {
            match &part.kind {
                PatternPart::Word(word) => self.parts(&word.parts, holder, context),
                PatternPart::Group { patterns, .. } => {
                    for pattern in patterns {
                        self.pattern(pattern, holder, context);
                    }
                }
                _ => {}
            }
        }
    }

    /// Lists the commands of a substitution that the command at `holder` or one that it runs holds.
    pub(super) fn substitution(
        &mut self,
        body: &StmtSeq,
        span: shuck_ast::Span,
        nesting: Nesting,
        holder: Option<u32>,
        context: Context,
    ) {
        let start = self.source.offset(self.range(span).0);
        if self.known.binary_search(&start).is_ok() {
            return;
        }
        let holder = holder.map(|holder| self.innermost(holder, start));
        let piped = self.piped.take();
        self.list(body, context.within(nesting, holder));
        self.piped = piped;
    }

    /// The innermost of the commands that the one at `holder` runs that has the offset within it.
    pub(super) fn innermost(&self, holder: u32, offset: u32) -> u32 {
        let mut innermost = holder;
        // What a command runs stands right behind it in the list; the bound keeps a command with thousands of
        // substitutions from looking through all of their commands each time.
        for (index, command) in self.list.commands.iter().enumerate().skip(holder as usize + 1).take(64) {
            let runs = command.nesting == Nesting::Argument && command.parent == Some(innermost);
            if runs && command.span.contains_offset(offset) {
                innermost = index as u32;
            }
        }
        innermost
    }
}
