# What the nodes of containerlab.yml are made of: FRR, BIRD, etcd, the tools to look
# around with, and Heddle. make image builds it, after make build.
FROM debian:12
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        frr bird2 etcd-server etcd-client iptables ipset conntrack \
        iproute2 iputils-ping traceroute tcpdump procps \
 && rm -rf /var/lib/apt/lists/*
COPY bin/heddle bin/heddle-agent /usr/local/bin/
CMD ["sleep", "infinity"]
