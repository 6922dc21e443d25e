#include "lab/src/html.hpp"

#include "lab/src/safe_text.hpp"

namespace lab {

std::string escape_html(std::string_view text) {
  std::string safe;
  for (const char c : valid_utf8(text)) {
    if (static_cast<unsigned char>(c) < 32 || c == 127)
      safe += ' ';
    else if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '"')
      safe += "&quot;";
    else if (c == '\'')
      safe += "&#39;";
    else
      safe += c;
  }
  return safe;
}

constexpr std::string_view style_sheet = R"css(
:root { color-scheme: light dark;
  --page: #fdfdfc; --card: #f3f4f6; --text: #1b1d21; --soft: #5b626e; --line: #dfe2e7; --accent: #0a5fa5;
  --note: #eaf3fb; --warning: #fdf2dc; --warning-line: #c77700; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15171b; --card: #1f2228; --text: #e7e9ec; --soft: #a0a8b4; --line: #343941; --accent: #7dbaf5;
  --note: #182736; --warning: #33270f; --warning-line: #e0a030; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: break-word;
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.3rem); line-height: 1.2; margin: 0; letter-spacing: -.015em; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 3rem 0 .75rem; padding-top: 1.25rem; border-top: 1px solid var(--line);
  letter-spacing: -.01em; }
p { margin: .75rem 0; max-width: 42rem; }
.lead { color: var(--soft); font-size: 1.125rem; margin: .5rem 0 0; max-width: 48rem; }
a { color: var(--accent); text-underline-offset: .2em; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1.5rem 0 0; padding: 0;
  font-size: .9375rem; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
.keys div { background: var(--card); border-radius: .6rem; padding: .8rem 1rem; }
.keys dt { color: var(--soft); font-size: .875rem; line-height: 1.35; }
.keys dd { margin: .15rem 0 0; font-size: 1.5rem; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 0 2.5rem;
  margin: 1rem 0; font-size: .9375rem; }
.settings div { display: flex; justify-content: space-between; gap: 1rem; padding: .35rem 0;
  border-bottom: 1px solid var(--line); }
.settings dt { color: var(--soft); }
.settings dd { margin: 0; text-align: right; min-width: 0; font-variant-numeric: tabular-nums; }
.note, .warning { margin: 1rem 0; padding: .7rem 1rem; max-width: 44rem; border-left: .25rem solid var(--accent);
  border-radius: .25rem; background: var(--note); }
.warning { border-color: var(--warning-line); background: var(--warning); }
.table { margin: 1.25rem 0; }
.table figcaption { margin: 0 0 .5rem; }
table { border-collapse: collapse; font-size: .9375rem; line-height: 1.4; }
figcaption { color: var(--soft); font-size: .9rem; line-height: 1.45; max-width: 42rem; }
th, td { padding: .45rem .9rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th:first-child, td:first-child { padding-left: .25rem; }
th { font-weight: 600; border-bottom: 2px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.5rem 0; }
figcaption { margin-top: .5rem; }
img { display: block; max-width: 100%; height: auto; border-radius: .35rem; background: #fff; }
.scroll { overflow-x: auto; }
@media (max-width: 40rem) { .picture img { min-width: 34rem; } main { padding: 1.5rem 1rem 3rem; }
  body { font-size: 1rem; } table { font-size: .875rem; } th, td { padding: .4rem .55rem; } .keys dd { font-size: 1.3rem; } }
.tiles { display: grid; gap: 1rem .9rem; }
.tiles figure { margin: 0; min-width: 0; }
.tiles img { width: 100%; }
.tiles figcaption { font-size: .8125rem; margin-top: .3rem; }
.pixels { image-rendering: pixelated; }
@media print { h2 { break-after: avoid; } figure, table, .keys { break-inside: avoid; } }
)css";

}  // namespace lab
