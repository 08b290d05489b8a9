#!/usr/bin/env bats
# status --html: what is wrong comes first, every name is text, nothing is fetched, and a real browser
# shows it on a telephone as well as in the dark.
load ../e2e/world

PAGES=$WORLD/pages

# PostgreSQL, the private CA, and clients who cannot be trusted with names; browsers want a web server.
setup_file()
{
    pg_start && world_conf
    conf_page
    pgcert ca init && pgcert setup --yes "db.$ZONE"
    pgcert client new alice --database postgres && pgcert client new '<img src=/leak>' --database postgres --lifetime 5d
    cp -a "$STATE" "$WORLD/made"
    mkdir -p "$PAGES"
    (cd "$PAGES" && exec python3 -u -m http.server -b 127.0.0.1 8000) >"$WORLD/requests" 2>&1 3>&- 4>&- </dev/null &
    await 10 "a web server" port_is_open 127.0.0.1 8000
}

setup()
{
    fresh
    rm -rf "$STATE" && cp -a "$WORLD/made" "$STATE"
    conf_page
    pg_is_up || pg_start
}

conf_page()
{
    private_ca "deploy = main" "[target main]" "mutual_tls = yes" "prove_timeout = 2s"
}

# A browser without a screen: browse WIDTH OPTION... URL
browse()
{
    local profile
    profile=$(mktemp -d "$WORLD/profile.XXXXXX")
    timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --disable-quic \
        --user-data-dir="$profile" --hide-scrollbars --window-size="$1,900" --virtual-time-budget=60000 \
        "${@:2}" 2>"$WORLD/browser.log" 3>&- 4>&- </dev/null
}

# What is wrong in a page, or "": each text without contrast, and each width at which it does not fit. A page
# around it looks inside: frames of the same origin may.
judged()
{
    cat >"$PAGES/around.html" <<'END_OF_PAGE'
<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,"><pre id="out">not judged</pre><script>
const out = document.getElementById('out'), widths = [360, 760, 1081, 1280], pages = location.search.slice(1).split(',')
function light(c) {
    return c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
}
function parse(text) { return text.match(/[\d.]+/g).map(Number) }
function behind(e) {
    for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor)
        if (c.length < 4 || c[3] > 0) return c.slice(0, 3)
    }
    return [255, 255, 255]
}
function judge(doc, name) {
    const found = [], walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT)
    if (doc.documentElement.scrollWidth > doc.documentElement.clientWidth)
        found.push(`${name}: ${doc.documentElement.scrollWidth} wide`)
    let texts = 0
    for (let t; (t = walk.nextNode());) {
        const e = t.parentElement, style = getComputedStyle(e)
        if (!t.data.trim() || style.display === 'none' || e.getClientRects().length === 0) continue
        texts++
        const a = light(parse(e instanceof doc.defaultView.SVGElement ? style.fill : style.color).slice(0, 3)), b = light(behind(e))
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05)
        if (ratio < 4.5) found.push(`${name}: '${t.data.trim()}' has a contrast of ${ratio.toFixed(2)}`)
    }
    if (texts < 20) found.push(`${name}: ${texts} texts only`)
    return found
}
const frames = []
for (const page of pages) for (const width of widths) {
    const f = document.createElement('iframe')
    f.width = width; f.height = 700; f.src = page
    frames.push(new Promise(done => f.onload = () =>
        done([...judge(f.contentDocument, `${page} at ${width}`), getComputedStyle(f.contentDocument.documentElement).backgroundColor])))
    document.body.append(f)
}
addEventListener('error', e => out.textContent = `\n${e.message}\n`)
Promise.all(frames).then(all => {
    const colours = new Set(all.map(found => found.pop()))
    out.textContent = ['', ...all.flat(), `paper ${[...colours].join(' ')}`, ''].join('\n')
})
</script>
END_OF_PAGE
    browse 1300 "$@" | sed -n '/<pre id="out">/,/<\/pre>/{/pre/!p}'
}

