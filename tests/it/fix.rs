//! The engine of `harden fix`, with lints made for the purpose: what wins, what is refused, where it ends.

use harden::diagnostic::{Fix, Safety};
use harden::fix::{Files, Fixed, check, fix, unified};
use harden::lint::{Choice, Entry, Findings, Lint, Selection, Settings};
use harden::model::Dockerfile;
use harden::text::{Edit, Source, Span};

/// A lint that reports each place of a word and offers a fix.
macro_rules! words {
    ($name:ident, $word:literal, $fix:expr) => {
        static $name: Lint = Lint {
            summary: "A word",
            sources: &["none"],
            dockerfile: Some(|dockerfile, findings| each(dockerfile, findings, $word, $fix)),
            ..Lint::BASE
        };
    };
}

fn each(dockerfile: &Dockerfile, findings: &mut Findings, word: &str, fix: fn(&Dockerfile, Span) -> Fix) {
    for (at, _) in dockerfile.source.text().match_indices(word) {
        let span = Span::new(at as u32, (at + word.len()) as u32);
        findings.report(span, format!("`{word}`")).help("Mend it").fix(fix(dockerfile, span));
    }
}

fn to(text: &str) -> impl Fn(Span) -> Vec<Edit> {
    move |span| vec![Edit::replace(span, text)]
}

words!(GOOD, "wrong", |_, span| Fix::safe("Write `right`", "it is a word", to("right")(span)));
words!(RISKY, "risk", |_, span| Fix::risky("Write `dare`", "it may not be", to("dare")(span)));
words!(MAYBE, "maybe", |_, span| Fix::suggestion("Write `yes`", "only you know", to("yes")(span)));
words!(WIDE, "wrong word", |_, span| Fix::safe("Write `both`", "it is two words", to("both")(span)));
words!(BREAKS, "breakme", |_, span| Fix::safe("Break the line", "a lie", to("x\nRUNN y")(span)));
words!(SNEAKS, "sneak", |_, span| Fix::safe("Write `a`", "a lie", to("a\nUSER root")(span)));
words!(RUNS, "launch", |_, span| Fix::safe("Write `go`", "a lie", to("go && curl x")(span)));
words!(SAYS, "honest", |_, span| Fix::safe("Add a command", "it says so", to("go && rm x")(span)).adds_command("rm"));
words!(NOTHING, "same", |_, span| Fix::safe("Write `same`", "a lie", to("same")(span)));
words!(PING, "ping", |_, span| Fix::safe("Write `pong`", "to and fro", to("pong")(span)));
words!(PONG, "pong", |_, span| Fix::safe("Write `ping`", "to and fro", to("ping")(span)));
words!(ELSEWHERE, "remote", |dockerfile, span| {
    let next = dockerfile.source.text().find("victim").expect("there is one") as u32;
    Fix::safe(
        "Write `local`",
        "a lie",
        vec![Edit::replace(span, "local"), Edit::replace(Span::new(next, next + 6), "x")],
    )
});
words!(GONE, "CMD gone", |_, span| {
    let line = Span::new(span.start, span.end + 1);
    Fix::safe("Take it out", "a later one counts", vec![Edit::delete(line)]).removes("CMD").removes_command("gone")
});
words!(OUTSIDE, "outside", |_, _| Fix::safe(
    "Cut what is not there",
    "a lie",
    vec![Edit::delete(Span::new(9000, 9001))]
));

static LINTS: &[Entry] = &[
    Entry { name: "breaks", lint: &BREAKS, readme: "" },
    Entry { name: "elsewhere", lint: &ELSEWHERE, readme: "" },
    Entry { name: "gone", lint: &GONE, readme: "" },
    Entry { name: "good", lint: &GOOD, readme: "" },
    Entry { name: "maybe", lint: &MAYBE, readme: "" },
    Entry { name: "nothing", lint: &NOTHING, readme: "" },
    Entry { name: "outside", lint: &OUTSIDE, readme: "" },
    Entry { name: "ping", lint: &PING, readme: "" },
    Entry { name: "pong", lint: &PONG, readme: "" },
    Entry { name: "risky", lint: &RISKY, readme: "" },
    Entry { name: "runs", lint: &RUNS, readme: "" },
    Entry { name: "says", lint: &SAYS, readme: "" },
    Entry { name: "sneaks", lint: &SNEAKS, readme: "" },
    Entry { name: "wide", lint: &WIDE, readme: "" },
];

