#!/bin/sh
# layers.sh: who may include whom, and what no file may say. See CONTRIBUTING.md, "Rooms".
# A room that does not exist yet has its row already.
#
# usage: tests/lint/layers.sh [DIRECTORY]
set -u

cd "${1:-$(dirname "$0")/../..}" || exit
rooms="base acme ca reload inotify cli"
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT

complain() # LINES WHY
{
    [ -z "$1" ] || echo "$1" | sed "s|\$|   <- $2|" | tee -a "$bad"
}

files() # of the rooms that are there
{
    for r in $rooms; do
        [ ! -d "$r" ] || find "$r" -name '*.[ch]' | sort
    done
}

# room NAME FACE...: its files include these folders and files of ours, nothing else of ours
room()
{
    name=$1
    shift
    [ -d "$name" ] || return 0
    allowed=$(printf '%s|' "$@")
    found=$(find "$name" -name '*.[ch]' -exec grep -nHE '^# *include "' {} + |
        grep -vE "include \"(${allowed%|})")
    complain "$found" "$name/ may include only: $*"
}

# door HEADER PLACE...: only files that begin so include that library
door()
{
    header=$1
    shift
    places=$(printf '%s|' "$@")
    # shellcheck disable=SC2046 # names without white space
    found=$(grep -nHE "^# *include <$header" $(files) | grep -vE "^(${places%|})")
    complain "$found" "<$header...> has one door: $*"
}

# ban PATTERN WHY [PLACE...]: said nowhere but in files that begin so
ban()
{
    pattern=$1 why=$2
    shift 2
    places=$(printf '%s|' "${@:-nowhere/}")
    # shellcheck disable=SC2046 # names without white space
    found=$(grep -nHE "$pattern" $(files) | grep -vE "^(${places%|})" |
        grep -vE '^[^:]*:[0-9]+: *(/?\*|//)')
    complain "$found" "$why"
}

room base    base/
room acme    base/ acme/
room ca      base/ ca/
room reload  base/ reload/
room inotify base/ inotify/
room cli     base/ cli/ 'acme/acme\.h' 'acme/dns\.h' 'ca/ca\.h' 'reload/reload\.h' 'inotify/watch\.h'

door curl/         base/http
door jansson.h     base/json
door ini.h         base/conf
door expat.h       base/xml
door idn2.h        base/idn
door ldns/         base/dns base/resolver base/tsig
door dlfcn.h       base/lazy
door ucontext.h    base/fiber
door systemd/      base/journal base/notify inotify/ reload/target
door libpq-fe.h    reload/
door seccomp.h     base/syscalls
door sys/inotify.h inotify/
door sqlite3.h     nowhere/

ban '\bgoto\b'                      'own_ variables make goto needless'
ban '\b(time|sleep|usleep|nanosleep|gettimeofday|clock_gettime)\(' 'the clock is a port: use struct clock' base/clock
ban '(^|[ (!])p?poll\([^2]' 'others go on meanwhile: fiber_poll()' base/fiber base/http
ban '\b_?exit\('                    'return the error; main() ends the program' base/child base/dialler base/run base/workers
ban '\b(abort|assert)\('            'an error is returned; a mistake of ours is ERR_INTERNAL'
ban '\b(system|popen|execl|execlp|execle|execvp)\(' 'no shell, no PATH: execve with a fixed path'
ban '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|rand|srand|tmpnam|mktemp)\(' 'there is a safe way'
ban '\b(printf|puts|putchar|perror|vprintf)\(|\bstd(out|err)\b' 'only cli/ speaks; return an error or use log_debug()' cli/ base/log
ban '\blog_(say|event)\('                 'only cli/ speaks' cli/ base/log
ban '\bsetenv\(|\bputenv\('         'the environment is not ours to change' base/child reload/
ban '\bsetlocale\('                 'text is UTF-8, whatever the locale'
ban '^#pragma'                      'mend what the compiler says'

# every header is guarded by its path
for h in $(files | grep '\.h$'); do
    guard=PGCERT_$(echo "$h" | tr 'a-z/.' 'A-Z__')
    grep -q "^#define $guard\$" "$h" || complain "$h" "its guard is $guard"
done

[ ! -s "$bad" ]