# Is it HTML whose elements end where they must, and of which nothing is script?
is_sound()
{
    python3 - "$1" <<'PYTHON'
import html.parser, re, sys
text = open(sys.argv[1], encoding='utf-8').read()
class P(html.parser.HTMLParser):
    void, stack, heads, captions, tables = {'meta', 'link', 'rect', 'circle', 'line', 'use'}, [], [], [], 0
    def handle_starttag(self, tag, attrs):
        assert tag not in ('script', 'img', 'iframe', 's'), tag
        assert not any(n.startswith('on') or n == 'style' for n, v in attrs), attrs
        assert all(v.startswith(('#', 'data:')) for n, v in attrs if n in ('href', 'src')), attrs
        if tag not in self.void: self.stack.append(tag)
        if re.fullmatch('h[1-6]', tag): self.heads.append(int(tag[1]))
        self.tables += tag == 'table'
        if tag == 'caption': self.captions.append('')
    def handle_startendtag(self, tag, attrs): self.handle_starttag(tag, attrs); tag in self.void or self.stack.pop()
    def handle_data(self, data):
        if self.stack and self.stack[-1] == 'caption': self.captions[-1] += data
    def handle_endtag(self, tag): assert self.stack.pop() == tag, tag
p = P(); p.feed(text); p.close()
assert not p.stack and p.heads[0] == 1 and p.heads.count(1) == 1
assert all(b <= a + 1 for a, b in zip(p.heads, p.heads[1:])), p.heads
assert len(p.captions) == p.tables > 0 and all(re.search('[a-z]{3}', c) for c in p.captions), p.captions
PYTHON
}

# What a reader sees, as lines.
text_of()
{
    sed -e '/<style>/,/<\/style>/d' -e 's/<[^>]*>/ /g' "$1" | sed 's/&lt;/</g; s/&gt;/>/g; s/&#39;/'"'"'/g; s/&quot;/"/g; s/&amp;/\&/g' |
        tr -s ' \n' ' '
}

@test "a page tells what status tells, is complete in itself, and is replaced whole" {
    expect 0 pgcert status --html "$PAGES/good.html"
    [ -z "$output" ] && [ "$(stat -c %a "$PAGES/good.html")" = 644 ]
    is_sound "$PAGES/good.html"
    text=$(text_of "$PAGES/good.html")
    [[ $text == *"All is well"*"1 certificate on 1 target"*"What needs attention Nothing."*"Time line"*"CRL of clients CRL good "*"db.$ZONE certificate by private served "* ]]
    sha256=$(leaf_sha256 "$(newest_generation)/chain.pem")
    [[ $text == *"Issued, deployed, served"*"db.$ZONE"*main*"generation 1, ${sha256:0:16}… yes yes 127.0.0.1:5432"*"Last attempts"* ]]
    until=$(date -u -d "$(openssl x509 -in "$(newest_generation)/chain.pem" -noout -enddate | sed 's/.*=//')" +%FT%TZ)
    grep -qF "<time datetime=\"$until\">" "$PAGES/good.html"
    [[ $text == *"Clients' certificates that end soon"*"<img src=/leak> –"* ]]
    [[ $text != *" alice "* ]]
    # again, and to a relative name, and to standard output: the mode stays, and so does no temporary file
    chmod 640 "$PAGES/good.html"
    before=$(stat -c %i "$PAGES/good.html")
    cd "$PAGES"
    expect 0 pgcert status --html good.html
    [ "$(stat -c %a good.html)" = 640 ] && [ "$(stat -c %i good.html)" != "$before" ] && [ -z "$(find . -name 'good.html?*')" ]
    expect 0 pgcert status --html - "db.$ZONE"
    [[ $output == "<!DOCTYPE html>"*"</html>" && $output != *"CRL of"* ]]
    expect 64 pgcert --json status --html -
    expect 73 pgcert status --html "$WORLD/nowhere/page.html" || [ "$status" = 74 ]
    chmod 644 good.html
}

