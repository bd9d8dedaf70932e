//! BuildKit's own parser tests, all 192 of them: `corpus/conformance/buildkit-parser.jsonl`.

use harden::syntax::ast::{Arguments, Instruction, Keyword};
use harden::syntax::flags::FlagType;
use harden::syntax::mount::Device;
use harden::syntax::{self, Parse, directive, flags, heredoc, ports};
use harden::text::{LineIndex, Source, Span};
use serde_json::{Value, json};

use crate::support;

#[test]
fn every_parser_case_of_buildkit_holds() {
    let cases = support::json_lines("corpus/conformance/buildkit-parser.jsonl");
    if cases.is_empty() {
        return;
    }
    assert_eq!(cases.len(), 192, "the corpus has all cases");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|why| format!("{} {}: {why}", case["kind"], case["name"])))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn check(case: &Value) -> Result<(), String> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    match text("kind") {
        "ast" => same(parse(text("dockerfile")).dump_buildkit(), text("ast")),
        "error" | "instruction-error" => {
            let mut dockerfile = text("dockerfile").to_owned();
            for (mark, replacement) in case["replace"].as_object().into_iter().flatten() {
                let times = replacement[1].as_u64().unwrap_or(0) as usize;
                dockerfile = dockerfile.replace(mark, &replacement[0].as_str().unwrap_or_default().repeat(times));
            }
            let errors = parse(&dockerfile).errors;
            // A lone instruction is refused for its missing FROM too; the case is about what else is wrong with it.
            let about = errors.iter().filter(|error| !error.message.contains("before any FROM")).count();
            same(about > 0, true)
        }
        "lines" => lines(case, &parse(text("dockerfile"))),
        "warnings" => warnings(case, &parse(text("dockerfile"))),
        "heredocs" => heredocs(case),
        "heredoc-word" => match (heredoc::opener(text("input")), case["error"] == true) {
            (Err(_), true) => Ok(()),
            (Ok(opener), false) => same(json!(opener.map(|opener| opener.name)), case["heredoc"].clone()),
            (result, _) => Err(format!("{result:?}")),
        },
        "heredocs-from-line" => {
            let names = heredoc::openers(text("input")).map_err(|error| error.message)?;
            same(json!(names.into_iter().map(|opener| opener.name).collect::<Vec<_>>()), case["expected"].clone())
        }
        "heredoc-chomp" => same(heredoc::chomp(text("input")), text("expected")),
        "words" => {
            // ARG splits its line with the same splitter and keeps the words as they are.
            let parse = parse(&format!("ARG {}", text("input")));
            same(json!(values(&parse.instructions[0].arguments)), case["expected"].clone())
        }
        "json-array" => same(json!(directive::json_array(text("input"))), case["expected"].clone()),
        "name-value" => name_value(case),
        "directives" => {
            let directives = parse(text("input")).directives;
            let first = directives.first().ok_or("no directive")?;
            same(json!({"name": first.name, "value": first.value}), case["expected"].clone())
        }
        "directive" => detected(case, directive::detect(text("directive"), text("input"), false)),
        "detect-syntax" => detected(case, directive::detect("syntax", text("input"), true)),
        "copy" => copy(case),
        "run" => run(case),
        "doc-comments" => doc_comments(case),
        "flags" => flag_case(case),
        "device" => match (Device::parse(text("input")), case["error"] == true) {
            (Err(_), true) => Ok(()),
            (Ok(device), false) => {
                same(json!({"name": device.name, "required": device.required}), case["expected"].clone())
            }
            (result, _) => Err(format!("{result:?}")),
        },
        "expose" => {
            let arguments = case["input"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let parsed: Result<Vec<_>, _> = arguments.map(ports::parse).collect();
            match (parsed, case["error"] == true) {
                (Err(_), true) => Ok(()),
                (Ok(parsed), false) => same(
                    json!(parsed.iter().flat_map(|ports| ports.each()).collect::<Vec<_>>()),
                    case["expected"].clone(),
                ),
                (result, _) => Err(format!("{result:?}")),
            }
        }
        kind => Err(format!("the kind {kind} is unknown to this test")),
    }
}

