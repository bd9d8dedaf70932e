//! Two worlds meet: what an image holds, at the line of the Dockerfile that put it there.

use std::sync::Arc;

use harden::diagnostic::{Diagnostic, Place};
use harden::lint::{Choice, Preset, Selection, Settings, run};
use harden::model::{Dockerfile, ImageFacts};
use harden::text::{LineIndex, Source};

use crate::support::image::image;

const DOCKERFILE: &str = "FROM debian:12
ARG VERSION=1
RUN apt-get update \\
    # what the app needs
 && apt-get install -y --no-install-recommends libx
COPY --chown=1000:1000 app /srv/app
ENV GREETING=hello \\
    PATH=/srv/app:$PATH
CMD [\"/srv/app/run\"]
";

/// Built with BuildKit from [`DOCKERFILE`].
const BUILT: &str = r#"
today 2026-11-25
Env ["PATH=/srv/app:/usr/bin:/bin","GREETING=hello"]
Cmd ["/srv/app/run"]
layer # debian.sh --arch 'amd64' out/ 'bookworm'
folder 0755 /etc
file 0644 /etc/passwd
  | root:x:0:0:root:/root:/bin/bash
  | app:x:1000:1000::/srv/app:/usr/sbin/nologin
file 4755 /usr/bin/su size=9000
step CMD ["bash"]
step ARG VERSION=1
layer RUN |1 VERSION=1 /bin/sh -c apt-get update     && apt-get install -y --no-install-recommends libx # buildkit
file 4755 /usr/lib/x/helper size=5000
layer COPY --chown=1000:1000 app /srv/app # buildkit
folder 0777 1000:1000 /srv/app
file 0777 1000:1000 /srv/app/run size=100
step ENV GREETING=hello PATH=/srv/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
step CMD ["/srv/app/run"]
"#;

fn dockerfile(text: &str, built: &str) -> Dockerfile {
    let mut dockerfile = Dockerfile::new("Dockerfile", Source::from(text));
    dockerfile.result = Some(Arc::new(image(built).expect("an image")));
    dockerfile
}

fn lint(dockerfile: &Dockerfile) -> Vec<Diagnostic> {
    let selection = Selection::new(&Choice { preset: Preset::Pedantic, ..Choice::default() }).expect("a preset");
    run(dockerfile, &Settings { selection, ..Settings::default() }).diagnostics
}

/// The lines that findings of a lint stand on.
fn lines(found: &[Diagnostic], lint: &str, text: &str) -> Vec<u32> {
    let index = LineIndex::new(text);
    let of = found.iter().filter(|finding| finding.lint == lint);
    of.filter_map(|finding| Some(index.line(finding.place.span()?.start) + 1)).collect()
}

#[test]
fn history_leads_back_to_instructions() {
    let dockerfile = dockerfile(DOCKERFILE, BUILT);
    let built = dockerfile.result.clone().expect("set");
    let trace = dockerfile.trace(&built).expect("it was built from this");
    assert_eq!(trace.lines, [None, None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!((trace.base_lines, trace.base_layers), (2, 1));
}

#[test]
fn the_classic_builder_writes_other_words() {
    let built = BUILT
        .replace("ARG VERSION=1", "/bin/sh -c #(nop)  ARG VERSION=1")
        .replace("RUN |1 VERSION=1 /bin/sh -c apt-get update", "|1 VERSION=1 /bin/sh -c apt-get update")
        .replace(" # buildkit", "")
        .replace(
            "layer COPY --chown=1000:1000 app /srv/app",
            "layer /bin/sh -c #(nop) COPY --chown=1000:1000dir:9f86d081 in /srv/app ",
        )
        .replace("step ENV ", "step /bin/sh -c #(nop)  ENV ")
        .replace("step CMD ", "step /bin/sh -c #(nop)  CMD ");
    let dockerfile = dockerfile(DOCKERFILE, &built);
    let image = dockerfile.result.clone().expect("set");
    let trace = dockerfile.trace(&image).expect("it was built from this");
    assert_eq!(trace.lines, [None, None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
}

#[test]
fn findings_stand_at_the_line_that_made_them() {
    let file = dockerfile(DOCKERFILE, BUILT);
    let found = lint(&file);
    assert_eq!(lines(&found, "world-writable", DOCKERFILE), [6], "the copied folder");
    let helper = found.iter().find(|finding| finding.lint == "suid-binary" && finding.message.contains("helper"));
    let helper = helper.unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(lines(std::slice::from_ref(helper), "suid-binary", DOCKERFILE), [3], "the package's program");
    let inside = |label: &harden::diagnostic::Label| matches!(&label.place, Place::Layer { path, .. } if path == "/usr/lib/x/helper");
    assert!(helper.labels.iter().any(inside), "{helper:#?}");
}

#[test]
fn comments_silence_what_the_image_says() {
    let text = DOCKERFILE.replace("COPY", "# harden: ignore[world-writable] the app updates itself\nCOPY");
    let found = lint(&dockerfile(&text, BUILT));
    assert!(lines(&found, "world-writable", &text).is_empty());
    assert!(lines(&found, "unused-ignore", &text).is_empty());
}

#[test]
fn the_base_is_what_lies_below_the_file_s_own_layers() {
    let mut file = dockerfile(DOCKERFILE, BUILT);
    let image = file.result.clone().expect("set");
    let (name, content) = file.base_of(&image).expect("it matches");
    assert_eq!(name, "debian:12");
    assert_eq!(content.setid, ["/usr/bin/su"], "what the file's own steps bring is not the base's");
    assert_eq!(content.accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["root", "app"]);
    file.images.insert(name, ImageFacts { digest: None, content: Some(content) });
    let found = lint(&file);
    let fix = found.iter().find(|finding| finding.lint == "missing-user").and_then(|finding| finding.fixes.first());
    let fix = fix.expect("a user to change to");
    assert!(fix.title.contains("`app`") && fix.edits.iter().any(|edit| edit.text == "USER 1000\n"), "{fix:#?}");
}

#[test]
fn another_image_s_history_does_not_match() {
    let stranger = "layer COPY files / # buildkit\nfile 0777 /x\nstep ENTRYPOINT [\"/x\"]\n";
    let file = dockerfile("FROM debian:12\nRUN make\nUSER app\n", stranger);
    assert_eq!(file.trace(file.result.as_ref().expect("set")), None);
    assert!(
        lines(&lint(&file), "world-writable", "FROM debian:12\nRUN make\nUSER app\n").iter().all(|line| *line == 1)
    );
}
