#!/usr/bin/env bats
# metrics_file: what node_exporter scrapes is what status tells; alerts and dashboard know no other
# names; a file that cannot be written harms no run.
load ../e2e/world

CA=$STATE/ca
PROM=$WORLD/metrics/pgcert.prom

# PostgreSQL and node_exporter; the CA and its clients are made once.
setup_file()
{
    pg_start && world_conf
    conf_measured
    pgcert ca init && pgcert setup --yes "db.$ZONE"
    pgcert client new alice --database postgres && pgcert client new bob --database postgres --lifetime 5d
    pgcert client new carol --database postgres && pgcert client revoke carol
    pgcert client new dora --database postgres --lifetime 20d
    # of two the later one counts
    pgcert client new emil --database postgres --lifetime 5d && pgcert client renew emil
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "$WORLD/emil.key" 2>/dev/null >"$WORLD/emil.csr"
    pgcert client sign emil "$WORLD/emil.csr" --lifetime 60d >/dev/null
    pgcert ca tenant 'a "b\c' && pgcert client new --tenant 'a "b\c' frank --database postgres
    cp -a "$STATE" "$WORLD/made"
    cp -a "$PGDATA" "$WORLD/pgdata"
    mkdir "$WORLD/metrics"
    prometheus-node-exporter --collector.disable-defaults --collector.textfile --web.listen-address=127.0.0.1:9100 \
        --collector.textfile.directory="$WORLD/metrics" >"$WORLD/node_exporter.log" 2>&1 3>&- 4>&- </dev/null &
    await 10 "node_exporter" port_is_open 127.0.0.1 9100
}

setup()
{
    fresh
    rm -rf "$STATE" "$WORLD/metrics" && cp -a "$WORLD/made" "$STATE" && mkdir "$WORLD/metrics"
    conf_measured
    cp -a "$WORLD"/pgdata/pgcert* "$PGDATA"
    pg_is_up || pg_start
    pg_sql 'select pg_reload_conf()' >/dev/null
}

conf_measured()
{
    private_ca "deploy = main" "[target main]" "mutual_tls = yes" "prove_timeout = 2s" "[pgcert]" "metrics_file = $PROM" "$@"
}

# The value of a sample in the file: value 'NAME{LABELS}'; empty: there is none.
value()
{
    grep -F -- "$1 " "$PROM" | grep -v '^#' | sed 's/.* //'
}

