//! Selection, suppression and the runner, with lints made for the purpose.

use harden::diagnostic::{Category, Confidence, Diagnostic, Place, Safety, Severity};
use harden::lint::{Choice, Entry, Findings, Lint, Outcome, Preset, Selection, Settings, find, registry, run, suggest};
use harden::model::Dockerfile;
use harden::text::{Edit, Source, Span, apply};

/// Finds the word of its case where it stands; three cases with ids of other tools, and one without.
static WORD: Lint = Lint {
    summary: "A word that is not wanted",
    category: Category::Network,
    severity: Severity::High,
    aliases: &["DL3006", "DL3007", "DS-0001", "CKV_DOCKER_7", "StageNameCasing", "dockerfile.security.word.word"],
    dockerfile: Some(words),
    ..Lint::BASE
};

/// Reports every FROM.
static FROM: Lint = Lint {
    summary: "A stage",
    category: Category::SupplyChain,
    aliases: &["DL3006"],
    dockerfile: Some(froms),
    ..Lint::BASE
};

static TASTE: Lint = Lint {
    summary: "A matter of taste",
    preset: Preset::Pedantic,
    dockerfile: Some(|dockerfile, findings| at(dockerfile, findings, "taste", &[])),
    ..Lint::BASE
};

static BOOM: Lint = Lint { summary: "A bug", dockerfile: Some(boom), ..Lint::BASE };

static UNUSED: Lint = Lint { summary: "An ignore comment silences nothing", severity: Severity::Low, ..Lint::BASE };

static LINTS: &[Entry] = &[
    Entry { name: "any-stage", lint: &FROM, readme: "" },
    Entry { name: "bad-word", lint: &WORD, readme: "" },
    Entry { name: "boom", lint: &BOOM, readme: "" },
    Entry { name: "taste", lint: &TASTE, readme: "" },
    Entry { name: "unused-ignore", lint: &UNUSED, readme: "" },
];

