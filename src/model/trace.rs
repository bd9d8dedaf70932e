//! Which instruction of a Dockerfile made which line of the history of an image that was built from it, and so which made
//! each layer: the way back from what an image holds to the line that put it there.

use crate::image::{HistoryLine, Image, Spot};
use crate::syntax::ast::Keyword;

use super::{Dockerfile, Instruction};

/// How an image's history and layers match a Dockerfile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The instruction (index) that made each line of the history; `None` for lines of the base image and for those that
    /// nothing matches.
    pub lines: Vec<Option<usize>>,
    /// Lines of the history that the base image brings.
    pub base_lines: usize,
    /// Layers that the base image brings.
    pub base_layers: usize,
}

/// Steps compared at most: more than any engine allows layers, and a bound on what a made-up history costs.
const MOST_STEPS: usize = 2000;

impl Dockerfile {
    /// Matches the history of an image with the instructions of the stage that a plain build makes. `None` where they
    /// don't match: the image was built from something else, or by a builder that writes no history.
    #[must_use]
    pub fn trace(&self, image: &Image) -> Option<Trace> {
        let mut stages: Vec<_> = self.lineage(self.target()?).collect();
        stages.reverse();
        let steps: Vec<(usize, &Instruction)> = stages
            .into_iter()
            .flat_map(|stage| self.instructions_of(stage))
            .filter(|(_, instruction)| !matches!(instruction.ast.keyword, Keyword::From | Keyword::Unknown))
            .collect();
        let first = image.history.len().saturating_sub(MOST_STEPS);
        let lines = &image.history[first..];
        if steps.is_empty() || steps.len() > MOST_STEPS {
            return None;
        }
        let pairs = self.pairs(lines, &steps);
        if !pairs.iter().any(|&(_, _, sure)| sure) {
            return None;
        }
        let mut trace =
            Trace { lines: vec![None; image.history.len()], base_lines: image.history.len(), base_layers: 0 };
        for &(line, step, _) in &pairs {
            trace.lines[first + line] = Some(steps[step].0);
        }
        // What stands in front of the first match is the base's, but for the steps of the file that have no match there.
        let (line, step, _) = pairs[0];
        trace.base_lines = (first + line).saturating_sub(step);
        let own = image.history[trace.base_lines..].iter().filter_map(|line| line.layer).min();
        trace.base_layers = own.unwrap_or(image.layers.len());
        Some(trace)
    }

    /// The best way to pair lines with steps in order: most sure pairs, then most pairs, then the last ones.
    fn pairs(&self, lines: &[HistoryLine], steps: &[(usize, &Instruction)]) -> Vec<(usize, usize, bool)> {
        let said: Vec<Said> = steps.iter().map(|(_, instruction)| Said::by(self, instruction)).collect();
        let made: Vec<Option<Said>> = lines.iter().map(Said::of_line).collect();
        let width = steps.len() + 1;
        // best[i * width + j]: the worth of pairing the first i lines with the first j steps.
        let mut best = vec![0u32; (lines.len() + 1) * width];
        let worth = |line: usize, step: usize| made[line].as_ref().map_or(0, |made| said[step].likeness(made));
        for line in 0..lines.len() {
            for step in 0..steps.len() {
                let apart = best[line * width + step + 1].max(best[(line + 1) * width + step]);
                let worth = worth(line, step);
                let paired = if worth > 0 { best[line * width + step] + worth } else { 0 };
                best[(line + 1) * width + step + 1] = apart.max(paired);
            }
        }
        let mut pairs = Vec::new();
        let (mut line, mut step) = (lines.len(), steps.len());
        while line > 0 && step > 0 {
            let here = best[line * width + step];
            let worth = worth(line - 1, step - 1);
            if worth > 0 && here == best[(line - 1) * width + step - 1] + worth {
                pairs.push((line - 1, step - 1, worth >= SURE));
                line -= 1;
                step -= 1;
            } else if here == best[(line - 1) * width + step] {
                line -= 1;
            } else {
                step -= 1;
            }
        }
        pairs.reverse();
        pairs
    }
}

/// The worth of a pair whose texts agree.
const SURE: u32 = 1 << 10;

/// What a step says, as far as builders keep it.
struct Said {
    keyword: Keyword,
    /// The text without white space, quotes and continuations.
    text: String,
}

/// Characters compared of a step.
const MOST_CHARACTERS: usize = 400;