fn read(source: Source, _: &Files) -> Dockerfile {
    Dockerfile::new("Dockerfile", source)
}

fn fixed_bytes(bytes: &[u8], allowed: Safety) -> Fixed {
    let selection = Selection::of(LINTS, &Choice::default()).expect("the default set");
    let settings = Settings { selection, ..Settings::default() };
    fix(&Source::new(bytes.to_vec()), &settings, allowed, &read)
}

fn fixed(text: &str) -> Fixed {
    fixed_bytes(text.as_bytes(), Safety::Safe)
}

fn text(fixed: &Fixed) -> &str {
    fixed.dockerfile.source.text()
}

#[test]
fn fixes_up_to_the_safety_asked_for_are_applied() {
    let file = "FROM a\nRUN echo wrong risk maybe\n";
    assert_eq!(text(&fixed(file)), "FROM a\nRUN echo right risk maybe\n");
    let bold = fixed_bytes(file.as_bytes(), Safety::Unsafe);
    assert_eq!(text(&bold), "FROM a\nRUN echo right dare maybe\n");
    let suggested = fixed_bytes(file.as_bytes(), Safety::Suggestion);
    assert_eq!(text(&suggested), text(&bold), "a suggestion is never applied");
    let done: Vec<_> = bold.applied.iter().map(|one| (one.lint, one.safety, one.why.as_str(), one.line)).collect();
    assert_eq!(done, [("good", Safety::Safe, "it is a word", 2), ("risky", Safety::Unsafe, "it may not be", 2)]);
    assert_eq!(bold.outcome.diagnostics.len(), 1, "the suggestion's finding is left");
}

#[test]
fn of_two_fixes_for_one_place_one_wins_and_the_other_is_named() {
    let fixed = fixed("FROM a\nRUN echo wrong word\n");
    // Both are safe and as grave; the one found first in the order of lints wins, and no `wrong word` is left.
    assert_eq!(text(&fixed), "FROM a\nRUN echo right word\n");
    let [skipped] = &fixed.skipped[..] else { panic!("{:?}", fixed.skipped) };
    assert_eq!(
        (skipped.lint, skipped.title.as_str(), skipped.winner, skipped.line),
        ("wide", "Write `both`", "good", 2)
    );
}

#[test]
fn a_fix_that_does_something_else_than_it_says_is_refused_and_the_others_stay() {
    for (word, lint, why) in [
        ("breakme", "breaks", "the file would no longer parse: `RUNN` is no instruction"),
        ("sneak", "sneaks", "instructions would come: `USER`"),
        ("launch", "runs", "commands would come: `curl`, `go`, and go: `launch`"),
        ("same", "nothing", "it would change nothing"),
        ("outside", "outside", "its edits contradict each other or the file at bytes 9000..9001"),
    ] {
        let before = format!("FROM a\nRUN {word}\n");
        let alone = fixed(&before);
        assert_eq!(text(&alone), before, "{word}: the file is untouched");
        let [refused] = &alone.refused[..] else { panic!("{word}: {:?}", alone.refused) };
        assert_eq!((refused.lint, refused.why.as_str(), refused.line), (lint, why, 2));
        assert!(alone.applied.is_empty());

        let both = fixed(&format!("FROM a\nRUN {word}\nRUN echo wrong\n"));
        assert_eq!(text(&both), format!("FROM a\nRUN {word}\nRUN echo right\n"));
        assert_eq!((both.refused.len(), both.applied.len()), (1, 1));
    }
}

