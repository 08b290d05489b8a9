#!/usr/bin/env bats
# Each shell itself is asked what it would complete.
load world

# shellcheck disable=SC2016 # what is in quotes is meant as it is
setup_file()
{
    mkdir -p "$WORLD/conf/conf.d" "$WORLD/other" "$WORLD/home"
    cat >"$CONF" <<END
[issuer private]
type = ca
[issuer letsencrypt]
type = acme
[dns home]
provider = rfc2136
[target main]
type = postgres
[certificate db.$ZONE]
issuer = private
[certificate *.$ZONE]
issuer = letsencrypt
[certificate \$HOME;x]
no_such_setting = here
END
    printf '%s\n' "[certificate other.$ZONE]" >"$WORLD/other/pgcert.conf"
    # the scripts ask the program in the PATH for names, by the usual settings or by -c
    if [ ! -d /etc/pgcert ]; then # the host's, which it is left without
        mkdir /etc/pgcert
        touch "$WORLD/made-etc"
        mount -t tmpfs -o mode=755 world /etc/pgcert
    fi
    cp "$CONF" /etc/pgcert/pgcert.conf
    export PATH=$WORLD/bin:$PATH HOME=$WORLD/home XDG_CONFIG_HOME=$WORLD/home
    for shell in bash zsh fish; do
        pgcert completion $shell >"$WORLD/script.$shell"
    done
}

teardown_file()
{
    [ ! -e "$WORLD/made-etc" ] || { umount /etc/pgcert && rmdir /etc/pgcert; }
}

setup() { :; }

# What bash offers for the last word, one a line: by_bash WORD...
by_bash()
{
    # shellcheck disable=SC2016 # expands inside
    bash --norc -c '. "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _pgcert pgcert "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$WORLD/script.bash" "$@" |
        sort
}

# The same by fish, for a line.
by_fish()
{
    # shellcheck disable=SC2016 # expands inside
    fish -N -c 'source $argv[1]; complete -C $argv[2]' "$WORLD/script.fish" "$1" | cut -f 1 | sort |
        awk -v word="${1##* }" 'word == "" || index($0, word) == 1' # fish 4 adds what has the word in its middle
}

# The same for bash, fish, in words: offers "WANTED..." WORD...
offers()
{
    local wanted
    # shellcheck disable=SC2086 # words
    wanted=$(printf '%s\n' $1 | sort)
    shift
    [ "$(by_bash "$@")" = "$wanted" ] || { echo "bash: $(by_bash "$@")"; return 1; }
    [ "$(by_fish "$*")" = "$wanted" ] || { echo "fish: $(by_fish "$*")"; return 1; }
}

@test "bash and fish: commands, words, options and names" {
    offers "renew revoke rollback" pgcert r
    offers "renew" pgcert ren
    offers "renew" pgcert --json ren
    offers "rollover" pgcert ca ro
    offers "main" pgcert check ma
    offers "main" pgcert setup --target ""
    offers "private letsencrypt" pgcert setup --issuer ""
    offers "home" pgcert import certbot --dns h
    offers "private letsencrypt" pgcert account show ""
    offers "show register rollover deactivate export import dns-record" pgcert account ""
    offers "--force" pgcert renew --f
    offers "ecdsa-p256 ecdsa-p384" pgcert client new --key-type ec
    offers "db.$ZONE" pgcert renew --force db
    offers "other.$ZONE" pgcert -c "$WORLD/other/pgcert.conf" renew ""
    offers "other.$ZONE" pgcert renew --config "$WORLD/other/pgcert.conf" ""
    offers "" pgcert version ""
    offers "" pgcert client new --port ""
    [ "$(by_bash pgcert setup --issuer = pri)" = private ]
    [ "$(by_bash pgcert setup --issuer =)" = "$(printf 'letsencrypt\nprivate')" ]
    [ "$(by_bash pgcert --config = "$WORLD/other/pgcert.conf" renew "")" = "other.$ZONE" ]
    [ "$(by_fish "pgcert --config=$WORLD/other/pgcert.conf renew ")" = "other.$ZONE" ]
    [ "$(by_fish "pgcert setup --issuer=pri")" = --issuer=private ]
}

@test "every command and every option that help names is offered" {
    for command in $(pgcert help | sed -n 's/^  \([a-z]\+\) .*/\1/p'); do
        by_bash pgcert "" | grep -qx -- "$command"
        for option in $(pgcert help "$command" | sed -n 's/^  \(-., \)\?\(--[a-z-]*\).*/\2/p'); do
            by_bash pgcert "$command" -- | grep -qx -- "$option"
        done
    done
}

@test "a name is never run, and a wrong setting hides no names" {
    by_bash pgcert renew "" >"$WORLD/out"
    [ "$(wc -l <"$WORLD/out")" -eq 3 ]
    grep -qxF '\*.'"$ZONE" "$WORLD/out"
    grep -qxF '\$HOME\;x' "$WORLD/out"
    by_fish "pgcert renew " | grep -qxF '$HOME;x'
    expect 78 pgcert status
    shellcheck -s bash "$WORLD/script.bash"
}

# Types into a zsh and reads what its line is after TAB: by_zsh TEXT...
by_zsh()
{
    zsh -f -c '
        zmodload zsh/zpty zsh/zselect
        zpty -b shell zsh -f -i
        start="autoload -Uz compinit; compinit -u -d $WORLD/dump; source $WORLD/script.zsh"
        start+="; tell() { print -r -- \"\$BUFFER\" >>$WORLD/lines; BUFFER= }; zle -N tell; bindkey ^T tell"
        start+="; bindkey \"^I\" complete-word; : >$WORLD/lines"
        zpty -w shell $start
        for text in "$@"; do
            zpty -w -n shell "$text"$'\''\t\x14'\''
        done
        for ((i = 0; i < 1000; i++)); do
            [[ -e $WORLD/lines && $(wc -l <$WORLD/lines) -ge $# ]] && break
            zpty -rt shell ignored
            zselect -t 2
        done
        zpty -d shell' zsh "$@" </dev/null
    cat "$WORLD/lines"
}

@test "zsh: commands, words, options and names" {
    by_zsh "pgcert ren" "pgcert ca ro" "pgcert setup --issuer pri" "pgcert setup --issuer=pri" \
        "pgcert renew d" "pgcert renew --forc" "pgcert import certbot --dns " \
        "pgcert -c $WORLD/other/pgcert.conf renew " | sed 's/ $//' >"$WORLD/out"
    diff - "$WORLD/out" <<END
pgcert renew
pgcert ca rollover
pgcert setup --issuer private
pgcert setup --issuer=private
pgcert renew db.$ZONE
pgcert renew --force
pgcert import certbot --dns home
pgcert -c $WORLD/other/pgcert.conf renew other.$ZONE
END
}