fn parse(text: &str) -> Parse {
    syntax::parse(&Source::from(text))
}

fn same<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(actual: A, expected: B) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("\n  actual   {actual:?}\n  expected {expected:?}")) }
}

fn values(arguments: &Arguments) -> Vec<String> {
    match arguments {
        Arguments::Words(words) | Arguments::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
        Arguments::Shell(word) => vec![word.text.clone()],
        _ => Vec::new(),
    }
}

/// First and last line, from 1, counting heredocs and trailing blank lines of a continuation as BuildKit does.
fn line_range(text: &str, instruction: &Instruction) -> [u32; 2] {
    let lines = LineIndex::new(text);
    [lines.line(instruction.span.start) + 1, lines.line(instruction.span.end.saturating_sub(1)) + 1]
}

fn lines(case: &Value, parse: &Parse) -> Result<(), String> {
    let text = case["dockerfile"].as_str().unwrap_or_default();
    let ranges: Vec<_> = parse.instructions.iter().map(|instruction| line_range(text, instruction)).collect();
    same(json!(ranges), case["children"].clone())?;
    let root = [ranges.first().map(|range| range[0]), ranges.last().map(|range| range[1])];
    same(json!(root), case["root"].clone())
}

fn warnings(case: &Value, parse: &Parse) -> Result<(), String> {
    same(parse.errors.len(), 0)?;
    let empty_lines: Vec<&Instruction> =
        parse.instructions.iter().filter(|instruction| syntax::has_empty_continuation(instruction)).collect();
    let expected = case["warnings"].as_array().map_or(0, Vec::len);
    same(empty_lines.len(), expected)?;
    for (instruction, warning) in empty_lines.iter().zip(case["warnings"].as_array().into_iter().flatten()) {
        let Arguments::Shell(body) = &instruction.arguments else { return Err("no shell form".to_owned()) };
        let joined = format!("{} {}", instruction.name.text, body.text);
        let contains = warning["contains"].as_array().and_then(|parts| parts.last()).and_then(Value::as_str);
        same(joined, contains.unwrap_or_default())?;
    }
    Ok(())
}

fn heredocs(case: &Value) -> Result<(), String> {
    let text = case["dockerfile"].as_str().unwrap_or_default();
    let first = case["first_child"].as_u64().unwrap_or(0) as usize;
    let parse = parse(text);
    // One instruction there takes no heredoc, so the line meant as its end is an unknown instruction: not the parser's
    // business in BuildKit.
    same(parse.errors.iter().all(|error| error.message.contains("is no instruction")), true)?;
    let actual: Vec<Value> = parse.instructions[first..]
        .iter()
        .map(|instruction| {
            if instruction.heredocs.is_empty() {
                return Value::Null;
            }
            let each = instruction.heredocs.iter().map(|heredoc| {
                json!({
                    "name": heredoc.name,
                    "fd": heredoc.descriptor,
                    "expand": heredoc.expand,
                    "chomp": heredoc.chomp,
                    "content": &text[heredoc.content.range()],
                })
            });
            each.collect()
        })
        .collect();
    same(json!(actual), case["expected"].clone())
}

fn name_value(case: &Value) -> Result<(), String> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let parse = parse(&format!("FROM x\n{} {}", text("instruction"), text("input")));
    if case["error"] == true {
        return same(parse.errors.is_empty(), false);
    }
    let Arguments::Pairs(pairs) = &parse.instructions[1].arguments else { return Err("no pairs".to_owned()) };
    let flat: Vec<&str> = pairs
        .iter()
        .flat_map(|pair| [pair.name.text.as_str(), pair.value.text.as_str(), if pair.equals { "=" } else { "" }])
        .collect();
    same(json!(flat), case["expected"].clone())
}

