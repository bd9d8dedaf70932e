//! Compound commands: branches, loops, groups, `[[ … ]]`, `(( … ))`.

use shuck_ast::{
    ArithmeticExpr, ArithmeticExprNode, ArithmeticLvalue, CompoundCommand, ConditionalCommand, ConditionalExpr,
};

use super::{Walk, word};
use crate::shell::list::Context;
use crate::shell::{Command, Guard, Word};

impl Walk<'_> {
    pub(super) fn compound(&mut self, compound: &CompoundCommand, context: Context) {
        let parent = context.parent;
        match compound {
            CompoundCommand::Subshell(list) | CompoundCommand::BraceGroup(list) => self.list(list, context),
            CompoundCommand::If(it) => {
                self.list(&it.condition, context);
                self.list(&it.then_branch, context.conditional());
                for (condition, branch) in &it.elif_branches {
                    self.list(condition, context.conditional());
                    self.list(branch, context.conditional());
                }
                if let Some(branch) = &it.else_branch {
                    self.list(branch, context.conditional());
                }
            }
            CompoundCommand::For(it) => {
                for word in it.words.iter().flatten() {
                    self.parts(&word.parts, parent, context);
                }
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::Foreach(it) => {
                for word in &it.words {
                    self.parts(&word.parts, parent, context);
                }
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::Select(it) => {
                for word in &it.words {
                    self.parts(&word.parts, parent, context);
                }
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::Repeat(it) => self.list(&it.body, context.conditional()),
            CompoundCommand::ArithmeticFor(it) => {
                for expression in [&it.init_ast, &it.condition_ast, &it.step_ast].into_iter().flatten() {
                    self.arithmetic(expression, context);
                }
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::While(it) => {
                self.list(&it.condition, context);
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::Until(it) => {
                self.list(&it.condition, context);
                self.list(&it.body, context.conditional());
            }
            CompoundCommand::Case(it) => {
                self.parts(&it.word.parts, parent, context);
                for case in &it.cases {
                    for pattern in &case.patterns {
                        self.pattern(pattern, parent, context);
                    }
                    self.list(&case.body, context.conditional());
                }
            }
            CompoundCommand::Arithmetic(it) => {
                if let Some(expression) = &it.expr_ast {
                    self.arithmetic(expression, context);
                }
            }
            CompoundCommand::Time(it) => {
                if let Some(command) = &it.command {
                    self.statement(command, context);
                }
            }
            CompoundCommand::Conditional(it) => self.test(it, context),
            CompoundCommand::Coproc(it) => self.statement(&it.body, context),
            CompoundCommand::Always(it) => {
                self.list(&it.body, context);
                self.list(&it.always_body, context.after(Guard::Always));
            }
        }
    }

    /// `[[ … ]]` as a command of that name, with its words and operators as arguments.
    pub(super) fn test(&mut self, test: &ConditionalCommand, context: Context) {
        let mut spans = vec![test.right_bracket_span];
        let mut words = Vec::new();
        let mut rest = vec![&test.expression];
        while let Some(expression) = rest.pop() {
            match expression {
                ConditionalExpr::Binary(binary) => {
                    spans.push(binary.op_span);
                    rest.extend([&*binary.left, &*binary.right]);
                }
                ConditionalExpr::Unary(unary) => {
                    spans.push(unary.op_span);
                    rest.push(&unary.expr);
                }
                ConditionalExpr::Parenthesized(group) => {
                    spans.extend([group.left_paren_span, group.right_paren_span]);
                    rest.push(&group.expr);
                }
                ConditionalExpr::Word(word) | ConditionalExpr::Regex(word) => {
                    spans.push(word.span);
                    words.push(word);
                }
                ConditionalExpr::Pattern(pattern) => spans.push(pattern.span),
                ConditionalExpr::VarRef(reference) => spans.push(reference.span),
            }
        }
        spans.sort_by_key(|span| span.start.offset());
        let read = |span: shuck_ast::Span| {
            let (start, end) = self.range(span);
            word::word(self.source, start, end)
        };
        let name = read(test.left_bracket_span);
        let arguments: Vec<Word> = spans.into_iter().map(read).collect();
        let command = Command {
            span: arguments.last().map_or(name.span, |last| name.span.cover(last.span)),
            name,
            arguments,
            assignments: Vec::new(),
            redirects: Vec::new(),
            pipeline: self.list.pipeline(context),
            guard: context.guard,
            nesting: context.nesting,
            parent: context.parent,
        };
        let index = self.list.push(command);
        words.sort_by_key(|word| word.span.start.offset());
        for word in words {
            self.parts(&word.parts, index, context);
        }
    }

    pub(super) fn arithmetic(&mut self, expression: &ArithmeticExprNode, context: Context) {
        let mut rest = vec![expression];
        while let Some(expression) = rest.pop() {
            match &expression.kind {
                ArithmeticExpr::ShellWord(word) => self.parts(&word.parts, context.parent, context),
                ArithmeticExpr::Indexed { index: inner, .. }
                | ArithmeticExpr::Parenthesized { expression: inner }
                | ArithmeticExpr::Unary { expr: inner, .. }
                | ArithmeticExpr::Postfix { expr: inner, .. } => rest.push(inner),
                ArithmeticExpr::Binary { left, right, .. } => rest.extend([&**left, &**right]),
                ArithmeticExpr::Conditional { condition, then_expr, else_expr } => {
                    rest.extend([&**condition, &**then_expr, &**else_expr]);
                }
                ArithmeticExpr::Assignment { target, value, .. } => {
                    rest.push(value);
                    if let ArithmeticLvalue::Indexed { index, .. } = target {
                        rest.push(index);
                    }
                }
                ArithmeticExpr::Number(_) | ArithmeticExpr::Variable(_) => {}
            }
        }
    }
}
