//! The page's only style sheet.

/// Colours follow the reader's light or dark setting; severities differ by word too, not by colour alone.
pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--high:#c62828;--medium:#e07b00;--low:#2f6fb5;--info:#6b7280;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2.2rem}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
.counts{display:flex;gap:.6rem;list-style:none;padding:0}.counts li{border:1px solid var(--line);border-left:6px solid;padding:.3rem .8rem;border-radius:4px}
.counts .high{border-left-color:var(--high)}.counts .medium{border-left-color:var(--medium)}.counts .low{border-left-color:var(--low)}.counts .info{border-left-color:var(--info)}
table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600}td,th{padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
tr:target{background:#ffd54f33}.bar{min-width:6rem}.bar i{display:block;height:.8rem;margin-top:.3rem;background:var(--low);border-radius:2px}
.mark{color:#fff;border-radius:3px;padding:0 .45rem;font-size:12px;margin-right:.2rem}
.mark.high{background:var(--high)}.mark.medium{background:var(--medium)}.mark.low{background:var(--low)}.mark.info{background:var(--info)}
.findings{list-style:none;padding:0}.finding{border-bottom:1px solid var(--line);padding:.3rem 0}summary{cursor:pointer}
.place{margin:.3rem 0 0 1rem}.help{margin:.3rem 0 .5rem 1rem;font-style:italic}
#findings input{margin-left:.8rem}
#show-high:checked~.findings .finding:not(.high),#show-medium:checked~.findings .finding:not(.medium),
#show-low:checked~.findings .finding:not(.low),#show-info:checked~.findings .finding:not(.info){display:none}
.tree,.tree ul{list-style:none;padding-left:1.1rem}.tree{padding-left:0}.tree .why{opacity:.75;margin-left:.5rem}
footer{margin:3rem 0 1rem;opacity:.6}
";
