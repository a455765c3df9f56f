#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Terminals: the console-socket protocol, and `run` at a person's own terminal.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
    cfg '.process.terminal = true'
}

# console NAME [COMMAND-FIFO]: a receiver at $T/NAME.sock, fed from $T/NAME.in.
console() {
    mkfifo "$T/$1.in"
    in_background "$1" sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/$1.sock" "$T/$1.in"
    exec {CONSOLE}>"$T/$1.in"
    wait_for test -S "$T/$1.sock"
}

# at_terminal SCRIPT: expect(1) with the program and the bundle in its environment.
at_terminal() {
    needs expect
    ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE B=$B ID=$ID \
        call timeout -k 5 40 expect -c "
            set timeout 10
            proc give_up {why code} {
                puts \"\n\$why\"
                exec kill -KILL [exp_pid]
                exit \$code
            }
            proc must {what} {
                expect -re \$what {} timeout { give_up \"NO: \$what\" 90 } eof { give_up \"END BEFORE: \$what\" 91 }
            }
            proc finish {} {
                expect eof {} timeout { give_up {NO END} 92 }
                set r [wait]
                exit [lindex \$r 3]
            }
            set env(TERM) dumb
            $1" 3>&- 4>&-
}

@test "create with a terminal sends one message: the name, one descriptor, then closes" {
    console con
    args payload tty
    create --console-socket "$T/con.sock"
    wait_for grep -q '^tty=' "$T/con"
    call cat "$T/con"
    expect_match '^message bytes=[0-9]+ fds=1 name=.+'
    expect_line "more=0"
    expect_line "tty=1"
    rt start "$ID"
    wait_for grep -q '^size' "$T/con"
    call tr -d '\r' <"$T/con"
    expect_line "isatty0=1"
    expect_line "isatty1=1"
    expect_line "isatty2=1"
    expect_line "controlling=1"
    expect_line "leader=1"
    exec {CONSOLE}>&-
}

@test "the terminal belongs to the container's devpts and is its /dev/console" {
    console con
    args sh -c 'tty; payload stat /dev/console; echo to-console >/dev/console'
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^to-console' "$T/con"
    call tr -d '\r' <"$T/con"
    expect_match '^/dev/(pts/[0-9]+|console)$'
    expect_match '^/dev/console char 6[0-9][0-9] 0:[0-9]+ 136:[0-9]+'
    exec {CONSOLE}>&-
}

@test "the terminal is owned by the payload's user" {
    console con
    cfg '.process.user = {"uid": 1000, "gid": 1000}'
    args sh -c 'payload open rw /dev/tty; payload stat /dev/pts/0'
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^/dev/pts/0' "$T/con"
    call tr -d '\r' <"$T/con"
    expect_line "open: ok"
    expect_match '^/dev/pts/0 char 6[0-9]0 1000:'
    exec {CONSOLE}>&-
}

@test "consoleSize is the size that the program sees first" {
    console con
    cfg '.process.consoleSize = {"height": 33, "width": 101}'
    args payload tty
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^size' "$T/con"
    grep -q '^size 33 101' "$T/con"
    exec {CONSOLE}>&-
}

@test "a change of size by the holder of the master reaches the program" {
    console con
    args payload winch
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^size' "$T/con"
    echo "@size 44 55" >&"$CONSOLE"
    wait_for grep -q '^size 44 55' "$T/con"
    echo q >&"$CONSOLE"
    wait_for has_status stopped
    exec {CONSOLE}>&-
}

@test "Ctrl-C at the master interrupts the program in the foreground" {
    console con
    args sh -c 'trap "echo interrupted; exit 7" INT; echo ready; while :; do sleep 0.05; done'
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q ready "$T/con"
    printf '\003' >&"$CONSOLE"
    wait_for grep -q interrupted "$T/con"
    wait_for has_status stopped
    exec {CONSOLE}>&-
}

@test "create with a terminal and no console socket is refused, and leaves nothing" {
    call rt create --bundle "$B" "$ID" </dev/null
    [[ $status -eq 1 && $stderr == *"console"* ]] || fail "$status $stderr"
    nothing_made
}

@test "run --detach with a terminal and no console socket is refused, and leaves nothing" {
    call rt run --detach --bundle "$B" "$ID" </dev/null
    [[ $status -eq 1 && $stderr == *"console"* ]] || fail "$status $stderr"
    nothing_made
}

@test "a console socket without a terminal is refused, and leaves nothing" {
    console con
    cfg '.process.terminal = false'
    call rt create --console-socket "$T/con.sock" --bundle "$B" "$ID" </dev/null
    [[ $status -eq 1 && $stderr == *"console"* ]] || fail "$status $stderr"
    nothing_made
    exec {CONSOLE}>&-
}

@test "a console socket that nobody listens on fails create, and leaves nothing" {
    call rt create --console-socket "$T/none.sock" --bundle "$B" "$ID" </dev/null
    expect_error "none.sock"
    nothing_made
}

@test "run at a terminal: the program has a terminal of its own, of the same size" {
    args payload tty
    at_terminal '
        set stty_init "rows 31 cols 97"
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        must "isatty0=1"
        must "isatty2=1"
        must "controlling=1"
        must "leader=1"
        must "size 31 97"
        finish'
    expect_status 0
    nothing_made
}

@test "run at a terminal: the program's exit code is run's" {
    args payload exit 23
    at_terminal 'spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID); finish'
    expect_status 23
}

@test "run at a terminal: a shell has job control" {
    args sh -i
    at_terminal '
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        must "# "
        send "sleep 50\r"
        sleep 0.3
        send "\032"
        must "Stopped"
        must "# "
        send "jobs; echo a\${X}b\r"
        must "Stopped.*sleep 50"
        must "ab"
        send "kill %1; fg\r"
        must "# "
        send "exit 5\r"
        finish'
    expect_status 5
    expect_no_match "job control turned off"
}

@test "run at a terminal: Ctrl-C interrupts the program and not islet" {
    args sh -i
    at_terminal '
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        must "# "
        send "sleep 50\r"
        sleep 0.3
        send "\003"
        must "# "
        send "echo still\${X}here\r"
        must "stillhere"
        send "exit 6\r"
        finish'
    expect_status 6
}

@test "run at a terminal: a new size of it reaches the program" {
    args payload winch
    at_terminal '
        set stty_init "rows 20 cols 60"
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        must "size 20 60"
        stty rows 41 cols 77 < $spawn_out(slave,name)
        must "size 41 77"
        send "q\r"
        finish'
    expect_status 0
}

@test "run at a terminal: the terminal is as before when run ends, however it ends" {
    args payload exit 0
    cat >"$T/script" <<'END'
before=$(stty -g)
"$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
[ "$before" = "$(stty -g)" ] && echo unchanged-1
sed -i 's/"exit"/"no-such-subcommand"/' "$B/config.json"
"$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
[ "$before" = "$(stty -g)" ] && echo unchanged-2
sed -i 's/"payload"/"no-such-program"/' "$B/config.json"
"$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
[ "$before" = "$(stty -g)" ] && echo unchanged-3
END
    at_terminal "spawn sh $T/script; must unchanged-1; must unchanged-2; must unchanged-3; finish"
    expect_status 0
}

@test "run at a terminal: end of input by Ctrl-D reaches the program" {
    args payload cat
    at_terminal '
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        send "line\r"
        must "line\[\r\n\]+line"
        send "\004"
        finish'
    expect_status 0
}

@test "run at a terminal passes much output whole and in order" {
    args sh -c 'i=0; while [ $i -lt 3000 ]; do echo line-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done; echo the-end'
    at_terminal '
        log_user 0
        spawn $env(RUNTIME) --root $env(STATE) run --bundle $env(B) $env(ID)
        set n 0
        expect {
            -re "line-(\[0-9\]+)-x+\[\r\n\]+" { if {$expect_out(1,string) != $n} { puts "wrong $n"; exit 93 }; incr n; exp_continue }
            -re "the-end" {}
            timeout { exit 94 }
            eof { exit 95 }
        }
        if {$n != 3000} { puts "only $n"; exit 96 }
        finish'
    expect_status 0
}

@test "the program cannot push input into its caller's terminal" {
    args payload tiocsti
    at_terminal '
        spawn sh -c "\"\$RUNTIME\" --root \"\$STATE\" run --bundle \"\$B\" \"\$ID\"; stty -icanon min 0 time 2; cat; echo ended"
        must "pushed="
        expect { "echo pushed" { exit 97 } "ended" {} timeout { exit 98 } }
        finish'
    expect_status 0
}