fn at(dockerfile: &Dockerfile, findings: &mut Findings, word: &str, aliases: &[&'static str]) {
    for instruction in &dockerfile.instructions {
        let mut start = instruction.ast.span.start;
        for line in dockerfile.text(instruction.ast.span).split_inclusive('\n') {
            // Comments speak of these words too.
            let code = if line.trim_start().starts_with('#') { "" } else { line };
            for (at, _) in code.match_indices(word) {
                let span = Span::new(start + at as u32, start + (at + word.len()) as u32);
                findings.report(span, format!("`{word}` is there")).help("Remove it").aliases(aliases);
            }
            start += line.len() as u32;
        }
    }
}

fn words(dockerfile: &Dockerfile, findings: &mut Findings) {
    at(dockerfile, findings, "bad6", &["DL3006", "DS-0001"]);
    at(dockerfile, findings, "bad7", &["DL3007", "CKV_DOCKER_7", "StageNameCasing", "dockerfile.security.word.word"]);
    at(dockerfile, findings, "bad0", &[]);
}

fn froms(dockerfile: &Dockerfile, findings: &mut Findings) {
    for stage in &dockerfile.stages {
        let instruction = &dockerfile.instructions[stage.instructions.start];
        findings.report(instruction.ast.span, "a stage starts").help("Stop it").confidence(Confidence::Low);
    }
}

fn boom(dockerfile: &Dockerfile, findings: &mut Findings) {
    findings.report(Span::at(0), "found before the panic");
    assert!(!dockerfile.source.text().contains("tick"), "tick tack");
}

/// Lints with all but `any-stage`, which is in the way of most tests.
fn lint(text: &str) -> Outcome {
    lint_with(text, &Choice { ignore: vec!["any-stage".to_owned(), "boom".to_owned()], ..Choice::default() })
}

fn lint_with(text: &str, choice: &Choice) -> Outcome {
    let selection = Selection::of(LINTS, choice).expect("known names");
    lint_settings(text, &Settings { selection, ..Settings::default() })
}

fn lint_settings(text: &str, settings: &Settings) -> Outcome {
    run(&Dockerfile::new("Dockerfile", Source::from(text)), settings)
}

/// What was found, as `line lint: text of the place`.
fn seen(text: &str, outcome: &Outcome) -> Vec<String> {
    let show = |diagnostic: &Diagnostic| {
        let span = diagnostic.place.span().expect("in the file");
        let line = text[..span.start as usize].matches('\n').count() + 1;
        format!("{line} {}: {}", diagnostic.lint, &text[span.range()])
    };
    outcome.diagnostics.iter().map(show).collect()
}

fn select(selectors: &[&str]) -> Choice {
    Choice { select: Some(selectors.iter().map(|&s| s.to_owned()).collect()), ..Choice::default() }
}

fn ignore(selectors: &[&str]) -> Choice {
    Choice { ignore: selectors.iter().map(|&s| s.to_owned()).collect(), ..select(&["bad-word"]) }
}

const THREE: &str = "FROM scratch\nRUN bad6\nRUN bad7\nRUN bad0 taste\n";

#[test]
fn select_replaces_the_default_set_exactly() {
    assert_eq!(seen(THREE, &lint(THREE)), ["2 bad-word: bad6", "3 bad-word: bad7", "4 bad-word: bad0"]);
    assert_eq!(seen(THREE, &lint_with(THREE, &select(&["taste"]))), ["4 taste: taste"]);
    assert_eq!(seen(THREE, &lint_with(THREE, &select(&["supply-chain"]))), ["1 any-stage: FROM scratch"]);
    assert_eq!(seen(THREE, &lint_with(THREE, &select(&["pedantic"]))), ["4 taste: taste"]);
    assert_eq!(seen(THREE, &lint_with(THREE, &select(&[]))), Vec::<String>::new());
    let all = lint_with(THREE, &Choice { ignore: vec!["boom".to_owned()], ..select(&["all"]) });
    assert_eq!(all.diagnostics.len(), 5);
    let pedantic =
        lint_with(THREE, &Choice { preset: Preset::Pedantic, ignore: vec!["boom".to_owned()], ..Choice::default() });
    assert_eq!(seen(THREE, &pedantic), seen(THREE, &all));
    let more = lint_with(THREE, &Choice { extend_select: vec!["taste".to_owned()], ..select(&["DL3007"]) });
    assert_eq!(seen(THREE, &more), ["3 bad-word: bad7", "4 taste: taste"]);
}

#[test]
fn an_alias_means_only_the_findings_that_carry_it() {
    for alias in ["DL3006", "dl3006", "hadolint/DL3006", "DS001", "AVD-DS-0001"] {
        assert_eq!(seen(THREE, &lint_with(THREE, &select(&[alias]))), ["2 bad-word: bad6"], "{alias}");
        let left = lint_with(THREE, &ignore(&[alias]));
        assert_eq!(seen(THREE, &left), ["3 bad-word: bad7", "4 bad-word: bad0"], "{alias}");
        assert_eq!(left.suppressed, 0, "not selecting is not suppressing");
    }
}

#[test]
fn confidence_and_severity_are_the_users_to_choose() {
    let sure = Choice { min_confidence: Confidence::Medium, ..select(&["any-stage", "bad-word"]) };
    assert_eq!(lint_with(THREE, &sure).diagnostics.len(), 3, "the stage is a guess");
    let chosen = [("all", Severity::Low), ("DL3007", Severity::Info), ("bad-word", Severity::Medium)];
    let severity = chosen.iter().map(|(name, severity)| ((*name).to_owned(), *severity)).collect();
    let outcome = lint_with(THREE, &Choice { severity, ..select(&["any-stage", "bad-word"]) });
    let severities: Vec<Severity> = outcome.diagnostics.iter().map(|diagnostic| diagnostic.severity).collect();
    assert_eq!(severities, [Severity::Low, Severity::Medium, Severity::Info, Severity::Medium]);
}

#[test]
fn unknown_names_are_refused_with_a_suggestion() {
    for (name, suggestion) in [
        ("bad-wrod", Some("bad-word")),
        ("word-bad", Some("bad-word")),
        ("DL3008", Some("DL3006")),
        ("supply-chian", Some("supply-chain")),
        ("zzz", None),
    ] {
        let Err(error) = Selection::of(LINTS, &select(&[name])) else { panic!("{name} is unknown") };
        assert_eq!((error.name.as_str(), error.suggestion.is_some()), (name, suggestion.is_some()), "{error}");
        if name != "DL3008" {
            assert_eq!(error.suggestion, suggestion);
        }
    }
    assert_eq!(find("DL1000").iter().map(|entry| entry.name).collect::<Vec<_>>(), ["syntax-error"]);
    assert_eq!(suggest("sytnax-error"), Some("syntax-error"));
    assert!(find("nothing-of-the-kind").is_empty());
}

#[test]
fn a_panicking_lint_is_an_error_and_takes_nothing_down() {
    let text = "FROM scratch\nRUN bad6 # tick\n";
    let outcome = lint_with(text, &select(&["boom", "bad-word"]));
    assert_eq!(seen(text, &outcome), ["2 bad-word: bad6"]);
    let errors: Vec<_> =
        outcome.errors.iter().map(|error| (error.lint, &*error.path, error.message.as_str())).collect();
    assert_eq!(errors, [("boom", "Dockerfile", "tick tack")]);
}

#[test]
fn a_lint_that_panicked_makes_no_comment_stale() {
    let text = "FROM scratch\n# harden: ignore[boom]\nRUN tick\n";
    assert_eq!(seen(text, &lint_with(text, &select(&["boom", "unused-ignore"]))), Vec::<String>::new());
}

#[test]
fn findings_come_in_order_of_place_then_name() {
    let text = "FROM bad7\nRUN bad0 bad6\n";
    let outcome = lint_with(text, &select(&["all"]));
    assert_eq!(
        seen(text, &outcome),
        ["1 any-stage: FROM bad7", "1 boom: ", "1 bad-word: bad7", "2 bad-word: bad0", "2 bad-word: bad6"]
    );
    assert_eq!(outcome.diagnostics[0].place, Place::File { path: "Dockerfile".into(), span: Span::new(0, 9) });
}

#[test]
fn fingerprints_survive_edits_elsewhere_and_tell_equal_lines_apart() {
    let prints = |text: &str| -> Vec<String> {
        let outcome = lint_with(text, &select(&["bad-word"]));
        outcome.diagnostics.into_iter().map(|diagnostic| diagnostic.fingerprint).collect()
    };
    let before = prints("FROM scratch\nRUN bad6\nRUN bad6\nRUN bad7 bad7\n");
    let after = prints("# new\nFROM scratch\n\nRUN  bad6\nUSER 1\n   RUN bad6\nRUN bad7 bad7\n");
    assert_eq!(before, after);
    let unique: std::collections::BTreeSet<&String> = before.iter().collect();
    assert_eq!(unique.len(), 4);
}

/// Every comment silences `bad6` or `bad7` (by id) in the RUN below it and nothing else.
#[test]
fn comments_silence_what_they_name_where_they_stand() {
    for (comment, silenced) in [
        ("# harden: ignore[bad-word] fine here", &["bad6", "bad7", "bad0"][..]),
        ("# harden: ignore[DL3006]", &["bad6"]),
        ("#harden:ignore[ds001 , ckv_docker_7]", &["bad6", "bad7"]),
        ("# hadolint ignore=DL3006,SC2046 # why", &["bad6"]),
        ("# hadolint ignore=DL3007", &["bad7"]),
        ("# check=skip=StageNameCasing;error=true", &["bad7"]),
        ("# check=skip=all", &["bad7"]),
        ("# trivy:ignore:AVD-DS-0001", &["bad6"]),
        ("# trivy:ignore:DS001:exp:2026-11-22", &["bad6"]),
        ("# trivy:ignore:*", &["bad6"]),
        ("# tally ignore=hadolint/DL3006;reason=fine", &["bad6"]),
        ("# nosemgrep: dockerfile.security.word.word", &["bad7"]),
        ("# nosemgrep: word", &["bad7"]),
        ("# nosemgrep", &["bad7"]),
        ("# trivy:ignore:DS001:exp:2026-11-21", &[]),
        ("# hadolint ignore=DL9999", &[]),
        ("# harden: ignore[taste]", &[]),
        ("# hadolint ignore=bad-word", &[]),
    ] {
        let text = format!(
            "FROM scratch\nRUN bad6 bad7 bad0\n{comment}\n# more words\nRUN bad6 && \\\n  bad7 bad0\nRUN bad6 bad7 bad0\n"
        );
        let selection = Selection::of(LINTS, &select(&["bad-word"])).expect("known");
        let today = Some("2026-11-22".to_owned());
        let outcome = lint_settings(&text, &Settings { selection, today, ..Settings::default() });
        let all = ["bad6", "bad7", "bad0"];
        let line = |line: usize, word: &str| format!("{line} bad-word: {word}");
        let mut expected: Vec<String> = all.iter().map(|word| line(2, word)).collect();
        let kept = all.iter().filter(|word| !silenced.contains(word));
        expected.extend(kept.map(|word| line(if *word == "bad6" { 5 } else { 6 }, word)));
        expected.extend(all.iter().map(|word| line(7, word)));
        assert_eq!(seen(&text, &outcome), expected, "{comment}");
        assert_eq!(outcome.suppressed, silenced.len(), "{comment}");
    }
}

#[test]
fn comments_for_the_file_and_the_stage() {
    let body = "RUN bad6 bad7\n";
    for (text, left) in [
        (format!("# harden: ignore-file[DL3006] generated\nFROM a\n{body}FROM b\n{body}"), &["3 bad7", "5 bad7"][..]),
        (format!("FROM a\n# hadolint global ignore=DL3006\n{body}FROM b\n{body}"), &["3 bad7", "5 bad7"]),
        (format!("# check=skip=StageNameCasing\nFROM a\n{body}FROM b\n{body}"), &["3 bad6", "5 bad6"]),
        (format!("FROM a\n{body}FROM b\n{body}# checkov:skip=CKV_DOCKER_7: fine\n"), &["2 bad6", "4 bad6"]),
        (format!("FROM a\n{body}# tally global ignore=DL3006\nFROM b\n{body}"), &["2 bad7", "5 bad7"]),
        (format!("# hadolint stage ignore=DL3006\nFROM a\n{body}FROM b\n{body}"), &["3 bad7", "5 bad6", "5 bad7"]),
        (format!("FROM a\n{body}# hadolint stage ignore=DL3006\nFROM b\n{body}"), &["2 bad6", "2 bad7", "5 bad7"]),
    ] {
        let left: Vec<String> = left.iter().map(|left| left.replace(' ', " bad-word: ")).collect();
        assert_eq!(seen(&text, &lint_with(&text, &select(&["bad-word"]))), left, "{text}");
    }
}

#[test]
fn comments_inside_an_instruction_hold_for_all_of_it() {
    for text in [
        "FROM a\nRUN bad6 && \\\n  # harden: ignore[bad-word]\n  bad7\nRUN good\n",
        "FROM a\nRUN <<EOF\nbad6\n# harden: ignore[bad-word]\nbad7\nEOF\nRUN good\n",
        "FROM a\n  # harden: ignore[bad-word]\n  RUN <<EOF\nbad6\nbad7\nEOF\n",
        "FROM a\r\n# harden: ignore[bad-word] why\r\nRUN bad6 \\\r\n  bad7\r\n",
        "FROM a\n# harden: ignore[bad-word] why\nONBUILD RUN bad6 bad7",
    ] {
        let outcome = lint(text);
        assert_eq!((seen(text, &outcome), outcome.suppressed), (Vec::<String>::new(), 2), "{text}");
    }
    // A file that is copied is not a script, so nothing in it speaks to us.
    let text = "FROM a\nCOPY <<EOF /a\n# harden: ignore[bad-word]\nbad6\nEOF\n";
    assert_eq!(seen(text, &lint(text)), ["4 bad-word: bad6"]);
}

#[test]
fn a_comment_reaches_lines_that_are_no_instruction() {
    let text = "FROM scratch\n# harden: ignore[syntax-error] on purpose\nRUNN true\nUSER 1000\n";
    let syntax = || Settings {
        selection: Selection::new(&select(&["syntax-error", "unused-ignore"])).expect("known"),
        ..Settings::default()
    };
    let outcome = lint_settings(text, &syntax());
    assert_eq!((outcome.diagnostics.len(), outcome.suppressed), (0, 1));
    let without = text.replace("# harden: ignore[syntax-error] on purpose\n", "");
    assert_eq!(seen(&without, &lint_settings(&without, &syntax())).len(), 1);
}

#[test]
fn a_blank_line_parts_a_comment_from_what_follows() {
    let text = "FROM a\n# harden: ignore[bad-word]\n\nRUN bad6\n";
    assert_eq!(seen(text, &lint(text)), ["2 unused-ignore: # harden: ignore[bad-word]", "4 bad-word: bad6"]);
    // BuildKit takes such a comment for the next instruction's, and so do we for it.
    let text = "FROM a\n# check=skip=StageNameCasing\n\nRUN bad7\n";
    assert_eq!(seen(text, &lint(text)), Vec::<String>::new());
}

#[test]
fn a_comment_on_the_base_reaches_findings_about_the_base() {
    let text = "FROM a AS one\n# harden: ignore[any-stage] why\nFROM one\n";
    let outcome = lint_with(text, &select(&["any-stage", "unused-ignore"]));
    assert_eq!((seen(text, &outcome), outcome.suppressed), (vec!["1 any-stage: FROM a AS one".to_owned()], 1));
}

#[test]
fn stale_names_are_reported_and_removed() {
    for (before, message, after) in [
        (
            "# harden: ignore[bad-word] why\nRUN good\n",
            "the comment ignores `bad-word`, which finds nothing here",
            "RUN good\n",
        ),
        (
            "# harden: ignore[DL3007, DL3006]\nRUN bad6\n",
            "the comment ignores `DL3007`, which finds nothing here",
            "# harden: ignore[DL3006]\nRUN bad6\n",
        ),
        (
            "RUN good && \\\n    # harden: ignore[bad-word]\n    better\n",
            "the comment ignores `bad-word`, which finds nothing here",
            "RUN good && \\\n    better\n",
        ),
        ("# harden: ignore[]\nRUN good\n", "the ignore comment names no lint, so it silences nothing", "RUN good\n"),
        (
            "# harden: ignore[bad-word, no-such-thing-at-all]\nRUN bad6\n",
            "`no-such-thing-at-all` is not the name of a lint, so the comment silences nothing by it",
            "# harden: ignore[bad-word]\nRUN bad6\n",
        ),
    ] {
        let before = format!("FROM a\n{before}");
        let outcome = lint(&before);
        let [finding] = &outcome.diagnostics[..] else { panic!("{before}: {:?}", outcome.diagnostics) };
        assert_eq!((finding.lint, finding.message.as_str()), ("unused-ignore", message));
        let fix = &finding.fixes[0];
        assert_eq!(fix.safety, Safety::Safe);
        assert_eq!(apply(&before, &fix.edits), Ok(format!("FROM a\n{after}")));
    }
}

#[test]
fn a_misspelt_name_is_shown_with_the_right_one() {
    let text = "FROM a\n# harden: ignore[bad-wrod] why\nRUN bad6\n";
    let outcome = lint(text);
    assert_eq!(seen(text, &outcome), ["2 unused-ignore: bad-wrod", "3 bad-word: bad6"]);
    let edits = vec![Edit::replace(Span::new(24, 32), "bad-word")];
    let [fix] = &outcome.diagnostics[0].fixes[..] else { panic!("one fix") };
    assert_eq!((fix.title.as_str(), fix.safety), ("Replace `bad-wrod` by `bad-word`", Safety::Suggestion));
    assert_eq!(fix.edits, edits);
}

#[test]
fn only_lints_that_ran_in_full_are_judged() {
    let text = "FROM a\n# harden: ignore[bad-word] why\nRUN good\n";
    assert_eq!(seen(text, &lint_with(text, &select(&["unused-ignore"]))), Vec::<String>::new());
    let part = Choice { extend_select: vec!["unused-ignore".to_owned()], ..ignore(&["DL3006"]) };
    assert_eq!(seen(text, &lint_with(text, &part)), Vec::<String>::new());
    // A finding that is too unsure to be shown is one all the same.
    let text = "FROM a\n# harden: ignore[any-stage] why\nFROM b\n";
    let sure = Choice { min_confidence: Confidence::High, ..select(&["any-stage", "unused-ignore"]) };
    let outcome = lint_with(text, &sure);
    assert_eq!((seen(text, &outcome), outcome.suppressed), (Vec::new(), 0));
}

/// Comments and findings in numbers that would take minutes if each were compared with each.
#[test]
fn many_comments_cost_no_more_than_they_are() {
    let comments = "# harden: ignore[DL3006, no-such]\n".repeat(5_000);
    let pairs = "# harden: ignore[bad-word]\nRUN bad7\n".repeat(5_000);
    let outcome = lint(&format!("FROM a\n{comments}RUN bad6\n{pairs}"));
    assert_eq!((outcome.suppressed, outcome.diagnostics.len()), (5_001, 5_000));
    assert!(outcome.diagnostics.iter().all(|finding| finding.lint == "unused-ignore"));
}

#[test]
fn a_reason_can_be_required() {
    let selection = || Selection::of(LINTS, &select(&["bad-word", "unused-ignore"])).expect("known");
    let strict = || Settings { selection: selection(), require_reason: true, ..Settings::default() };
    let text = "FROM a\n# harden: ignore[bad-word]\nRUN bad6\n# harden: ignore[bad-word] why\nRUN bad7\n";
    let outcome = lint_settings(text, &strict());
    assert_eq!(seen(text, &outcome), ["2 unused-ignore: # harden: ignore[bad-word]", "3 bad-word: bad6"]);
    assert_eq!(outcome.diagnostics[0].message, "the ignore comment gives no reason, so it silences nothing");
    assert_eq!(outcome.suppressed, 1);
}

#[test]
fn removing_a_comment_that_hides_a_directive_is_not_safe() {
    let text = "# harden: ignore-file[bad-word] why\n# escape=`\nFROM a\n";
    let outcome = lint(text);
    assert_eq!(outcome.diagnostics[0].fixes[0].safety, Safety::Unsafe);
    let text = "# harden: ignore-file[bad-word] why\n# plain words\nFROM a\n";
    assert_eq!(lint(text).diagnostics[0].fixes[0].safety, Safety::Safe);
}

#[test]
fn bytes_that_are_no_text_are_one_finding_each() {
    let source = Source::new(b"FROM scratch\nRUN a\xff\xfe b\0c\0\n".to_vec());
    let selection = Selection::new(&select(&["syntax-error"])).expect("known");
    let outcome = run(&Dockerfile::new("Dockerfile", source), &Settings { selection, ..Settings::default() });
    let found: Vec<_> = outcome
        .diagnostics
        .iter()
        .map(|finding| (finding.place.span(), finding.severity, finding.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(Span::new(18, 19)), Severity::Low, "2 bytes are not valid UTF-8"),
            (Some(Span::new(22, 23)), Severity::Low, "2 bytes are zero (NUL)"),
        ]
    );
}

