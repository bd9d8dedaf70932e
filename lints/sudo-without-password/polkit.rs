//! Rules of polkit(8) that say yes to whatever is asked.

use super::Rule;
use crate::diagnostic::Severity;

/// Functions that do nothing but say yes; what asks anything first is left alone.
pub(super) fn rules(text: &str) -> Vec<Rule> {
    let code = without_comments(text);
    let mut rules = Vec::new();
    // Bounded, since each looks ahead in the text.
    for (at, _) in code.match_indices("polkit.addRule").take(100) {
        let rest = &code[at..];
        let Some((head, body)) = rest.split_once('{') else { continue };
        let Some((body, _)) = body.split_once('}') else { continue };
        let is_function = head.contains("function") || head.contains("=>");
        let plain: String = body.chars().filter(|c| !c.is_whitespace() && *c != ';').collect();
        let says_yes = ["returnpolkit.Result.YES", "return\"yes\"", "return'yes'"].contains(&plain.as_str());
        if is_function && says_yes {
            rules.push(Rule {
                line: code[..at].matches('\n').count() + 1,
                says: "polkit lets everybody do everything".to_owned(),
                text: body.trim().to_owned(),
                severity: Severity::High,
                who: None,
            });
        }
    }
    rules
}

/// The text with comments blanked, lines kept.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    // A slash after the other, so that each byte is looked at once, whatever comments there are.
    let mut from = 0;
    while let Some(at) = rest[from..].find('/').map(|at| from + at) {
        let end = match rest.as_bytes().get(at + 1) {
            Some(b'/') => rest[at..].find('\n').map(|end| at + end),
            Some(b'*') => rest[at + 2..].find("*/").map(|end| at + end + 4),
            _ => {
                from = at + 1;
                continue;
            }
        };
        let end = end.unwrap_or(rest.len());
        code.push_str(&rest[..at]);
        code.extend(rest[at..end].matches('\n'));
        rest = &rest[end..];
        from = 0;
    }
    code.push_str(rest);
    code
}