impl Said {
    fn new(keyword: Keyword, text: &str) -> Self {
        let kept =
            text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | '`' | '[' | ']' | ','));
        Self { keyword, text: kept.take(MOST_CHARACTERS).collect() }
    }

    fn by(dockerfile: &Dockerfile, instruction: &Instruction) -> Self {
        let from = instruction.ast.flags.last().map_or(instruction.ast.name.span.end, |flag| flag.span.end);
        let span = crate::text::Span::new(from, instruction.ast.span.end);
        let text = dockerfile.text(span);
        // Comment lines between continuations reach no builder.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        Self::new(instruction.ast.keyword, &lines.collect::<Vec<_>>().join(" "))
    }

    fn of_line(line: &HistoryLine) -> Option<Self> {
        let step = line.step();
        Some(Self::new(Keyword::of(step.keyword?), step.text))
    }

    /// What it is worth to take the two for one: nothing for different keywords.
    fn likeness(&self, made: &Self) -> u32 {
        if self.keyword != made.keyword {
            return 0;
        }
        let common = self.text.bytes().zip(made.text.bytes()).take_while(|(a, b)| a == b).count();
        let shorter = self.text.len().min(made.text.len());
        let agrees = common == shorter && shorter > 0 || common >= 40;
        match self.keyword {
            _ if agrees => SURE + common as u32,
            // A command that differs is another command; expansion and digests change the rest.
            Keyword::Run => 0,
            // The classic builder writes `file:… in /target` for what is copied.
            Keyword::Copy | Keyword::Add => {
                let target = |text: &str| text.rsplit_once("in/").map(|(_, target)| format!("/{target}"));
                let same = target(&made.text).is_some_and(|target| self.text.ends_with(&target));
                if same { SURE } else { 1 }
            }
            _ => 1 + common as u32,
        }
    }
}

impl Trace {
    /// The instruction (index) that a place in the image comes from; `None` for the base image's.
    #[must_use]
    pub fn instruction(&self, dockerfile: &Dockerfile, image: &Image, spot: &Spot) -> Option<usize> {
        match spot {
            Spot::Layer(layer, _) => self.lines[image.layers.get(*layer)?.history?],
            Spot::Config(key) => {
                if let Some(line) = key.strip_prefix("history[").and_then(|rest| rest.strip_suffix(']')) {
                    return *self.lines.get(line.parse::<usize>().ok()?)?;
                }
                let target = dockerfile.target()?;
                let mut last = None;
                for stage in dockerfile.lineage(target) {
                    let found = dockerfile.instructions_of(stage).filter(|(_, one)| sets(dockerfile, image, one, key));
                    last = last.or(found.last().map(|(index, _)| index));
                }
                last
            }
            Spot::Image => None,
        }
    }
}

/// Whether an instruction sets a key of the configuration.
fn sets(dockerfile: &Dockerfile, image: &Image, instruction: &Instruction, key: &str) -> bool {
    let keyword = instruction.ast.keyword;
    let names = |name: &str| {
        let text = dockerfile.text(instruction.ast.span);
        text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))).any(|word| word == name)
    };
    // `config.Env[2]`, `config.Labels.com.example.source`, `config.ExposedPorts.22/tcp`.
    let Some(rest) = key.strip_prefix("config.") else { return false };
    let (name, inside) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    let inside = inside.trim_start_matches(['.', '[']).trim_end_matches(']');
    match name {
        "User" => keyword == Keyword::User,
        "Entrypoint" => keyword == Keyword::Entrypoint,
        "Cmd" => keyword == Keyword::Cmd,
        "Healthcheck" => keyword == Keyword::Healthcheck,
        "WorkingDir" => keyword == Keyword::Workdir,
        "StopSignal" => keyword == Keyword::Stopsignal,
        "OnBuild" => keyword == Keyword::Onbuild,
        "Shell" => keyword == Keyword::Shell,
        "Volumes" => keyword == Keyword::Volume && names(inside),
        "ExposedPorts" => keyword == Keyword::Expose && names(inside.split('/').next().unwrap_or(inside)),
        "Labels" => keyword == Keyword::Label && names(inside),
        "Env" => {
            let variable = inside.parse().ok().and_then(|index: usize| image.config.env.get(index));
            let name = variable.and_then(|variable| variable.split('=').next());
            keyword == Keyword::Env && name.is_some_and(names)
        }
        _ => false,
    }
}
