#!/bin/bash
# Runs the tests and ends with the line "N passed, N failed".
#
# usage: tests/run.sh [FILE...]    without FILE: lint, unit, e2e and fault
#
# MODE=plain|asan|cov  which build is tested      REQUIRE=1  a skipped test counts as failed
# JOBS=N               files at a time            PGCERT=F   another program
#                      (three for two processors: the tests wait for servers half of the time)
set -u

cd "$(dirname "$0")/.." || exit
MODE=${MODE:-plain} JOBS=${JOBS:-$((($(nproc) * 3 + 1) / 2))} REQUIRE=${REQUIRE:-0}
PGCERT=${PGCERT:-build/$MODE/pgcert}
export MODE PGCERT
unset MAKEFLAGS MAKELEVEL MFLAGS
passed=0 failed=0 skipped=0
failures=()
out=$(mktemp -d /tmp/pgcert-tests.XXXXXX)
chmod 755 "$out"
export PG_TEMPLATE=$out/pg.tar

# Nobody else's processes: only the children of this shell; a world kills what runs in it.
finish()
{
    local jobs
    jobs=$(jobs -p)
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$jobs" ] || { kill -TERM $jobs; wait; } 2>/dev/null
    rm -rf "$out"
    # sudo make check: what was built belongs to the one who called.
    [ -z "${SUDO_UID:-}" ] || [ ! -d build ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" build
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# One line: word, file, name of the test, time.
line()
{
    local name=$3 room
    room=$((80 - 7 - ${#2} - 1 - ${#4} - 1))
    [ ${#name} -le $room ] || name=${name:0:room-2}..
    printf '%-6s %s %-*s %s\n' "$1" "$2" "$room" "$name" "$4"
}

# Counts one result: count ok|FAIL|skip FILE NAME [TIME]
count()
{
    local word=$1
    [ "$word" != skip ] || [ "$REQUIRE" != 1 ] || word=FAIL
    case $word in
    ok) passed=$((passed + 1)) ;;
    skip) skipped=$((skipped + 1)) ;;
    FAIL)
        failed=$((failed + 1))
        failures+=("$2: $3")
        ;;
    esac
    line "$word" "$2" "$3" "${4:-}"
}

# Reads what one file printed (TAP, from cmocka or bats): report FILE OUTPUT STATUS
report()
{
    local file=$1 row name took planned='' seen=0 bad=0 why=0
    file=${file##*/} file=${file%.bats}
    local test='^(ok|not ok) [0-9]+ (- )?(.*)$' timing='^(.*) in ([0-9]+)(ms|sec)$' plan='^1\.\.([0-9]+)$'
    while IFS= read -r row; do
        if [[ $row =~ $plan ]]; then
            planned=${BASH_REMATCH[1]}
        elif [[ $row =~ $test ]]; then
            why=0
            local ok=${BASH_REMATCH[1]}
            name=${BASH_REMATCH[3]} took=
            seen=$((seen + 1))
            if [[ ${name%% # skip*} =~ $timing ]]; then
                took=$(printf '%d.%02d s' $((BASH_REMATCH[2] / 1000)) $((BASH_REMATCH[2] % 1000 / 10)))
                name=${BASH_REMATCH[1]}${name#"${name%% # skip*}"}
            fi
            if [[ ${name,,} == *"# skip"* ]]; then
                count skip "$file" "$name"
            elif [ "$ok" = ok ]; then
                count ok "$file" "$name" "$took"
            else
                count FAIL "$file" "$name" "$took"
                bad=1 why=1
            fi
        elif [ $why = 1 ] && [[ $row == '#'* ]]; then
            printf '      %s\n' "${row#'#'}" # why the test above failed
        fi
    done <"$2"
    if [ "${planned:-0}" -gt $seen ]; then
        count FAIL "$file" "$((planned - seen)) of $planned tests did not end (status $3)"
    elif [ "$3" -ne 0 ] && [ $bad = 0 ]; then
        count FAIL "$file" "ended with status $3"
        tail -n 30 "$2" | sed 's/^/       /'
    fi
}

# A file that hangs must not hold up all others.
run_one()
{
    local seconds=600
    [ "$MODE" = plain ] || seconds=2400
    case $1 in
    *.bats) timeout -k 10 "$seconds" tests/world/enter bats --tap --timing "$(realpath "$1")" ;;
    *) CMOCKA_MESSAGE_OUTPUT=TAP "$1" ;;
    esac >"$out/$2.tap" 2>&1 </dev/null
    echo $? >"$out/$2.status"
}

# Runs files, $JOBS at a time, and reports each as soon as it has ended.
run_all()
{
    local file key running=() next=()
    for file in "$@"; do
        key=${file//\//_}
        run_one "$file" "$key" &
        running+=("$file")
        while [ ${#running[@]} -ge "$JOBS" ]; do
            wait -n
            reap
        done
    done
    while [ ${#running[@]} -gt 0 ]; do
        wait -n
        reap
    done
}

reap()
{
    lint_report
    next=()
    for file in "${running[@]}"; do
        key=${file//\//_}
        if [ -e "$out/$key.status" ]; then
            report "$file" "$out/$key.tap" "$(cat "$out/$key.status")"
        else
            next+=("$file")
        fi
    done
    running=("${next[@]}")
}

# Lint runs beside everything else, on what the tests leave of the processors. timeout(1) hands a
# signal on to all that it has started.
lint()
{
    local start=${EPOCHREALTIME/./} status=0
    timeout 1800 nice -n 10 make lint >"$out/lint" 2>&1 </dev/null &
    # shellcheck disable=SC2064 # this very one
    trap "kill -TERM $!" TERM
    wait $! || status=$?
    printf '%s %s\n' "$status" "$(((${EPOCHREALTIME/./} - start) / 1000))" >"$out/lint.part"
    mv "$out/lint.part" "$out/lint.status"
}

# Once, as soon as it has ended.
lint_report()
{
    local status took
    [ -e "$out/lint.status" ] || return 0
    read -r status took <"$out/lint.status"
    rm "$out/lint.status"
    took=$(printf '%d.%02d s' $((took / 1000)) $((took % 1000 / 10)))
    if [ "$status" -eq 0 ]; then
        count ok lint "make lint" "$took"
    else
        count FAIL lint "make lint" "$took"
        sed 's/^/       /' "$out/lint"
    fi
}

# Worlds have no network: what they need from it is there before, got while the units run.
fetch()
{
    local version
    mkdir "$out/fetched"
    fetched PEBBLE_NEWER tests/world/newer.sh pebble
    fetched PKCS11_PROVIDER tests/world/newer.sh pkcs11
    fetched NODE_PATH tests/world/node-pg.sh
    for version in 13 17 18; do
        fetched "POSTGRES_$version" tests/world/newer.sh "postgres-$version"
    done
}

# What a command says becomes a variable, where a file asks for it: fetched VARIABLE COMMAND...
fetched()
{
    ! grep -q "$1" "${worlds[@]}" || "${@:2}" >"$out/fetched/$1"
}

# One initdb for all worlds.
template()
{
    # shellcheck disable=SC2016 # expands inside
    tests/world/enter bash -c '. "$PGCERT_ROOT/tests/world/inside.bash"
        pg_make && tar -C "$WORLD/pg" -cf - data' >"$out/pg.part" &&
        mv "$out/pg.part" "$PG_TEMPLATE"
}

units=() worlds=()
if [ $# -eq 0 ]; then
    # The longest first, minutes to half a minute, so that none of them is the last to end; race wants a
    # processor for itself, and has it beside two that wait.
    long=(tests/fault/hostile.bats tests/e2e/providers.bats tests/fault/race.bats tests/fault/kill.bats
        tests/e2e/setup.bats tests/fault/acme.bats tests/e2e/{xml,oauth,hook,deploy}.bats)
    mapfile -t short < <(printf '%s\n' tests/fault/*.bats tests/e2e/*.bats |
        grep -vxF "$(printf '%s\n' "${long[@]}")")
    set -- tests/unit/test_*.c "${long[@]}" "${short[@]}"
    all=yes
fi
for file in "$@"; do
    case $file in
    *'*'*) ;;
    *.bats) worlds+=("$file") ;;
    *.c) units+=("build/$MODE/${file%.c}") ;;
    esac
done

# What is tested is built first, unless it is another program.
made=("${units[@]}")
[ "$PGCERT" != "build/$MODE/pgcert" ] || made+=("$PGCERT")
if [ ${#made[@]} -gt 0 ] && ! make -s -j"$(nproc)" "MODE=$MODE" "${made[@]}" >"$out/make" 2>&1; then
    cat "$out/make"
    count FAIL make "make MODE=$MODE"
fi
linting='' fetching=''
[ ${#worlds[@]} -eq 0 ] || { fetch & fetching=$!; }
[ -z "${all:-}" ] || { lint & linting=$!; }
[ ${#units[@]} -eq 0 ] || run_all "${units[@]}"
if [ -n "$fetching" ]; then
    wait "$fetching"
    for file in "$out"/fetched/*; do
        [ -e "$file" ] || continue # no file asks for anything
        export "${file##*/}=$(cat "$file")"
    done
fi
if [ ${#worlds[@]} -gt 0 ]; then
    if template; then
        run_all "${worlds[@]}"
    else
        count FAIL world "no world could be made for ${#worlds[@]} files"
    fi
fi

if [ -n "$linting" ]; then
    wait "$linting"
    lint_report
fi

if [ ${#failures[@]} -gt 0 ]; then
    printf '\nfailed:\n'
    printf '  %s\n' "${failures[@]}"
fi
[ $skipped -eq 0 ] || printf '\n%d skipped; REQUIRE=1 makes them failures\n' $skipped
printf '\n%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
