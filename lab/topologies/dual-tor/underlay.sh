#!/bin/sh
# The agent in the foreground, and BIRD beside it for the way to the ToRs. On a host
# they are two services; here the node ends when the agent does.
set -eu
mkdir -p /run/bird
bird -c /etc/bird/bird.conf
exec heddle-agent "$@"
