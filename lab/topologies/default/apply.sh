#!/bin/sh
# The inventory, as soon as etcd answers.
set -eu
until etcdctl --command-timeout 1s endpoint health; do sleep 0.2; done
heddle apply --etcd http://127.0.0.1:2379 -f /etc/heddle/fabric.yaml
