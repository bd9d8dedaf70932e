//! Variable expansion: BuildKit's own cases, the modes that heredocs need, and hostile input.

use std::collections::BTreeMap;

use harden::syntax::expand::{DEFAULT_LIMIT, Env, ExpandError, ExpandErrorKind, Lexer, MAX_DEPTH};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::json_lines;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn word(input: &str, pairs: &[(&str, &str)]) -> Result<String, ExpandError> {
    Lexer::default().word(input, &environment(pairs)).map(|expansion| expansion.text)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

/// One case of BuildKit's on one platform; the error tells the difference.
fn run_case(case: &Value, windows: bool) -> Result<(), String> {
    let lexer = Lexer { windows, ..Lexer::default() };
    let env: BTreeMap<String, String> = strings(&case["env"])
        .iter()
        .map(|pair| pair.split_once('=').expect("KEY=VALUE"))
        .map(|(name, value)| (if windows { name.to_uppercase() } else { name.to_owned() }, value.to_owned()))
        .collect();
    let input = case["input"].as_str().expect("an input");
    let result = match case["kind"].as_str() {
        Some("word") => lexer
            .word(input, &env)
            .map(|expansion| (Value::from(expansion.text), expansion.matched, expansion.unmatched)),
        Some("words") => {
            lexer.words(input, &env).map(|words| (Value::from(words.words), words.matched, words.unmatched))
        }
        kind => panic!("{kind:?} is no kind of case"),
    };
    match (result, case["error"] == true) {
        (Err(error), true) => match case["message"].as_str() {
            Some(message) if !error.message.contains(message) => Err(format!("{error} lacks {message}")),
            _ => Ok(()),
        },
        (Ok((text, matched, unmatched)), false) => {
            let same = text == case["expected"]
                && (case["matched"].is_null() || strings(&case["matched"]) == matched)
                && (case["unmatched"].is_null() || strings(&case["unmatched"]) == unmatched);
            if same { Ok(()) } else { Err(format!("got {text}, matched {matched:?}, unmatched {unmatched:?}")) }
        }
        (result, _) => Err(format!("got {result:?}")),
    }
}

#[test]
fn buildkit_cases() {
    let cases = json_lines("corpus/conformance/buildkit-shell.jsonl");
    if cases.is_empty() {
        return;
    }
    assert_eq!(cases.len(), 310);
    let mut failures = Vec::new();
    let mut runs = 0;
    for case in &cases {
        let platforms: &[bool] = match case["platform"].as_str() {
            Some("all") => &[false, true],
            Some("unix") => &[false],
            Some("windows") => &[true],
            platform => panic!("{platform:?} is no platform"),
        };
        for windows in platforms {
            runs += 1;
            if let Err(difference) = run_case(case, *windows) {
                failures.push(format!("windows {windows}: {difference} for {case}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(runs, 306 * 2 + 4);
}

#[test]
fn the_other_escape_character() {
    let lexer = Lexer::new('`');
    let env = environment(&[("DIR", r"C:\app")]);
    let text = |input: &str| lexer.word(input, &env).map(|expansion| expansion.text);
    assert_eq!(text(r"C:\Windows\$DIR").as_deref(), Ok(r"C:\Windows\C:\app"));
    assert_eq!(text("`$DIR").as_deref(), Ok("$DIR"));
    assert_eq!(text("\"a`\"b`c\"").as_deref(), Ok("a\"b`c"));
}

#[test]
fn raw_modes_keep_what_heredocs_need() {
    let env = environment(&[("SET", "s")]);
    let quotes = Lexer { raw_quotes: true, skip_unset: true, ..Lexer::default() };
    let text = |lexer: &Lexer, input: &str| lexer.word(input, &env).map(|expansion| expansion.text);
    assert_eq!(text(&quotes, "echo \"$SET\" '$SET' $UNSET").as_deref(), Ok("echo \"s\" '$SET' $UNSET"));
    assert_eq!(
        text(&quotes, "${UNSET} ${UNSET:-x$SET} ${UNSET/a/b}").as_deref(),
        Ok("${UNSET} ${UNSET:-xs} ${UNSET/a/b}")
    );
    assert_eq!(text(&quotes, r"\$SET").as_deref(), Ok("$SET"));
    let raw = Lexer { raw_escapes: true, ..quotes.clone() };
    assert_eq!(text(&raw, r"a\ b \$SET").as_deref(), Ok(r"a\ b \$SET"));
    let words = |input: &str| raw.words(input, &()).map(|words| words.words).unwrap_or_default();
    assert_eq!(words("cat <<\"EOF\" <<- 'E F' >x"), ["cat", "<<\"EOF\"", "<<-", "'E F'", ">x"]);
    assert_eq!(words("cat << EOF"), ["cat", "<< EOF"]);
    let plain = Lexer { skip_process_quotes: true, ..Lexer::default() };
    assert_eq!(text(&plain, "it's \"$SET\"").as_deref(), Ok("it's \"s\""));
}

/// BuildKit's calls share a buffer; what EXPOSE sees of this is only the end.
#[test]
fn splitting_forgets_what_stands_before_a_modifier() {
    let words = Lexer::default().words("80${UNSET:-81}/tcp 90", &()).map(|words| words.words);
    assert_eq!(words.unwrap_or_default(), ["81/tcp", "90"]);
}

#[test]
fn special_parameters_are_names() {
    let pairs = [("1", "one"), ("12", "twelve"), ("@", "all"), ("", "nobody")];
    assert_eq!(word("$1a $12 ${@} $@x", &pairs).as_deref(), Ok("onea twelve all allx"));
    assert_eq!(word("$# $* $$x end$", &pairs).as_deref(), Ok("  x end$"));
}

#[test]
fn patterns_match_lines_and_leftmost() {
    let pairs = [("A", "one.tar.gz\ntwo.tar.gz"), ("B", "aXbXc"), ("N", "")];
    assert_eq!(word("${A%%.*}", &pairs).as_deref(), Ok("one.tar.gz\ntwo"));
    assert_eq!(word("${A%.*}", &pairs).as_deref(), Ok("one.tar.gz\ntwo.tar"));
    assert_eq!(word("${A#*.}", &pairs).as_deref(), Ok("tar.gz\ntwo.tar.gz"));
    assert_eq!(word("${A##*.}", &pairs).as_deref(), Ok("gz\ntwo.tar.gz"));
    assert_eq!(word("${B/X*/-}", &pairs).as_deref(), Ok("a-"));
    assert_eq!(word("${B//X/[$0]}", &[("B", "aXbXc"), ("0", "'")]).as_deref(), Ok("a[']b[']c"));
    assert_eq!(word("${B//X/<'$0$$$9'>}", &pairs).as_deref(), Ok("a<X$>b<X$>c"));
    assert_eq!(word("${B//''/-}", &pairs).as_deref(), Ok("-a-X-b-X-c-"));
    assert_eq!(word("${B//\\*/-}", &[("B", "a*b*")]).as_deref(), Ok("a-b-"));
    assert_eq!(word("${N//*/x}", &pairs).as_deref(), Ok("x"));
}

#[test]
fn errors_say_what_and_where() {
    let error = |input: &str| word(input, &[("SET", "s"), ("NULL", "")]).expect_err("an error");
    let plain = |input: &str| {
        let error = error(input);
        (error.offset, error.message, error.kind)
    };
    use ExpandErrorKind::{Pattern, Required, Syntax};
    assert_eq!(plain("ab 'c"), (3, "a single quote `'` is not closed".into(), Syntax));
    assert_eq!(plain("ab\"c"), (2, "a double quote `\"` is not closed".into(), Syntax));
    assert_eq!(plain("a ${SET:-${B"), (2, "`${` has no closing `}`".into(), Syntax));
    assert_eq!(plain("${SET^}"), (0, "`^` is no modifier that `${…}` knows here".into(), Syntax));
    assert_eq!(plain("x${}"), (1, "`${` is followed by `}` where a variable's name has to stand".into(), Syntax));
    let required = "the variable `NULL` is empty, but has to have a value here";
    assert_eq!(plain("${NULL:?}"), (0, required.into(), Required("NULL".into())));
    assert_eq!(plain("${U?give $SET}"), (0, "the variable `U` is unset: give s".into(), Required("U".into())));
    let pattern = r"the pattern `\a` has `\` in front of `a`, which needs no escape";
    assert_eq!(plain(r"é${SET#\a}"), (2, pattern.into(), Pattern));
}

#[test]
fn hostile_input_is_refused_not_followed() {
    let kind = |input: &str, pairs: &[(&str, &str)]| word(input, pairs).map_err(|error| error.kind);
    let nested = |levels: usize| format!("{}{}", "${a:-".repeat(levels), "}".repeat(levels));
    assert_eq!(kind(&nested(MAX_DEPTH), &[]), Ok(String::new()));
    assert_eq!(kind(&nested(MAX_DEPTH + 1), &[]), Err(ExpandErrorKind::Limit));
    assert_eq!(kind(&nested(100_000), &[]), Err(ExpandErrorKind::Limit));
    assert_eq!(kind(&"\"${a:-".repeat(100_000), &[]), Err(ExpandErrorKind::Limit));
    let long = "a".repeat(DEFAULT_LIMIT / 2);
    assert_eq!(kind("$A$A", &[("A", &long)]).map(|text| text.len()), Ok(DEFAULT_LIMIT));
    assert_eq!(kind("$A$A$A", &[("A", &long)]), Err(ExpandErrorKind::Limit));
    assert_eq!(kind(&format!("${{A//{}b/}}", "*a".repeat(1000)), &[("A", &long)]), Err(ExpandErrorKind::Limit));
    // Text that no variable is in is as long as it is.
    assert_eq!(kind(&format!("'{long}{long}{long}'"), &[]).map(|text| text.len()), Ok(long.len() * 3));
}

#[test]
fn the_mark_in_front_is_swallowed() {
    assert_eq!(word("\u{feff}a", &[]).as_deref(), Ok("a"));
    assert_eq!(word("\u{feff}$A", &[("A", "x")]).as_deref(), Ok("x"));
}

proptest! {
    #[test]
    fn any_text_is_expanded_or_refused(
        input in r#"([$]|[{]|[}]|[ab:/#%?*+-]|\\|['"]|<| |[\n]|é){0,40}"#,
        value in r"([ab/*?]|\\|[$]|é|[\n]){0,8}",
        flags in prop::array::uniform5(any::<bool>()),
    ) {
        let [raw_quotes, raw_escapes, skip_unset, skip_process_quotes, windows] = flags;
        let lexer = Lexer { raw_quotes, raw_escapes, skip_unset, skip_process_quotes, windows, ..Lexer::default() };
        let env = environment(&[("a", &value), ("A", &value)]);
        match (lexer.word(&input, &env), lexer.words(&input, &env)) {
            (Ok(word), Ok(words)) => {
                prop_assert!(word.text.len() <= 2 * input.len() + word.work);
                prop_assert_eq!(word.matched, words.matched);
                prop_assert_eq!(word.unmatched, words.unmatched);
                // Both read the same; only white space and what a modifier makes the splitter forget may differ.
                prop_assert!(words.words.iter().all(|part| word.text.contains(part)));
            }
            (Err(word), Err(words)) => {
                prop_assert!(input.is_char_boundary(word.offset) && word.offset < input.len());
                prop_assert_eq!(word, words);
            }
            (word, words) => prop_assert!(false, "{:?} but {:?}", word, words),
        }
    }

    /// `%` and `#` against the definition, tried length by length.
    #[test]
    fn trims_by_definition(pattern in "[ab*?]{0,6}", value in "[ab\n]{0,10}") {
        fn matches(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), None) => matches(rest, text),
                (Some((b'*', rest)), Some((c, tail))) => matches(rest, text) || (*c != b'\n' && matches(pattern, tail)),
                (Some((b'?', rest)), Some((c, tail))) => *c != b'\n' && matches(rest, tail),
                (Some((p, rest)), Some((c, tail))) => p == c && matches(rest, tail),
                _ => false,
            }
        }
        // Operators at the front of the pattern would double the modifier.
        let expand = |operator: &str| word(&format!("${{V{operator}{pattern}}}"), &[("V", &value)]).unwrap_or_default();
        let fits = |range: std::ops::Range<usize>| matches(pattern.as_bytes(), value[range].as_bytes());
        let all = 0..=value.len();
        let head = |length: Option<usize>| value[length.unwrap_or(0)..].to_owned();
        let tail = |start: Option<usize>| value[..start.unwrap_or(value.len())].to_owned();
        prop_assert_eq!(expand("#"), head(all.clone().find(|end| fits(0..*end))));
        prop_assert_eq!(expand("##"), head(all.clone().rev().find(|end| fits(0..*end))));
        prop_assert_eq!(expand("%"), tail(all.clone().rev().find(|start| fits(*start..value.len()))));
        prop_assert_eq!(expand("%%"), tail(all.clone().find(|start| fits(*start..value.len()))));
    }
}

/// Values may be made on the spot.
#[test]
fn values_may_be_owned() {
    struct Shout;
    impl Env for Shout {
        fn get(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
            Some(name.to_uppercase().into())
        }
    }
    assert_eq!(Lexer::default().word("$a-${b}", &Shout).map(|expansion| expansion.text).as_deref(), Ok("A-B"));
}
