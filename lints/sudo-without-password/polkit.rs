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
    while let Some(at) = rest.find("//").into_iter().chain(rest.find("/*")).min() {
        code.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("//") {
            rest[at..].find('\n')
        } else {
            rest[at + 2..].find("*/").map(|end| end + 4)
        };
        let end = end.map_or(rest.len(), |end| at + end);
        code.extend(rest[at..end].matches('\n'));
        rest = &rest[end..];
    }
    code.push_str(rest);
    code
}
