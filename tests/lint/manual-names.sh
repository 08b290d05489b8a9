#!/bin/sh
# manual-names.sh: what the manuals name is there: pages, sections, commands, options and settings.
#
# usage: tests/lint/manual-names.sh PROGRAM
#
# Settings of pgcert are .Cm, those of others .Va. In samples the names below [kind] are looked at.
set -eu

cd "$(dirname "$0")/../.."
[ -x "$1" ] || { echo "there is no '$1'; make it first" && exit 1; }

blocks=$(mktemp)
trap 'rm -f "$blocks"' EXIT
"$1" config manual >"$blocks"
status=0

# each command is found by its own name, in the page that has it
commands=$(sed -n 's/^\.It Xr pgcert-\([a-z]*\) 1$/\1/p' "$blocks")
for command in $commands; do
    page=cli/pgcert-$command.1
    [ -f "$page" ] || { echo "$page: not there, though there is a command of that name" && status=1 && continue; }
    alias=$(sed -n 's#^\.so man1/#cli/#p' "$page")
    grep -qE "^\.Nm pgcert-$command( ,)?\$" "${alias:-$page}" ||
        { echo "${alias:-$page}: its NAME lacks pgcert-$command" && status=1; }
done

pages=$(find . -path ./build -prune -o -name '*.[1-8]' -print | sort)
# shellcheck disable=SC2086 # a list of words
awk -v pages="$pages" '
    function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }

    # The program: which settings a kind of section has, which words a setting has, which options there are.
    function learn() {
        if ($0 ~ /^\.\\" block: settings dns /) kind = "dns"
        else if ($0 ~ /^\.\\" block: /) { kind = ""; command = $3 == "options" ? $4 : "" }
        else if (/^\.Ss \[/) { kind = $2; gsub(/[\[\]]/, "", kind) }
        else if (/^\.Ss Settings of /) kind = $4
        else if (/^\.It Cm /) { setting[$3] = 1; of_kind[kind, $3] = 1 }
        else if (/^ ?[,.]?\.?Cm / || /^\.Cm /) word[$2] = 1
        else if (/^\.It Xr pgcert-/) { sub(/^pgcert-/, "", $3); is_command[$3] = 1 }
        else if (/^\.It Fl /)
            for (i = 3; i <= NF; i++) if ($(i - 1) == "Fl") option["-" $i] = 1
    }

    # A word of a macro line that stands for an option or a setting.
    function look_at(macro, text) {
        gsub(/\\/, "", text)
        if (macro == "Fl" && text ~ /^-?[a-z]/ && !(("-" text) in option))
            complain("there is no option -" text)
        if (macro == "Cm" && text ~ /^[a-z][a-z0-9]*_[a-z0-9_]*$/ && FILENAME !~ /metrics/ && !(text in setting || text in word))
            complain("there is no setting " text)
    }

    function macros(  i, macro) {
        macro = ""
        for (i = 1; i <= NF; i++) {
            text = $i
            if (i == 1) sub(/^\./, "", text)
            if (text ~ /^[A-Z][a-z]$/) macro = text
            else if (text ~ /^[.,;:()|]$/) continue
            else if (macro != "") look_at(macro, text)
        }
    }

    # A command line of ours, in an example: "pgcert [option...] command ..."
    function command_line(line,  n, i, part, found) {
        sub(/^.*pgcert /, "", line)
        n = split(line, part, " ")
        for (i = 1; i <= n; i++) {
            gsub(/\\/, "", part[i])
            if (part[i] ~ /^--[a-z]/ && !(part[i] in option)) complain("there is no option " part[i])
            if (!found && part[i] ~ /^[a-z]+$/) {
                found = 1
                if (!(part[i] in is_command)) complain("there is no command " part[i])
            }
        }
    }

    function sample() {
        if (/^\[/) {
            kind = $1
            gsub(/[\[\]]/, "", kind)
            if (!(kind in kinds)) kind = ""
        } else if (kind != "" && /^[a-z_]+ *=/) {
            name = $1
            sub(/=.*/, "", name)
            if (!((kind, name) in of_kind)) complain("[" kind "] has no setting " name)
        }
    }

    BEGIN {
        split("pgcert issuer dns certificate target ca", list, " ")
        for (i in list) kinds[list[i]] = 1
        n = split(pages, list, "\n")
        for (i = 1; i <= n; i++) { name = list[i]; sub(/.*\//, "", name); is_page[name] = 1 }
    }
    FNR == NR { learn(); next }
    FNR == 1 { delete title; while ((getline line <FILENAME) > 0) if (line ~ /^\.S[hs] /) { sub(/^\.S[hs] (\\&)?/, "", line); title[line] = 1 } close(FILENAME) }
    /^\.\\"/ { next }
    /^\.Bd / { inside = 1; kind = ""; next }
    /^\.Ed/ { inside = 0; next }
    inside { sample(); if ($0 ~ /^[#$] pgcert /) command_line($0); next }
    /^\.Xr pgcert/ || / Xr pgcert/ {
        for (i = 1; i < NF; i++) if ($i ~ /^pgcert/ && $(i - 1) ~ /Xr$/ && !(($i "." $(i + 1)) in is_page))
            complain("there is no page " $i "(" $(i + 1) ")")
    }
    /^\.Sx / || / Sx / {
        line = $0
        sub(/^.*Sx /, "", line)
        sub(/ [.,;:)]*$/, "", line)
        if (!(line in title)) complain("this page has no section " line)
    }
    /^\.Dl [#$] pgcert / || /^\.Ql pgcert [a-z]/ { line = $0; sub(/ [.,;:]$/, "", line); command_line(line); next }
    /^\.Ql [a-z]+_[a-z_]+ =/ && !/^\.Ql ssl/ { if (!($2 in setting)) complain("there is no setting " $2) }
    /^\./ { macros() }
    END { exit bad }
' "$blocks" $pages || status=1
exit "$status"