# Is it written, no sample twice, and do Prometheus and node_exporter read it?
is_whole()
{
    promtool check metrics <"$PROM" && [ -z "$(sed 's/ [^ ]*$//' "$PROM" | grep -v '^#' | sort | uniq -d)" ] && [ "$(stat -c %a "$PROM")" = 644 ] &&
        [ -z "$(find "$WORLD/metrics" -name 'pgcert.prom.*')" ] &&
        grep -qx "node_textfile_scrape_error 0" <(curl -sf http://127.0.0.1:9100/metrics)
}

names_of()
{
    grep -ohE '\bpgcert_[a-z_]+' "$@" | sort -u
}

@test "what node_exporter scrapes is what status tells" {
    expect 0 pgcert renew
    is_whole
    curl -sf http://127.0.0.1:9100/metrics >"$WORLD/scraped"
    expect 0 pgcert --json status
    printf '%s\n' "$output" >"$WORLD/status.json"
    python3 - "$WORLD/scraped" "$WORLD/status.json" "$(date +%s)" <<'END'
import calendar, json, re, sys, time
text, status, now = open(sys.argv[1]).read(), json.load(open(sys.argv[2])), int(sys.argv[3])
samples = {}
for name, labels, value in re.findall(r'^(pgcert_\w+)(?:\{(.*)\})? (\S+)$', text, re.M):
    pairs = {k: v.replace('\\"', '"').replace('\\\\', '\\') for k, v in re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels)}
    samples[name, tuple(sorted(pairs.items()))] = float(value)
def of(name, **labels):
    return samples['pgcert_' + name, tuple(sorted(labels.items()))]
def at(text):
    return calendar.timegm(time.strptime(text, '%Y-%m-%dT%H:%M:%SZ'))
assert len(status['certificates']) == 1
for c in status['certificates']:
    me = {'certificate': c['name']}
    assert of('certificate_info', issuer=c['issuer'], key_type='ecdsa-p256', **me) == 1
    assert of('certificate_issued', **me) == 1
    assert of('certificate_not_before_timestamp_seconds', **me) == at(c['issued']['not_before'])
    assert of('certificate_not_after_timestamp_seconds', **me) == at(c['issued']['not_after'])
    assert of('certificate_renew_at_timestamp_seconds', **me) == at(c['renew_at'])
    assert of('certificate_last_attempt_timestamp_seconds', **me) == at(c['last_attempt']['at'])
    assert of('certificate_issuer_failures_in_a_row', **me) == c['last_attempt']['failures'] == 0
    assert 0 <= now - of('certificate_last_success_timestamp_seconds', **me) < 30
    for t in c['targets']:
        assert of('target_deployed', target=t['name'], **me) == (t['deployed_sha256'] == c['issued']['sha256']) == 1
        assert of('target_served', target=t['name'], **me) == (t['served_sha256'] == c['issued']['sha256']) == 1
        assert of('target_proved_timestamp_seconds', target=t['name'], **me) == at(t['proved_at'])
ca = status['private_ca']
assert len(ca['authorities']) == 4
for a in ca['authorities']:
    assert of('ca_not_after_timestamp_seconds', ca=a['name']) == at(a['not_after'])
    assert of('ca_crl_next_update_timestamp_seconds', ca=a['name']) == at(a['crl']['next_update'])
    assert of('ca_has_key', ca=a['name']) == a['has_key'] == 1
    assert of('ca_needs_attention', ca=a['name']) == (a['state'] != 'good') == 0
assert any(a['name'] == 'tenant a "b\\c' for a in ca['authorities'])
for t in ca['targets']:
    assert of('target_trust_good', target=t['name']) == 1
    assert of('target_trust_proved_timestamp_seconds', target=t['name']) == at(t['proved_at'])
assert of('ca_readable') == 1
assert of('run_exit_status', command='renew') == 0
assert 0 < of('run_duration_seconds', command='renew') < 30
assert 0 <= now - of('run_timestamp_seconds', command='renew') < 30
END
    # the counts are those of the list
    expect 0 pgcert --json client list
    for word in valid expired revoked; do
        count=$(python3 -c 'import json, sys
print(sum(c["state"] == sys.argv[1] and c["tenant"] is None for c in json.load(sys.stdin)["clients"]))' "$word" <<<"$output")
        [ "$(value "pgcert_client_certificates{ca=\"clients\",state=\"$word\"}")" = "$count" ]
    done
    [ "$(value 'pgcert_clients_expiring{ca="clients",days="7"}')" = 1 ]
    [ "$(value 'pgcert_clients_expiring{ca="clients",days="30"}')" = 2 ]
    [ "$(value 'pgcert_client_certificates{ca="tenant a \"b\\c",state="valid"}')" = 1 ]
}

@test "alerts and dashboard are sound, and know no name that is not written" {
    expect 0 pgcert renew
    promtool check rules "$PGCERT_ROOT/conf.d/prometheus-rules.yml"
    promtool test rules "$PGCERT_ROOT/tests/e2e/metrics/rules-test.yml"
    # each alert has a test
    diff <(sed -n 's/.*- alert: //p' "$PGCERT_ROOT/conf.d/prometheus-rules.yml" | sort) \
        <(grep -o 'alertname="[A-Za-z]*"' "$PGCERT_ROOT/tests/e2e/metrics/rules-test.yml" | cut -d'"' -f2 | sort)
    sed -n 's/^# TYPE \(pgcert_[a-z_]*\) .*/\1/p' "$PROM" | sort >"$WORLD/names"
    # what there is only after a failure
    echo pgcert_certificate_next_attempt_timestamp_seconds >>"$WORLD/names"
    sort -o "$WORLD/names" "$WORLD/names"
    python3 - "$PGCERT_ROOT/conf.d/grafana-dashboard.json" >"$WORLD/exprs" <<'END'
import json, sys
board = json.load(open(sys.argv[1]))
ids = [p['id'] for p in board['panels']]
assert len(set(ids)) == len(ids)
for p in board['panels']:
    print(*(t['expr'] for t in p['targets']), sep='\n')
print(*(v['query']['query'] for v in board['templating']['list'] if v['type'] == 'query'), sep='\n')
END
    [ -z "$(names_of "$WORLD/exprs" "$PGCERT_ROOT/conf.d/prometheus-rules.yml" | comm -23 - "$WORLD/names")" ]
    # the manual names all of them
    diff "$WORLD/names" <(names_of "$PGCERT_ROOT/cli/pgcert-metrics.7")
    # and each expression of the dashboard is one
    sed 's/\$instance/.*/g' "$WORLD/exprs" | grep -v label_values |
        python3 -c 'import json, sys
print("groups: [{name: x, rules: [" + ", ".join("{record: \"a:b%d\", expr: %s}" % (i, json.dumps(l.strip())) for i, l in enumerate(sys.stdin)) + "]}]")' >"$WORLD/exprs.yml"
    promtool check rules "$WORLD/exprs.yml"
}

@test "a failure is counted and has its class, until all is well again" {
    conf_measured "prove_again = 0s"
    expect 0 pgcert renew
    pg_stop
    expect 75 pgcert deploy
    expect 75 pgcert deploy
    is_whole
    [ "$(value "pgcert_certificate_error{certificate=\"db.$ZONE\",class=\"temporary\"}")" = 1 ]
    [ "$(grep -c '^pgcert_certificate_error{.* 1$' "$PROM")" = 1 ]
    [ "$(value "pgcert_certificate_failures_in_a_row{certificate=\"db.$ZONE\"}")" = 2 ]
    [ "$(value "pgcert_certificate_failed_runs_total{certificate=\"db.$ZONE\"}")" = 2 ]
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 0 ]
    [ "$(value "pgcert_target_deployed{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
    [ "$(value 'pgcert_run_exit_status{command="deploy"}')" = 75 ]
    [ "$(value 'pgcert_run_exit_status{command="renew"}')" = 0 ]
    pg_start
    expect 0 pgcert renew
    [ "$(grep -c '^pgcert_certificate_error{.* 1$' "$PROM")" = 0 ]
    [ "$(value "pgcert_certificate_failures_in_a_row{certificate=\"db.$ZONE\"}")" = 0 ]
    [ "$(value "pgcert_certificate_runs_total{certificate=\"db.$ZONE\"}")" = 4 ]
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
}

@test "what was put back is seen, and so is a rollback" {
    expect 0 pgcert renew --force
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
    expect 0 pgcert rollback "db.$ZONE"
    [ "$(value 'pgcert_run_exit_status{command="rollback"}')" = 0 ]
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
    # a server that does not take a reload
    echo "ssl_ciphers = 'nonsense'" >"$PGDATA/conf.d/ciphers.conf"
    expect 80 pgcert renew --force
    rm "$PGDATA/conf.d/ciphers.conf"
    [ "$(value "pgcert_certificate_error{certificate=\"db.$ZONE\",class=\"put_back\"}")" = 1 ]
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 0 ]
    [ "$(value "pgcert_target_deployed{certificate=\"db.$ZONE\",target=\"main\"}")" = 0 ]
    pg_sql 'select pg_reload_conf()' >/dev/null
    expect 0 pgcert deploy
    is_whole
    [ "$(value "pgcert_target_deployed{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
}

@test "where nobody can be asked what is served there is no sample of it" {
    conf_measured "[target told]" "type = command" "command = /usr/bin/true" "file = $WORLD/told.pem" "run_as = postgres"
    sed -i 's/^deploy = main$/deploy = main, told/' "$CONF" "$WORLD"/conf/conf.d/*
    expect 0 pgcert renew
    is_whole
    [ "$(value "pgcert_target_deployed{certificate=\"db.$ZONE\",target=\"told\"}")" = 1 ]
    [ "$(value "pgcert_target_served{certificate=\"db.$ZONE\",target=\"main\"}")" = 1 ]
    not grep -E '^pgcert_target_(served|proved)[^ ]*"told"' "$PROM"
    rm "$WORLD/told.pem"
}

@test "a CRL that has ended or is missing is seen, and a CA that cannot be read" {
    have faketime
    rm "$CA/client-ca.key"
    run later +32d renew
    [ "$status" -ne 0 ]
    now=$(date -d +32days +%s)
    [ "$(value 'pgcert_ca_crl_next_update_timestamp_seconds{ca="clients"}')" -lt "$now" ]
    [ "$(value 'pgcert_ca_crl_next_update_timestamp_seconds{ca="servers"}')" -gt "$now" ]
    [ "$(value 'pgcert_ca_needs_attention{ca="clients"}') $(value 'pgcert_ca_has_key{ca="clients"}')" = "1 0" ]
    rm "$CA/clients.crl" "$CA/client-ca.crl"
    run pgcert renew
    [ "$status" -ne 0 ]
    is_whole
    [ "$(value 'pgcert_ca_crl_next_update_timestamp_seconds{ca="clients"}')" = 0 ]
    [ "$(value 'pgcert_ca_needs_attention{ca="clients"}')" = 1 ]
    echo damaged >"$CA/root.crt"
    run pgcert renew
    [ "$(value pgcert_ca_readable)" = 0 ]
}

@test "a file that cannot be written is a warning, harms nothing, and is never half" {
    expect 0 pgcert renew
    cp "$PROM" "$WORLD/before.prom"
    # a directory that is gone, one that others can change, a link of somebody to a file of root's
    mv "$WORLD/metrics" "$WORLD/elsewhere"
    expect 0 pgcert renew
    says "\[pgcert\] metrics_file: the metrics are not written: .*the directory of '$PROM'"
    mv "$WORLD/elsewhere" "$WORLD/metrics"
    chmod 777 "$WORLD/metrics"
    expect 0 pgcert renew
    says "the metrics are not written: .*others than its owner may write in the directory"
    cmp "$PROM" "$WORLD/before.prom"
    chmod 755 "$WORLD/metrics" && chown nobody "$WORLD/metrics"
    echo precious >"$WORLD/precious"
    ln -sf "$WORLD/precious" "$PROM"
    expect 0 pgcert renew
    says "the metrics are not written: .*is not a regular file"
    [ "$(cat "$WORLD/precious")" = precious ]
    # a full disk: the old one stays
    rm "$PROM" && chown root "$WORLD/metrics"
    mount -t tmpfs -o size=16k,mode=755 full "$WORLD/metrics"
    expect 0 pgcert renew
    cp "$PROM" "$WORLD/before.prom"
    head -c 20000 /dev/zero >"$WORLD/metrics/rest" 2>/dev/null || :
    expect 0 pgcert renew
    says "the metrics are not written: .*No space left"
    cmp "$PROM" "$WORLD/before.prom"
    [ "$(ls "$WORLD/metrics")" = $'pgcert.prom\nrest' ]
    umount "$WORLD/metrics"
}

@test "root writes as the owner of the directory, and user postgres as himself" {
    chown nobody "$WORLD/metrics"
    expect 0 pgcert renew
    [ "$(stat -c '%U %a' "$PROM")" = "nobody 644" ]
    is_whole
    rm -rf "$WORLD/metrics" && install -d -o nobody -g postgres -m 2775 "$WORLD/metrics"
    chown -R postgres: "$STATE"
    expect 0 pgcert_as_postgres renew
    [ "$(stat -c '%U %a' "$PROM")" = "postgres 644" ]
    is_whole
    chmod 755 "$WORLD/metrics" && cp "$PROM" "$WORLD/before.prom"
    expect 0 pgcert_as_postgres renew
    says "the metrics are not written: the user who runs pgcert \([0-9]+\) may not write in the directory of '$PROM'"
    cmp "$PROM" "$WORLD/before.prom"
}

@test "what only looks or foretells writes nothing, and nothing secret is written" {
    conf_measured "[certificate db.$ZONE]" "deploy = main main"
    expect 0 pgcert status
    expect 0 pgcert renew --dry-run
    [ ! -e "$PROM" ]
    expect 0 pgcert --json renew "db.$ZONE"
    [ "$(json "['certificates'][0]['exit']")" = 0 ]
    is_whole
    before=$(sha256sum <"$PROM")
    expect 0 pgcert status
    expect 0 pgcert renew --dry-run
    [ "$(sha256sum <"$PROM")" = "$before" ]
    # no key, no name of a file, no name of a client
    not grep -qE 'BEGIN|/|alice' "$PROM"
}
