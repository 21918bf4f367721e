#!/bin/sh
# BIRD in the foreground.
set -eu
mkdir -p /run/bird
exec bird -f -c /etc/bird/bird.conf