@test "what is wrong comes first, with since when and what to do; names are text" {
    have faketime
    printf '%s\n' "[certificate <s>&lt;x]" "names = x.$ZONE" "issuer = private" "deploy = other" "[target other]" \
        "type = postgres" "connection = host=/nowhere port=5433" "[certificate late.$ZONE]" "issuer = pebble" | conf_add
    run pgcert renew
    pg_stop
    expect 0 later +40d status --html "$PAGES/bad.html"
    pg_start
    is_sound "$PAGES/bad.html"
    text=$(text_of "$PAGES/bad.html")
    [[ $text == *"7 things need attention"*"What needs attention"*"Time line"* ]]
    worries=${text%%Time line*}
    [[ $worries == *"wrong late.$ZONE could not be obtained: "*"localhost:14000"*" since $(date -u +%F) 40 days ago what to do the next run tries again; at once by: pgcert renew late.$ZONE"* ]]
    [[ $worries == *"wrong db.$ZONE on main there is no socket"*"last proved $(date -u +%F) 40 days ago what to do try: pgcert deploy db.$ZONE"* ]]
    [[ $worries == *"wrong <s>&lt;x on other "*"what to do try: pgcert deploy <s>&lt;x"* ]]
    [[ $worries == *"wrong private CA the CRL of the CA 'clients' has ended 10 days ago"*"since "*"10 days ago what to do make it now by: pgcert ca crl"* ]]
    [[ $worries == *"wrong clients bundles for clients that have ended: 1 of 2 what to do renew them by: pgcert client renew"* ]]
    # what is damaged on the way is told, too, and a server with another certificate is found out
    self_signed "$PGDATA/pgcert.pem" && chown postgres: "$PGDATA/pgcert.pem"
    expect 0 pgcert status --html "$PAGES/other.html"
    [[ $(text_of "$PAGES/other.html") == *"db.$ZONE on main serves what is issued, but its file holds another certificate"* ]]
}

@test "status_page is left by each run, of what was last proved; what goes wrong there harms none" {
    conf_add <<<"[pgcert]"$'\n'"status_page = $PAGES/kept.html"
    expect 0 pgcert renew --force
    is_sound "$PAGES/kept.html"
    sha256=$(leaf_sha256 "$(newest_generation)/chain.pem")
    [[ $(text_of "$PAGES/kept.html") == *"All is well"*"generation 2, ${sha256:0:16}… yes yes "* ]]
    pg_stop
    run pgcert renew --force
    pg_start
    [[ $(text_of "$PAGES/kept.html") == *"1 thing needs attention"*"wrong db.$ZONE on main there is no socket"*"last proved"* ]]
    expect 0 pgcert renew
    [[ $(text_of "$PAGES/kept.html") == *"All is well"* ]]
    conf_add <<<"[pgcert]"$'\n'"status_page = /proc/kept.html"
    expect 0 pgcert renew
    says "status_page: the page is not written"
}

@test "a browser shows it from 360 pixels on, in light and dark, legibly, and fetches nothing" {
    have chromium
    [ -e "$PAGES/bad.html" ] || skip "the page is of the test before"
    for i in $(seq 100); do
        printf '[certificate a-rather-long-name-of-a-database-%s.%s]\nissuer = private\n' "$i" "$ZONE"
    done | conf_add
    expect 0 pgcert status --html "$PAGES/many.html"
    [ "$(grep -c '<tr role="row" class="' "$PAGES/many.html")" = 107 ]
    # what a policy is for: were something of somebody else's in it, it would not be fetched
    sed 's|<main>|<main><img src="/leak.png"><script src="/leak.js"></script><style>@import "/leak.css";h1{background:url(/leak.svg)}</style><iframe src="/leak.html"></iframe>|' \
        "$PAGES/good.html" >"$PAGES/spoilt.html"
    : >"$WORLD/requests"
    result=$(judged --dump-dom "http://127.0.0.1:8000/around.html?good.html,bad.html,many.html,spoilt.html")
    echo "$result" && [ "$result" = "paper rgb(251, 251, 250)" ]
    result=$(judged --blink-settings=preferredColorScheme=0 --dump-dom "http://127.0.0.1:8000/around.html?good.html,bad.html")
    echo "$result" && [ "$result" = "paper rgb(18, 22, 27)" ]
    [ "$(grep -c 'GET /good.html' "$WORLD/requests")" -ge 1 ]
    sed -n 's|.*"GET /\([^ ?]*\).*|\1|p' "$WORLD/requests" | sort -u >"$WORLD/asked"
    [ "$(grep -vxE '(around|good|bad|many|spoilt)\.html' "$WORLD/asked")" = "" ]
}