#[test]
fn a_fix_may_do_what_it_says() {
    // Not quite: `honest` itself is gone, which the fix does not say.
    assert_eq!(fixed("FROM a\nRUN honest\n").refused.len(), 1);
    let fixed = fixed("FROM a\nRUN echo honest\n");
    assert_eq!(text(&fixed), "FROM a\nRUN echo go && rm x\n");
    assert!(fixed.refused.is_empty(), "{:?}", fixed.refused);
}

#[test]
fn a_command_beside_the_edit_must_stay_word_for_word() {
    let fixed = fixed("FROM a\nRUN remote && b victim\n");
    assert_eq!(fixed.refused.len(), 1, "{:?}", fixed.refused);
    let before = Dockerfile::new("Dockerfile", Source::from("FROM a\nRUN a && b c\n"));
    let after = Dockerfile::new("Dockerfile", Source::from("FROM a\nRUN x && b d\n"));
    let lie = Fix::safe("Write `x`", "a lie", vec![Edit::replace(Span::new(11, 12), "x")]);
    let lie = lie.removes_command("a").adds_command("x");
    let error = check(&before, &after, &[&lie]).expect_err("`b c` is another command");
    assert_eq!(error.to_string(), "it would change a command that it doesn't touch: `b c`");
    let error = check(&before, &after, &[]).expect_err("no fix explains the change");
    assert_eq!(error.to_string(), "it would change an instruction that it doesn't touch: `RUN a && b c`");
}

#[test]
fn a_quarrel_of_fixes_comes_to_an_end() {
    let fixed = fixed("FROM a\nRUN echo ping wrong\n");
    assert_eq!(text(&fixed), "FROM a\nRUN echo ping right\n", "neither of the two is applied, all others are");
    assert_eq!(fixed.refused.iter().map(|refused| refused.lint).collect::<Vec<_>>(), ["ping"]);
    assert!(fixed.refused[0].why.contains("no end"), "{}", fixed.refused[0].why);
}

#[test]
fn what_no_edit_touches_is_kept_byte_for_byte() {
    let before =
        b"\xef\xbb\xbf# \xff\r\nFROM a\r\n\tRUN  echo wrong \\\r\n  # wrong \xe2\x82\r\n   b\t \r\nCMD [ \"x\" ]";
    let fixed = fixed_bytes(before, Safety::Safe);
    let after =
        b"\xef\xbb\xbf# \xff\r\nFROM a\r\n\tRUN  echo right \\\r\n  # right \xe2\x82\r\n   b\t \r\nCMD [ \"x\" ]";
    assert_eq!(fixed.dockerfile.source.bytes(), after);
    assert!(fixed.refused.is_empty(), "{:?}", fixed.refused);
    assert!(fixed_bytes(after, Safety::Safe).applied.is_empty(), "a second run has nothing to do");
}

#[test]
fn thousands_of_fixes_take_one_round() {
    let file = format!("FROM a\n{}", "RUN echo wrong\n".repeat(5000));
    let fixed = fixed(&file);
    assert_eq!(fixed.applied.len(), 5000);
    assert_eq!(text(&fixed), file.replace("wrong", "right"));
}

#[test]
fn stretches_that_adjoin_go_in_one_round() {
    // Each fix takes its lines out whole, and the next starts where it ends.
    let file = format!("FROM a\n{}CMD x\n", "CMD gone\n".repeat(3000));
    let fixed = fixed(&file);
    assert_eq!((text(&fixed), fixed.applied.len()), ("FROM a\nCMD x\n", 3000));
    assert!(fixed.skipped.is_empty() && fixed.refused.is_empty());
}

#[test]
fn a_patch_is_what_git_takes() {
    let patch = unified("a/Dockerfile", Some(b"FROM a\nRUN b\n"), b"FROM a\nRUN c\n");
    let expected = "--- a/a/Dockerfile\n+++ b/a/Dockerfile\n@@ -1,2 +1,2 @@\n FROM a\n-RUN b\n+RUN c\n";
    assert_eq!(String::from_utf8(patch).expect("UTF-8"), expected);
}
