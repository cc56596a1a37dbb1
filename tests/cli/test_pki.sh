#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave pki
. "$(dirname "$0")/lib.sh"

expect 0 pki --help
says "cleave pki init" "cleave pki issue"
expect 2 pki
complains "give 'init' or 'issue'"
expect 2 pki revoke
complains "give 'init' or 'issue'"
expect 2 pki init
complains "DIR is missing"
expect 2 pki init a b
complains "'b' is one word too many"

expect 3 pki issue pki --device drone
complains "pki/ca.crt" "cleave pki init pki"
expect 0 pki init pki --days 30
says "pki/ca.crt" "pki/ca.key"
[ "$(stat -c %a pki pki/ca.key | tr '\n' ' ')" = "700 600 " ] || bad "$(stat -c '%a %n' pki pki/*)"
cp pki/ca.key before.key
expect 3 pki init pki
complains "pki/ca"
same pki/ca.key before.key

expect 0 pki issue pki --server edge.example.net
says "pki/edge.example.net.crt" "pki/edge.example.net.key"
expect 0 pki issue pki --device drone-7 --days 1
exists pki/edge.example.net.crt pki/edge.example.net.key pki/drone-7.crt pki/drone-7.key
[ "$(stat -c %a pki/drone-7.key)" = 600 ] || bad "$(stat -c '%a %n' pki/*)"
expect 3 pki issue pki --device drone-7
complains "drone-7"
expect 2 pki issue pki
complains "either --server HOST or --device NAME"
expect 2 pki issue pki --server a --device b
for name in ca ../up 'a b' "$(printf 'a\033[2Jb')"; do
    expect 3 pki issue pki --device "$name"
done
complains 'a\u001b[2Jb'
expect 2 pki issue pki --device x --days 0
complains "--days"
: >file
expect 3 pki init file
complains "file"
count 6 pki/*