/// Real files, every lint: nothing panics, places lie in the file, order is stable, and fingerprints are unique.
#[test]
fn real_files_give_sound_outcomes() {
    let selection =
        Selection::new(&Choice { preset: Preset::Pedantic, ..Choice::default() }).expect("a preset names no lint");
    let settings = Settings { selection, ..Settings::default() };
    for (path, text) in crate::support::dockerfiles() {
        let outcome = run(&Dockerfile::new(&path, Source::from(text.as_str())), &settings);
        assert_eq!(outcome.errors, [], "{path}");
        let mut prints: Vec<&str> = Vec::new();
        for finding in &outcome.diagnostics {
            let span = finding.place.span().expect("in the file");
            assert!(text.get(span.range()).is_some(), "{path}: {} at {span:?}", finding.lint);
            assert!(!finding.message.is_empty() && !finding.help.is_empty(), "{path}: {}", finding.lint);
            assert!(registry().iter().any(|entry| entry.name == finding.lint));
            prints.push(&finding.fingerprint);
        }
        let count = prints.len();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), count, "{path}: equal fingerprints");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever the comments look like: nothing panics, places lie in the file, and removing what is stale comes to an
    /// end at which no safe fix is left, without having changed what other lints find.
    #[test]
    fn removing_stale_comments_comes_to_an_end(
        mark in proptest::bool::ANY,
        picks in proptest::collection::vec(0..FRAGMENTS.len(), 0..40),
    ) {
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        text.extend(picks.into_iter().map(|pick| FRAGMENTS[pick]));
        let words = |outcome: &Outcome| outcome.diagnostics.iter().filter(|finding| finding.lint == "bad-word").count();
        let first = lint(&text);
        for _ in 0..50 {
            let outcome = lint(&text);
            for finding in &outcome.diagnostics {
                let span = finding.place.span().expect("in the file");
                proptest::prop_assert!(text.get(span.range()).is_some(), "{:?} in {:?}", span, text);
            }
            let fixes = outcome.diagnostics.iter().flat_map(|finding| &finding.fixes);
            let Some(fix) = fixes.filter(|fix| fix.safety == Safety::Safe).find(|fix| fix.title.starts_with("Remove")) else {
                proptest::prop_assert_eq!((words(&outcome), outcome.suppressed), (words(&first), first.suppressed));
                return Ok(());
            };
            text = apply(&text, &fix.edits).expect("edits of the file");
        }
        proptest::prop_assert!(false, "still not done: {text:?}");
    }
}

const FRAGMENTS: [&str; 23] = [
    "# harden: ignore[",
    "# harden: ignore-file[",
    "bad-word",
    "DL3006",
    "taste",
    "nothing-like-it",
    ", ",
    "] why",
    "]",
    "\n",
    "\r\n",
    "  ",
    "FROM a\n",
    "\nRUN bad6\n",
    "RUN bad7 \\\n",
    "RUN <<EOF\n",
    "bad0\nEOF\n",
    "# hadolint ignore=DL3007\n",
    "# hadolint stage ignore=DL3006\n",
    "# check=skip=all\n",
    "# trivy:ignore:*:exp:1\n",
    "#é\n",
    "# nosemgrep",
];
