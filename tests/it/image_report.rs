//! The page about an image, in a real browser: what a reader sees, that nothing of it is loaded from elsewhere, and that
//! names in an image stay names.

use std::path::{Path, PathBuf};
use std::process::Command;

use harden::image::Image;
use harden::lint::{Choice, Preset, Selection, Settings, registry, run_image};
use harden::model::maker_said;
use harden::report::{Tool, html};

use crate::support::image::image;
use crate::support::skip;

/// An image whose names try to become markup, script and another direction of reading.
const HOSTILE: &str = "
name oci:/tmp/app\"><script>alert(1)</script>
today 2026-11-25
User root
layer RUN echo '</code><script>document.title=\"owned\"</script>'
folder 0777 /<b>bold</b>
file 4777 /usr/bin/<img/src=x/onerror=document.title='owned'> size=100
file 4755 /usr/bin/a\u{202e}exe size=70000
file 0644 /big size=3000000
layer RUN curl -u deploy:Xy7kPq29LmZw https://registry.example && rm /big
whiteout /big
";

fn page(image: &Image) -> String {
    let selection = Selection::new(&Choice { preset: Preset::Pedantic, ..Choice::default() }).expect("a preset");
    let outcome = run_image(image, &Settings { selection, ..Settings::default() });
    let tool = Tool { name: "harden", version: "0", command: "image", lints: registry(), root: PathBuf::from("/") };
    let mut page = Vec::new();
    let steps: Vec<_> = (0..image.layers.len()).map(|layer| maker_said(image, layer)).collect();
    html::write(&mut page, &tool, image, &steps, &outcome.diagnostics).expect("memory");
    String::from_utf8(page).expect("UTF-8")
}

/// The document as the browser has it after loading, and what it said while it loaded.
fn loaded(page: &Path, profile: &Path) -> Option<(String, String)> {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output();
    match output {
        Ok(output) if output.status.success() => Some((
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Ok(output) => panic!("chromium: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skip(&format!("chromium: {error}"));
            None
        }
    }
}

#[test]
fn a_browser_shows_the_image_and_runs_nothing_of_it() {
    let image = image(HOSTILE).expect("an image");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, page(&image)).expect("written");
    let Some((document, said)) = loaded(&file, &folder.path().join("profile")) else { return };
    for wanted in ["id=\"layers\"", "id=\"findings\"", "id=\"tree\"", "id=\"savings\"", "suid-binary", "/big", "3.0 MB"]
    {
        assert!(document.contains(wanted), "`{wanted}` is missing in\n{document}");
    }
    assert!(!document.contains("<script") && !document.contains("<img") && !document.contains("<b>bold"), "{document}");
    assert!(document.contains("<title>oci:/tmp/app"), "no script changed the title:\n{document}");
    assert!(!document.contains("Xy7kPq29"), "a step's secret is not shown");
    assert!(!document.contains('\u{202e}'), "a name that reads backwards is shown as it is written");
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = page(&image(HOSTILE).expect("an image"));
    for outward in ["http://", "https://", "src=", "<link", "@import", "url("] {
        let at = page.find(outward);
        // What an image says may name an address; it stands in escaped text and loads nothing.
        assert!(at.is_none_or(|at| page[..at].contains("<h1>")), "`{outward}` stands in the page's own part");
    }
    assert!(page.contains("default-src 'none'"), "the page says that it loads nothing");
}
