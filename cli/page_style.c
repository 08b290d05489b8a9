/* page_style.c: the style of the page: light and dark, wide and narrow, on paper.
 *
 * Each colour of text has a contrast of at least 4.5 to what is behind it (WCAG 2.1, 1.4.3), and
 * whatever a colour says a word says as well. On a narrow screen a table's row becomes a block, and
 * each cell says in front whose it is.
 */
#include "cli/page_style.h"

/* clang-format off */
static const char *const rules[] = {
(":root{color-scheme:light dark;--paper:#fbfbfa;--sheet:#fff;--ink:#1c2430;--dim:#566070;--rule:#e2e5e9;"
"--good:#17653d;--good-bg:#e4f3ea;--good-bar:#3d9b68;--warn:#7a4d00;--warn-bg:#fdf1d8;--warn-bar:#c98a1b;"
"--bad:#a3241c;--bad-bg:#fce8e6;--bad-bar:#cf4439;--past:#cfd5dc;--mark:#eceef1;--now:#5b6b80}\n"),
("@media(prefers-color-scheme:dark){:root{--paper:#12161b;--sheet:#191f26;--ink:#e4e8ec;--dim:#9ca8b5;--rule:#2c343e;"
"--good:#7fd6a4;--good-bg:#16301f;--good-bar:#4fae7b;--warn:#f0c46c;--warn-bg:#332711;--warn-bar:#d39a35;"
"--bad:#ff9a90;--bad-bg:#3a1a18;--bad-bar:#e0625a;--past:#3b4551;--mark:#232b34;--now:#8fa0b5}}\n"),
"*{box-sizing:border-box}\n",
("html{background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;"
"-webkit-text-size-adjust:100%}\n"),
"body{margin:0;padding:0 20px}\n",
"main,header,footer{max-width:1180px;margin:0 auto}\n",
"header{padding:40px 0 8px}\n",
"header p{margin:0;color:var(--dim)}\n",
"h1{font-size:34px;line-height:1.2;margin:2px 0 6px;font-weight:650;letter-spacing:-.01em}\n",
"h1.good{color:var(--good)}h1.warn{color:var(--warn)}h1.bad{color:var(--bad)}\n",
"h2{font-size:19px;margin:40px 0 10px;font-weight:650}\n",
"h3{font-size:16px;margin:0;font-weight:650;overflow-wrap:anywhere}\n",
"code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace}\n",
"table{width:100%;border-collapse:collapse;background:var(--sheet);border:1px solid var(--rule);border-radius:8px;border-spacing:0}\n",
"caption{text-align:left;color:var(--dim);font-size:14px;padding:0 0 8px}\n",
("th,td{text-align:left;vertical-align:top;padding:10px 14px;border-top:1px solid var(--rule);font-weight:400;"
"overflow-wrap:anywhere;unicode-bidi:isolate}\n"),
"thead th{color:var(--dim);font-size:13px;border-top:0;vertical-align:bottom;overflow-wrap:normal}\n",
"tbody th{font-weight:600;min-width:150px}.times tbody th{min-width:220px}\n",
"time,.span{white-space:nowrap}\n",
".span,.kind,.none{color:var(--dim);font-weight:400;font-size:14px}\n",
".kind{display:block}\n",
"td .span{display:block}\n",
".times td,.times th{vertical-align:middle;padding-top:7px;padding-bottom:7px}\n",
".times thead th{vertical-align:bottom}\n",
"th.line,td.line{width:36%;min-width:200px;padding-left:6px;padding-right:6px}\n",
"svg{display:block;overflow:hidden}\n",
".shapes{position:absolute}\n",
".scale text{fill:var(--dim);font-size:12px}.scale .now{fill:var(--ink);font-weight:650}\n",
".mark{stroke:var(--mark)}.now{stroke:none}line.now{stroke:var(--now);stroke-width:1.5}\n",
".past{fill:var(--past)}.left{fill:var(--good-bar)}.reserve{fill:var(--good-bar);opacity:.35}\n",
".end{fill:var(--good-bar)}.renew{fill:var(--sheet);stroke:var(--good-bar);stroke-width:2}\n",
".warn .left,.warn .reserve,.warn .end{fill:var(--warn-bar)}.warn .renew{stroke:var(--warn-bar)}\n",
".bad .left,.bad .reserve,.bad .end{fill:var(--bad-bar)}.bad .renew{stroke:var(--bad-bar)}\n",
".word{display:inline-block;padding:1px 10px;border-radius:99px;font-size:14px;font-weight:600;white-space:nowrap}\n",
(".word.good{color:var(--good);background:var(--good-bg)}.word.warn{color:var(--warn);background:var(--warn-bg)}"
".word.bad{color:var(--bad);background:var(--bad-bg)}.word.unknown{color:var(--dim);background:var(--mark)}\n"),
".worries{list-style:none;margin:0;padding:0;display:grid;gap:12px}\n",
".worries li{background:var(--sheet);border:1px solid var(--rule);border-left:5px solid var(--warn-bar);border-radius:8px;padding:14px 18px}\n",
".worries li.bad{border-left-color:var(--bad-bar)}\n",
".worries h3 .word{margin-right:8px}\n",
".worries p{margin:6px 0 8px;max-width:80ch;overflow-wrap:anywhere}\n",
".worries dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:0}\n",
".worries dt{color:var(--dim)}.worries dd{margin:0;overflow-wrap:anywhere}.worries dd .span{margin-left:4px}\n",
".calm{background:var(--good-bg);color:var(--good);border-radius:8px;padding:12px 18px;margin:0}\n",
".hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}\n",
"footer{color:var(--dim);font-size:14px;padding:36px 0 48px}\n",
("@media(max-width:1080px){body{padding:0 14px}header{padding-top:24px}h1{font-size:27px}h2{margin-top:30px}"
".fine{display:none}"
"table,tbody,tr,td,th,caption,thead{display:block;width:100%}"
"thead th{display:none}table{border:0;background:none}"
"tbody tr{background:var(--sheet);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;margin:0 0 10px}"
".times thead th.line{display:block;width:auto;padding:0 15px}"
"tbody th,td,.times td,.times tbody th{border:0;padding:3px 0;min-width:0}"
"td.line{width:100%;min-width:0;padding:4px 0}"
"td[data-label]{display:grid;grid-template-columns:92px 1fr;gap:8px}"
"td[data-label]::before{content:attr(data-label);color:var(--dim);font-size:14px}"
"td .span{display:inline}"
"td>div{min-width:0}td .kind{display:inline}.worries dl{grid-template-columns:1fr}}\n"),
("@media print{:root{--paper:#fff;--sheet:#fff;--ink:#000;--dim:#444;--rule:#bbb}html{font-size:12px}"
"svg,.word,.calm{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
"tr,li{break-inside:avoid}h2{break-after:avoid}}\n"),
};
/* clang-format on */

bool
page_style_add(struct str *out)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (!str_addf(out, "%s", rules[i]))
            return false;
    return true;
}