fn detected(case: &Value, found: Option<directive::Detected>) -> Result<(), String> {
    same(found.is_some(), case["found"] == true)?;
    let Some(found) = found else { return Ok(()) };
    for (key, actual) in [("ref", json!(found.reference)), ("cmdline", json!(found.value)), ("line", json!(found.line))]
    {
        if !case[key].is_null() {
            same(actual, case[key].clone())?;
        }
    }
    Ok(())
}

fn copy(case: &Value) -> Result<(), String> {
    let text = case["dockerfile"].as_str().unwrap_or_default();
    let parse = parse(text);
    let instruction = &parse.instructions[0];
    let words = values(&instruction.arguments);
    let (destination, sources) = words.split_last().ok_or("no words")?;
    let (mut paths, mut contents) = (Vec::new(), Vec::new());
    for source in sources {
        let opener = heredoc::opener(source).map_err(|error| error.message)?;
        let Some(opener) = opener else {
            paths.push(source);
            continue;
        };
        let heredoc = instruction.heredocs.iter().find(|heredoc| heredoc.name == opener.name).ok_or("no heredoc")?;
        let content = &text[heredoc.content.range()];
        let data = if heredoc.chomp { heredoc::chomp(content) } else { content.to_owned() };
        contents.push(json!({"path": heredoc.name, "expand": heredoc.expand, "data": data}));
    }
    same(json!(paths), case["sources"].clone())?;
    same(json!(contents), case["contents"].clone())?;
    same(json!(destination), case["dest"].clone())
}

fn run(case: &Value) -> Result<(), String> {
    let text = case["dockerfile"].as_str().unwrap_or_default();
    let parse = parse(text);
    let instruction = &parse.instructions[0];
    same(json!(values(&instruction.arguments)), case["command"].clone())?;
    same(json!(matches!(instruction.arguments, Arguments::Shell(_))), case["shell"].clone())?;
    let files = instruction
        .heredocs
        .iter()
        .map(|heredoc| json!({"name": heredoc.name, "chomp": heredoc.chomp, "data": &text[heredoc.content.range()]}));
    same(json!(files.collect::<Vec<_>>()), case["files"].clone())
}

fn doc_comments(case: &Value) -> Result<(), String> {
    let text = case["dockerfile"].as_str().unwrap_or_default();
    let mut actual = serde_json::Map::new();
    let mut in_stage = false;
    let comment = |instruction: &Instruction, name: &str| {
        let lines = instruction.comments.iter().map(|span: &Span| text[span.range()].trim_start_matches('#').trim());
        lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).next().unwrap_or_default().to_owned()
    };
    for instruction in &parse(text).instructions {
        let words = values(&instruction.arguments);
        match instruction.keyword {
            Keyword::From => {
                in_stage = true;
                if let [_, _, name] = &words[..] {
                    actual.insert(format!("from:{name}"), json!(comment(instruction, name)));
                }
            }
            Keyword::Arg => {
                let scope = if in_stage { "stage" } else { "meta" };
                for word in words {
                    let name = word.split('=').next().unwrap_or_default().to_owned();
                    actual.insert(format!("{scope}:{name}"), json!(comment(instruction, &name)));
                }
            }
            _ => {}
        }
    }
    same(Value::Object(actual), case["expected"].clone())
}

fn flag_case(case: &Value) -> Result<(), String> {
    let definitions: Vec<(&str, FlagType)> = case["flags"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, definition)| {
            let kind = if definition[0] == "bool" { FlagType::Bool } else { FlagType::String };
            (name.as_str(), kind)
        })
        .collect();
    let arguments = case["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let used: Vec<(&str, Option<&str>)> = arguments
        .take_while(|argument| *argument != "--")
        .map(|argument| {
            let argument = argument.trim_start_matches("--");
            argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)))
        })
        .collect();
    same(flags::check(used.into_iter(), &definitions).is_err(), case["error"] == true)
}
